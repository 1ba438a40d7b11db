"""Days and times in a zone as UTC intervals (E5, E6).

A local time that does not exist moves forward by the length of the gap; of one that occurs twice the first
counts. Both are as in RFC 5545, and what Python's `fold=0` means.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import holidays as public_holidays

from contracts.ids import Instant
from contracts.message import Interval
from services.directory.state.cards import Absence, Hours

DAYS_AHEAD: Final = 60
"""E5: hours travel sixty days ahead."""
MINUTES_PER_DAY: Final = 24 * 60
MINUTES_PER_WEEK: Final = 7 * MINUTES_PER_DAY
_DAY_MIN: Final = date(1971, 1, 1)
_DAY_MAX: Final = date(2199, 12, 31)
"""Later means for ever: beyond Python's first and last dates no zone can be converted."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def is_zone(name: str) -> bool:
    """Whether the time zone exists."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # A name may also be a folder of zones, or lead out of it.
        return False
    return True


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """Every time zone."""
    return frozenset(available_timezones())


def crosses_midnight(hours: Hours) -> bool:
    """Whether these hours end after midnight; midnight itself still belongs to the day."""
    return 0 < hours.until_minute < hours.from_minute


def length(hours: Hours) -> int:
    """How many minutes these hours last."""
    length_ = hours.until_minute - hours.from_minute
    return length_ if length_ > 0 else length_ + MINUTES_PER_DAY


def overlap(one: Hours, other: Hours) -> bool:
    """Whether both apply at some time of the week, the night after a day included."""
    return any(
        (second + other.from_minute - first - one.from_minute) % MINUTES_PER_WEEK < length(one)
        or (first + one.from_minute - second - other.from_minute) % MINUTES_PER_WEEK < length(other)
        for first in (day * MINUTES_PER_DAY for day in one.days)
        for second in (day * MINUTES_PER_DAY for day in other.days)
    )


def text(hours: Hours) -> str:
    """The hours as people write them: 09:00–18:00."""
    begin, end = (f"{minute // 60:02}:{minute % 60:02}" for minute in (hours.from_minute, hours.until_minute))
    return f"{begin}–{end}"  # a span has a dash


def has_holidays(country: str) -> bool:
    """Whether a country's public holidays are known."""
    return country in public_holidays.list_supported_countries(include_aliases=False)


@lru_cache(maxsize=64)
def holidays(country: str, first: date, days: int) -> frozenset[date]:
    """A country's public holidays within `days` from `first`."""
    last = first + timedelta(days=days)
    found = public_holidays.country_holidays(country, years=range(first.year, last.year + 1))
    return frozenset(day for day in found if first <= day <= last)


def instant(day: date, minute: int, zone: str) -> Instant:
    """The instant of a local day's minute; 1440 is the next midnight."""
    moved = day + timedelta(days=minute // MINUTES_PER_DAY)
    hour, rest = divmod(minute % MINUTES_PER_DAY, 60)
    local = datetime.combine(moved, time(hour, rest), tzinfo=ZoneInfo(zone))
    return Instant((local.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1))


def local_day(now_at: Instant, zone: str) -> date:
    """The local date of an instant."""
    return (_EPOCH + timedelta(milliseconds=now_at)).astimezone(ZoneInfo(zone)).date()


def known_until(now_at: Instant, zone: str) -> Instant:
    """The midnight until which hours are expanded: the same all day, so saving again changes nothing."""
    return instant(local_day(now_at, zone) + timedelta(days=DAYS_AHEAD), 0, zone)


def intervals(
    week: Iterable[Hours], zone: str, now_at: Instant, *, country: str | None = None
) -> tuple[Interval, ...]:
    """Weekly hours as intervals from yesterday (a night shift may still be on) to `known_until`.

    A `country`'s public holidays have no hours; a shift that began the evening before ends as usual.
    """
    first = local_day(now_at, zone)
    end_at = known_until(now_at, zone)
    closed: Collection[date] = frozenset()
    if country is not None:
        closed = holidays(country, first - timedelta(days=1), DAYS_AHEAD + 1)
    found = []
    for each in week:
        until = each.until_minute
        if until <= each.from_minute:
            until += MINUTES_PER_DAY
        for day in _days(first, each.days):
            if day not in closed:
                until_at = min(end_at, instant(day, until, zone))
                found.append(Interval(from_at=instant(day, each.from_minute, zone), until_at=until_at))
    begin_at = instant(first, 0, zone)
    return joined(each for each in found if each.until_at is not None and each.until_at > begin_at)


def _days(first: date, weekdays: Collection[int]) -> Iterator[date]:
    for offset in range(-1, DAYS_AHEAD):
        day = first + timedelta(days=offset)
        if day.weekday() in weekdays:
            yield day


def absences(listed: Iterable[Absence], zone: str, now_at: Instant) -> tuple[Interval, ...]:
    """Current and coming absences, as whole local days."""
    begin_at = instant(local_day(now_at, zone), 0, zone)
    found = (
        Interval(
            from_at=instant(min(max(each.first_day, _DAY_MIN), _DAY_MAX), 0, zone),
            until_at=None
            if each.last_day is None or each.last_day > _DAY_MAX
            else instant(max(each.last_day, _DAY_MIN), MINUTES_PER_DAY, zone),
        )
        for each in listed
    )
    return joined(each for each in found if each.until_at is None or each.until_at > begin_at)


def joined(listed: Iterable[Interval]) -> tuple[Interval, ...]:
    """Intervals in order, merged where they touch or overlap, without empty ones."""
    found: list[Interval] = []
    for each in sorted(listed, key=lambda interval: interval.from_at):
        if each.until_at is not None and each.until_at <= each.from_at:
            continue
        last = found[-1] if found else None
        if last is None or (last.until_at is not None and last.until_at < each.from_at):
            found.append(each)
        elif last.until_at is not None and (each.until_at is None or each.until_at > last.until_at):
            found[-1] = Interval(from_at=last.from_at, until_at=each.until_at)
    return tuple(found)
