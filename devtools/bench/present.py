"""Measures how soon a changed row of the present is at event-stream clients, on PostgreSQL.

Two hundred calls stand; every quarter of a second the first of them hangs up and another arrives. A hundred
clients, each with a login of its own, watch the whole organization over one replica.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Self
from urllib.parse import urlsplit

import httpx
import uvloop

from contracts.directory import RightsSaved, Role, StrategyKind
from contracts.gateway import CallArrived, EndedBy, LegEnded, Outcome
from contracts.ids import Instant, LegId, PlaceId
from contracts.message import Fact
from contracts.queue import PlaceAbandoned, PlaceTaken
from devtools.bench import office
from devtools.bench.bench import Bench
from devtools.bench.figures import Figure, at_most, median, percentile
from devtools.bench.live import TooSlow
from ringback.stack import postgres
from runtime import kafka_clients
from runtime.kafka_log import KafkaLog
from runtime.ports import Outgoing
from runtime.token_keys import SigningKeys
from runtime.tokens import Claims, TokenUse, sign

STANDING: Final = 200
CLIENTS: Final = 100
CHANGES: Final = 120
EVERY_S: Final = 0.25
AT_ONCE: Final = 20
SETTLE_S: Final = 3.0
WAIT_S_MAX: Final = 60.0
ANNA: Final = office.agent_id(0)
TARGET: Final = "GET /live/events HTTP/1.1\r\nHost: history\r\nAuthorization: Bearer {token}\r\n\r\n"


def measure(bench: Bench) -> list[Figure]:
    """Measure with one client, then with all."""
    reason = postgres.reason_missing()
    if reason is not None:
        raise TooSlow(reason)
    server = postgres.start(bench.run, dies_with_parent=True)
    try:
        keys = SigningKeys.generate()
        settings = bench.fresh_settings(bench.broker) | {
            "RINGBACK_HISTORY_DATABASE": server.database("bench"),
            "RINGBACK_TOKEN_PUBLIC_KEYS": keys.public.as_json(),
        }
        service = bench.service("history", settings)
        service.wait_ready()
        found = uvloop.run(_measured(bench, settings, keys, service.address))
        service.kill()
        return found
    finally:
        server.stop()


async def _measured(bench: Bench, settings: dict[str, str], keys: SigningKeys, address: str) -> list[Figure]:
    changes = bench.size(CHANGES, 20)
    async with _Calls.on(settings) as calls:
        for number in range(STANDING):
            await calls.arrives(number)
        await _standing(address, keys)
        alone = await _told(calls, address, keys, clients=1, changes=changes)
        bench.say("a hundred clients come")
        together = await _told(calls, address, keys, clients=CLIENTS, changes=changes)
    how = f"{changes} changes of a queue of {STANDING}, one every {EVERY_S} s; from before the append"
    return [
        Figure(
            name=f"a fact at {CLIENTS} event-stream clients, p95",
            unit="ms",
            measured=1000 * percentile(together, 0.95),
            baseline=1000 * percentile(alone, 0.95),
            against="one client, same run",
            goal=at_most(1000),
            how=how,
            bound_by="history's batches, at most one in 100 ms, and their transaction",
        ),
        Figure(
            name=f"a fact at {CLIENTS} event-stream clients, median",
            unit="ms",
            measured=1000 * median(together),
            baseline=1000 * median(alone),
            against="one client, same run",
            how=how,
        ),
    ]


async def _standing(address: str, keys: SigningKeys) -> None:
    """Wait until history shows all who wait."""
    deadline = time.monotonic() + WAIT_S_MAX
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {_token(keys, 0)}"}) as client:
        while time.monotonic() < deadline:
            answer = await client.get(f"{address}/live")
            if answer.status_code == 200 and len(answer.json()["places"]) == STANDING:
                return
            await asyncio.sleep(0.2)
    raise TooSlow("history has not projected the calls")


def _token(keys: SigningKeys, number: int) -> str:
    """A token of the administrator's, of a login of its own."""
    now = Instant(time.time_ns() // 1_000_000)
    claims = Claims(
        organization_id=office.VOLGA,
        use=TokenUse.ACCESS,
        agent_id=ANNA,
        family=f"login-{number}",
        issued_at=now,
        expires_at=Instant(now + 3_600_000),
    )
    return sign(claims, keys)


async def _told(
    calls: "_Calls", address: str, keys: SigningKeys, *, clients: int, changes: int
) -> list[float]:
    """Seconds from each change to each client."""
    watching = [_Client() for _ in range(clients)]
    try:
        # A few at a time, as browsers come back: each after another pause.
        for first in range(0, clients, AT_ONCE):
            coming = enumerate(watching[first : first + AT_ONCE], start=first)
            await asyncio.gather(*(each.connect(address, keys, number) for number, each in coming))
        await asyncio.sleep(SETTLE_S)
        said: dict[bytes, float] = {}
        for _ in range(changes):
            began = time.perf_counter()
            said[f'"{await calls.changes()}"'.encode()] = began
            await asyncio.sleep(max(0.0, EVERY_S - (time.perf_counter() - began)))
        async with asyncio.timeout(WAIT_S_MAX):
            while any(len(each.seen(said)) < changes for each in watching):
                await asyncio.sleep(EVERY_S)
        return [at - said[id_] for each in watching for id_, at in each.seen(said).items()]
    except TimeoutError as error:
        raise TooSlow("a client was not told everything") from error
    finally:
        for each in watching:
            each.close()


class _Client:
    """One stream: what came, and when; it is looked into only afterwards, which takes no time of anybody."""

    def __init__(self) -> None:
        self._came: list[tuple[float, bytes]] = []
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def connect(self, address: str, keys: SigningKeys, number: int) -> None:
        """Come with a login of one's own, and wait for the snapshot."""
        there = urlsplit(address)
        reader, self._writer = await asyncio.open_connection(there.hostname, there.port, limit=2**20)
        self._writer.write(TARGET.format(token=_token(keys, number)).encode())
        async with asyncio.timeout(WAIT_S_MAX):
            while b"event: snapshot" not in (line := await reader.readline()):
                if not line:
                    raise TooSlow("a stream was refused")
        self._reading = asyncio.create_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(2**16):
            self._came.append((time.perf_counter(), data))

    def seen(self, said: dict[bytes, float]) -> dict[bytes, float]:
        """When each of these ids had come whole."""
        found: dict[bytes, float] = {}
        before = b""
        for at, data in self._came:
            text = before + data
            found |= {id_: at for id_ in said.keys() - found.keys() if id_ in text}
            before = text[-100:]
        return found

    def close(self) -> None:
        """Go."""
        if self._reading is not None:
            self._reading.cancel()
        if self._writer is not None:
            self._writer.close()


class _Calls:
    """The queue's and the gateway's words for callers who come and go."""

    def __init__(self, log: KafkaLog, partition: int, gateway: office.Gateway) -> None:
        self._log = log
        self._partition = partition
        self._gateway = gateway
        self._seq = 0
        self._first = 0
        self._next = 0

    @classmethod
    @asynccontextmanager
    async def on(cls, settings: dict[str, str]) -> AsyncIterator[Self]:
        """On a log with an office whose first agent administers."""
        log = KafkaLog(
            kafka_clients.from_environment(settings),
            prefix=settings["RINGBACK_TOPIC_PREFIX"],
            client_id="bench-present",
        )
        await log.start()
        try:
            partition = await log.partition_of("facts", office.VOLGA)
            rights = RightsSaved(agent_id=ANNA, version=1, role=Role.ADMINISTRATOR)
            book = (*office.book(agents=40, kind=StrategyKind.RING_ALL), rights)
            incarnation = await log.append(partition, [office.Gateway().claim()])
            await log.append(partition, office.book_records(office.VOLGA, book))
            yield cls(log, partition, office.Gateway(incarnation=incarnation))
        finally:
            await log.stop()

    async def arrives(self, number: int) -> PlaceId:
        """The next caller takes a place."""
        leg_id, place_id = LegId(f"in.kazan.{number}"), PlaceId(f"p.in.kazan.{number}")
        self._next = number + 1
        at = Instant(office.MORNING + number)
        arrived = CallArrived(pbx_id=office.PBX, leg_id=leg_id, caller=f"+7912{number:07d}", line=office.LINE)
        taken = PlaceTaken(
            place_id=place_id,
            department_id=office.SALES,
            pbx_id=office.PBX,
            leg_id=leg_id,
            caller=arrived.caller,
            line=office.LINE,
            joined_at=at,
            deadline_at=Instant(at + 600_000),
            position=1,
        )
        await self._log.append(self._partition, [self._gateway.record(arrived), self._said(taken)])
        return place_id

    async def changes(self) -> PlaceId:
        """The first caller hangs up, and another comes: whose place it is."""
        leg_id, place_id = LegId(f"in.kazan.{self._first}"), PlaceId(f"p.in.kazan.{self._first}")
        self._first += 1
        ended = LegEnded(pbx_id=office.PBX, leg_id=leg_id, outcome=Outcome.ABANDONED, by=EndedBy.PARTY)
        gone = PlaceAbandoned(place_id=place_id, waited_ms=60_000)
        await self._log.append(self._partition, [self._gateway.record(ended), self._said(gone)])
        return await self.arrives(self._next)

    def _said(self, fact: Fact) -> Outgoing:
        self._seq += 1
        return office.record(fact, office.VOLGA, source="queue", id_=str(self._seq), seq=self._seq)
