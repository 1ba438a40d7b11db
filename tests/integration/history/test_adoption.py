"""A log is lost in the middle of a morning: rows stay, calls are ended, promises stand, a new log goes on."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.callback import Origin
from contracts.ids import CallbackId, DepartmentId, Instant, OrganizationId, PlaceId
from runtime.host import identity
from runtime.memory import MemoryClock, MemoryLog, counting_tokens
from runtime.ports import LogRecord
from services.history import state
from services.history.activities import adoption, tables
from services.history.activities.adoption import CUT_OFF, OpenCallback
from services.history.activities.projector import PartitionWriter
from tests.integration.history.logs import everything, morning

MARK = "5eedf00d"
SEEDS = (3, 7, 20)


async def read(engine: AsyncEngine, records: tuple[LogRecord, ...], *, name: str) -> None:
    """History reads a log of this name to its end, in batches."""
    log = MemoryLog(MemoryClock())
    log.facts[0] = list(records)
    writer = PartitionWriter(engine, 0)
    await writer.begin(log, counting_tokens(name))
    while writer.next_offset < log.end(0):
        await writer.write(log.facts[0][writer.next_offset : writer.next_offset + 40])


async def name_of(records: tuple[LogRecord, ...]) -> str:
    """What history calls this log."""
    log = MemoryLog(MemoryClock())
    log.facts[0] = list(records)
    return await identity.log_id(log, 0, counting_tokens("t")) or ""


def first_half(seed: int) -> tuple[LogRecord, ...]:
    """A morning that breaks off while customers wait."""
    records = morning(seed)
    return records[: len(records) // 2]


async def count(engine: AsyncEngine, table: str) -> int:
    """The rows of a table."""
    async with engine.connect() as connection:
        found = await connection.scalar(select(func.count()).select_from(tables.METADATA.tables[table]))
    return int(found or 0)


async def contacts(engine: AsyncEngine) -> list[state.Contact]:
    """Every contact."""
    async with engine.connect() as connection:
        found = await connection.scalars(select(tables.contacts.c.document))
        return [state.decoded(each) for each in found]


@pytest.mark.parametrize("seed", SEEDS)
async def test_rows_stay_and_only_promised_callbacks_are_open(engine: AsyncEngine, seed: int) -> None:
    old = first_half(seed)
    await read(engine, old, name="old")
    before, rows = await adoption.standing(engine), await count(engine, "contacts")
    at = Instant(old[-1].at + 60_000)
    await adoption.adopt(engine, {0: "new"}, mark=MARK, at=at)
    after = await adoption.standing(engine)
    assert await count(engine, "contacts") == rows
    assert after.places == ()
    assert sorted(after.callbacks, key=repr) == sorted(
        (each.renamed(MARK) for each in before.callbacks), key=repr
    )
    for contact in await contacts(engine):
        is_promised = any(each.ended_at is None for each in contact.callbacks)
        assert (contact.ended_at is None) == is_promised
        if contact.end_reason == CUT_OFF:
            assert contact.ended_at == at


async def test_some_mornings_break_off_while_somebody_waits(sqlite: AsyncEngine) -> None:
    """Otherwise the test above would prove little."""
    callbacks = places = 0
    for seed in SEEDS:
        await read(sqlite, first_half(seed), name="old")
        found = await adoption.standing(sqlite)
        callbacks, places = callbacks + len(found.callbacks), places + len(found.places)
        await adoption.adopt(sqlite, {}, mark=MARK, at=Instant(0))
    assert callbacks > 0
    assert places > 0


async def test_the_new_log_is_read_from_its_beginning_beside_the_old_rows(engine: AsyncEngine) -> None:
    """Offsets and numbers begin anew: they neither hide new facts nor collide with old ones."""
    old, new = morning(3), morning(7)
    await read(engine, old, name="old")
    refusals, changes = await count(engine, "refusals"), await count(engine, "agent_changes")
    assert refusals
    assert changes
    await adoption.adopt(engine, {0: await name_of(new)}, mark=MARK, at=Instant(old[-1].at))
    await read(engine, new, name="new")
    alone = await everything(engine)
    assert len(alone["refusals"]) > refusals
    assert len(alone["agent_changes"]) > changes
    still_open = [each for each in await contacts(engine) if each.ended_at is None]
    assert not still_open


async def test_adopting_again_changes_nothing(sqlite: AsyncEngine) -> None:
    """The program may break off after this step, and is run again."""
    old = first_half(3)
    await read(sqlite, old, name="old")
    await adoption.adopt(sqlite, {0: "new"}, mark=MARK, at=Instant(old[-1].at))
    once = await everything(sqlite)
    await adoption.adopt(sqlite, {0: "new"}, mark=MARK, at=Instant(old[-1].at))
    assert await everything(sqlite) == once


def test_only_a_callback_that_has_named_a_leg_gets_another_id() -> None:
    """Whoever ordered it by the API may know its id, and cancel it."""
    promised = OpenCallback(
        organization_id=OrganizationId("north"),
        callback_id=CallbackId("cb.1"),
        place_id=PlaceId("p.1"),
        department_id=DepartmentId("sales"),
        number="+79120000001",
        joined_at=Instant(1),
        origin=Origin.QUEUE,
    )
    again = promised.renamed(MARK)
    assert (again.callback_id, again.place_id) == ("cb.1", f"p.1@{MARK}")
    assert again.renamed(MARK) == again
