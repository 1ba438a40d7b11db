"""Seals what leaves the process: cookies, and sessions in the store (Fernet: AES-128-CBC with HMAC-SHA-256).

Each purpose has a key of its own, derived from the installation's: what was sealed for one is not opened for
another. Of several keys the first one seals.
"""

import base64
import hashlib
from collections.abc import Sequence
from typing import TypeVar

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

T = TypeVar("T")


class Seal:
    """Seals structs for one purpose."""

    def __init__(self, keys: Sequence[str], purpose: str) -> None:
        self._fernet = MultiFernet([Fernet(_derived(each, purpose)) for each in keys])

    def seal(self, value: object, now_s: int) -> str:
        """A struct as an opaque text."""
        return self._fernet.encrypt_at_time(msgspec.msgpack.encode(value), now_s).decode()

    def open(self, sealed: str, type_: type[T], *, now_s: int, lasts_s: int) -> T | None:
        """The struct; None for what was not sealed here for this, or longer ago than `lasts_s`."""
        if not sealed or not sealed.isascii():
            return None
        try:
            plain = self._fernet.decrypt_at_time(sealed.encode(), lasts_s, now_s)
            return msgspec.msgpack.decode(plain, type=type_)
        except (InvalidToken, msgspec.DecodeError):
            return None


def form_key(keys: Sequence[str]) -> bytes:
    """The key of the tokens of forms: of the first key alone, as a form lasts no longer than its page."""
    return _derived(keys[0], "forms")


def digest(text: str) -> str:
    """SHA-256 in hex, of a random text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _derived(key: str, purpose: str) -> bytes:
    info = b"ringback console\x00" + purpose.encode()
    return base64.urlsafe_b64encode(HKDF(hashes.SHA256(), 32, salt=None, info=info).derive(key.encode()))
