"""The cost of a fact does not grow with the queue; it is counted in looks at records, not in time."""

from collections.abc import Iterator
from typing import Any

import pytest

from contracts import gateway, queue
from contracts.gateway import DeviceState, EndedBy, Outcome
from contracts.ids import LegId
from runtime.records import Table
from tests.unit.queue.stories import ANNA, BORIS, MOSCOW, SECOND, VERA, Office, an_office, by

STRATEGIES = ("ring_all", "longest_idle", "linear", "cumulative")


class Counted:
    """A table that counts the looks at its records."""

    def __init__(self, table: Table[Any]) -> None:
        self._table = table
        self.looks = 0

    def get(self, key: str) -> Any:
        self.looks += 1
        return self._table.get(key)

    def __getitem__(self, key: str) -> Any:
        self.looks += 1
        return self._table[key]

    def __contains__(self, key: object) -> bool:
        self.looks += 1
        return key in self._table

    def __iter__(self) -> Iterator[Any]:
        for record in self._table:
            self.looks += 1
            yield record

    def __len__(self) -> int:
        return len(self._table)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)


def looks(waiting: int, strategy: str, **settings: Any) -> int:
    """Count looks at places while agents become free, decline and talk, and callers come and go."""
    office = an_office(ANNA, BORIS, VERA, strategy=by(strategy), auto=False, **settings)
    office.watch.is_looking = False
    office.decider = office.plain_decider
    for agent_id in (ANNA, BORIS, VERA):
        office.phone_is(agent_id, DeviceState.IN_USE)
    for n in range(waiting):
        office.calls(f"c{n:05}", caller=None)
    counted = Counted(office.state.places)
    office.state.places = counted  # type: ignore[assignment]  # a table that also counts
    a_busy_minute(office, waiting)
    assert office.said(queue.PlaceConnected)
    return counted.looks


def a_busy_minute(office: Office, waiting: int) -> None:
    """The facts whose cost is counted."""
    office.phone_is(ANNA, DeviceState.IDLE)
    office.hears(office.leg_ended(office.offer_to(ANNA).legs[0].leg_id, Outcome.BUSY))
    office.waits(6 * SECOND)
    office.declines(ANNA)
    office.phone_is(BORIS, DeviceState.IDLE)
    office.answers(BORIS)
    office.hears(
        office.replies(next(c for c in reversed(office.commands) if "Bridge" in type(c).__name__))[0]
    )
    office.finishes(BORIS)
    office.hears(office.leg_ended(LegId(f"c{waiting - 1:05}"), Outcome.ABANDONED, EndedBy.PARTY))
    office.calls("new", caller="+79123456789")
    office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=LegId("new")))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_fact_costs_as_much_with_ten_thousand_places_as_with_ten(strategy: str) -> None:
    """A queue that becomes slower as it grows never empties."""
    assert looks(10_000, strategy) <= looks(10, strategy)


@pytest.mark.rule("Q13")
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_limit_of_phones_costs_nothing_with_a_long_queue(strategy: str) -> None:
    """When the limit is reached, the places that are left out are not looked at."""
    assert looks(10_000, strategy, legs_max=2) <= looks(10, strategy, legs_max=2)
