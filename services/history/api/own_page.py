"""What somebody's own page shows, once or as it changes (P4)."""

from typing import Any

from litestar import Controller, Request
from litestar.response import Stream

from contracts.rights import Action
from services.history.activities.authentication import Principal
from services.history.api.live import HEADERS
from services.history.api.methods import get
from services.history.api.requests import CurrentPrincipal, InjectedGate, InjectedParts, Parts
from services.history.rules.errors import Code, Refused
from services.history.rules.own_now import OwnNow


class OwnPageRoutes(Controller):
    """What is one's own, for every role."""

    path = "/me/call"

    @get(summary="What one does now, the call in which one is, and earlier contacts of its customer")
    async def call(self, parts: InjectedParts, principal: CurrentPrincipal) -> OwnNow:
        """Calls from inside are shown to whoever may read those. A program has no calls of its own."""
        await _require(parts, principal)
        return await parts.own.now(principal)

    @get(
        "/events",
        summary="The same, whole after every change, as server-sent events",
        media_type="text/event-stream",
    )
    async def events(
        self,
        parts: InjectedParts,
        principal: CurrentPrincipal,
        gate: InjectedGate,
        request: Request[Any, Any, Any],
    ) -> Stream:
        """Each event is all there is, so that whoever comes back names none."""
        await _require(parts, principal)
        claims = principal.claims
        scope: Any = request.scope
        login = "" if claims is None else claims.family or ""
        await gate.stay(scope, organization_id=principal.organization_id, login=login)
        stream = await parts.own.open(principal)
        gate.at_end(scope, lambda: parts.own.leave(principal, stream))
        return Stream(stream.lines(), media_type="text/event-stream", headers=HEADERS)


async def _require(parts: Parts, principal: Principal) -> None:
    await parts.authentication.require(principal, Action.HISTORY_READ, "me/call")
    if principal.agent_id is None:
        raise Refused(Code.PERSON_NEEDED)
