"""Days and times in a zone as UTC intervals (E5, E6).

A local time that does not exist moves forward by the length of the gap, one that occurs twice is the first:
both as in RFC 5545, and both what Python's `fold=0` means.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from contracts.ids import Instant
from contracts.message import Interval
from tools.apply.model import Absence, Hours

DAYS_AHEAD: Final = 60
"""E5: hours travel sixty days ahead."""
MINUTES_PER_DAY: Final = 24 * 60
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def instant(day: date, minute: int, zone: str) -> Instant:
    """When a local day's minute is, 1440 being the next midnight."""
    moved = day + timedelta(days=minute // MINUTES_PER_DAY)
    hour, rest = divmod(minute % MINUTES_PER_DAY, 60)
    local = datetime.combine(moved, time(hour, rest), tzinfo=ZoneInfo(zone))
    return Instant((local.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1))


def today(now_at: Instant, zone: str) -> date:
    """The local date of an instant."""
    return (_EPOCH + timedelta(milliseconds=now_at)).astimezone(ZoneInfo(zone)).date()


def known_until(now_at: Instant, zone: str) -> Instant:
    """The midnight until which hours are written out: the same all day, so applying again changes nothing."""
    return instant(today(now_at, zone) + timedelta(days=DAYS_AHEAD), 0, zone)


def intervals(hours: Iterable[Hours], zone: str, now_at: Instant) -> tuple[Interval, ...]:
    """Weekly hours written out from yesterday's (a night shift may still be on) to `known_until`."""
    first = today(now_at, zone)
    end_at = known_until(now_at, zone)
    found = []
    for each in hours:
        until = each.to if each.to > each.from_ else each.to + MINUTES_PER_DAY
        for offset in range(-1, DAYS_AHEAD):
            day = first + timedelta(days=offset)
            if day.weekday() in each.days:
                until_at = min(end_at, instant(day, until, zone))
                found.append(Interval(from_at=instant(day, each.from_, zone), until_at=until_at))
    begin_at = instant(first, 0, zone)
    return joined(each for each in found if each.until_at is not None and each.until_at > begin_at)


def absences(listed: Iterable[Absence], zone: str, now_at: Instant) -> tuple[Interval, ...]:
    """Absences that are not over, as whole local days."""
    begin_at = instant(today(now_at, zone), 0, zone)
    found = (
        Interval(
            from_at=instant(each.from_, 0, zone),
            until_at=None if each.last_day is None else instant(each.last_day, MINUTES_PER_DAY, zone),
        )
        for each in listed
    )
    return joined(each for each in found if each.until_at is None or each.until_at > begin_at)


def joined(listed: Iterable[Interval]) -> tuple[Interval, ...]:
    """Intervals in order, those that touch or overlap as one, empty ones left out."""
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
