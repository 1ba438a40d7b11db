"""Key sets of tokens: private ones sign, public ones only verify.

    SigningKeys.read(text) -> SigningKeys         # a private JWK set: the first key signs, all verify
    SigningKeys.public -> VerifyingKeys
    VerifyingKeys.read(text) -> VerifyingKeys     # a public JWK set

A set is JSON (RFC 7517) of Ed25519 keys (RFC 8037), each with a `kid` of its own. Sets are frozen; who
may be given other keys while it runs has a `KeyHolder`, and reads `current` once for each token.
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, Generic, Self, TypeVar

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import OctKey, OKPKey

from contracts.ids import Instant

ALGORITHM: Final = "Ed25519"
"""The fully specified name (RFC 9864); `EdDSA` would leave the curve open."""
KEYS_MAX: Final = 16
"""Two are enough for a rotation; more than this is a mistake in the file."""
KID_LENGTH_MAX: Final = 100
"""A thumbprint (RFC 7638) has 43 characters; the id stands in the header of every token."""
EARLIER_ALGORITHM: Final = "HS256"
EARLIER_KEY_BYTES_MIN: Final = 32
"""HS256 requires a key as long as its hash (RFC 7518, 3.2)."""
_KEY_TYPE: Final = "OKP"
_PUBLIC_FIELDS: Final = frozenset({"kty", "crv", "x", "kid", "use", "alg", "key_ops"})
"""What a public set may have: any other field could be a part of a private key of whatever type."""


class KeysUnusable(ValueError):
    """A key set can't be used; the message says why, and nothing of the keys but their ids."""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class EarlierKey:
    """The key that earlier versions shared (HS256); it verifies tokens of programs, until an instant."""

    key: OctKey
    until: date
    """The last day, UTC."""

    @classmethod
    def read(cls, key: str, until: str) -> "EarlierKey | None":
        """RINGBACK_TOKEN_KEY and its last day; None where no key is set. Raises KeysUnusable."""
        if not key:
            return None
        if len(key.encode()) < EARLIER_KEY_BYTES_MIN:
            raise KeysUnusable(f"RINGBACK_TOKEN_KEY has fewer than {EARLIER_KEY_BYTES_MIN} bytes")
        try:
            last = date.fromisoformat(until)
        except ValueError:
            raise KeysUnusable(
                "RINGBACK_TOKEN_KEY only verifies programs' tokens of earlier versions, until a day: set "
                "RINGBACK_TOKEN_KEY_UNTIL to the last one, as 2027-03-31, or unset RINGBACK_TOKEN_KEY"
            ) from None
        return cls(OctKey.import_key(key.encode()), last)

    @property
    def ends_at(self) -> Instant:
        """From when on its tokens are refused."""
        end = datetime.combine(self.until, time(), UTC) + timedelta(days=1)
        return Instant(int(end.timestamp()) * 1000)

    def __repr__(self) -> str:
        return f"EarlierKey(until {self.until})"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class VerifyingKeys:
    """Public keys by their ids, and the key of earlier versions, if there is one."""

    _by_kid: dict[str, OKPKey]
    earlier: EarlierKey | None = None

    @classmethod
    def read(cls, text: str, earlier: EarlierKey | None = None) -> Self:
        """The keys of a public JWK set. Raises KeysUnusable, also for a private set."""
        found = _entries(text)
        for entry in found:
            if not entry.keys() <= _PUBLIC_FIELDS:
                raise KeysUnusable(
                    "the set must be public: it has private keys, or fields that are not known"
                )
        return cls({str(entry["kid"]): _key(entry) for entry in found}, earlier)

    @property
    def kids(self) -> tuple[str, ...]:
        """The keys' ids, in the set's order."""
        return tuple(self._by_kid)

    def find(self, kid: object) -> OKPKey | None:
        """The key with this id."""
        return self._by_kid.get(kid) if isinstance(kid, str) else None

    def as_json(self) -> str:
        """The set for settings of services that only verify."""
        return _written([key.as_dict(private=False) for key in self._by_kid.values()])

    def __repr__(self) -> str:
        return f"VerifyingKeys({', '.join(self.kids)})"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class SigningKeys:
    """Private keys; the first one signs."""

    _keys: tuple[OKPKey, ...]
    earlier: EarlierKey | None = None
    public: VerifyingKeys = field(init=False)
    """What verifies tokens of all these keys."""

    def __post_init__(self) -> None:
        keys = {_kid(key): OKPKey.import_key(key.as_dict(private=False)) for key in self._keys}
        object.__setattr__(self, "public", VerifyingKeys(keys, self.earlier))

    @classmethod
    def read(cls, text: str, earlier: EarlierKey | None = None) -> Self:
        """The keys of a private JWK set. Raises KeysUnusable, also for a set with a public key in it."""
        found = _entries(text)
        if any("d" not in entry for entry in found):
            raise KeysUnusable("the set must be private: it has a key without its private part")
        return cls(tuple(_key(entry) for entry in found), earlier)

    @classmethod
    def generate(cls) -> Self:
        """A set with one new key, whose id is its thumbprint."""
        return cls((_generated(),))

    def with_new_first(self) -> "SigningKeys":
        """A new key that signs, and these after it. Raises KeysUnusable when they are too many."""
        keys = (_generated(), *self._keys)
        if len(keys) > KEYS_MAX:
            raise KeysUnusable(f"the set has {KEYS_MAX} keys: drop those that signed long ago")
        return SigningKeys(keys)

    def without(self, kid: str) -> "SigningKeys":
        """These keys but one. Raises KeysUnusable for an unknown one, and for the last."""
        keys = tuple(key for key in self._keys if key.kid != kid)
        if len(keys) == len(self._keys):
            raise KeysUnusable(f"there is no key {kid} in the set")
        if not keys:
            raise KeysUnusable(f"{kid} is the only key: make another one first")
        return SigningKeys(keys)

    @property
    def signing(self) -> OKPKey:
        """The key that signs."""
        return self._keys[0]

    @property
    def kids(self) -> tuple[str, ...]:
        """The keys' ids; the first one's signs."""
        return self.public.kids

    def as_private_json(self) -> str:
        """The set with its private keys, for the directory's setting alone."""
        return _written([key.as_dict(private=True) for key in self._keys])

    def __repr__(self) -> str:
        return f"SigningKeys({', '.join(self.kids)})"


_Keys = TypeVar("_Keys", SigningKeys, VerifyingKeys)


class KeyHolder(Generic[_Keys]):
    """The keys in force; another set may take their place between two tokens."""

    __slots__ = ("_read", "current")

    def __init__(self, keys: _Keys) -> None:
        self.current: _Keys = keys
        self._read: Callable[[str, EarlierKey | None], _Keys] = type(keys).read

    def read_again(self, text: str) -> None:
        """Take the set of a changed file beside the earlier key. Raises KeysUnusable, and changes nothing."""
        self.current = self._read(text, self.current.earlier)


def _generated() -> OKPKey:
    """A new key, named by its thumbprint; not by one that a program would take for an option."""
    while True:
        key = OKPKey.generate_key(ALGORITHM, {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
        if not str(key.kid).startswith("-"):
            return key


def _entries(text: str) -> list[dict[str, Any]]:
    try:
        found = msgspec.json.decode(text, type=dict[str, Any]).get("keys")
    except (msgspec.DecodeError, UnicodeError):
        # The parser's words would quote the text.
        raise KeysUnusable('it is not a JWK set: JSON like {"keys": [...]}') from None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise KeysUnusable('it is not a JWK set: JSON like {"keys": [...]}')
    if not 1 <= len(found) <= KEYS_MAX:
        raise KeysUnusable(f"the set must have 1 to {KEYS_MAX} keys, and has {len(found)}")
    kids = [each.get("kid") for each in found]
    if not all(isinstance(kid, str) and 0 < len(kid) <= KID_LENGTH_MAX for kid in kids):
        raise KeysUnusable(f"every key of the set needs a kid of 1 to {KID_LENGTH_MAX} characters")
    if len(set(kids)) < len(kids):
        raise KeysUnusable("two keys of the set have the same kid")
    return found


def _key(entry: dict[str, Any]) -> OKPKey:
    kid = entry["kid"]
    if (entry.get("kty"), entry.get("crv")) != (_KEY_TYPE, ALGORITHM):
        raise KeysUnusable(f"key {kid} is of another type: kty {_KEY_TYPE} with crv {ALGORITHM} is needed")
    if entry.get("use", "sig") != "sig" or entry.get("alg", ALGORITHM) != ALGORITHM:
        raise KeysUnusable(f"key {kid} is for another use: use sig with alg {ALGORITHM} is needed")
    try:
        key = OKPKey.import_key(
            {name: entry[name] for name in ("kty", "crv", "x", "d", "kid") if name in entry}
        )
        public = key.public_key.public_bytes_raw()
        written = base64.urlsafe_b64decode(entry["x"] + "==")
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, binascii.Error):
        raise KeysUnusable(f"key {kid} can't be read") from None
    if public != written:
        raise KeysUnusable(f"the private and the public part of key {kid} do not belong together")
    return key


def _kid(key: OKPKey) -> str:
    assert key.kid is not None
    return key.kid


def _written(keys: list[Any]) -> str:
    return msgspec.json.encode({"keys": keys}).decode()
