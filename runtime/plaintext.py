"""No wire in the clear leaves this machine, unless a setting allows it for that part by name.

`http` are our own listeners. A gateway's internal one is `spool`, at both ends: it gives out recordings.
"""

from collections.abc import Iterable
from typing import Final

from runtime.urls import is_loopback

PARTS: Final = ("kafka", "redis", "s3", "smtp", "postgresql", "pbx", "texts", "spool", "http", "otlp")
"""What `RINGBACK_ALLOW_PLAINTEXT_TO` can name."""


class PlaintextRefused(ValueError):
    """A part is on another machine, and its wire is not encrypted; the message says what to set."""


class PartUnknown(ValueError):
    """`RINGBACK_ALLOW_PLAINTEXT_TO` names what is no part."""


def allowed(setting: str) -> frozenset[str]:
    """The parts that `RINGBACK_ALLOW_PLAINTEXT_TO` names. Raises PartUnknown."""
    named = frozenset(each.strip() for each in setting.split(",") if each.strip())
    unknown = sorted(named - set(PARTS))
    if unknown:
        raise PartUnknown(
            f"{', '.join(unknown)}: it names parts, with commas between, of: {', '.join(PARTS)}"
        )
    return named


def refuse(part: str, hosts: Iterable[str], *, allowed_to: frozenset[str], remedy: str) -> None:
    """Refuse a wire in the clear to another machine. Raises PlaintextRefused.

    `remedy` says how this part is encrypted: «set RINGBACK_KAFKA_CA».
    """
    if part in allowed_to:
        return
    outside = [host for host in hosts if not is_loopback(host)]
    if outside:
        raise PlaintextRefused(
            f"{part} at {', '.join(outside)} is on another machine, and the wire is not encrypted: {remedy}, "
            f"or name {part} in RINGBACK_ALLOW_PLAINTEXT_TO if something else protects the wire"
        )


def refuse_listener(part: str, what: str, host: str, *, allowed_to: frozenset[str], setting: str) -> None:
    """Refuse to listen in the clear where other machines may connect. Raises PlaintextRefused.

    `setting` is what `_CERTIFICATE`, `_KEY` and `_HOST` are appended to.
    """
    if part in allowed_to or is_loopback(host):
        return
    raise PlaintextRefused(
        f"{what} on {host} can be reached from other machines, and is not encrypted: set "
        f"{setting}_CERTIFICATE and {setting}_KEY to files in PEM, or name {part} in "
        f"RINGBACK_ALLOW_PLAINTEXT_TO if an ingress or a mesh encrypts before it, or set {setting}_HOST "
        "to 127.0.0.1"
    )
