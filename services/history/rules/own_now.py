"""What somebody's own page shows (`GET /me/call`): what one does now, and the call in which one is (P4)."""

from collections.abc import Iterable

from msgspec import Struct

from contracts.ids import AgentId, CallbackId, Instant
from services.history.rules import history_row, live_shown
from services.history.rules.history_row import Row
from services.history.rules.live_shown import Pause
from services.history.rules.live_state import LiveState
from services.history.rules.own_call import Part, Stage
from services.history.state import Contact, ContactId


class OwnState(Struct, frozen=True, kw_only=True):
    """What one does, as colleagues see it; `not_offered` is what keeps one from places, None: nothing."""

    state: str
    since_at: Instant
    until_at: Instant | None
    not_offered: str | None
    pause: Pause | None


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


class OwnNow(Struct, frozen=True, kw_only=True):
    """As of `at`, history's clock. `state` None: nobody's phones are known by this name. `call` None: nothing
    rings, and nobody talks in a call that one may see."""

    at: Instant
    state: OwnState | None
    call: OwnCall | None


def state_of(state: LiveState, agent_id: AgentId, at: Instant) -> OwnState | None:
    """What an agent does at an instant."""
    found = live_shown.agent(state, agent_id, (), at)
    if found is None:
        return None
    return OwnState(
        state=found.state,
        since_at=found.since_at,
        until_at=found.until_at,
        not_offered=found.not_offered,
        pause=found.pause,
    )


def call_of(part: Part, earlier: Iterable[Contact]) -> OwnCall:
    """A part in a contact, with earlier contacts of its customer."""
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
