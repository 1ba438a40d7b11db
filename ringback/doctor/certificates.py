"""When the certificates end that the parts show us.

Those in files of our own have a metric (`runtime/certificate_ends.py`). These are somebody else's, and nobody
would tell us before the day.
"""

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509

from ringback.doctor.findings import Section

WARNED: Final = timedelta(days=14)
"""As for our own: the alert RingbackCertificateEnds comes so long before."""
ANSWER_S_MAX: Final = 10.0
WHAT: Final = "certificate"

HTTPS: Final = 443

HostPort = tuple[str, int]


def server_of(url: str) -> list[HostPort]:
    """The server of an address with `https`; of any other one, none."""
    at = urlsplit(url)
    return [(at.hostname, at.port or HTTPS)] if at.scheme == "https" and at.hostname else []


async def examine(section: Section, servers: Iterable[HostPort], tls: ssl.SSLContext) -> None:
    """Let each of some servers, which speak TLS from the first byte, show its certificate, and send nothing.

    `tls` is the context of the services' own clients.
    """
    asked = sorted(set(servers))
    answers = await asyncio.gather(*(_shown(each, tls) for each in asked))
    shown: dict[str, bytes] = {}
    for (host, port), answer in zip(asked, answers, strict=True):
        where = f"{host}:{port}"
        match answer:
            case bytes():
                shown[where] = answer
            case ssl.SSLCertVerificationError():
                section.red(
                    WHAT, f"that of {where} is not to be trusted: {answer.verify_message}: replace it there"
                )
            case _:
                section.not_tried(WHAT, f"{where}: {str(answer) or type(answer).__name__}")
    tell(section, shown)


async def _shown(server: HostPort, tls: ssl.SSLContext) -> bytes | OSError:
    host, port = server
    try:
        async with asyncio.timeout(ANSWER_S_MAX):
            _, writer = await asyncio.open_connection(host, port, ssl=tls, server_hostname=host)
    except OSError as error:
        return error
    shown: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    # Without a goodbye: a server that is waiting for our first word has nothing to say to it.
    writer.transport.abort()
    return shown


def tell(section: Section, shown: Mapping[str, bytes]) -> None:
    """Tell when certificates (DER) end, by who showed them; of several that are well, the first to end."""
    now = datetime.now(UTC)
    ends = sorted(
        (x509.load_der_x509_certificate(each).not_valid_after_utc, where) for where, each in shown.items()
    )
    soon = [each for each in ends if each[0] - now < WARNED]
    for end, where in soon:
        section.warning(WHAT, f"that of {where} {_told(end, now)}: replace it there")
    if ends and not soon:
        end, where = ends[0]
        first = "that" if len(ends) == 1 else f"of {len(ends)} the first, that"
        section.green(WHAT, f"{first} of {where}, {_told(end, now)}")


def _told(end: datetime, now: datetime) -> str:
    if end <= now:
        return f"has ended on {end:%Y-%m-%d}"
    return f"ends on {end:%Y-%m-%d}, in {(end - now).days} days"
