"""Pages of rows, one contact whole, and why its customer waited (H5, H7)."""

from typing import Final

from litestar import Controller

from contracts.ids import Instant
from contracts.rights import Action
from services.history.activities import queries, visibility, wait_explanation
from services.history.activities.queries import Key
from services.history.api import responses
from services.history.api.filters import RequestedFilters
from services.history.api.methods import get
from services.history.api.periods import RequestedPeriod
from services.history.api.requests import (
    CurrentPrincipal,
    Cursor,
    Id,
    InjectedParts,
    Limit,
    decoded_cursor,
    encoded_cursor,
)
from services.history.rules.errors import Code, Refused
from services.history.state import ContactId

DAY_MS: Final = 24 * 3600 * 1000


class HistoryRoutes(Controller):
    """Rows and contacts."""

    path = "/history"

    @get(summary="A page of history, newest first", quota="searches")
    async def listed(
        self,
        parts: InjectedParts,
        principal: CurrentPrincipal,
        filters: RequestedFilters,
        period: RequestedPeriod,
        after: Cursor = "",
        limit: Limit = 50,
    ) -> responses.Page:
        """The rows that match the filters, as far as rights reach (H5)."""
        await parts.authentication.require(principal, Action.HISTORY_READ, "history")
        found = decoded_cursor(after)
        key = None if found is None else Key(started_at=Instant(found[0]), contact_id=ContactId(found[1]))
        async with parts.engine.connect() as connection:
            contacts, last = await queries.page(connection, principal, filters, after=key, limit=limit)
        return responses.Page(
            rows=tuple(responses.row(each, period.local) for each in contacts),
            zone=period.zone.key,
            next=None if last is None else encoded_cursor(last.started_at, last.contact_id),
        )

    @get("/{contact_id:str}", summary="One contact, whole")
    async def one(
        self, parts: InjectedParts, principal: CurrentPrincipal, contact_id: Id
    ) -> responses.ContactShown:
        """A contact with its tries, places, callbacks, voice messages."""
        await parts.authentication.require(principal, Action.HISTORY_READ, f"history/{contact_id}")
        async with parts.engine.connect() as connection:
            found, is_there = await queries.contact(connection, principal, Action.HISTORY_READ, contact_id)
            if found is not None:
                near = await queries.same_number(connection, principal, found, around_ms=DAY_MS)
                goes_on = None
                if found.continued_in:
                    goes_on = await queries.contact_id_of(
                        connection, principal.organization_id, found.continued_in
                    )
                return responses.contact(
                    found, near, goes_on, may_hear=lambda each: visibility.is_heard_by(principal, each)
                )
        if is_there:
            await parts.authentication.refuse(principal, Action.HISTORY_READ, f"history/{contact_id}")
        raise Refused(Code.NOT_FOUND)

    @get("/{contact_id:str}/why", summary="Why did I wait? Second by second, agent by agent")
    async def why(self, parts: InjectedParts, principal: CurrentPrincipal, contact_id: Id) -> responses.Why:
        """Every place of the contact, and what kept each agent of the department from it (H7)."""
        await parts.authentication.require(principal, Action.HISTORY_READ, f"history/{contact_id}/why")
        async with parts.engine.connect() as connection:
            found, is_there = await queries.contact(connection, principal, Action.HISTORY_READ, contact_id)
            if found is not None:
                now = parts.clock.now()
                places = await wait_explanation.explain_waits(connection, principal, found, now=now)
                return responses.Why(places=places)
        if is_there:
            await parts.authentication.refuse(principal, Action.HISTORY_READ, f"history/{contact_id}/why")
        raise Refused(Code.NOT_FOUND)
