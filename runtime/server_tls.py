"""The TLS of a listener of ours: 1.2 or newer, with a certificate that may be replaced while it serves."""

import ssl
from pathlib import Path
from typing import Final

import structlog

_log = structlog.get_logger()

VERSION_MIN: Final = ssl.TLSVersion.TLSv1_2


class FileUnusable(ValueError):
    """A file with certificates or a key can't be used; the message names the settings and files."""


class ServedCertificate:
    """A listener's certificate and key. Files that were replaced are used for the next connection."""

    def __init__(self, settings: str, certificate: str, key: str) -> None:
        """`settings` is what `_CERTIFICATE` and `_KEY` are appended to. Raises FileUnusable."""
        if not certificate or not key:
            raise FileUnusable(
                f"{settings}_CERTIFICATE and {settings}_KEY belong together: set both, or neither"
            )
        self._settings = settings
        self._files = (Path(certificate), Path(key))
        self._seen = self._state()
        self._context = self._read()

    def context(self) -> ssl.SSLContext:
        """The context of the files as they are now; of the former ones while the new ones can't be used."""
        seen = self._state()
        if seen != self._seen:
            self._seen = seen
            try:
                self._context = self._read()
            except FileUnusable as error:
                _log.error("a new certificate is not used", reason=str(error))
            else:
                _log.info("a new certificate is used", setting=f"{self._settings}_CERTIFICATE")
        return self._context

    def _state(self) -> tuple[tuple[int, int, int] | None, ...]:
        """What changes with a file's content: Kubernetes swaps a link, others write in place."""
        return tuple(_stamp(each) for each in self._files)

    def _read(self) -> ssl.SSLContext:
        """A context of its own: one into which half a pair was loaded would serve nobody."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = VERSION_MIN
        # Renegotiation costs the server more than the client.
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.set_alpn_protocols(["http/1.1"])
        certificate, key = self._files
        try:
            # Without a password here, OpenSSL would ask for one on the terminal.
            context.load_cert_chain(certificate, key, password="")
        except (OSError, ValueError) as error:
            raise FileUnusable(
                f"{self._settings}_CERTIFICATE, {self._settings}_KEY: {certificate} and {key} are no "
                f"certificate chain and its key, in PEM and without a password: {_why(error)}"
            ) from error
        return context


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_size)


def _why(error: Exception) -> str:
    """What the system or OpenSSL says, without addresses in its own source."""
    if isinstance(error, ssl.SSLError):
        return error.reason or "unreadable"
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
