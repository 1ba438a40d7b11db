"""The directory's API as `apply` uses it: a token, uploads, and the whole office at once."""

import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final, Self

import httpx
import msgspec

from ringback import connect
from ringback.apply import wording
from ringback.connect import Environment
from runtime import plaintext, urls
from runtime.client_tls import ClientTls
from runtime.request_shape import Text
from services.directory.rules.errors import Code
from services.directory.state.office_sheet import OfficeSheet
from services.directory.state.responses import ErrorShown, OfficeShown

ROOT: Final = Path(__file__).parents[2]
SAVING_S_MAX: Final = 600.0
"""A thousand new employees need a thousand passwords hashed, two at a time."""
TOO_MANY: Final = 429
WAIT_S_MAX: Final = 60
"""An office with many recordings is uploaded as fast as quotas allow; what takes longer is said instead."""
WAITS_MAX: Final = 200
URL: Final = "RINGBACK_DIRECTORY_URL"
CA: Final = "RINGBACK_DIRECTORY_CA"
TOKEN: Final = "RINGBACK_API_TOKEN"  # noqa: S105  # the name of a setting
OWN_KEYS: Final = ("RINGBACK_DIRECTORY_DATABASE", "RINGBACK_DIRECTORY_KEY", "RINGBACK_TOKEN_KEYS")
"""Who has these settings is the operator of the installation, and may do what `ringback operator` does."""

ASSIGNED: Final = (Code.PBX_NOT_ASSIGNED, Code.NUMBER_NOT_ASSIGNED)


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

    def __init__(self, settings: Environment, sheet: OfficeSheet, *, is_dry_run: bool) -> None:
        """Use the token that is set. The operator needs none: one is made, a new organization may begin, and
        the sheet's PBXs and numbers are assigned to it, unless this is a dry run.

        Raises Unavailable and connect.NotConfigured.
        """
        url = connect.setting(settings, URL)
        try:
            trust = _trust(settings, url)
        except ValueError as error:
            raise connect.NotConfigured(f"{URL}: {error}") from error
        self._assigns = not settings.get(TOKEN)
        token = settings.get(TOKEN) or _admitted(settings, sheet, is_dry_run=is_dry_run)
        headers = {"Authorization": f"Bearer {token}"}
        # A redirect would take the token along to wherever it leads.
        self._http = httpx.Client(
            base_url=url, headers=headers, timeout=SAVING_S_MAX, follow_redirects=False, verify=trust
        )

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
        if not self._assigns:
            return found
        # What a dry run warns of here, saving assigns; another organization's would have been refused above.
        warnings = tuple(each for each in found.warnings if each.code not in ASSIGNED)
        return msgspec.structs.replace(found, warnings=warnings)

    def _request(self, method: str, path: str, body: bytes, *, type_: Any) -> Any:
        kind = "application/json" if type_ is OfficeShown else "application/octet-stream"
        try:
            answer = self._http.request(method, path, content=body, headers={"Content-Type": kind})
            for _ in range(WAITS_MAX):
                seconds = answer.headers.get("Retry-After", "")
                if answer.status_code != TOO_MANY or not seconds.isdecimal() or int(seconds) > WAIT_S_MAX:
                    break
                time.sleep(int(seconds))
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


def _trust(settings: Environment, url: str) -> ssl.SSLContext:
    """What the directory is verified with; in the clear, a token stays on this machine.

    Raises ValueError, with what to set.
    """
    parts = urls.parsed(url)
    if parts.scheme != "https":
        plaintext.refuse(
            "http",
            [parts.hostname or ""],
            allowed_to=plaintext.allowed(settings.get("RINGBACK_ALLOW_PLAINTEXT_TO", "")),
            remedy=f"set {URL} to https://…, and {CA} if its authority is your own",
        )
    return ClientTls(CA.removesuffix("_CA"), ca=settings.get(CA, "")).context


def _admitted(settings: Environment, sheet: OfficeSheet, *, is_dry_run: bool) -> str:
    """Make a token with `operator admit`, if the directory's settings are here, as after `make up`."""
    organization_id, name = sheet.organization_id, sheet.organization.name
    if any(key not in settings for key in OWN_KEYS):
        raise Unavailable(wording.filled(wording.NO_TOKEN, token=TOKEN, organization=organization_id))
    argv = [sys.executable, "-m", "ringback", "operator", "admit", organization_id, f"--name={name}"]
    argv += [f"--pbx={pbx_id}" for pbx_id in sheet.pbxs]
    argv += [f"--number={number}" for pbx in sheet.pbxs.values() for number in pbx.numbers]
    if is_dry_run:
        argv.append("--dry-run")
    done = subprocess.run(argv, cwd=ROOT, env=dict(settings), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        why = done.stderr.strip().rpartition("\n")[2] or str(done.returncode)
        raise Unavailable(wording.filled(wording.NOT_ADMITTED, why=why))
    return done.stdout.strip().removeprefix("token: ")
