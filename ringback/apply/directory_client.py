"""The directory's API as `apply` uses it: a token, uploads, and the whole office at once."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, Self

import httpx
import msgspec

from ringback import connect
from ringback.apply import wording
from ringback.connect import Environment
from runtime.request_shape import Text
from services.directory.state.office_sheet import OfficeSheet
from services.directory.state.responses import ErrorShown, OfficeShown

ROOT: Final = Path(__file__).parents[2]
SAVING_S_MAX: Final = 600.0
"""A thousand new employees need a thousand passwords hashed, two at a time."""
URL: Final = "RINGBACK_DIRECTORY_URL"
TOKEN: Final = "RINGBACK_API_TOKEN"  # noqa: S105  # the name of a setting
OWN_KEYS: Final = ("RINGBACK_DIRECTORY_DATABASE", "RINGBACK_DIRECTORY_KEY", "RINGBACK_TOKEN_KEY")
"""An operator who has these settings may do what the directory's own verbs do."""


class Unavailable(Exception):
    """The directory can't be asked; `text` says why, and what to do."""

    def __init__(self, text: Text) -> None:
        self.text = text
        super().__init__(text.en)


class NotSaved(Exception):
    """The directory refused; `errors` say why, each with its path in the sheet."""

    def __init__(self, first: ErrorShown) -> None:
        self.errors = (first, *first.more)
        super().__init__(f"{first.cause.en} {first.remedy.en}")


def is_named(settings: Environment) -> bool:
    """Whether the settings name a directory."""
    return URL in settings


class DirectoryClient:
    """Calls the directory for one organization, with a token that may save its office."""

    def __init__(self, settings: Environment, organization_id: str, name: str) -> None:
        """Use the token that is set, or make one, which may also create a new organization.

        Raises Unavailable and connect.NotConfigured.
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
        """Upload an audio file; its key derives from its content."""
        self._request("POST", "/uploads", content, type_=msgspec.Raw)

    def save(self, sheet: OfficeSheet, *, is_dry_run: bool) -> OfficeShown:
        """Save a whole office, or only show what that would change. Raises NotSaved and Unavailable."""
        path = "/office?dry_run=true" if is_dry_run else "/office"
        found: OfficeShown = self._request("PUT", path, msgspec.json.encode(sheet), type_=OfficeShown)
        return found

    def _request(self, method: str, path: str, body: bytes, *, type_: Any) -> Any:
        kind = "application/json" if type_ is OfficeShown else "application/octet-stream"
        try:
            answer = self._http.request(method, path, content=body, headers={"Content-Type": kind})
            if answer.is_success:
                return msgspec.json.decode(answer.content, type=type_)
            raise NotSaved(msgspec.json.decode(answer.content, type=ErrorShown))
        except httpx.HTTPError as error:
            raise Unavailable(self._text(wording.NO_ANSWER, str(error) or type(error).__name__)) from error
        except msgspec.DecodeError as error:
            raise Unavailable(self._text(wording.NOT_A_DIRECTORY, str(error))) from error

    def _text(self, text: Text, why: str) -> Text:
        return wording.filled(text, address=str(self._http.base_url), why=why, setting=URL)


def _admitted(settings: Environment, organization_id: str, name: str) -> str:
    """Make a token with `admit`, if the directory's database and keys are here, as after `make up`."""
    if any(key not in settings for key in OWN_KEYS):
        raise Unavailable(wording.filled(wording.NO_TOKEN, token=TOKEN, organization=organization_id))
    argv = [sys.executable, "-m", "services.directory", "admit", organization_id, f"--name={name}"]
    done = subprocess.run(
        argv, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        why = done.stderr.strip().rpartition("\n")[2] or str(done.returncode)
        raise Unavailable(wording.filled(wording.NOT_ADMITTED, why=why))
    return done.stdout.strip().removeprefix("token: ")
