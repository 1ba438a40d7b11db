"""A period, and the one before it, in whole days of a zone where it has whole days."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from msgspec import Struct

from contracts.ids import Instant


class Period(Struct, frozen=True, kw_only=True):
    """From `since_at` until just before `until_at`; `zone` is the zone of its days."""

    since_at: Instant
    until_at: Instant
    zone: ZoneInfo

    def local(self, at: Instant) -> str:
        """An instant by the zone's clock, with its distance from UTC (ISO 8601)."""
        return _moment(at, self.zone).isoformat(timespec="seconds")

    def previous(self, now_at: Instant) -> "Period":
        """As many days directly before, or as long a time where it is not whole days.

        While the period goes on, as much time from the beginning of those: eleven hours of today are compared
        with the same eleven hours of yesterday.
        """
        first, last = _day(self.since_at, self.zone), _day(self.until_at, self.zone)
        if first is None or last is None:
            since_at = self.since_at - (self.until_at - self.since_at)
        else:
            since_at = midnight(first - (last - first), self.zone)
        until_at = self.since_at
        if self.since_at < now_at < self.until_at:
            until_at = Instant(min(until_at, since_at + now_at - self.since_at))
        return Period(since_at=Instant(max(0, since_at)), until_at=until_at, zone=self.zone)


def midnight(day: date, zone: ZoneInfo) -> Instant:
    """The first instant of a day."""
    return Instant(max(0, round(datetime.combine(day, time(), tzinfo=zone).timestamp() * 1000)))


def _day(at: Instant, zone: ZoneInfo) -> date | None:
    """The day that begins at an instant; None: it is no midnight."""
    day = _moment(at, zone).date()
    return day if midnight(day, zone) == at else None


def _moment(at: Instant, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(zone)
