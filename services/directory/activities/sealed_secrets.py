"""Secrets at rest: sealed with the process's key, or kept as digests where they are only compared."""

import hashlib
import secrets
from typing import Final

from joserfc import jwe
from joserfc.jwk import OctKey

KEY_LENGTH_MIN: Final = 32
_WORD_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without letters that look alike in print."""


class SecretBox:
    """Seals and opens texts (AES-256-GCM, as a compact JWE)."""

    def __init__(self, key: str) -> None:
        if len(key) < KEY_LENGTH_MIN:
            raise ValueError(
                f"set RINGBACK_DIRECTORY_KEY to {KEY_LENGTH_MIN} characters or more that nobody can guess"
            )
        self._key = OctKey.import_key(hashlib.sha256(b"ringback directory vault\x00" + key.encode()).digest())

    def seal(self, text: str) -> str:
        """Encrypt a text."""
        return jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM"}, text.encode(), self._key)

    def open(self, sealed: str) -> str:
        """Decrypt a text. Raises joserfc's errors when another key sealed it."""
        plain = jwe.decrypt_compact(sealed, self._key).plaintext
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
