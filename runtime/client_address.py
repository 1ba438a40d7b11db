"""A client's network address as the console passes it on, signed so that no other pod can claim one.

    signed(address, key, now, request) -> str                # raises ValueError for what is no address
    address_of(header, keys, now, request) -> str            # raises AddressRefused

The signature (HMAC-SHA-256) covers the address, the instant, and the request's method, path and query. It
does not cover the body: the address counts before a byte of that is read, and whoever could send the header
again with another body has read that request, and the password in it. The functions are pure: the caller
passes the time. Several keys are accepted, so that one is replaced while both sides run; the console signs
with one.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final

import msgspec

from contracts.ids import Instant

HEADER: Final = "Ringback-Client-Address"
KEY_BYTES_MIN: Final = 32
"""As long as the hash, as for every HMAC (RFC 2104, 3)."""
LASTS_MS: Final = 30_000
"""A request reaches the service in less; as much again is allowed for clocks that differ."""
HEADER_LENGTH_MAX: Final = 200
_SHAPE: Final = re.compile(r"([0-9A-Fa-f:.]{2,45});([0-9]{1,15});([0-9a-f]{64})")


class SignedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What an address is signed for: `target` is the path as it goes over the wire, with «?» and query."""

    method: str
    target: str


class AddressRefused(Exception):
    """The header is not what the console has signed for this request a moment ago; the message says why."""


def signed(address: str, key: str, now: Instant, request: SignedRequest) -> str:
    """The header for one request. Raises ValueError when the address is none, or the key too short."""
    text = str(ip_address(address))
    return f"{text};{now};{_signature(text, now, key, request)}"


def address_of(header: str, keys: Sequence[str], now: Instant, request: SignedRequest) -> str:
    """The address that a header was signed for. Raises AddressRefused."""
    found = _SHAPE.fullmatch(header) if len(header) <= HEADER_LENGTH_MAX else None
    if found is None:
        raise AddressRefused("malformed")
    address, at, signature = found[1], int(found[2]), found[3]
    expected = [_signature(address, at, key, request) for key in keys]
    if not any(hmac.compare_digest(each, signature) for each in expected):
        raise AddressRefused("not signed for this request")
    if abs(now - at) > LASTS_MS:
        raise AddressRefused("expired")
    return address


def _signature(address: str, at: int, key: str, request: SignedRequest) -> str:
    if len(key.encode()) < KEY_BYTES_MIN:
        raise ValueError(f"the console's key has fewer than {KEY_BYTES_MIN} bytes")
    text = "\x00".join(("ringback client address", address, str(at), request.method, request.target))
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
