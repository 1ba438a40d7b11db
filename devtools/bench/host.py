"""Measures facts a second through the broker: the host, a loop that only decodes, and a tutorial's solution.

All three read the same records of one partition from the same broker, in turns. The host's decider is
minimal, since a real decider's cost is another figure: a record per leg, and one fact said for every three
heard.
"""

import itertools
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
import uvloop
from aiokafka import TopicPartition
from faststream import FastStream
from faststream.kafka import TopicPartition as Assigned
from pydantic import BaseModel
from redis.asyncio import Redis

from contracts.gateway import CallArrived, EndedBy, LegAnswered, LegEnded, Outcome
from contracts.ids import LegId, OrganizationId, PlaceId
from contracts.message import Fact, type_name
from contracts.queue import PlaceAbandoned
from contracts.topics import FACTS
from devtools.bench import office
from devtools.bench.bench import Bench
from devtools.bench.figures import Figure, median, ratio_at_least
from ringback.topics import create_topics
from runtime.decision import NOTHING, Decider, Decision
from runtime.host.held import HostPorts, Options
from runtime.host.owner import Owner
from runtime.kafka_clients import Clients
from runtime.kafka_log import KafkaLog
from runtime.memory import MemoryBlobs
from runtime.records import Record, State
from runtime.redis_client import connected
from runtime.redis_store import RedisStore
from runtime.system_clock import SystemClock

ORGANIZATIONS: Final = 10
ROUNDS: Final = 3
FACTS_AN_APPEND: Final = 300
RECORDS_MAX: Final = 500
"""The size of the host's batches, and of the bare loop's reads."""


class Call(Record, frozen=True, array_like=True):
    """A leg that is up."""

    leg_id: LegId
    caller: str | None
    is_answered: bool = False


class Calls(State):
    """The legs that are up."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = self.table("calls", Call)


def _apply(state: Calls, fact: Fact) -> None:
    match fact:
        case CallArrived():
            state.calls.put(Call(fact.leg_id, fact.caller))
        case LegAnswered():
            state.calls.put(Call(fact.leg_id, None, is_answered=True))
        case LegEnded():
            state.calls.drop(fact.leg_id)
        case _:
            pass


def _decide(state: Calls, fact: Fact) -> Decision:
    if not isinstance(fact, LegEnded):
        return NOTHING
    return Decision(facts=(PlaceAbandoned(place_id=PlaceId(f"p.{fact.leg_id}"), waited_ms=90_000),))


COUNTING: Final = Decider(
    name="counting",
    hears=(CallArrived, LegAnswered, LegEnded),
    says=(PlaceAbandoned,),
    new_state=Calls,
    apply=_apply,
    decide=_decide,
    owed=lambda _: (),
)


class Asked(BaseModel):
    """A fact as in a tutorial: one validated model for all."""

    type: str
    pbx_id: str
    leg_id: str
    caller: str | None = None
    line: str | None = None
    outcome: str | None = None


def _lives(number: int) -> list[Fact]:
    """A leg's three facts."""
    leg_id = office.caller_leg(number)
    return [
        CallArrived(pbx_id=office.PBX, leg_id=leg_id, caller=f"+7912{number:07d}", line=office.LINE),
        LegAnswered(pbx_id=office.PBX, leg_id=leg_id),
        LegEnded(pbx_id=office.PBX, leg_id=leg_id, outcome=Outcome.ABANDONED, by=EndedBy.PARTY),
    ]


class Ground:
    """A partition of a fresh topic with its facts, and the offset at which they end."""

    def __init__(self, bench: Bench, broker: str) -> None:
        self.broker = broker
        self.redis = bench.redis
        self.prefix = f"bench-{secrets.token_hex(4)}."
        self.partition = 0
        self.begin = 0
        self.end = 0

    async def fill(self, facts: int) -> None:
        """Append facts of organizations that share the partition."""
        await create_topics(self.broker, self.prefix)
        log = KafkaLog(self.broker, prefix=self.prefix, client_id="bench")
        await log.start()
        names = (OrganizationId(f"o{number}") for number in itertools.count())
        here = [
            each for each in itertools.islice(names, 200) if await log.partition_of(FACTS.name, each) == 0
        ]
        gateways = [office.Gateway(each) for each in here[:ORGANIZATIONS]]
        records = [
            gateways[number % ORGANIZATIONS].record(fact)
            for number in range(facts // 3)
            for fact in _lives(number)
        ]
        for start in range(0, len(records), FACTS_AN_APPEND):
            first = await log.append(self.partition, records[start : start + FACTS_AN_APPEND])
            self.begin = first if start == 0 else self.begin
            self.end = first + len(records[start : start + FACTS_AN_APPEND])
        await log.stop()

    @property
    def count(self) -> int:
        """How many facts there are."""
        return self.end - self.begin


async def bare(ground: Ground) -> float:
    """(a) aiokafka, and every value decoded."""
    here = TopicPartition(ground.prefix + FACTS.name, ground.partition)
    consumer = Clients(ground.broker).consumer(group_id=None, enable_auto_commit=False)
    await consumer.start()
    consumer.assign([here])
    consumer.seek(here, ground.begin)
    decoders = {type_name(found): msgspec.json.Decoder(found) for found in COUNTING.hears}
    began, seen = time.perf_counter(), 0
    while seen < ground.count:
        for record in (await consumer.getmany(here, timeout_ms=500, max_records=RECORDS_MAX)).get(here, ()):
            decoders[dict(record.headers)["ce_type"].decode()].decode(record.value)
            seen += 1
            if seen == ground.count:
                break
    seconds = time.perf_counter() - began
    await consumer.stop()
    return ground.count / seconds


async def tutorial(ground: Ground, count: int) -> float:
    """(b) FastStream's subscriber per message, a pydantic model, one awaited call to Redis each."""
    broker = Clients(ground.broker).broker()
    redis = Redis.from_url(ground.redis)
    app = FastStream(broker, logger=None)
    seen, began, done = 0, 0.0, 0.0

    async def handle(body: Asked) -> None:
        nonlocal seen, began, done
        began = began or time.perf_counter()
        await redis.hset(f"{ground.prefix}tutorial", body.leg_id, body.type)
        seen += 1
        if seen == count:
            done = time.perf_counter()
            app.exit()

    here = Assigned(ground.prefix + FACTS.name, ground.partition)
    broker.subscriber(partitions=[here], auto_offset_reset="earliest")(handle)
    await app.run()
    await redis.aclose()
    return count / (done - began)


async def host(ground: Ground) -> float:
    """The host on a real store: decode, apply, decide, store, say one fact for three."""
    log = KafkaLog(ground.broker, prefix=ground.prefix, client_id="bench")
    await log.start()
    redis = connected(ground.redis)
    store = RedisStore(redis, prefix=f"{ground.prefix}{secrets.token_hex(2)}", service=COUNTING.name)
    ports = HostPorts(
        log=log, store=store, blobs=MemoryBlobs(), clock=SystemClock(), tokens=lambda: secrets.token_hex(8)
    )
    owner = Owner(ground.partition, COUNTING, ports, Options(version="bench", records_max=RECORDS_MAX))
    await owner.claim()
    assert owner.held is not None
    began = time.perf_counter()
    while owner.held.position.offset < ground.end:
        await owner.turn()
    seconds = time.perf_counter() - began
    await redis.aclose()
    await log.stop()
    return ground.count / seconds


def _run(measuring: Callable[[], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        return await measuring()

    return uvloop.run(run())


def measure(bench: Bench) -> list[Figure]:
    """Measure all three in turns, each round on a fresh topic, since the host says facts where it reads."""
    facts = bench.size(30_000, 6_000)
    tutorials = bench.size(5_000, 1_000)
    rates: dict[str, list[float]] = {"bare": [], "tutorial": [], "host": []}
    for number in range(bench.size(ROUNDS, 1)):
        bench.say(f"host: round {number + 1}, {facts:,} facts")
        ground = Ground(bench, bench.broker)
        _run(lambda ground=ground: ground.fill(facts))  # type: ignore[misc]
        rates["bare"].append(_run(lambda ground=ground: bare(ground)))  # type: ignore[misc]
        rates["tutorial"].append(_run(lambda ground=ground: tutorial(ground, tutorials)))  # type: ignore[misc]
        rates["host"].append(_run(lambda ground=ground: host(ground)))  # type: ignore[misc]
    found = {name: median(each) for name, each in rates.items()}
    how = (
        "one partition, facts read from the embedded broker, decoded, applied and decided on, stored by "
        "one script "
        f"per {RECORDS_MAX} on the embedded Redis, one fact said for three heard; ten organizations"
    )
    bound_by = "headers, decoding, one step, the numbers and the store's arguments: all Python, one core"
    return [
        Figure(
            name="host, against a bare loop",
            unit="facts/s",
            measured=found["host"],
            baseline=found["bare"],
            against="aiokafka's getmany and msgspec's decoding, nothing else",
            goal=ratio_at_least(0.2),
            how=how,
            bound_by=bound_by,
        ),
        Figure(
            name="host, against a tutorial's",
            unit="facts/s",
            measured=found["host"],
            baseline=found["tutorial"],
            against="FastStream per message, pydantic, one Redis call each",
            goal=ratio_at_least(8),
            how=how,
            bound_by=bound_by,
        ),
    ]
