"""What providers say about themselves: their addresses and keys, kept for an hour.

Nobody who has not signed in can make us ask a provider often: an answer is kept, so is a failure for a while,
and a key that is not known is looked for once a minute.
"""

import asyncio
from collections import OrderedDict
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key
from msgspec import Struct, field

from contracts.ids import Instant
from runtime.ports import Clock
from services.directory.activities.openid_http import ProviderFailed, checked, document

WELL_KNOWN: Final = "/.well-known/openid-configuration"
KEPT_MS: Final = 3_600_000
"""Providers announce new keys a day or more before they sign with them."""
FAILED_MS: Final = 10_000
"""For so long a failure is the answer to everybody: a provider that is away is not asked by each of them."""
LOOKED_MS_MIN: Final = 60_000
"""Between two looks for a key that is not known."""
PROVIDERS_MAX: Final = 200
"""In memory, a few kilobytes each; the one used longest ago is forgotten first."""
KEYS_MAX: Final = 50
RSA_BITS_MIN: Final = 2_048
"""NIST SP 800-131A: shorter ones are not to be trusted since 2014."""
BITS_IN_LETTER: Final = 6
"""Of a number in base64."""
AT_ONCE_MAX: Final = 4
"""Exchanges with one provider at once: a slow one must not fill the process."""

PublicKey = RSAKey | ECKey | OKPKey


class Metadata(Struct, frozen=True, kw_only=True):
    """The part of a provider's document that the code flow takes; every address in it is checked."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    names_itself: bool
    """Whether its answers to the browser always have `iss` (RFC 9207)."""
    takes_secret_in_form: bool


class _Kept(Struct, kw_only=True):
    """What is known of one provider."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE_MAX))
    metadata: Metadata | None = None
    metadata_at: int = 0
    keys: tuple[PublicKey, ...] = ()
    keys_at: int = 0
    failed_at: int | None = None
    why: str = ""


class Discovery:
    """Reads and keeps what providers say about themselves."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def metadata(self, issuer: str) -> Metadata:
        """Where a provider is asked. Raises ProviderFailed."""
        kept = self._of(issuer)
        async with kept.lock:
            now_at = self._clock.now()
            if kept.metadata is None or kept.metadata_at + KEPT_MS <= now_at:
                self._require_patience(kept, now_at)
                kept.metadata = await self._read(kept, _metadata(issuer))
                kept.metadata_at = now_at
            return kept.metadata

    async def keys(self, issuer: str, key_id: str | None) -> tuple[PublicKey, ...]:
        """The keys with this id, or all for None; read again when there is none. Raises ProviderFailed."""
        metadata = await self.metadata(issuer)
        kept = self._of(issuer)
        async with kept.lock:
            now_at = self._clock.now()
            is_old = kept.keys_at + KEPT_MS <= now_at
            is_looked_for = not _with(kept.keys, key_id) and kept.keys_at + LOOKED_MS_MIN <= now_at
            if is_old or is_looked_for:
                self._require_patience(kept, now_at)
                kept.keys = await self._read(kept, _keys(metadata.jwks_uri))
                kept.keys_at = now_at
            return _with(kept.keys, key_id)

    def room(self, issuer: str) -> asyncio.Semaphore:
        """A place for one exchange. Raises ProviderFailed when all are taken."""
        room = self._of(issuer).room
        if room.locked():
            raise ProviderFailed("it has not yet answered others")
        return room

    def _of(self, issuer: str) -> _Kept:
        kept = self._kept.setdefault(issuer, _Kept())
        self._kept.move_to_end(issuer)
        while len(self._kept) > PROVIDERS_MAX:
            self._kept.popitem(last=False)
        return kept

    def _require_patience(self, kept: _Kept, now_at: Instant) -> None:
        if kept.failed_at is not None and kept.failed_at + FAILED_MS > now_at:
            raise ProviderFailed(kept.why)

    async def _read(self, kept: _Kept, reading: Any) -> Any:
        try:
            found = await reading
        except ProviderFailed as error:
            kept.failed_at, kept.why = self._clock.now(), str(error)
            raise
        kept.failed_at = None
        return found


async def _metadata(issuer: str) -> Metadata:
    found = await document(checked(issuer, issuer.rstrip("/") + WELL_KNOWN))
    if found.get("issuer") != issuer:
        raise ProviderFailed("its document is another issuer's")
    methods = found.get("token_endpoint_auth_methods_supported")
    return Metadata(
        authorization_endpoint=checked(issuer, found.get("authorization_endpoint")),
        token_endpoint=checked(issuer, found.get("token_endpoint")),
        jwks_uri=checked(issuer, found.get("jwks_uri")),
        names_itself=found.get("authorization_response_iss_parameter_supported") is True,
        takes_secret_in_form=isinstance(methods, list) and "client_secret_post" in methods,
    )


async def _keys(address: str) -> tuple[PublicKey, ...]:
    found = (await document(address)).get("keys")
    if not isinstance(found, list):
        raise ProviderFailed("its key set has no keys")
    return tuple(key for each in found[:KEYS_MAX] if (key := _key(each)) is not None)


def _key(found: object) -> PublicKey | None:
    """A public key for signatures; None for others, which a set may well have beside them."""
    if not isinstance(found, dict) or found.get("use", "sig") != "sig" or "d" in found:
        return None
    if found.get("kty") == "RSA" and len(str(found.get("n", ""))) * BITS_IN_LETTER < RSA_BITS_MIN:
        return None
    try:
        key = import_key(found)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if isinstance(key, RSAKey) and key.public_key.key_size < RSA_BITS_MIN:
        return None
    return key if isinstance(key, PublicKey) else None


def _with(keys: tuple[PublicKey, ...], key_id: str | None) -> tuple[PublicKey, ...]:
    # A key without an id serves tokens that name none.
    return tuple(key for key in keys if key_id is None or key.get("kid") == key_id)
