"""What was said of agents is kept as long as it is of use, and no longer."""

from msgspec import structs
from sqlalchemy import func, select

from contracts.directory import AgentPauseSaved, OrganizationSaved
from contracts.history import AccessRefused
from contracts.ids import AgentId, OrganizationId, PlaceId
from contracts.message import Fact
from contracts.queue import PlaceAbandoned
from services.history.activities import tables
from tests.integration.history.desk import Desk
from tests.unit.history import stories
from tests.unit.history.stories import ANNA, BORIS, VERA

DAY_S = 24 * 3600
SAID = tables.agent_changes


def paused(version: int, agent_id: AgentId = ANNA) -> Fact:
    return AgentPauseSaved(agent_id=agent_id, version=version, is_paused=bool(version % 2))


async def counted(desk: Desk) -> int:
    async with desk.engine.connect() as connection:
        return await connection.scalar(select(func.count()).select_from(SAID)) or 0


async def test_what_was_said_of_agents_goes_with_the_retention_and_what_still_holds_stays(
    desk_on_both: Desk,
) -> None:
    """A table that only grows ends an installation; an agent who paused a year ago is still paused."""
    desk = desk_on_both
    await desk.tell(*stories.the_book())
    begun = await counted(desk)
    await desk.tell(*(paused(number) for number in range(1, 6)), at_s=10)
    await desk.tell(paused(1, VERA), at_s=20)
    await desk.tell(*(paused(number) for number in range(6, 9)), at_s=20 * DAY_S)
    desk.clock.advance(29 * DAY_S)
    assert await desk.forgetting.round() == 0
    desk.clock.advance(2 * DAY_S)
    assert await desk.forgetting.round() == 4, "of Anna's first five the last one held until the sixth"
    assert await counted(desk) == begun + 1 + 1 + 3
    assert await desk.forgetting.round() == 0
    desk.clock.advance(365 * DAY_S)
    assert await desk.forgetting.round() == 3
    assert await counted(desk) == begun + 2


async def test_refusals_go_with_the_retention(desk_on_both: Desk) -> None:
    """A program that asks in vain each minute writes half a million a year."""
    desk = desk_on_both
    refusal = AccessRefused(by="token/crm", action="history.read", what="history")
    await desk.tell(*stories.the_book(), *(refusal for _ in range(501)), at_s=10)
    await desk.tell(refusal, at_s=20 * DAY_S)
    desk.clock.advance(29 * DAY_S)
    assert await desk.forgetting.round() == 0
    desk.clock.advance(2 * DAY_S)
    assert await desk.forgetting.round() == 501
    async with desk.engine.connect() as connection:
        left = await connection.scalar(select(func.count()).select_from(tables.refusals))
    assert left == 1


async def test_a_round_is_done_in_parts_and_whole(desk: Desk) -> None:
    """A year's backlog after an update neither stays nor holds the log up in one transaction."""
    await desk.tell(*stories.the_book())
    for first in range(1, 1_200, 400):
        await desk.tell(*(paused(number) for number in range(first, first + 400)), at_s=first)
    desk.clock.advance(31 * DAY_S)
    assert await desk.forgetting.round() == 1_199


async def test_each_organization_keeps_for_its_own_time(desk: Desk) -> None:
    """A day in one is no reason for another to lose what it said."""
    card = next(fact for fact in stories.the_book() if isinstance(fact, OrganizationSaved))
    short = structs.replace(card, organization_id=OrganizationId("south"), retention_days=1)
    await desk.tell(*stories.the_book(), paused(1), paused(2))
    await desk.tell(short, paused(1, BORIS), paused(2, BORIS), organization_id=OrganizationId("south"))
    desk.clock.advance(2 * DAY_S)
    assert await desk.forgetting.round() == 1


async def test_why_a_customer_waited_is_told_from_what_still_held(desk: Desk) -> None:
    """H7 a month later: who had paused long before is still said to have paused."""
    await desk.tell(*stories.the_book(), paused(1, ANNA), paused(1, VERA))
    await desk.tell(stories.a_call(), stories.place(at_s=20 * DAY_S), at_s=20 * DAY_S)
    await desk.tell(
        stories.hung_up("in1"),
        PlaceAbandoned(place_id=PlaceId("p.in1"), waited_ms=60_000),
        at_s=20 * DAY_S + 60,
    )
    async with desk.asking(BORIS) as boris:
        before = (await boris.get("/history/in1/why")).json()
        desk.clock.advance(35 * DAY_S)
        await desk.forgetting.round()
        assert (await boris.get("/history/in1/why")).json() == before
