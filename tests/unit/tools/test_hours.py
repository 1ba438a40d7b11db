"""Days and times in a zone become UTC intervals that hold over every change of the clocks (E5, E6)."""

from datetime import date

import pytest

from contracts.message import Interval
from tests.unit.tools.offices import NOW, at
from tools.apply import hours
from tools.apply.model import Absence, Hours


def weekly(days: str, begin: str, end: str) -> list[Hours]:
    return [Hours.model_validate({"days": days, "from": begin, "to": end})]


def test_hours_in_moscow_begin_three_hours_earlier_in_utc() -> None:
    """The deciders only compare instants."""
    first, *_ = hours.intervals(weekly("mon-fri", "09:00", "18:00"), "Europe/Moscow", NOW)
    assert first == Interval(from_at=at("2026-11-23T06:00:00"), until_at=at("2026-11-23T15:00:00"))


def test_hours_reach_sixty_days_ahead_and_no_further() -> None:
    """E5: sixty days, and applying again on the same day changes nothing."""
    found = hours.intervals(weekly("mon-sun", "09:00", "18:00"), "Europe/Moscow", NOW)
    assert len(found) == 60
    assert found[-1].until_at is not None
    assert found[-1].until_at <= hours.known_until(NOW, "Europe/Moscow")
    assert (
        hours.intervals(weekly("mon-sun", "09:00", "18:00"), "Europe/Moscow", at("2026-11-23T15:00:00"))
        == found
    )


def test_a_night_shift_that_began_yesterday_is_still_on() -> None:
    """Who applies the file at one in the morning must not send the night shift home."""
    found = hours.intervals(weekly("sun", "22:00", "06:00"), "Europe/Moscow", at("2026-11-22T22:00:00"))
    assert found[0] == Interval(from_at=at("2026-11-22T19:00:00"), until_at=at("2026-11-23T03:00:00"))


def test_whole_days_join_into_one_interval() -> None:
    """Midnight is no gap."""
    found = hours.intervals(weekly("mon-sun", "00:00", "24:00"), "Europe/Moscow", NOW)
    assert len(found) == 1


def test_a_time_that_does_not_exist_moves_forward() -> None:
    """On 28 March 2027 Berlin's clocks jump from 02:00 to 03:00: half past two is half past three."""
    found = hours.intervals(weekly("sun", "02:30", "10:00"), "Europe/Berlin", at("2027-03-22T08:00:00"))
    assert found[0] == Interval(from_at=at("2027-03-28T01:30:00"), until_at=at("2027-03-28T08:00:00"))


def test_a_time_that_occurs_twice_is_the_first() -> None:
    """On 25 October 2026 Berlin has half past two twice; the first is still summer time."""
    found = hours.intervals(weekly("sun", "02:30", "10:00"), "Europe/Berlin", at("2026-10-19T08:00:00"))
    assert found[0] == Interval(from_at=at("2026-10-25T00:30:00"), until_at=at("2026-10-25T09:00:00"))


def test_hours_inside_the_gap_of_a_clock_change_never_end_before_they_begin() -> None:
    """From 02:10 to 02:50 in the hour that does not exist: it is that hour's 40 minutes, moved."""
    found = hours.intervals(weekly("sun", "02:10", "02:50"), "Europe/Berlin", at("2027-03-22T08:00:00"))
    assert all(each.until_at is not None and each.from_at < each.until_at for each in found)


def test_an_absence_ends_by_itself_after_its_last_day() -> None:
    """E6: whole local days, the last one included."""
    (found,) = hours.absences(
        [Absence.model_validate({"from": date(2026, 12, 28), "last_day": date(2027, 1, 8)})],
        "Europe/Moscow",
        NOW,
    )
    assert found == Interval(from_at=at("2026-12-27T21:00:00"), until_at=at("2027-01-08T21:00:00"))


def test_an_absence_without_a_last_day_has_no_end_and_a_past_one_is_left_out() -> None:
    """What is over does not travel."""
    open_ended = Absence.model_validate({"from": date(2026, 12, 1)})
    past = Absence.model_validate({"from": date(2026, 11, 1), "last_day": date(2026, 11, 2)})
    (found,) = hours.absences([past, open_ended], "Europe/Moscow", NOW)
    assert found.until_at is None


@pytest.mark.parametrize(("days", "wanted"), [("fri-mon", (0, 4, 5, 6)), ("mon, wed", (0, 2)), ("sun", (6,))])
def test_days_are_spans_and_lists(days: str, wanted: tuple[int, ...]) -> None:
    """A weekend shift reads as people say it."""
    assert weekly(days, "09:00", "18:00")[0].days == wanted
