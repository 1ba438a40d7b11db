"""The console's settings, beside those of every service (all `RINGBACK_…`)."""

from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from runtime import client_address, plaintext, urls
from runtime.settings import RuntimeSettings, WebAddress

SESSION_KEY_LENGTH_MIN: Final = 32


class Settings(RuntimeSettings):
    """Where browsers reach the console, where the APIs are, and the keys, the same for every replica."""

    console_url: WebAddress = ""
    """Where browsers reach the console, such as `https://phones.example.org`; empty: on this machine alone,
    where it listens."""
    directory_api: WebAddress = "http://127.0.0.1:8080"
    """The directory's API."""
    directory_api_ca: str = ""
    """PEM file with the authority that signed its certificate; empty: the system's."""
    history_api: WebAddress = "http://127.0.0.1:8090"
    """History's API."""
    history_api_ca: str = ""
    """PEM file with the authority that signed its certificate; empty: the system's."""
    console_key: SecretStr = SecretStr("")
    """Signs the addresses of the people who use the console, for the directory, which has the same key: 32
    characters or more. Of two with a comma between, the first one signs."""
    console_session_keys: SecretStr = SecretStr("")
    """Seal sessions and cookies: 32 characters or more; of several, with commas or line ends between, the
    first one seals and all open."""

    def origin(self) -> str:
        """Scheme, host and port of the console's own addresses. Raises ValueError."""
        if self.console_url:
            parts = urlsplit(self.console_url)
            if parts.path not in ("", "/") or parts.query:
                raise ValueError("RINGBACK_CONSOLE_URL must end behind the host or the port: it has no path")
            if parts.scheme == "http" and not urls.is_loopback(parts.hostname or ""):
                raise ValueError(
                    "RINGBACK_CONSOLE_URL must be https://…: passwords and sessions go over it "
                    "(http is for this machine only)"
                )
            return f"{parts.scheme}://{parts.netloc}"
        if not urls.is_loopback(self.http_host):
            raise ValueError(
                "set RINGBACK_CONSOLE_URL to the address at which browsers reach the console, "
                "such as https://phones.example.org"
            )
        scheme = "https" if self.http_certificate else "http"
        return f"{scheme}://{self.http_host}:{self.http_port}"

    def signing_key(self) -> str:
        """The key that signs people's addresses. Raises ValueError."""
        found = next((each for each in _split(self.console_key) if each), "")
        if len(found.encode()) < client_address.KEY_BYTES_MIN:
            raise ValueError(
                f"set RINGBACK_CONSOLE_KEY to {client_address.KEY_BYTES_MIN} characters or more that nobody "
                "can guess, the same for the console and the directory and for nothing else"
            )
        return found

    def sealing_keys(self) -> tuple[str, ...]:
        """The keys that seal sessions, the one that seals first. Raises ValueError."""
        found = tuple(each for each in _split(self.console_session_keys) if each)
        if not found or any(len(each) < SESSION_KEY_LENGTH_MIN for each in found):
            raise ValueError(
                f"set RINGBACK_CONSOLE_SESSION_KEYS to {SESSION_KEY_LENGTH_MIN} characters or more that "
                "nobody can guess, the same for every replica of the console and for nothing else"
            )
        return found

    def refuse_plaintext(self) -> None:
        """Refuse tokens and recordings in the clear to and from another machine. Raises PlaintextRefused."""
        for setting, url, wire in (
            ("RINGBACK_DIRECTORY_API", self.directory_api, "http"),
            ("RINGBACK_HISTORY_API", self.history_api, "http"),
            # Amazon's own, where none is set, is always https.
            ("RINGBACK_S3_ENDPOINT", self.s3_endpoint or "https://", "s3"),
        ):
            parts = urlsplit(url)
            if parts.scheme != "https":
                plaintext.refuse(
                    wire,
                    [parts.hostname or ""],
                    allowed_to=plaintext.allowed(self.allow_plaintext_to),
                    remedy=f"set {setting} to https://…",
                )


def _split(keys: SecretStr) -> list[str]:
    return [each.strip() for each in keys.get_secret_value().replace("\n", ",").split(",")]
