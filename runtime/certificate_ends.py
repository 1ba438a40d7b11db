"""When the certificates end that our settings name, so that an alert comes before the day.

Files are read by their names at each look, as those who use them do. What can't be read or is no certificate
keeps its last figure: the former content is in use then, and `runtime/changed_files.py` tells about the file.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

from cryptography import x509

from runtime.metrics import CERTIFICATE_ENDS_AT
from runtime.settings import RuntimeSettings

LOOK_S: Final = 60.0
"""Certificates end after days: a minute is soon enough to show that one was replaced."""
SYSTEM: Final = "system"
"""What PostgreSQL's `sslrootcert` says for the system's authorities."""


class _Named(NamedTuple):
    """A file with certificates."""

    setting: str
    path: Path
    is_authority: bool
    """Of several authorities the last one counts: the one before it stays in the file for a while."""


def show(settings: RuntimeSettings) -> None:
    """Set the gauge for every file that the settings name."""
    for named in _named(settings):
        try:
            found = x509.load_pem_x509_certificates(named.path.read_bytes())
            ends = [each.not_valid_after_utc.timestamp() for each in found]
        except (OSError, ValueError):
            # Whoever uses the file tells about it; a certificate's own dates may be nonsense, too.
            continue
        CERTIFICATE_ENDS_AT.labels(named.setting).set(max(ends) if named.is_authority else min(ends))


async def watch(settings: RuntimeSettings) -> None:
    """Show them every minute, for ever."""
    while True:
        await asyncio.to_thread(show, settings)
        await asyncio.sleep(LOOK_S)


def _named(settings: RuntimeSettings) -> Iterator[_Named]:
    for name in type(settings).model_fields:
        setting = f"RINGBACK_{name.upper()}"
        if name.endswith(("_certificate", "_ca")):
            path = getattr(settings, name)
            if path:
                yield _Named(setting, Path(path), name.endswith("_ca"))
        elif name.endswith("_database"):
            yield from _of_database(setting, getattr(settings, name).get_secret_value())


def _of_database(setting: str, url: str) -> Iterator[_Named]:
    """The files of a database's address, whose parameters are libpq's."""
    query = parse_qs(urlsplit(url).query)
    for parameter in ("sslcert", "sslrootcert"):
        path = query.get(parameter, [SYSTEM])[-1]
        if path != SYSTEM:
            yield _Named(f"{setting} {parameter}", Path(path), parameter == "sslrootcert")
