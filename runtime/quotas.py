"""Quotas of one process: how fast, and how many at once, one organization may ask, so that load is fair (O1).

A bucket of tokens per organization limits the rate; places per organization limit what runs at once. A
request without a place waits among its own organization's requests only, so nobody is ever queued behind a
neighbour. Both live in memory: each replica counts for itself, and a restart forgets. What is kept in a
database (keys, files, orders of a day) is counted there instead.
"""

import asyncio
import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, Protocol

import msgspec
import structlog

from runtime.metrics import QUOTA_REFUSALS

MINUTE_S: Final = 60.0
BUCKETS_MAX: Final = 100_000
"""Buckets in memory, 200 bytes each. A full bucket is the same as none, so that idle ones are dropped."""
TOLD_MAX: Final = 10_000
"""Log lines remembered, so that each comes once a minute."""
CLOSED_MAX: Final = 10_000
"""Logins that are refused at the door, 300 bytes each."""
SOON_S: Final = 1
"""When a request that found no place may come again: a place is free as soon as one of its own ends."""
_HELD: Final = "ringback.places"

_log = structlog.get_logger()


class Said(Protocol):
    """The same in Russian and English, in whichever type a service has for that."""

    @property
    def ru(self) -> str:
        """In Russian."""
        ...

    @property
    def en(self) -> str:
        """In English."""
        ...


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """The same in Russian and English."""

    ru: str
    en: str

    def filled(self, **values: int) -> "Words":
        """Both with their placeholders filled."""
        return Words(ru=self.ru.format(**values), en=self.en.format(**values))


RATE: Final = Words(ru="в минуту {per_minute}, подряд {burst}", en="{per_minute} a minute, {burst} in a row")
NOT_MORE: Final = Words(ru="одновременно {at_once}", en="{at_once} at once")
AT_ONCE: Final = Words(
    ru="одновременно {at_once} и ещё {waiting} в ожидании",
    en="{at_once} at once, and {waiting} more that wait",
)


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """What one organization may do: `burst` at once after a pause, then `per_minute` in the long run.

    `at_once` of them run at the same time, and `waiting_max` more wait for that; 0: any number.
    """

    name: str
    what: Words
    per_minute: int
    burst: int
    at_once: int = 0
    waiting_max: int = 0


REQUESTS: Final = Quota(
    name="requests",
    what=Words(ru="запросы", en="requests"),
    # Four hundred open screens that ask every twenty seconds; a tenth of what one process answers.
    per_minute=1_200,
    burst=200,
    # Those who come meanwhile have a turn after three others at most, and find connections to the database.
    at_once=3,
    waiting_max=64,
)
CHANGES: Final = Quota(
    name="changes",
    what=Words(ru="изменения", en="changes"),
    # A change is checked against the whole organization: an eighth of a second with a thousand employees.
    per_minute=300,
    burst=100,
    # They wait for each other in the database anyway.
    at_once=2,
    waiting_max=32,
)
SEARCHES: Final = Quota(
    name="searches",
    what=Words(ru="поиск", en="searches"),
    # Twenty supervisors who look again every two seconds.
    per_minute=600,
    burst=60,
    at_once=4,
    waiting_max=32,
)
REPORTS: Final = Quota(
    name="reports",
    what=Words(ru="отчёты и выгрузки", en="reports and downloads"),
    # Each may read a year of history; thirty screens that show statistics anew every minute.
    per_minute=30,
    burst=20,
    at_once=2,
    waiting_max=16,
)
OFFICES: Final = Quota(
    name="offices",
    what=Words(ru="сохранение всего офиса", en="saving the whole office"),
    # A second of a processor with thousands of cards; nobody edits an office file faster.
    per_minute=10,
    burst=10,
    at_once=1,
    waiting_max=4,
)
UPLOADS: Final = Quota(
    name="uploads",
    what=Words(ru="загрузка файлов", en="uploads"),
    # Half a second of a processor and 10 MB of memory each; a new office has a greeting for each department.
    per_minute=10,
    burst=30,
    # One, because two are decoded at once in a process: a neighbour's is never queued behind them.
    at_once=1,
    waiting_max=4,
)
ORDERS: Final = Quota(
    name="orders",
    what=Words(ru="заказы обратных звонков", en="orders of callbacks"),
    # A campaign's web form; callback's own limits per minute and per number stay (C10).
    per_minute=60,
    burst=60,
)
STREAMS: Final = Quota(
    name="streams",
    what=Words(ru="открытые потоки событий", en="open event streams"),
    # A wall of screens that all come back at once after a restart, twice.
    per_minute=600,
    burst=400,
    # Two fifths of the connections that one process takes: a neighbour still finds some.
    at_once=200,
)
STREAMS_OF_ONE: Final = Quota(
    name="streams_of_one",
    what=Words(ru="открытые потоки событий одного входа", en="open event streams of one login"),
    per_minute=60,
    burst=30,
    # A browser needs one, which its tabs share; the second is that of a window that has not noticed its end.
    at_once=6,
)
TABLE: Final = {each.name: each for each in (REQUESTS, CHANGES, SEARCHES, REPORTS, OFFICES, UPLOADS, ORDERS)}


class QuotaExceeded(Exception):
    """An organization's quota is used up; `limit` says how much that is, `seconds` when to try again."""

    def __init__(self, name: str, *, what: Said, limit: Said, seconds: float) -> None:
        self.what = what
        self.limit = limit
        self.seconds = max(1, math.ceil(seconds))
        QUOTA_REFUSALS.labels(name).inc()
        super().__init__(f"{name}: {limit.en}")


class _Bucket(msgspec.Struct):
    tokens: float
    at_s: float
    full_s: float
    """How long an empty one takes to be full again."""


class _Places(msgspec.Struct):
    free: asyncio.Semaphore
    users: int = 0
    """Who has a place, and who waits for one."""


class Quotas:
    """The quotas of every organization in one process. `factor` multiplies each rate and burst."""

    def __init__(self, factor: float = 1.0, now_s: Callable[[], float] = time.monotonic) -> None:
        self._factor = factor
        self.now_s = now_s
        self._buckets: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()
        self._places: dict[tuple[str, str], _Places] = {}
        self._told: dict[tuple[str, str], float] = {}

    @property
    def size(self) -> int:
        """How many buckets and places are in memory."""
        return len(self._buckets) + len(self._places)

    def take(self, who: str, quota: Quota) -> None:
        """Take one token of an organization (or one of its logins). Raises QuotaExceeded."""
        now_s = self.now_s()
        burst = max(1.0, quota.burst * self._factor)
        per_s = quota.per_minute * self._factor / MINUTE_S
        key = (who, quota.name)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(tokens=burst, at_s=now_s, full_s=burst / per_s)
            self._drop_idle(now_s)
        bucket.tokens = min(burst, bucket.tokens + (now_s - bucket.at_s) * per_s)
        bucket.at_s = now_s
        self._buckets.move_to_end(key)
        if bucket.tokens < 1:
            self._tell(who, quota)
            raise QuotaExceeded(
                quota.name, what=quota.what, limit=self._rate(quota), seconds=(1 - bucket.tokens) / per_s
            )
        bucket.tokens -= 1

    def _tell(self, who: str, quota: Quota) -> None:
        """Log whose quota is used up: once a minute, since a flood must not fill the logs either."""
        organization_id = who.partition("\n")[0]
        key, now_s = (organization_id, quota.name), self.now_s()
        if now_s - self._told.get(key, -MINUTE_S) < MINUTE_S:
            return
        if len(self._told) >= TOLD_MAX:
            self._told.clear()
        self._told[key] = now_s
        _log.warning("a quota is used up", organization_id=organization_id, quota=quota.name)

    def _drop_idle(self, now_s: float) -> None:
        """Drop the buckets that were used longest ago, if they are full again or there are too many."""
        while len(self._buckets) > 1:
            key, oldest = next(iter(self._buckets.items()))
            if now_s - oldest.at_s < oldest.full_s and len(self._buckets) <= BUCKETS_MAX:
                return
            del self._buckets[key]

    def _rate(self, quota: Quota) -> Words:
        per_minute, burst = round(quota.per_minute * self._factor), round(quota.burst * self._factor)
        return RATE.filled(per_minute=per_minute, burst=burst)

    async def enter(self, who: str, quota: Quota) -> Callable[[], None]:
        """Wait for one of the organization's places; call what is returned to free it.

        Raises QuotaExceeded when too many wait already.
        """
        if not quota.at_once:
            return _nothing
        key = (who, quota.name)
        places = self._places.setdefault(key, _Places(free=asyncio.Semaphore(quota.at_once)))
        if places.users >= quota.at_once + quota.waiting_max:
            self._tell(who, quota)
            words = AT_ONCE if quota.waiting_max else NOT_MORE
            limit = words.filled(at_once=quota.at_once, waiting=quota.waiting_max)
            raise QuotaExceeded(quota.name, what=quota.what, limit=limit, seconds=SOON_S)
        places.users += 1
        try:
            await places.free.acquire()
        except BaseException:
            self._leave(key, places)
            raise

        def leave() -> None:
            places.free.release()
            self._leave(key, places)

        return leave

    def _leave(self, key: tuple[str, str], places: _Places) -> None:
        places.users -= 1
        if not places.users:
            self._places.pop(key, None)


def _nothing() -> None:
    """Free no place: the quota has none."""


Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]


def freeing_places(app: App) -> App:
    """An ASGI application that frees a request's places once its answer has been sent, streamed or not."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        held: list[Callable[[], None]] = []
        scope[_HELD] = held
        try:
            await app(scope, receive, send)
        finally:
            for leave in held:
                leave()

    return wrapped


class Gate:
    """Lets requests in by their organization's quotas; the application is wrapped in `freeing_places`.

    A login that was told to come later is refused at the door until then: looking into a request that comes
    sooner would cost most of what answering it costs.
    """

    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas
        self._closed: OrderedDict[bytes, tuple[float, QuotaExceeded]] = OrderedDict()

    async def before_database(
        self, scope: Scope, *, organization_id: str, login: str, quotas: tuple[Quota, ...]
    ) -> None:
        """Check what needs only a signed token, so that no flood holds every connection of the database.

        The bucket is the login's own: a revoked token must not use up its organization's. Places that few
        have are taken first, so that whoever waits for one holds no other. Raises QuotaExceeded.
        """
        self._take_request(scope, f"{organization_id}\n{login}")
        for quota in (*quotas, REQUESTS):
            scope[_HELD].append(await self._quotas.enter(organization_id, quota))

    def authenticated(self, scope: Scope, organization_id: str, quotas: tuple[Quota, ...]) -> None:
        """Take the organization's tokens. Raises QuotaExceeded."""
        self._take_request(scope, organization_id)
        for quota in quotas:
            self._quotas.take(organization_id, quota)

    async def stay(self, scope: Scope, *, organization_id: str, login: str) -> None:
        """Let an answer go on for hours: it gives back its places among requests for one among streams.

        Raises QuotaExceeded.
        """
        for leave in scope[_HELD]:
            leave()
        scope[_HELD].clear()
        for who, quota in ((f"{organization_id}\n{login}", STREAMS_OF_ONE), (organization_id, STREAMS)):
            self._quotas.take(who, quota)
            scope[_HELD].append(await self._quotas.enter(who, quota))

    def at_end(self, scope: Scope, leave: Callable[[], None]) -> None:
        """Call this once a request's answer has been sent or given up."""
        scope[_HELD].append(leave)

    def _take_request(self, scope: Scope, who: str) -> None:
        try:
            self._quotas.take(who, REQUESTS)
        except QuotaExceeded as exceeded:
            self._closed[_token(scope)] = (self._quotas.now_s() + exceeded.seconds, exceeded)
            if len(self._closed) > CLOSED_MAX:
                self._closed.popitem(last=False)
            raise

    def closed_to(self, scope: Scope) -> QuotaExceeded | None:
        """Why a request is refused at the door; None: it is let in."""
        if not self._closed or scope["type"] != "http":
            return None
        token = _token(scope)
        until_s, exceeded = self._closed.get(token, (0.0, None))
        left_s = until_s - self._quotas.now_s()
        if exceeded is None or left_s <= 0:
            self._closed.pop(token, None)
            return None
        return QuotaExceeded(REQUESTS.name, what=exceeded.what, limit=exceeded.limit, seconds=left_s)


def _token(scope: Scope) -> bytes:
    found = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    return hashlib.blake2b(found, digest_size=16).digest()


def with_door(app: App, gate: Gate, body: Callable[[QuotaExceeded], bytes]) -> App:
    """An ASGI application that asks the gate first; `body` is the answer in the application's own shape."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        exceeded = gate.closed_to(scope)
        if exceeded is None:
            await app(scope, receive, send)
            return
        content = body(exceeded)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
            (b"retry-after", str(exceeded.seconds).encode()),
        ]
        await send({"type": "http.response.start", "status": 429, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return wrapped


def quotas_of(opt: MutableMapping[str, Any] | dict[str, Any], method: str) -> tuple[Quota, ...]:
    """The quotas of a route beyond REQUESTS: what its option `quota` names, else CHANGES if it is no read."""
    name = opt.get("quota")
    if name is not None:
        return (TABLE[name],)
    return () if method in ("GET", "HEAD", "OPTIONS") else (CHANGES,)
