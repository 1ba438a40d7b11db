"""Statistics of a period (H6)."""

from typing import Annotated

from litestar import Controller
from litestar.params import QueryParameter

from contracts.ids import Instant
from contracts.rights import Action
from services.history.activities.figures import PERIOD_MS_MAX, figures
from services.history.api.asked import INSTANT_MAX, Asking, Given
from services.history.api.methods import get
from services.history.rules.errors import Code, Refused
from services.history.rules.statistics import Figures

Since = Annotated[int, QueryParameter(ge=0, le=INSTANT_MAX, description="ms since 1970 UTC")]
Seconds = Annotated[int, QueryParameter(ge=1, le=7 * 24 * 3600)]


class StatisticsRoutes(Controller):
    """Figures of departments and employees."""

    path = "/statistics"

    @get(summary="Figures of departments and employees, with their formulas")
    async def figures(
        self,
        parts: Given,
        asker: Asking,
        since_at: Since,
        until_at: Since,
        service_level_s: Seconds = 20,
        voicemail_s: Seconds = 3600,
    ) -> Figures:
        """A year at most; `until_at` is not included."""
        await parts.askers.demand(asker, Action.STATISTICS_READ, "statistics")
        if not 0 <= until_at - since_at <= PERIOD_MS_MAX:
            raise Refused(Code.PERIOD_UNUSABLE, field="until_at")
        async with parts.engine.connect() as connection:
            return await figures(
                connection,
                asker,
                since_at=Instant(since_at),
                until_at=Instant(until_at),
                service_level_s=service_level_s,
                voicemail_s=voicemail_s,
            )
