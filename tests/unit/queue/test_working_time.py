"""Working hours and absences (E5, E6): the queue only compares instants."""

import pytest

from contracts import queue
from contracts.gateway import DeviceState
from contracts.ids import Instant
from contracts.message import Interval
from tests.unit.queue.stories import ANNA, BORIS, MINUTE, NINE, SECOND, an_office, by

HOUR = 60 * MINUTE


def at(ms: int) -> Instant:
    """The instant this long after nine."""
    return Instant(NINE + ms)


@pytest.mark.rule("E5")
def test_an_agent_without_hours_is_always_open() -> None:
    """By default an agent is always at work."""
    office = an_office(ANNA)
    office.calls("c1")
    assert office.ringing("c1") == [ANNA]


@pytest.mark.rule("E5")
def test_out_of_hours_an_agent_gets_no_department_calls_and_comes_by_the_clock() -> None:
    """A caller who waits when the hours begin is served at that moment."""
    office = an_office(ANNA, BORIS)
    office.saves(office.hours(ANNA, hours=(Interval(from_at=at(2 * MINUTE), until_at=at(HOUR)),)))
    office.phone_is(BORIS, DeviceState.IN_USE)
    office.calls("c1")
    office.waits(2 * MINUTE - 1)
    assert office.ringing("c1") == []
    office.waits(1)
    assert office.ringing("c1") == [ANNA]


@pytest.mark.rule("E5")
def test_hours_count_as_open_after_the_last_known_instant() -> None:
    """A directory that stops publishing hours must not close departments."""
    office = an_office(ANNA, BORIS)
    office.saves(office.hours(ANNA, hours=(), known_until_at=at(MINUTE)))
    office.phone_is(BORIS, DeviceState.IN_USE)
    office.calls("c1")
    assert office.ringing("c1") == []
    office.waits(MINUTE)
    assert office.ringing("c1") == [ANNA]


@pytest.mark.rule("E5")
def test_an_agent_who_works_with_a_break_is_not_rung_in_it() -> None:
    """Every start and end of an interval counts."""
    office = an_office(ANNA, BORIS, strategy=by("longest_idle"))
    lunch = (
        Interval(from_at=NINE, until_at=at(10 * MINUTE)),
        Interval(from_at=at(40 * MINUTE), until_at=at(HOUR)),
    )
    office.saves(office.hours(ANNA, hours=lunch))
    rung = []
    for name in ("before", "during", "after"):
        office.calls(name)
        rung.append(office.ringing(name)[0])
        office.hangs_up(name)
        office.waits(20 * MINUTE)
    assert rung == [ANNA, BORIS, ANNA]


@pytest.mark.rule("E6")
def test_an_absence_overrides_hours_and_ends_by_itself() -> None:
    """The absence ends on its end date by itself."""
    office = an_office(ANNA, BORIS)
    absence, day = Interval(from_at=NINE, until_at=at(MINUTE)), Interval(from_at=NINE, until_at=at(HOUR))
    office.saves(office.hours(ANNA, hours=(day,), absences=(absence,)))
    office.phone_is(BORIS, DeviceState.IN_USE)
    office.calls("c1")
    office.waits(MINUTE - 1)
    assert office.ringing("c1") == []
    office.waits(1)
    assert office.ringing("c1") == [ANNA]


@pytest.mark.rule("E6")
def test_an_absence_without_an_end_lasts_until_it_is_changed() -> None:
    """An absence may have no end date."""
    office = an_office(ANNA, BORIS)
    office.saves(office.hours(ANNA, absences=(Interval(from_at=NINE),)))
    office.phone_is(BORIS, DeviceState.IN_USE)
    office.calls("c1")
    office.waits(5 * MINUTE)
    assert office.ringing("c1") == []
    office.saves(office.hours(ANNA))
    assert office.ringing("c1") == [ANNA]


@pytest.mark.rule("E6")
def test_a_ring_that_began_before_an_absence_may_be_answered_in_it() -> None:
    """EC-12: the phone rings on; no new offer afterwards."""
    office = an_office(ANNA, BORIS)
    office.saves(office.department(ANNA))
    office.saves(office.hours(ANNA, absences=(Interval(from_at=at(10 * SECOND)),)))
    office.calls("c1")
    office.waits(15 * SECOND)
    office.answers(ANNA)
    assert office.last(queue.PlaceConnected).agent_id == ANNA
    office.finishes(ANNA)
    office.saves(office.department(ANNA, BORIS))
    office.calls("c2")
    assert office.ringing("c2") == [BORIS]


@pytest.mark.rule("E5")
def test_an_older_version_of_the_hours_changes_nothing() -> None:
    """The directory's facts may come twice and in any order."""
    office = an_office(ANNA)
    older = office.hours(ANNA, hours=())
    office.saves(office.hours(ANNA))
    office.saves(older)
    office.calls("c1")
    assert office.ringing("c1") == [ANNA]
