"""What a batch writes: the rows that changed, and no others; all of them where another process wrote."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from runtime.ports import LogRecord
from services.history.activities import tables
from services.history.activities.rebuild import empty
from services.history.rules import kept_contacts
from tests import offices
from tests.integration.history.harness import HistoryHarness
from tests.integration.history.logs import everything, morning
from tests.integration.history.test_projector import a_log, a_writer, in_one_go
from tests.unit.history import stories
from tests.unit.history.stories import ANNA, NORTH


@contextmanager
def statements(engine: AsyncEngine) -> Iterator[list[str]]:
    """What is asked of the database."""
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        found.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    yield found
    event.remove(engine.sync_engine, "before_cursor_execute", note)


async def test_a_call_that_goes_on_is_neither_read_back_nor_written_anew(
    harness_on_both: HistoryHarness,
) -> None:
    """At twenty calls a second that was two thirds of what history's process did."""
    harness = harness_on_both
    await harness.tell(*stories.the_cards(), stories.a_call("in1"), stories.place("in1"))
    await harness.tell(stories.offer(ANNA, 1), at_s=1)
    with statements(harness.engine) as asked:
        await harness.tell(stories.offer_accepted(ANNA, 1), at_s=2)
    assert [each for each in asked if each.startswith("DELETE") or "FROM contacts" in each] == []
    assert not any("INSERT INTO places" in each for each in asked), "the place stands as it stood"
    assert any(each.startswith("INSERT INTO contacts ") for each in asked)


async def test_rows_that_another_version_made_of_a_call_are_replaced_with_its_next_fact(
    harness_on_both: HistoryHarness,
) -> None:
    """A process that has only read a contact's document does not know its rows."""
    harness = harness_on_both
    await harness.tell(*stories.the_cards(), stories.a_call("in1"), stories.place("in1"))
    before = await everything(harness.engine)
    another = HistoryHarness(harness.engine)
    another.log = harness.log
    async with harness.engine.begin() as connection:
        row = {"organization_id": NORTH, "contact_id": "in1", "name": "leg:of.an.older.version"}
        await connection.execute(insert(tables.contact_names).values(**row))
    await another.project()
    await another.tell(stories.offer(ANNA, 1), at_s=1)
    assert (await everything(harness.engine))["contact_names"] == before["contact_names"]


@pytest.mark.rule("O1")
async def test_a_call_of_a_removed_organization_does_not_come_back_in_part(
    harness_on_both: HistoryHarness,
) -> None:
    """Its rows went without a fact, while the call was still under way."""
    harness = harness_on_both
    await harness.tell(*stories.the_cards(), stories.a_call("in1"), stories.place("in1"))
    await harness.tell(offices.organization(NORTH, version=99, is_suspended=True, is_removed=True), at_s=1)
    await harness.row_retention.sweep()
    await harness.tell(stories.offer(ANNA, 1), stories.hung_up("in1"), at_s=2)
    async with harness.engine.connect() as connection:
        for table in (
            tables.contacts,
            tables.contact_names,
            tables.places,
            tables.tries,
            tables.figure_cells,
        ):
            assert await connection.scalar(select(func.count()).select_from(table)) == 0, table.name


@pytest.mark.rule("H1", "H4")
async def test_the_tables_are_the_same_if_next_to_nothing_is_kept_in_memory(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More calls are under way than are kept: each batch finds some of its contacts, and reads the others."""
    records: tuple[LogRecord, ...] = morning(7)
    await in_one_go(engine, a_log(records))
    whole = await everything(engine)
    await empty(engine)
    monkeypatch.setattr(kept_contacts, "OPEN_MAX", 2)
    monkeypatch.setattr(kept_contacts, "ENDED_MAX", 1)
    writer = await a_writer(engine, a_log(records))
    while batch := records[writer.next_offset :][:20]:
        await writer.write(batch)
    assert await everything(engine) == whole
