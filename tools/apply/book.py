"""The directory's API as `apply` uses it: a token, uploads, and the whole office at once."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, Self

import httpx
import msgspec

from services.directory.state.sheets import OfficeSheet
from services.directory.state.shown import ErrorShown, OfficeShown
from tools import connect
from tools.connect import Environment

ROOT: Final = Path(__file__).parents[2]
SAVING_S_MAX: Final = 600.0
"""A thousand new employees are a thousand passwords to hash, two at a time."""
URL: Final = "RINGBACK_DIRECTORY_URL"
TOKEN: Final = "RINGBACK_API_TOKEN"  # noqa: S105  # the name of a setting
OWN_KEYS: Final = ("RINGBACK_DIRECTORY_DATABASE", "RINGBACK_DIRECTORY_KEY", "RINGBACK_TOKEN_KEY")
"""Whoever has these is the book's own operator, and may do what its shell verbs do."""


class Unavailable(Exception):
    """The directory can't be asked; the message says why, and what to do."""


class NotSaved(Exception):
    """The directory refused; `errors` say why, each with its place in the sheet."""

    def __init__(self, first: ErrorShown) -> None:
        self.errors = (first, *first.more)
        super().__init__(f"{first.cause.en} {first.remedy.en}")


class Unknown(Exception):
    """The book does not have the organization yet."""


def is_named(settings: Environment) -> bool:
    """Whether a directory is named."""
    return URL in settings


class Book:
    """A line to the directory for one organization, with a token that may save its office."""

    def __init__(self, settings: Environment, organization_id: str, *, begins_as: str | None) -> None:
        """With a name to begin as, an organization that the book does not have begins, if we may.

        Raises Unknown without one, Unavailable, and connect.NotConfigured.
        """
        url = connect.setting(settings, URL)
        token = settings.get(TOKEN) or _admitted(settings, organization_id, begins_as)
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
            raise Unavailable(
                f"{self._http.base_url}: {str(error) or type(error).__name__}; see {URL}"
            ) from error
        except msgspec.DecodeError as error:
            raise Unavailable(f"{self._http.base_url} is no directory: {error}; see {URL}") from error


def _admitted(settings: Environment, organization_id: str, begins_as: str | None) -> str:
    """A token by the book's own shell, where its database and keys are at hand, as beside `make up`."""
    if any(name not in settings for name in OWN_KEYS):
        raise connect.NotConfigured(
            f"{TOKEN} is not set: an administrator makes one (POST /tokens with settings.read, "
            "settings.write, rules.write); for a new organization whoever runs the directory does, by "
            f"`python -m services.directory admit {organization_id} --name NAME`"
        )
    from services.directory.service import EXIT_UNKNOWN  # the whole service: only where its shell is used

    argv = [sys.executable, "-m", "services.directory", "admit", organization_id]
    argv += [] if begins_as is None else [f"--name={begins_as}"]
    done = subprocess.run(
        argv, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )
    if done.returncode == EXIT_UNKNOWN:
        raise Unknown(organization_id)
    if done.returncode != 0:
        raise Unavailable(done.stderr.strip().rpartition("\n")[2] or "the directory's shell gave no token")
    return done.stdout.strip().removeprefix("token: ")
