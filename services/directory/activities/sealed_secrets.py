"""Secrets at rest: sealed with the process's key, or kept as digests where they are only compared."""

import contextlib
import hashlib
import secrets
from collections.abc import Sequence
from typing import Final

from joserfc import jwe
from joserfc.errors import DecodeError, JoseError
from joserfc.jwk import OctKey

KEY_LENGTH_MIN: Final = 32
_KID_LENGTH: Final = 16
"""64 bits tell an installation's few keys apart."""
_WORD_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without letters that look alike in print."""


class SecretBox:
    """Seals and opens texts (AES-256-GCM, as a compact JWE). One key seals; those of before only open.

    The header has the key's id (`kid`), which is a part of a digest and tells nothing of the key.
    """

    def __init__(self, key: str, before: Sequence[str] = ()) -> None:
        keys = [_made(key, "RINGBACK_DIRECTORY_KEY")]
        keys += [_made(each, "each of RINGBACK_DIRECTORY_KEYS_BEFORE") for each in before]
        self._keys = {_beginning(each): each for each in keys}
        self._key = keys[0]
        self.prefix = _beginning(self._key)
        """What every text begins with that this key seals."""

    def seal(self, text: str) -> str:
        """Encrypt a text."""
        return _sealed(text, self._key)

    def open(self, sealed: str) -> str:
        """Decrypt a text. Raises joserfc's errors when another key sealed it."""
        key = self._keys.get(sealed.partition(".")[0] + ".")
        if key is not None:
            return _opened(sealed, key)
        # Sealed before texts named their keys.
        for key in self._keys.values():
            with contextlib.suppress(JoseError):
                return _opened(sealed, key)
        raise DecodeError("none of the directory's keys opens it")


def _made(key: str, setting: str) -> OctKey:
    if len(key) < KEY_LENGTH_MIN:
        raise ValueError(f"set {setting} to {KEY_LENGTH_MIN} characters or more that nobody can guess")
    derived = hashlib.sha256(b"ringback directory vault\x00" + key.encode()).digest()
    kid = digest(b"ringback directory key id\x00" + derived)[:_KID_LENGTH]
    return OctKey.import_key(derived, {"kid": kid})


def _beginning(key: OctKey) -> str:
    return _sealed("", key).partition(".")[0] + "."


def _sealed(text: str, key: OctKey) -> str:
    header = {"alg": "dir", "enc": "A256GCM", "kid": key.kid}
    return jwe.encrypt_compact(header, text.encode(), key)


def _opened(sealed: str, key: OctKey) -> str:
    plain = jwe.decrypt_compact(sealed, key).plaintext
    return "" if plain is None else plain.decode()


def digest(data: str | bytes) -> str:
    """SHA-256 in hex: for random secrets and comparisons, never for a person's password."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def generated_password(length: int = 16) -> str:
    """A password that can be typed from paper: some 78 bits at 16 letters."""
    return "".join(secrets.choice(_WORD_LETTERS) for _ in range(length))


def token() -> str:
    """A random id of 128 bits."""
    return secrets.token_hex(16)
