"""The TLS of one part's clients: one context for all of them, into which changed files are loaded again.

`RINGBACK_<PART>_CA` has the authorities that may have signed the server's certificate (empty: the system's),
`_CERTIFICATE` and `_KEY` are what we show of ourselves. All are PEM. Names are always verified.
"""

import ssl
from pathlib import Path
from typing import Final

VERSION_MIN: Final = ssl.TLSVersion.TLSv1_2


class CertificatesUnusable(ValueError):
    """A file can't be used; the message names the settings."""


class ClientTls:
    """The context of a part's clients, and the files it is from."""

    def __init__(self, part: str, *, ca: str = "", certificate: str = "", key: str = "") -> None:
        """`part` is the beginning of the settings' names: `RINGBACK_REDIS`. Raises CertificatesUnusable."""
        if bool(certificate) != bool(key):
            raise CertificatesUnusable(f"{part}_CERTIFICATE and {part}_KEY belong together: set both or none")
        self.part = part
        self._ca = ca
        self._certificate = certificate
        self._key = key
        self.context = self._made()

    @property
    def files(self) -> dict[str, Path]:
        """The files by setting."""
        named = {
            f"{self.part}_CA": self._ca,
            f"{self.part}_CERTIFICATE": self._certificate,
            f"{self.part}_KEY": self._key,
        }
        return {setting: Path(path) for setting, path in named.items() if path}

    def load_again(self) -> None:
        """Use the files' new content for new connections. Raises CertificatesUnusable, and changes nothing.

        An authority that the file has no more is trusted until a restart: a context can't forget one.
        """
        # A half of a pair would stay in the context that is in use, so that another one tries first.
        self._made()
        self._load_into(self.context)

    def _made(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = VERSION_MIN
        if not self._ca:
            context.load_default_certs()
        self._load_into(context)
        return context

    def _load_into(self, context: ssl.SSLContext) -> None:
        try:
            if self._ca:
                context.load_verify_locations(cafile=self._ca)
            if self._certificate:
                # Without a password here, OpenSSL would ask for one on the terminal.
                context.load_cert_chain(self._certificate, self._key, password="")
        except (OSError, ValueError) as error:
            why = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
            named = ", ".join(f"{setting} {path}" for setting, path in self.files.items())
            raise CertificatesUnusable(f"{named}: not usable as PEM files: {why}") from error
