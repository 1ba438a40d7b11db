"""Two weeks of calls in two departments: as many figures as a company has, in a pattern that a day has."""

from collections.abc import Iterator
from typing import Final

from msgspec import structs

from contracts.ids import AgentId, DepartmentId
from contracts.message import Fact
from contracts.queue import PlaceAbandoned
from tests import offices
from tests.integration.console.past import VOSTOK
from tests.integration.history.harness import HistoryHarness
from tests.unit.history import stories
from tests.unit.history.stories import ANNA, BORIS, MOSCOW, SALES, SERVICE, VERA

DAYS: Final = 13
BEGIN_HOUR: Final = 11
"""The stories begin on a Friday at 11 in Moscow."""
BY_HOUR: Final = {9: 1, 10: 3, 11: 4, 12: 2, 13: 1, 14: 3, 15: 4, 16: 3, 17: 2, 18: 1}
WEEKEND: Final = (1, 2, 8, 9)
"""Days after the first, when the company is almost shut."""
TEAMS: Final[tuple[tuple[DepartmentId, tuple[AgentId, ...]], ...]] = (
    (SALES, (ANNA, VERA)),
    (SERVICE, (BORIS,)),
)


async def two_weeks(history: HistoryHarness) -> float:
    """Tell history of them; how many seconds after the stories' beginning the last one ends."""
    service = offices.department(SERVICE, MOSCOW, BORIS, name="Сервис", version=9)
    await history.tell(service, organization_id=VOSTOK)
    told = sorted(_calls(), key=lambda each: each[0])
    for at_s, fact in told:
        history.hear(fact, organization_id=VOSTOK, at_s=at_s)
    await history.project()
    return told[-1][0]


def _calls() -> Iterator[tuple[float, Fact]]:
    number = 0
    for day in range(DAYS):
        for hour, calls in BY_HOUR.items():
            for call in range(1 if day in WEEKEND else calls):
                at_s = (day * 24 + hour - BEGIN_HOUR) * 3_600 + call * 840.0
                if at_s >= 0:
                    number += 1
                    yield from _call(number, at_s, is_busy=calls > 3)


def _call(number: int, at_s: float, *, is_busy: bool) -> Iterator[tuple[float, Fact]]:
    leg = f"in.week.{number}"
    department_id, agents = TEAMS[number % 3 == 0]
    agent_id = agents[number % len(agents)]
    wait_s = (5 + number * 7 % 13) * (4 if is_busy and number % 2 else 1)
    yield at_s, stories.a_call(leg)
    yield at_s, stories.place(leg, department_id, at_s=at_s)
    if is_busy and number % 5 == 0:
        yield at_s + wait_s, PlaceAbandoned(place_id=stories.place(leg).place_id, waited_ms=wait_s * 1000)
        yield at_s + wait_s, stories.hung_up(leg)
        return
    if is_busy and number % 4 == 0:
        yield at_s + 30, structs.replace(stories.ordered(leg, at_s=at_s), department_id=department_id)
        yield at_s + 35, stories.hung_up(leg)
        yield at_s + 300, _offer(agent_id, leg, department_id)
        yield at_s + 304, stories.offer_accepted(agent_id, 1, leg)
        for fact in stories.attempt(agent_id, leg):
            yield at_s + 306, fact
        for fact in stories.callback_connected(agent_id, leg, at_s=320):
            yield at_s + 320, fact
        return
    yield at_s + 1, _offer(agent_id, leg, department_id)
    yield at_s + wait_s, stories.offer_accepted(agent_id, 1, leg)
    yield at_s + wait_s, stories.connected(agent_id, 1, leg, waited_ms=wait_s * 1000)
    yield at_s + wait_s + 180, stories.hung_up(leg)


def _offer(agent_id: AgentId, leg: str, department_id: DepartmentId) -> Fact:
    return structs.replace(stories.offer(agent_id, 1, leg), department_id=department_id)
