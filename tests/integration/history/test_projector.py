"""The tables follow from the log alone: however it is cut, whichever process dies, and after a rebuild."""

import random
from typing import TypeGuard

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.callback import CallbackOrdered, CallbackRefused, Origin
from contracts.gateway import CallArrived
from contracts.ids import Instant
from contracts.log import LogNamed
from ringback import log as facts_log
from ringback.log_replay import Acceptance
from runtime.host.identity import RefusedToStart
from runtime.memory import MemoryClock, MemoryLog, counting_tokens
from runtime.ports import LogRecord
from services.history.activities import tables
from services.history.activities.database import migrate
from services.history.activities.projector import OffsetMoved, PartitionWriter
from services.history.activities.rebuild import empty
from services.history.rules.outcome import Outcome
from tests.integration.history.logs import everything, morning, said

SEEDS = (3, 7, 20)


class DiedBeforeCommit(Exception):
    """The process dies in the moment of writing."""


def a_log(records: tuple[LogRecord, ...]) -> MemoryLog:
    """A log with these records."""
    log = MemoryLog(MemoryClock())
    log.facts[0] = list(records)
    return log


async def a_writer(engine: AsyncEngine, log: MemoryLog) -> PartitionWriter:
    """A process that has just taken the partition."""
    writer = PartitionWriter(engine, 0)
    await writer.begin(log, counting_tokens("t"))
    return writer


async def in_one_go(engine: AsyncEngine, log: MemoryLog) -> None:
    """The whole log as one batch."""
    writer = await a_writer(engine, log)
    await writer.write(log.facts[0][writer.next_offset :])


async def in_pieces(engine: AsyncEngine, log: MemoryLog, chance: random.Random) -> int:
    """Write batches of any length, with deaths at the commit and late former owners; how many died."""
    died = 0
    writer = zombie = await a_writer(engine, log)
    while writer.next_offset < log.end(0):
        batch = log.facts[0][writer.next_offset : writer.next_offset + chance.randint(1, 60)]
        fate = chance.random()
        if fate < 0.15:
            died += 1
            with pytest.raises(DiedBeforeCommit):
                await _dying(engine, writer, batch)
            writer = await a_writer(engine, log)
            continue
        if fate < 0.3:
            zombie, writer = writer, await a_writer(engine, log)
        await writer.write(batch)
        if zombie is not writer and zombie.next_offset < writer.next_offset:
            with pytest.raises(OffsetMoved):
                await zombie.write(log.facts[0][zombie.next_offset : zombie.next_offset + 5])
    return died


async def _dying(engine: AsyncEngine, writer: PartitionWriter, batch: list[LogRecord]) -> None:
    def die(_connection: object) -> None:
        raise DiedBeforeCommit

    event.listen(engine.sync_engine, "commit", die)
    try:
        await writer.write(batch)
    finally:
        event.remove(engine.sync_engine, "commit", die)


@pytest.mark.rule("H1", "H4", "C13")
@pytest.mark.parametrize("seed", SEEDS)
async def test_the_tables_are_the_same_however_the_log_is_cut_and_whoever_dies(
    engine: AsyncEngine, seed: int
) -> None:
    """A crash or a rebuild never costs a manager a row, nor doubles one."""
    log = a_log(morning(seed))
    await in_one_go(engine, log)
    whole = await everything(engine)
    assert len(whole["contacts"]) > 5
    await empty(engine)
    died = await in_pieces(engine, log, random.Random(seed))
    assert died > 0
    assert await everything(engine) == whole


def stories_begun(records: tuple[LogRecord, ...]) -> set[str]:
    """Calls, and callbacks ordered by the API or refused to it, as every reader accepts the log."""
    acceptance = Acceptance()
    found = set()
    for each in records:
        reading = facts_log.reading(each)
        if reading is None or not acceptance.accepts(reading):
            continue
        if isinstance(reading.fact, CallArrived):
            found.add(str(reading.fact.leg_id))
        elif _is_by_api(reading.fact):
            found.add(str(reading.fact.place_id))
    return found


def _is_by_api(fact: object) -> TypeGuard[CallbackOrdered | CallbackRefused]:
    if isinstance(fact, CallbackOrdered):
        return fact.origin is Origin.API
    return isinstance(fact, CallbackRefused) and fact.leg_id is None


@pytest.mark.rule("H1")
async def test_every_call_of_a_morning_has_its_row_and_no_story_stays_open(sqlite: AsyncEngine) -> None:
    """When nothing goes on any more, nobody is still «waiting» in history."""
    for seed in SEEDS:
        await empty(sqlite)
        records = morning(seed)
        await in_one_go(sqlite, a_log(records))
        async with sqlite.connect() as connection:
            count = select(func.count()).select_from(tables.contacts)
            found = await connection.scalar(count)
            still_open = await connection.scalar(count.where(tables.contacts.c.outcome == str(Outcome.OPEN)))
        arrived = stories_begun(records)
        assert (found, still_open) == (len(arrived), 0), f"seed {seed}"


async def test_a_log_of_another_name_is_refused(sqlite: AsyncEngine) -> None:
    """The tables of one log must not take in another's facts."""
    await a_writer(sqlite, a_log((said(0, 1, LogNamed(log_id="one", partitions=1), ""),)))
    with pytest.raises(RefusedToStart, match="belong to the log one"):
        await a_writer(sqlite, a_log((said(0, 1, LogNamed(log_id="two", partitions=1), ""),)))


async def test_migrations_make_just_the_tables_that_the_code_names(engine: AsyncEngine) -> None:
    """A column that is only in one of the two breaks the first write, or the next deploy."""
    await migrate(engine)
    async with engine.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(
                MigrationContext.configure(sync, opts={"version_table": "history_version"}), tables.METADATA
            )
        )
    assert differences == []


async def test_time_never_goes_back(sqlite: AsyncEngine) -> None:
    """A broker whose clock goes back does not make a wait negative."""
    log = a_log(
        (
            said(0, 100, LogNamed(log_id="one", partitions=1), ""),
            said(1, 50, LogNamed(log_id="x", partitions=1), ""),
        )
    )
    await in_one_go(sqlite, log)
    async with sqlite.connect() as connection:
        assert await connection.scalar(select(tables.positions.c.now_at)) == Instant(100)
