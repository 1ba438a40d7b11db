"""Days and times in a zone become UTC intervals that hold over every change of the clocks (E5, E6)."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.ids import Instant
from contracts.message import Interval
from services.directory.rules import employees, hours
from services.directory.rules.errors import shown
from services.directory.state.cards import Absence, Hours
from tests.unit.tools.offices import NOW, at

DAYS = {"mon-fri": (0, 1, 2, 3, 4), "mon-sun": (0, 1, 2, 3, 4, 5, 6), "sun": (6,)}


def weekly(days: str, begin: str, end: str) -> list[Hours]:
    """On these days from one time to another."""
    return [Hours(days=DAYS[days], from_minute=minute(begin), until_minute=minute(end))]


def minute(text: str) -> int:
    """Minutes since midnight."""
    hours_, minutes = text.split(":")
    return 60 * int(hours_) + int(minutes)


@pytest.mark.rule("E5")
def test_hours_in_moscow_begin_three_hours_earlier_in_utc() -> None:
    """Deciders only compare instants."""
    first, *_ = hours.intervals(weekly("mon-fri", "09:00", "18:00"), "Europe/Moscow", NOW)
    assert first == Interval(from_at=at("2026-11-23T06:00:00"), until_at=at("2026-11-23T15:00:00"))


@pytest.mark.rule("E5")
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


@pytest.mark.rule("E5")
def test_a_night_shift_that_began_yesterday_is_still_on() -> None:
    """Applying the file at one in the morning must not send the night shift home."""
    found = hours.intervals(weekly("sun", "22:00", "06:00"), "Europe/Moscow", at("2026-11-22T22:00:00"))
    assert found[0] == Interval(from_at=at("2026-11-22T19:00:00"), until_at=at("2026-11-23T03:00:00"))


@pytest.mark.rule("E5")
def test_whole_days_join_into_one_interval() -> None:
    """Midnight makes no gap."""
    found = hours.intervals(weekly("mon-sun", "00:00", "24:00"), "Europe/Moscow", NOW)
    assert len(found) == 1


@pytest.mark.rule("E5")
def test_a_time_that_does_not_exist_moves_forward() -> None:
    """On 28 March 2027 Berlin's clocks jump from 02:00 to 03:00: half past two is half past three."""
    found = hours.intervals(weekly("sun", "02:30", "10:00"), "Europe/Berlin", at("2027-03-22T08:00:00"))
    assert found[0] == Interval(from_at=at("2027-03-28T01:30:00"), until_at=at("2027-03-28T08:00:00"))


@pytest.mark.rule("E5")
def test_a_time_that_occurs_twice_is_the_first() -> None:
    """On 25 October 2026 Berlin has half past two twice; the first is still summer time."""
    found = hours.intervals(weekly("sun", "02:30", "10:00"), "Europe/Berlin", at("2026-10-19T08:00:00"))
    assert found[0] == Interval(from_at=at("2026-10-25T00:30:00"), until_at=at("2026-10-25T09:00:00"))


@pytest.mark.rule("E5")
def test_hours_inside_the_gap_of_a_clock_change_never_end_before_they_begin() -> None:
    """02:10 to 02:50 in the hour that does not exist becomes the same 40 minutes an hour later."""
    found = hours.intervals(weekly("sun", "02:10", "02:50"), "Europe/Berlin", at("2027-03-22T08:00:00"))
    assert all(each.until_at is not None and each.from_at < each.until_at for each in found)


@pytest.mark.rule("E6")
def test_an_absence_ends_by_itself_after_its_last_day() -> None:
    """E6: whole local days, the last one included."""
    (found,) = hours.absences(
        [Absence(first_day=date(2026, 12, 28), last_day=date(2027, 1, 8))],
        "Europe/Moscow",
        NOW,
    )
    assert found == Interval(from_at=at("2026-12-27T21:00:00"), until_at=at("2027-01-08T21:00:00"))


@pytest.mark.rule("E6")
def test_an_absence_without_a_last_day_has_no_end_and_a_past_one_is_left_out() -> None:
    """Past absences do not travel."""
    open_ended = Absence(first_day=date(2026, 12, 1))
    past = Absence(first_day=date(2026, 11, 1), last_day=date(2026, 11, 2))
    (found,) = hours.absences([past, open_ended], "Europe/Moscow", NOW)
    assert found.until_at is None


@pytest.mark.rule("E5")
def test_a_public_holiday_has_no_hours_for_those_who_keep_it() -> None:
    """On 1 January 2027, a Friday, agents in Russia who keep the holidays are not rung."""
    december = at("2026-12-28T08:00:00")
    open_ = hours.intervals(weekly("mon-fri", "09:00", "18:00"), "Europe/Moscow", december)
    closed = hours.intervals(weekly("mon-fri", "09:00", "18:00"), "Europe/Moscow", december, country="RU")
    new_year = at("2027-01-01T09:00:00")
    assert any(each.contains(new_year) for each in open_)
    assert not any(each.contains(new_year) for each in closed)


@pytest.mark.rule("E5")
@given(
    st.sampled_from(["Europe/Moscow", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    st.lists(
        st.builds(
            Hours,
            days=st.lists(st.integers(0, 6), min_size=1, max_size=7).map(tuple),
            from_minute=st.integers(0, 1439),
            until_minute=st.integers(0, 1440),
        ),
        max_size=5,
    ),
    st.integers(1_700_000_000_000, 1_900_000_000_000).map(Instant),
)
def test_intervals_are_in_order_apart_and_within_what_is_known(
    zone: str, week: list[Hours], now_at: Instant
) -> None:
    """This holds for any hours, zone and day: deciders search intervals by bisection."""
    found = hours.intervals(week, zone, now_at)
    ends = [each.until_at for each in found if each.until_at is not None]
    assert len(ends) == len(found)
    assert all(each.from_at < end for each, end in zip(found, ends, strict=True))
    assert all(end < later.from_at for end, later in zip(ends, found[1:], strict=False))
    assert not ends or ends[-1] <= hours.known_until(now_at, zone)


@pytest.mark.rule("E6")
@given(st.dates(), st.none() | st.dates(), st.sampled_from(["Pacific/Kiritimati", "Pacific/Pago_Pago"]))
def test_no_date_of_the_calendar_is_too_far(first_day: date, last_day: date | None, zone: str) -> None:
    """Year 1 and year 9999 are typing errors, and must not crash."""
    found = hours.absences([Absence(first_day=first_day, last_day=last_day)], zone, NOW)
    assert len(found) <= 1


def doubts(*week: Hours) -> list[tuple[str, str]]:
    """Code and place of a week's problems."""
    return [(str(each.code), each.field) for each in employees.week(week, "hours")]


@pytest.mark.rule("E5")
@pytest.mark.parametrize(
    ("days", "begin", "end"),
    [
        ("mon-fri", "22:00", "06:00"),
        ("mon-sun", "20:00", "08:00"),
        ("sun", "09:00", "00:00"),
        ("sun", "9:00", "24:00"),
    ],
)
def test_n10_a_night_shift_over_midnight_is_taken_as_it_stands(days: str, begin: str, end: str) -> None:
    """Guards and call centres work like this; midnight itself still belongs to the day."""
    assert doubts(*weekly(days, begin, end)) == []


@pytest.mark.rule("E5")
def test_p32_a_night_shift_is_as_long_as_the_clocks_make_it() -> None:
    """22:00 to 06:00 is eight hours, and nine in the night in which Berlin's clocks go back."""
    found = hours.intervals(weekly("mon-sun", "22:00", "06:00"), "Europe/Berlin", at("2026-10-23T12:00:00"))
    lengths = [(each.until_at - each.from_at) // 3_600_000 for each in found[:4] if each.until_at is not None]
    assert lengths == [8, 8, 9, 8]


@pytest.mark.rule("E5")
def test_n10_a_day_shift_whose_ends_were_swapped_is_saved_with_a_warning() -> None:
    """18:00 to 09:00 is fifteen hours: it is saved, with a warning for those who swapped the ends."""
    [problem] = employees.week(weekly("mon-fri", "18:00", "09:00"), "hours")
    assert (problem.code, problem.field, problem.is_warning) == ("hours_overnight", "hours.0", True)
    told = shown(problem)
    assert told.cause.en == "The hours 18:00–09:00 go over midnight and last 15 h."
    assert told.cause.ru == "Часы 18:00–09:00 переходят через полночь и длятся 15 ч."
    assert "swap" in told.remedy.en


@pytest.mark.rule("E5")
@pytest.mark.parametrize(
    ("first", "second", "is_double"),
    [
        (("mon-fri", "09:00", "18:00"), ("mon-fri", "17:00", "20:00"), True),
        (("mon-fri", "09:00", "18:00"), ("mon-sun", "10:00", "12:00"), True),
        (("mon-fri", "09:00", "13:00"), ("mon-fri", "13:00", "18:00"), False),
        (("mon-fri", "09:00", "18:00"), ("sun", "09:00", "18:00"), False),
        (
            ("sun", "22:00", "06:00"),
            ("mon-fri", "05:00", "09:00"),
            True,
        ),  # Sunday's night is Monday's morning
        (("sun", "22:00", "06:00"), ("mon-fri", "06:00", "09:00"), False),
        (("sun", "00:00", "24:00"), ("sun", "23:59", "24:00"), True),
    ],
)
def test_n10_hours_that_overlap_are_saved_with_a_warning(
    first: tuple[str, str, str], second: tuple[str, str, str], is_double: bool
) -> None:
    """Overlapping hours count once; only the author knows whether that is meant."""
    for week in ((first, second), (second, first)):
        found = doubts(*weekly(*week[0]), *weekly(*week[1]))
        assert found == ([("hours_overlap", "hours.1")] if is_double else [])


@given(
    st.lists(
        st.builds(
            Hours,
            days=st.lists(st.integers(0, 6), min_size=1, max_size=3, unique=True).map(tuple),
            from_minute=st.integers(0, 1439),
            until_minute=st.integers(1, 1440),
        ).filter(lambda each: each.from_minute != each.until_minute),
        min_size=2,
        max_size=2,
    )
)
def test_n10_hours_overlap_just_when_they_share_a_minute_of_the_week(week: list[Hours]) -> None:
    """Also over midnight, and over the end of the week."""
    one, other = week
    busy: tuple[set[int], set[int]] = (set(), set())
    for minutes, each in zip(busy, week, strict=True):
        for day in each.days:
            begin = day * 1440 + each.from_minute
            minutes.update((begin + step) % 10_080 for step in range(hours.length(each)))
    assert hours.overlap(one, other) == bool(busy[0] & busy[1])
