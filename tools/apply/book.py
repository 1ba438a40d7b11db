"""The directory's API as `apply` uses it: a token, uploads, and the whole office at once."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, Self

import httpx
import msgspec

from runtime.request_shape import Text
from services.directory.state.office_sheet import OfficeSheet
from services.directory.state.responses import ErrorShown, OfficeShown
from tools import connect
from tools.apply import wording
from tools.connect import Environment

ROOT: Final = Path(__file__).parents[2]
SAVING_S_MAX: Final = 600.0
"""A thousand new employees are a thousand passwords to hash, two at a time."""
URL: Final = "RINGBACK_DIRECTORY_URL"
TOKEN: Final = "RINGBACK_API_TOKEN"  # noqa: S105  # the name of a setting
OWN_KEYS: Final = ("RINGBACK_DIRECTORY_DATABASE", "RINGBACK_DIRECTORY_KEY", "RINGBACK_TOKEN_KEY")
"""Whoever has these is the book's own operator, and may do what its shell verbs do."""


class Unavailable(Exception):
    """The directory can't be asked; `told` says why, and what to do."""

    def __init__(self, told: Text) -> None:
        self.told = told
        super().__init__(told.en)


class NotSaved(Exception):
    """The directory refused; `errors` say why, each with its place in the sheet."""

    def __init__(self, first: ErrorShown) -> None:
        self.errors = (first, *first.more)
        super().__init__(f"{first.cause.en} {first.remedy.en}")


def is_named(settings: Environment) -> bool:
    """Whether a directory is named."""
    return URL in settings


class Book:
    """A line to the directory for one organization, with a token that may save its office."""

    def __init__(self, settings: Environment, organization_id: str, name: str) -> None:
        """An organization that the book does not have may begin by its office, if we may let it.

        Raises Unavailable, and connect.NotConfigured.
        """
        url = connect.setting(settings, URL)
        token = settings.get(TOKEN) or _admitted(settings, organization_id, name)
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=SAVING_S_MAX)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def upload(self, content: bytes) -> None:
        """Bring an audio file into the store; its key follows from what is in it."""
        self._asked("POST", "/uploads", content, type_=msgspec.Raw)

    def save(self, sheet: OfficeSheet, *, is_dry_run: bool) -> OfficeShown:
        """Save a whole office, or only look what that would change. Raises NotSaved and Unavailable."""
        path = "/office?dry_run=true" if is_dry_run else "/office"
        found: OfficeShown = self._asked("PUT", path, msgspec.json.encode(sheet), type_=OfficeShown)
        return found

    def _asked(self, method: str, path: str, body: bytes, *, type_: Any) -> Any:
        kind = "application/json" if type_ is OfficeShown else "application/octet-stream"
        try:
            answer = self._http.request(method, path, content=body, headers={"Content-Type": kind})
            if answer.is_success:
                return msgspec.json.decode(answer.content, type=type_)
            raise NotSaved(msgspec.json.decode(answer.content, type=ErrorShown))
        except httpx.HTTPError as error:
            raise Unavailable(self._told(wording.NO_ANSWER, str(error) or type(error).__name__)) from error
        except msgspec.DecodeError as error:
            raise Unavailable(self._told(wording.NO_BOOK, str(error))) from error

    def _told(self, text: Text, why: str) -> Text:
        return wording.filled(text, address=str(self._http.base_url), why=why, setting=URL)


def _admitted(settings: Environment, organization_id: str, name: str) -> str:
    """A token by the book's own shell, where its database and keys are at hand, as beside `make up`."""
    if any(key not in settings for key in OWN_KEYS):
        raise Unavailable(wording.filled(wording.NO_TOKEN, token=TOKEN, organization=organization_id))
    argv = [sys.executable, "-m", "services.directory", "admit", organization_id, f"--name={name}"]
    done = subprocess.run(
        argv, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        why = done.stderr.strip().rpartition("\n")[2] or str(done.returncode)
        raise Unavailable(wording.filled(wording.NO_SHELL, why=why))
    return done.stdout.strip().removeprefix("token: ")
