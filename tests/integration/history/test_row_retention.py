"""Changes of agents are kept as long as they are of use, and no longer."""

import pytest
from msgspec import structs
from sqlalchemy import func, select

from contracts.directory import AgentPauseSaved, OrganizationSaved
from contracts.history import AccessRefused
from contracts.ids import AgentId, OrganizationId, PlaceId
from contracts.message import Fact
from contracts.queue import PlaceAbandoned
from services.history.activities import tables
from tests import offices
from tests.integration.history.harness import SOUTH, HistoryHarness, an_office
from tests.unit.history import stories
from tests.unit.history.stories import ANNA, BORIS, NORTH, VERA

DAY_S = 24 * 3600
SAID = tables.agent_changes


def paused(version: int, agent_id: AgentId = ANNA) -> Fact:
    return AgentPauseSaved(agent_id=agent_id, version=version, is_paused=bool(version % 2))


async def counted(harness: HistoryHarness) -> int:
    async with harness.engine.connect() as connection:
        return await connection.scalar(select(func.count()).select_from(SAID)) or 0


async def test_what_was_said_of_agents_goes_with_the_retention_and_what_still_holds_stays(
    harness_on_both: HistoryHarness,
) -> None:
    """A table that only grows ends an installation; an agent who paused a year ago is still paused."""
    harness = harness_on_both
    await harness.tell(*stories.the_cards())
    at_first = await counted(harness)
    await harness.tell(*(paused(number) for number in range(1, 6)), at_s=10)
    await harness.tell(paused(1, VERA), at_s=20)
    await harness.tell(*(paused(number) for number in range(6, 9)), at_s=20 * DAY_S)
    harness.clock.advance(29 * DAY_S)
    assert await harness.row_retention.sweep() == 0
    harness.clock.advance(2 * DAY_S)
    assert await harness.row_retention.sweep() == 4, "of Anna's first five the last one held until the sixth"
    assert await counted(harness) == at_first + 1 + 1 + 3
    assert await harness.row_retention.sweep() == 0
    harness.clock.advance(365 * DAY_S)
    assert await harness.row_retention.sweep() == 3
    assert await counted(harness) == at_first + 2


async def test_n13_refusals_go_with_the_retention(harness_on_both: HistoryHarness) -> None:
    """A program that is refused every minute makes half a million rows a year."""
    harness = harness_on_both
    refusal = AccessRefused(by="token/crm", action="history.read", what="history")
    await harness.tell(*stories.the_cards(), *(refusal for _ in range(501)), at_s=10)
    await harness.tell(refusal, at_s=20 * DAY_S)
    harness.clock.advance(29 * DAY_S)
    assert await harness.row_retention.sweep() == 0
    harness.clock.advance(2 * DAY_S)
    assert await harness.row_retention.sweep() == 501
    async with harness.engine.connect() as connection:
        left = await connection.scalar(select(func.count()).select_from(tables.refusals))
    assert left == 1


async def test_a_round_is_done_in_parts_and_whole(harness: HistoryHarness) -> None:
    """A year's backlog after an update neither stays nor holds the log up in one transaction."""
    await harness.tell(*stories.the_cards())
    for first in range(1, 1_200, 400):
        await harness.tell(*(paused(number) for number in range(first, first + 400)), at_s=first)
    harness.clock.advance(31 * DAY_S)
    assert await harness.row_retention.sweep() == 1_199


async def test_each_organization_keeps_for_its_own_time(harness: HistoryHarness) -> None:
    """A retention of a day in one organization must not remove another's rows."""
    card = next(fact for fact in stories.the_cards() if isinstance(fact, OrganizationSaved))
    short = structs.replace(card, organization_id=OrganizationId("south"), retention_days=1)
    await harness.tell(*stories.the_cards(), paused(1), paused(2))
    await harness.tell(short, paused(1, BORIS), paused(2, BORIS), organization_id=OrganizationId("south"))
    harness.clock.advance(2 * DAY_S)
    assert await harness.row_retention.sweep() == 1


async def test_why_a_customer_waited_is_told_from_what_still_held(harness: HistoryHarness) -> None:
    """H7 a month later: an agent who paused long before is still shown as paused."""
    await harness.tell(*stories.the_cards(), paused(1, ANNA), paused(1, VERA))
    await harness.tell(stories.a_call(), stories.place(at_s=20 * DAY_S), at_s=20 * DAY_S)
    await harness.tell(
        stories.hung_up("in1"),
        PlaceAbandoned(place_id=PlaceId("p.in1"), waited_ms=60_000),
        at_s=20 * DAY_S + 60,
    )
    async with harness.browser(BORIS) as boris:
        before = (await boris.get("/history/in1/why")).json()
        harness.clock.advance(35 * DAY_S)
        await harness.row_retention.sweep()
        assert (await boris.get("/history/in1/why")).json() == before


@pytest.mark.rule("O1", "V6")
async def test_of_a_removed_organization_audio_and_rows_go_and_the_other_one_keeps_its_own(
    harness_on_both: HistoryHarness,
) -> None:
    """First the audio, which rows lead to, then the rows; that it was removed stays, and nobody gets in."""
    harness = harness_on_both
    await an_office(harness)
    removed = offices.organization(NORTH, version=99, is_suspended=True, is_removed=True)
    await harness.tell(removed, at_s=60)
    async with harness.browser(ANNA) as browser:
        answer = await browser.get("/history")
    assert (answer.status_code, answer.json()["code"]) == (403, "organization_suspended")
    before = await rows_of(SOUTH, harness)
    assert await harness.row_retention.sweep() == 0
    await harness.audio_retention.sweep()
    await harness.project()
    assert await harness.row_retention.sweep() > 0
    assert await rows_of(NORTH, harness) == {"cards": 1}, "its card says that it was removed"
    assert await rows_of(SOUTH, harness) == before


async def rows_of(organization_id: OrganizationId, harness: HistoryHarness) -> dict[str, int]:
    found = {}
    async with harness.engine.connect() as connection:
        for table in tables.METADATA.sorted_tables:
            if "organization_id" in table.c:
                query = select(func.count()).where(table.c.organization_id == organization_id)
                found[table.name] = await connection.scalar(query) or 0
    return {name: count for name, count in found.items() if count}
