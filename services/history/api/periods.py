"""The period of a request: instants in ms, or whole days by a zone's clock."""

from datetime import date, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from litestar.di import NamedDependency
from litestar.params import QueryParameter

from contracts.ids import Instant
from contracts.plain_text import LINE_PATTERN
from services.history.activities.repository import load_rights_cards
from services.history.api.requests import INSTANT_MAX, CurrentPrincipal, InjectedParts
from services.history.rules.errors import Code, Refused
from services.history.rules.period import Period, midnight

ZONE_LENGTH_MAX: Final = 64

At = Annotated[int, QueryParameter(ge=0, le=INSTANT_MAX, description="ms since 1970 UTC")]
Day = Annotated[date | None, QueryParameter(description="a day of the zone, as 2026-11-28")]
Zone = Annotated[
    str,
    QueryParameter(
        max_length=ZONE_LENGTH_MAX,
        pattern=LINE_PATTERN,
        description="whose days, as Europe/Moscow; else the organization's",
    ),
]


RequestedPeriod = NamedDependency[Period]


async def requested_period(
    parts: InjectedParts,
    principal: CurrentPrincipal,
    since_at: At = 0,
    until_at: At = INSTANT_MAX,
    since_day: Day = None,
    until_day: Day = None,
    zone: Zone = "",
) -> Period:
    """From `since_at` until just before `until_at`, or from a day to a day, both whole. Raises Refused."""
    if since_day is not None and since_at > 0:
        raise Refused(Code.PERIOD_TWICE, field="since_day")
    if until_day is not None and until_at < INSTANT_MAX:
        raise Refused(Code.PERIOD_TWICE, field="until_day")
    if zone:
        found = _zone(zone)
    else:
        async with parts.engine.connect() as connection:
            found = (await load_rights_cards(connection, principal.organization_id, None)).zone()
    since = Instant(since_at) if since_day is None else _midnight(since_day, found, "since_day")
    until = Instant(until_at) if until_day is None else _midnight(until_day, found, "until_day", days=1)
    # A day that ends before the next one begins is no empty period, but two days in the wrong order.
    is_reversed = since_day is not None and until_day is not None and since_day > until_day
    if since > until or is_reversed:
        raise Refused(Code.PERIOD_UNUSABLE, field="since_at" if since_day is None else "since_day")
    return Period(since_at=since, until_at=until, zone=found)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Refused(Code.ZONE_UNKNOWN, field="zone") from error


def _midnight(day: date, zone: ZoneInfo, field: str, *, days: int = 0) -> Instant:
    """The first instant of a day, or of one `days` later."""
    try:
        return midnight(day + timedelta(days=days), zone)
    except (OverflowError, ValueError) as error:
        raise Refused(Code.PERIOD_UNUSABLE, field=field) from error
