"""Sessions in the store: sealed, under a digest of the cookie, gone after half an hour without use.

`{<prefix>/console/<digest>}/session` has the tokens, `…/renewal` the claim of the replica that renews them.
The cookie's text is a part of the sealing key: whoever reads the store, and knows the installation's key,
opens nothing without the cookie. Every key of one session has one tag, as a cluster wants it.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import structlog
from msgspec import structs
from redis.exceptions import RedisError

from runtime import metrics
from runtime.ports import Clock, StoreUnavailable
from runtime.redis_client import RedisClients
from services.console.activities.api_client import Refused, Unreachable
from services.console.activities.directory import Directory
from services.console.activities.sealing import Seal, digest
from services.console.state.answers import Opened
from services.console.state.sessions import Session

IDLE_MS: Final = 30 * 60_000
SESSION_MS_MAX: Final = 12 * 3_600_000
RENEW_BEFORE_MS: Final = 60_000
"""A request that begins with a token of a minute ends with it, too."""
RENEWAL_MS_MAX: Final = 15_000
"""How long a replica that was killed in the middle of a renewal keeps others from it."""
ASK_S: Final = 0.05
COOKIE_BYTES: Final = 32

_log = structlog.get_logger()


class SignInNeeded(Exception):
    """There is no session any more: it was never there, was left idle, or the directory has ended it."""


class Sessions:
    """Begins, finds, renews and ends sessions; any replica does each of it."""

    def __init__(
        self, redis: RedisClients, keys: Sequence[str], directory: Directory, clock: Clock, *, prefix: str
    ) -> None:
        self._redis = redis
        self._keys = keys
        self._directory = directory
        self._clock = clock
        self._prefix = prefix

    async def begin(self, organization: str, opened: Opened) -> str:
        """Keep a login; the text for the cookie, which is always a new one. Raises StoreUnavailable."""
        assert opened.access is not None
        assert opened.refresh is not None
        now_at = self._clock.now()
        session = Session(
            organization=organization,
            access=opened.access,
            refresh=opened.refresh,
            access_ends_at=now_at + opened.expires_in_s * 1_000,
            opened_at=now_at,
        )
        cookie = secrets.token_urlsafe(COOKIE_BYTES)
        await self._ask(cookie, "set", self._sealed(cookie, session), px=IDLE_MS)
        return cookie

    async def find(self, cookie: str, address: str, *, is_activity: bool = True) -> Session:
        """The session with a token that holds. An open stream is no activity.

        Raises SignInNeeded, StoreUnavailable, and Unreachable while the directory can't renew.
        """
        session = await self._read(cookie)
        if is_activity:
            left_ms = session.opened_at + SESSION_MS_MAX - self._clock.now()
            await self._ask(cookie, "pexpire", min(IDLE_MS, left_ms))
        if self._is_fresh(session):
            return session
        return await self._renewed(cookie, session, address)

    async def end(self, cookie: str, address: str) -> None:
        """End a session here and the login at the directory. Raises StoreUnavailable."""
        try:
            session = await self._read(cookie)
        except SignInNeeded:
            return
        await self._ask(cookie, "delete")
        try:
            await self._directory.sign_out(session.refresh, address)
        except (Refused, Unreachable) as error:
            # It ends by itself after twelve hours, and nobody has its tokens any more.
            _log.warning("a login stays open at the directory", reason=str(error))

    async def _read(self, cookie: str) -> Session:
        sealed = await self._ask(cookie, "get")
        if sealed is None:
            raise SignInNeeded
        now_s = self._clock.now() // 1_000
        found = self._seal(cookie).open(
            sealed.decode(), Session, now_s=now_s, lasts_s=SESSION_MS_MAX // 1_000
        )
        if found is None or self._clock.now() >= found.opened_at + SESSION_MS_MAX:
            raise SignInNeeded
        return found

    def _is_fresh(self, session: Session) -> bool:
        return self._clock.now() < session.access_ends_at - RENEW_BEFORE_MS

    async def _renewed(self, cookie: str, session: Session, address: str) -> Session:
        """The session after a renewal, which one request of all replicas does and the others await."""
        until_at = self._clock.now() + RENEWAL_MS_MAX
        while self._clock.now() < until_at:
            if await self._ask(cookie, "set", b"1", name="renewal", nx=True, px=RENEWAL_MS_MAX):
                try:
                    return await self._renew(cookie, address)
                finally:
                    await self._ask(cookie, "delete", name="renewal")
            await asyncio.sleep(ASK_S)
            session = await self._read(cookie)
            if self._is_fresh(session):
                return session
        return self._held(session, Unreachable("directory", "a renewal does not end"))

    async def _renew(self, cookie: str, address: str) -> Session:
        # Another one may have renewed between our look and our claim.
        session = await self._read(cookie)
        if self._is_fresh(session):
            return session
        try:
            opened = await self._directory.renew(session.refresh, address)
        except Unreachable as error:
            metrics.RENEWALS.labels("unanswered").inc()
            return self._held(session, error)
        except Refused as refused:
            metrics.RENEWALS.labels("refused").inc()
            if refused.is_for_now:
                return self._held(session, Unreachable("directory", str(refused)))
            await self._ask(cookie, "delete")
            raise SignInNeeded from refused
        metrics.RENEWALS.labels("done").inc()
        assert opened.access is not None
        assert opened.refresh is not None
        renewed = structs.replace(
            session,
            access=opened.access,
            refresh=opened.refresh,
            access_ends_at=self._clock.now() + opened.expires_in_s * 1_000,
        )
        # Only where it still is: whoever signed out meanwhile stays out.
        await self._ask(cookie, "set", self._sealed(cookie, renewed), xx=True, keepttl=True)
        return renewed

    def _held(self, session: Session, error: Unreachable) -> Session:
        """The session as it is while its token holds. Raises the error afterwards."""
        if self._clock.now() < session.access_ends_at:
            return session
        raise error

    def _seal(self, cookie: str) -> Seal:
        return Seal(self._keys, f"session\x00{cookie}")

    def _sealed(self, cookie: str, session: Session) -> str:
        return self._seal(cookie).seal(session, session.opened_at // 1_000)

    async def _ask(
        self, cookie: str, command: str, *values: Any, name: str = "session", **options: Any
    ) -> Any:
        key = f"{{{self._prefix}/console/{digest(cookie)}}}/{name}"

        async def call(redis: Any) -> Any:
            return await getattr(redis, command)(key, *values, **options)

        return await answered(self._redis, key, call)


async def answered(redis: RedisClients, key: str, call: Callable[[Any], Awaitable[Any]]) -> Any:
    """The answer of the server that has this key. Raises StoreUnavailable, and connects anew afterwards."""
    try:
        return await call(await redis.of(key))
    except (RedisError, OSError, TimeoutError) as error:
        await redis.leave_connections()
        raise StoreUnavailable(f"{type(error).__name__}: {error}") from error


async def missing_rights(redis: RedisClients, prefix: str) -> list[str]:
    """What the store does not let the console do; nothing is kept. Raises OSError and RedisError."""
    key = f"{{{prefix}/console/rights}}/tried"
    client = await redis.of(key)
    refused = []
    for command, values, options in (
        ("set", (b"1",), {"px": 1_000}),
        ("get", (), {}),
        ("pexpire", (1_000,), {}),
        ("delete", (), {}),
    ):
        try:
            await getattr(client, command)(key, *values, **options)
        except RedisError as error:
            if "NOPERM" not in str(error) and "permission" not in str(error):
                raise
            refused.append(f"{command}: {error}")
    return refused
