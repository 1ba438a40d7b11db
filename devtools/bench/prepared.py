"""A department with many waiting callers, made once by the decider from facts and put into fresh stores.

The same waiting places serve several figures. They are kept as stored records and written to a fresh store as
by a host, with the numbers that a host would have counted.
"""

import secrets
import time
from collections.abc import Iterator
from itertools import islice

import msgspec

from contracts.directory import StrategyKind
from contracts.ids import Instant, LegId
from contracts.topics import FACTS
from devtools.bench import office
from devtools.bench.traffic import Traffic
from runtime import kafka_clients
from runtime.host import identity
from runtime.host.numbering import RECORD_NAME, STREAM_OF_FACTS, Numbering
from runtime.host.organizations import Organization, Organizations
from runtime.kafka_log import KafkaLog
from runtime.ports import Position, Write
from runtime.redis_client import connected
from runtime.redis_store import RedisStore
from services.queue.service import SERVICE
from services.queue.state import QueueState

AGENTS = 10
RECORDS_A_WRITE = 20_000


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """Stored records of one organization, and its running calls."""

    waiting: int
    records: dict[str, bytes]
    due_at: Instant
    now_at: Instant
    heard: int
    calls: int
    talking: tuple[tuple[LegId, LegId], ...]
    """Customer's leg and agent's leg of each running call, the earliest first."""


def loaded(records: dict[str, bytes]) -> Organization:
    """The organization as a new owner loads it, from its records alone."""
    return Organizations(SERVICE).load(office.VOLGA, records)


def filled(waiting: int, *, agents: int = AGENTS) -> Traffic:
    """A morning with this many waiting callers at its end, when every agent talks."""
    traffic = Traffic(agents=agents, kind=StrategyKind.LONGEST_IDLE)
    traffic.now_at = Instant(time.time_ns() // 1_000_000)
    traffic.fill(waiting)
    return traffic


def kept(traffic: Traffic) -> Prepared:
    """What a host would have stored by now. Call it once per morning: it takes the changes so far."""
    state = traffic.state
    records = {
        f"{table.name}/{key}": data
        for table in state.tables.values()
        for key, data in table.take_changes().items()
        if data is not None
    }
    numbers = Numbering()
    numbers.now_at = state.now_at
    numbers.said = {STREAM_OF_FACTS: traffic.facts_said, f"telephony/{office.PBX}": traffic.commands_said}
    # An incarnation before any that a log can give, so that the PBX's next claim is heard.
    numbers.heard = {f"gateway/{office.PBX}": (0, traffic.facts_heard)}
    numbers.confirmed = traffic.facts_said
    records[RECORD_NAME] = numbers.encoded()
    due_at = state.earliest_due_at()
    assert due_at is not None
    return Prepared(
        waiting=len(state.places),
        records=records,
        due_at=due_at,
        now_at=state.now_at,
        heard=traffic.facts_heard,
        calls=traffic.calls,
        talking=tuple(talking(state)),
    )


def talking(state: QueueState) -> Iterator[tuple[LegId, LegId]]:
    """The running calls: customer and agent."""
    for line in state.activities:
        leg = None if line.leg_id is None else state.legs[line.leg_id]
        if leg is not None and leg.peer_leg_id is not None:
            yield leg.peer_leg_id, leg.leg_id


async def put(prepared: Prepared, settings: dict[str, str]) -> int:
    """Name the log and store everything as of its first record; returns the partition."""
    log = KafkaLog(
        kafka_clients.from_environment(settings), prefix=settings["RINGBACK_TOPIC_PREFIX"], client_id="bench"
    )
    await log.start()
    redis = connected(settings["RINGBACK_REDIS"])
    try:
        partition = await log.partition_of(FACTS.name, office.VOLGA)
        log_id = await identity.log_id(log, partition, lambda: secrets.token_hex(8))
        assert log_id is not None
        position = Position(log_id, log.partitions, 1, prepared.now_at)
        store = RedisStore(redis, prefix=settings["RINGBACK_STORE_PREFIX"], service=SERVICE.name)
        await _write(store, partition, prepared, position)
    finally:
        await redis.aclose()
        await log.stop()
    return partition


async def _write(store: RedisStore, partition: int, prepared: Prepared, position: Position) -> None:
    loaded = await store.claim(partition, "prepared", new_version="0")
    version = loaded.version
    rest = iter(prepared.records.items())
    number = 0
    while piece := dict(islice(rest, RECORDS_A_WRITE)):
        number += 1
        await store.write(
            Write(
                partition=partition,
                epoch="prepared",
                version=version,
                new_version=str(number),
                position=position,
                records={office.VOLGA: piece},
                due={office.VOLGA: prepared.due_at},
                parked={},
                outbox=(),
            )
        )
        version = str(number)
