"""Statistics, with their formulas (H6)."""

from typing import Annotated

from litestar import Controller
from litestar.params import QueryParameter

from contracts.rights import Action
from services.history.activities.statistics import PERIOD_MS_MAX, figures
from services.history.api.methods import get
from services.history.api.periods import RequestedPeriod
from services.history.api.requests import CurrentPrincipal, InjectedParts
from services.history.rules.errors import Code, Refused
from services.history.rules.statistics import Figures

Seconds = Annotated[int, QueryParameter(ge=1, le=7 * 24 * 3600)]


class StatisticsRoutes(Controller):
    """Figures of departments and employees."""

    path = "/statistics"

    @get(summary="Figures of departments and employees, with their formulas", quota="reports")
    async def figures(
        self,
        parts: InjectedParts,
        principal: CurrentPrincipal,
        period: RequestedPeriod,
        service_level_s: Seconds = 20,
        voicemail_s: Seconds = 3600,
    ) -> Figures:
        """A year at most, from an instant or a day; `until_at` is not included, `until_day` is."""
        await parts.authentication.require(principal, Action.STATISTICS_READ, "statistics")
        if not period.has_end:
            raise Refused(Code.PERIOD_MISSING, field="until_at")
        if not 0 <= period.until_at - period.since_at <= PERIOD_MS_MAX:
            raise Refused(Code.PERIOD_UNUSABLE, field="until_at")
        async with parts.engine.connect() as connection:
            return await figures(
                connection,
                principal,
                since_at=period.since_at,
                until_at=period.until_at,
                service_level_s=service_level_s,
                voicemail_s=voicemail_s,
            )
