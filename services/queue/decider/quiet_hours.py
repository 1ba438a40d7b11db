"""Quiet hours hold back callbacks that were not ordered in a call: no agent is rung for them (C11, C12)."""

import msgspec

from contracts import dialling
from contracts.callback import Origin
from contracts.ids import Instant
from contracts.log import TimerDue
from runtime.decision import NOTHING, Decision
from services.queue.decider import offer_records
from services.queue.state import QueueState
from services.queue.state.records import Phase, Place

QUIET = "quiet_hours"


def hold(state: QueueState, place: Place) -> Place:
    """The place, held until quiet hours end; outside them, set the timer for their beginning.

    A customer on the line is never held back.
    """
    if place.origin in (None, Origin.QUEUE) or place.leg_id is not None:
        return place
    department = state.departments.get(place.department_id)
    timezone = "UTC" if department is None else department.saved.timezone
    until_at = dialling.quiet_until(state.now_at, timezone)
    if until_at is None:
        state.set_timer("quiet", place.place_id, dialling.quiet_from(state.now_at, timezone))
        return place
    state.drop_timer("quiet", place.place_id)
    held_until_at = Instant(max(until_at, place.held_until_at or 0))
    state.set_timer("held", place.place_id, held_until_at)
    return msgspec.structs.replace(place, held_until_at=held_until_at)


def release(state: QueueState, place: Place) -> Place:
    """The place of a customer who has come on the line, held back neither by quiet hours nor by a gap."""
    state.drop_timer("held", place.place_id)
    state.drop_timer("quiet", place.place_id)
    return msgspec.structs.replace(place, held_until_at=None)


def apply_begin(state: QueueState, due: TimerDue) -> None:
    """Quiet hours begin: a waiting place is held; callback ends one that has an agent."""
    place = state.places.get(due.subject)
    if place is not None and place.phase is Phase.WAITING:
        state.places.put(hold(state, place))


def decide_begin(state: QueueState, due: TimerDue) -> Decision:
    """Withdraw the offers: the customer may not be dialled now."""
    place = state.places.get(due.subject)
    if place is None or place.phase is not Phase.WAITING or place.leg_id is not None:
        return NOTHING
    return offer_records.withdraw_all(state, place, QUIET)
