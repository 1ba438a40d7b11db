"""What somebody's own page shows: the call now, and earlier contacts of its customer (P4)."""

from litestar import Controller
from msgspec import Struct

from contracts.ids import CallbackId, Instant
from contracts.rights import Action
from services.history.activities import own_calls
from services.history.api.methods import get
from services.history.api.requests import CurrentPrincipal, InjectedParts
from services.history.rules import history_row
from services.history.rules.errors import Code, Refused
from services.history.rules.history_row import Row
from services.history.rules.own_call import Part, Stage
from services.history.state import Contact, ContactId


class OwnCall(Struct, frozen=True, kw_only=True):
    """The call in which somebody is; instants in ms."""

    contact_id: ContactId
    stage: Stage
    since_at: Instant
    """Since when it rings, is being connected, or goes on."""
    number: str | None
    caller: str
    """A colleague's name, for a call from inside."""
    department_label: str
    joined_at: Instant
    """Since when the customer has waited in the department, or called."""
    waited_ms: int | None
    """Until the answer; None before that."""
    callback_id: CallbackId | None
    """The callback that it is; None for the customer's own call."""
    earlier: tuple[Row, ...]
    """Contacts of the customer that began before, newest first: ten at most, as far as rights reach."""


class OwnCallNow(Struct, frozen=True, kw_only=True):
    """The call now; None while nothing rings and nobody talks."""

    call: OwnCall | None


class OwnPageRoutes(Controller):
    """What is one's own, for every role."""

    path = "/me"

    @get("/call", summary="The call in which one is now, and earlier contacts of its customer")
    async def call(self, parts: InjectedParts, principal: CurrentPrincipal) -> OwnCallNow:
        """Calls from inside are shown to whoever may read those. A program has no calls of its own."""
        await parts.authentication.require(principal, Action.HISTORY_READ, "me/call")
        if principal.agent_id is None:
            raise Refused(Code.PERSON_NEEDED)
        async with parts.engine.connect() as connection:
            part = await own_calls.own_part(connection, principal, principal.agent_id)
            if part is None:
                return OwnCallNow(call=None)
            earlier = await own_calls.earlier(connection, principal, part.contact)
        return OwnCallNow(call=_shown(part, earlier))


def _shown(part: Part, earlier: list[Contact]) -> OwnCall:
    contact, place, callback = part.contact, part.place, part.callback
    return OwnCall(
        contact_id=contact.contact_id,
        stage=part.stage,
        since_at=part.since_at,
        number=(contact.number if callback is None else callback.number) or None,
        caller="" if contact.caller is None else contact.caller.label,
        department_label="" if place is None else place.department.label,
        joined_at=contact.started_at if place is None else place.joined_at,
        waited_ms=part.waited_ms,
        callback_id=None if callback is None else callback.callback_id,
        earlier=tuple(history_row.row(each) for each in earlier),
    )
