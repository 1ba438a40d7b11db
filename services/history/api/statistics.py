"""Statistics, with their formulas (H6)."""

from typing import Annotated, Final

from litestar import Controller
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from contracts.ids import DepartmentId
from contracts.rights import Action
from services.history.activities.statistics import PERIOD_MS_MAX, Asked, figures
from services.history.api.filters import Ids, split_ids
from services.history.api.methods import get
from services.history.api.periods import RequestedPeriod
from services.history.api.requests import INSTANT_MAX, CurrentPrincipal, InjectedParts
from services.history.rules.errors import Code, Refused
from services.history.rules.figure_counts import STEPS_S
from services.history.rules.statistics import Figures

SECONDS_MAX: Final = 7 * 24 * 3600
Seconds = Annotated[int, QueryParameter(ge=1, le=SECONDS_MAX)]
Soon = Annotated[
    int,
    QueryParameter(
        ge=1,
        le=SECONDS_MAX,
        description="how soon an answer is in time: any second up to 60, then 65 … 120, 130 … 300, 330 … 900",
    ),
]
Compared = Annotated[bool, QueryParameter(description="with the period before")]

RequestedFigures = NamedDependency[Asked]


async def requested_figures(
    parts: InjectedParts,
    period: RequestedPeriod,
    department: Ids = "",
    service_level_s: Soon = 20,
    voicemail_s: Seconds = 3600,
    is_compared: Compared = False,
) -> Asked:
    """What is asked for: a year at most. Raises Refused."""
    if period.until_at >= INSTANT_MAX:
        raise Refused(Code.PERIOD_MISSING, field="until_at")
    if not 0 <= period.until_at - period.since_at <= PERIOD_MS_MAX:
        raise Refused(Code.PERIOD_UNUSABLE, field="until_at")
    if service_level_s not in STEPS_S:
        known = ", ".join(str(each) for each in STEPS_S)
        raise Refused(Code.FILTER_UNKNOWN, field="service_level_s", known=known)
    return Asked(
        period=period,
        previous=period.previous(parts.clock.now()) if is_compared else None,
        departments=tuple(DepartmentId(each) for each in split_ids(department, "department")),
        service_level_s=service_level_s,
        voicemail_s=voicemail_s,
    )


class StatisticsRoutes(Controller):
    """Figures of departments and employees, by day and by hour."""

    path = "/statistics"

    @get(summary="Figures of departments and employees, with their formulas", quota="reports")
    async def figures(
        self, parts: InjectedParts, principal: CurrentPrincipal, asked: RequestedFigures
    ) -> Figures:
        """A year at most, from an instant or a day; `until_at` is not included, `until_day` is."""
        await parts.authentication.require(principal, Action.STATISTICS_READ, "statistics")
        async with parts.engine.connect() as connection:
            return await figures(connection, principal, asked)
