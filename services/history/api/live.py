"""The present of an organization, once or as it changes."""

from typing import Annotated, Any, Final

from litestar import Controller, Request
from litestar.params import HeaderParameter
from litestar.response import Stream

from services.history.api.methods import get
from services.history.api.requests import CurrentPrincipal, InjectedGate, InjectedParts
from services.history.rules.live_shown import Live

EVENT_ID_LENGTH_MAX: Final = 100
HEADERS: Final = {
    "Cache-Control": "no-store",
    # A proxy that gathers answers would show nothing for minutes.
    "X-Accel-Buffering": "no",
}
LastEventId = Annotated[
    str,
    HeaderParameter(
        name="Last-Event-ID",
        max_length=EVENT_ID_LENGTH_MAX,
        description="the id of the last event that has come: what has changed since then follows",
    ),
]


class LiveRoutes(Controller):
    """What happens now."""

    path = "/live"

    @get(summary="What happens now: departments, places, callbacks, agents, PBXs")
    async def now(self, parts: InjectedParts, principal: CurrentPrincipal) -> Live:
        """The present as far as rights reach (P1 to P4)."""
        return await parts.live.snapshot(principal)

    @get(
        "/events",
        summary="What happens now, and every change of it, as server-sent events",
        media_type="text/event-stream",
    )
    async def events(
        self,
        parts: InjectedParts,
        principal: CurrentPrincipal,
        gate: InjectedGate,
        request: Request[Any, Any, Any],
        last_event_id: LastEventId = "",
    ) -> Stream:
        """A snapshot, then changes; each event's `id` continues it, also at another replica."""
        claims = principal.claims
        login = "" if claims is None else claims.family or claims.token_id or ""
        scope: Any = request.scope
        await gate.stay(scope, organization_id=principal.organization_id, login=login)
        stream = await parts.live.open(principal, last_event_id)
        gate.at_end(scope, lambda: parts.live.leave(principal, stream))
        return Stream(stream.lines(), media_type="text/event-stream", headers=HEADERS)
