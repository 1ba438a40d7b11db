"""Places of callbacks: ordered, refused, tried, held and ended, as callback says."""

import msgspec

from contracts.callback import (
    AgentLost,
    AttemptFailed,
    CallbackCancelled,
    CallbackConfirmed,
    CallbackConnected,
    CallbackEnd,
    CallbackOrdered,
    CallbackRefused,
    CustomerHeld,
    CustomerJoined,
    JoinRefused,
    NumberChanged,
    OrderAbandoned,
    Origin,
)
from contracts.ids import AgentId, Instant, LegId
from contracts.log import TimerDue
from contracts.message import type_name
from contracts.queue import AgentReady, CallbackJoined, CallbackRequested, CallbackTakenOver
from runtime.decision import NOTHING, Decision
from services.queue.decider import (
    agents,
    announcements,
    answering,
    arrival,
    customers,
    deadline_reached,
    offer_records,
    place_end,
    quiet_hours,
)
from services.queue.rules import agent_selection
from services.queue.state import QueueState
from services.queue.state.records import LegKind, Phase, Place

DROPS_MAX = 3
"""C7: after three agents left during an attempt the place ranks by its joining time again."""


def apply_requested(state: QueueState, fact: CallbackRequested) -> None:
    """Callback speaks on the leg until it has said how the order went."""
    place = state.places[fact.place_id]
    state.places.change(place, is_ordering=True)


def apply_taken_over(state: QueueState, fact: CallbackTakenOver) -> None:
    """The callback's place gets the caller's leg and the later deadline; the place of the new call ends
    (C8)."""
    place_end.drop_place(state, state.places[fact.new_place_id])
    place = state.places[fact.place_id]
    put_on_line(state, place, fact.leg_id, fact.joined_at, fact.deadline_at, is_taken_over=True)


def put_on_line(
    state: QueueState,
    place: Place,
    leg_id: LegId,
    joined_at: Instant | None,
    deadline_at: Instant | None,
    *,
    is_taken_over: bool,
) -> None:
    """Put the customer's leg on a callback's place, which is the customer's own order from now on (C8,
    C12)."""
    leg = state.legs.get(leg_id)
    if leg is not None:
        state.legs.change(leg, place_id=place.place_id)
    place = msgspec.structs.replace(
        quiet_hours.release(state, place),
        leg_id=leg_id,
        joined_at=place.joined_at if joined_at is None else joined_at,
        is_answered=True,
        is_taken_over=is_taken_over,
        origin=place.origin and Origin.QUEUE,
    )
    _put_waiting(state, place, place.deadline_at if deadline_at is None else deadline_at)


def decide_taken_over(state: QueueState, fact: CallbackTakenOver) -> Decision:
    """Announce the position; the place may be offered with this leg."""
    place = state.places.get(fact.place_id)
    if place is None:
        return NOTHING
    return announcements.tell_position(state, place)


def apply_ordered(state: QueueState, fact: CallbackOrdered) -> None:
    """The callback holds the same place from now on (C2), unless its no-answer action has begun."""
    place = state.places.get(fact.place_id)
    if place is None or place.phase in (Phase.NO_ANSWER, Phase.FALLBACK):
        return
    state.drop_timer("invite", place.place_id)
    state.drop_timer("announce", place.place_id)
    place = msgspec.structs.replace(
        place,
        callback_id=fact.callback_id,
        caller=fact.number,
        is_ordering=False,
        existing_place_id=None,
        ordered_at=state.now_at,
    )
    state.places.put(customers.with_current_talk(state, place))
    if place.is_late:
        state.set_timer("patience", place.place_id, Instant(place.deadline_at + deadline_reached.PATIENCE_MS))


def decide_ordered(state: QueueState, fact: CallbackOrdered) -> Decision:
    """An agent who had accepted goes on with the callback if the caller has hung up (EC-27)."""
    place = state.places.get(fact.place_id)
    if place is None and fact.leg_id is None:
        return arrival.decide_order_without_call(state, fact)
    if place is None or place.callback_id is None:
        return NOTHING
    if place.phase is Phase.ACCEPTED and place.leg_id is None:
        return answering.ready(state, place)
    return NOTHING


def apply_number(state: QueueState, fact: NumberChanged) -> None:
    place = state.places.get(fact.place_id)
    if place is not None:
        state.places.change(place, caller=fact.number)


def decide_number(state: QueueState, fact: NumberChanged) -> Decision:
    """Somebody may be on the line from the new number just now."""
    place = state.places.get(fact.place_id)
    return NOTHING if place is None else customers.withdraw_if_engaged(state, place)


def apply_confirmed(state: QueueState, fact: CallbackConfirmed) -> None:
    """Merge a second order: the earlier joining time counts, with its deadline; the caller's leg moves here.

    Live callers are never merged: if this place already has a caller on the line, or an agent has accepted
    the new place, each leg stays where it is.
    """
    place = state.places.get(fact.place_id)
    if place is None or place.callback_id != fact.callback_id or place.phase is not Phase.WAITING:
        return
    if place.leg_id is not None:
        state.places.change(place, joined_at=fact.joined_at or place.joined_at)
        return
    new = state.places.get(fact.new_place_id)
    if new is None or new.leg_id is None or new.phase is not Phase.WAITING or new is place:
        place = msgspec.structs.replace(place, joined_at=fact.joined_at or place.joined_at)
        _put_waiting(state, place, fact.deadline_at or place.deadline_at)
        return
    state.places.change(new, leg_id=None)
    put_on_line(state, place, new.leg_id, fact.joined_at, fact.deadline_at, is_taken_over=False)


def decide_confirmed(state: QueueState, fact: CallbackConfirmed) -> Decision:
    """The number's first callback stands; the place of this call ends (C8).

    An agent who has accepted it meanwhile gets whoever is on the line; with one who has hung up it ends, too.
    """
    place = state.places.get(fact.new_place_id)
    if place is None or place.place_id == fact.place_id:
        return NOTHING
    if place.phase is Phase.ACCEPTED and place.leg_id is not None:
        return NOTHING
    return place_end.close(state, place, fact.callback_id, "confirmed")


def apply_not_ordered(state: QueueState, fact: CallbackRefused | OrderAbandoned) -> None:
    """The caller waits on as before."""
    place = state.places.get(fact.place_id)
    if place is not None:
        state.places.change(place, is_ordering=False)


def decide_not_ordered(state: QueueState, fact: CallbackRefused | OrderAbandoned) -> Decision:
    """A caller who hung up during the order has left."""
    place = state.places.get(fact.place_id)
    if place is None or place.callback_id is not None or place.leg_id is not None:
        return NOTHING
    return place_end.abandon(state, place) if place.phase in (Phase.WAITING, Phase.ACCEPTED) else NOTHING


def apply_ready(state: QueueState, fact: AgentReady) -> None:
    """Callback has agent and place until it says how the attempt went."""
    place = state.places[fact.place_id]
    state.drop_timer("bridge", place.place_id)
    state.places.change(place, phase=Phase.WITH_CALLBACK)


def _waiting(place: Place) -> Place:
    return msgspec.structs.replace(
        place,
        phase=Phase.WAITING,
        accepted_offer_id=None,
        agent_id=None,
        agent_leg_id=None,
        play_id=None,
        is_late=False,
        is_first=False,
        is_held=False,
        is_step_open=True,
        tried=(),
        round=place.round + 1,
        round_order=(),
    )


def _put_waiting(state: QueueState, place: Place, deadline_at: Instant) -> None:
    # A deadline that passed while the place had an agent acts now (C5).
    is_late = deadline_at <= state.now_at
    place = msgspec.structs.replace(place, deadline_at=deadline_at, is_late=is_late, calm_until_at=None)
    state.places.put(place)
    state.drop_timer("calm", place.place_id)
    if is_late:
        state.drop_timer("deadline", place.place_id)
        state.set_timer("patience", place.place_id, Instant(deadline_at + deadline_reached.PATIENCE_MS))
    else:
        state.set_timer("deadline", place.place_id, deadline_at)
        state.drop_timer("patience", place.place_id)


def _has_another(place: Place, agent_id: AgentId) -> bool:
    """Whether the place has its next agent already, so that a fact about the previous one is out of date."""
    return place.agent_id is not None and place.agent_id != agent_id


def apply_attempt_failed(state: QueueState, fact: AttemptFailed) -> None:
    """The place keeps its order and is not offered until the gap has passed (C6)."""
    agents.end_wait_for_callback(state, fact.agent_id)
    place = state.places.get(fact.place_id)
    if place is None or place.callback_id != fact.callback_id or _has_another(place, fact.agent_id):
        return
    if fact.next_attempt_at is None:
        # `callback.unreached` ends the place in the same step.
        state.drop_timer("deadline", place.place_id)
        state.places.change(place, phase=Phase.EXPIRED)
        return
    state.set_timer("held", place.place_id, fact.next_attempt_at)
    deadline_at = place.deadline_at if fact.give_up_at is None else fact.give_up_at
    held = msgspec.structs.replace(_waiting(place), held_until_at=fact.next_attempt_at)
    _put_waiting(state, quiet_hours.hold(state, held), deadline_at)


def apply_agent_lost(state: QueueState, fact: AgentLost) -> None:
    """The agent left before the customer answered: the place is first again, up to three times (C7).

    The agent who dropped comes after the others. If there are no others, the agent is rung again at once the
    first time; later times count as declined, so that others are served for ten seconds (Q8).
    """
    agents.end_wait_for_callback(state, fact.agent_id)
    place = state.places.get(fact.place_id)
    if place is None or place.callback_id != fact.callback_id or _has_another(place, fact.agent_id):
        return
    others = tuple(each for each in place.declined if each[0] != fact.agent_id)
    is_first_time = len(others) == len(place.declined)
    dropped_at = Instant(state.now_at - (agent_selection.DECLINE_MS if is_first_time else 0))
    if not is_first_time:
        offer_records.await_end_of_decline(state, place)
    first = msgspec.structs.replace(
        _waiting(place),
        is_first=place.drops + 1 < DROPS_MAX,
        drops=place.drops + 1,
        declined=(*others, (fact.agent_id, dropped_at)),
    )
    first = quiet_hours.hold(state, first)
    _put_waiting(state, first, place.deadline_at if fact.give_up_at is None else fact.give_up_at)


def apply_held(state: QueueState, fact: CustomerHeld) -> None:
    """The customer is on the line and gets the next free agent before everybody else (C7)."""
    place = state.places.get(fact.place_id)
    if place is None or place.callback_id != fact.callback_id:
        return
    agents.end_wait_for_callback(state, place.agent_id)
    leg = state.legs.get(fact.leg_id)
    if leg is None:  # over before callback spoke of it, which decides what comes next
        state.places.put(msgspec.structs.replace(_waiting(place), phase=Phase.WITH_CALLBACK))
        return
    first = msgspec.structs.replace(
        _waiting(place), is_first=True, is_held=True, leg_id=fact.leg_id, is_answered=True
    )
    state.legs.change(leg, kind=LegKind.CALLER, place_id=place.place_id, is_answered=True)
    state.drop_timer("held", place.place_id)
    state.drop_timer("quiet", place.place_id)
    _put_waiting(state, msgspec.structs.replace(first, held_until_at=None), fact.until_at)


def apply_held_over(state: QueueState, due: TimerDue) -> None:
    """The gap between two attempts, or the quiet hours, have passed."""
    place = state.places.get(due.subject)
    if place is not None:
        state.places.put(quiet_hours.hold(state, msgspec.structs.replace(place, held_until_at=None)))


def apply_connected(state: QueueState, fact: CallbackConnected) -> None:
    """Agent and customer talked: the place ends, and the agent's call counts as a department call."""
    activity = state.activity(fact.agent_id)
    if activity.leg_id == fact.agent_leg_id and activity.connected_at is None and not fact.by_other_call:
        state.activities.change(activity, connected_at=fact.bridged_at or state.now_at)
    apply_end(state, fact)


def apply_joined(state: QueueState, fact: CustomerJoined) -> None:
    new, leg = state.places.get(fact.new_place_id), state.legs.get(fact.leg_id)
    if new is not None:
        state.places.change(new, leg_id=None)
    if leg is not None:
        state.legs.change(leg, place_id=fact.place_id)


def decide_joined(state: QueueState, fact: CustomerJoined) -> Decision:
    """The place that the customer's own call took ends."""
    new = state.places.get(fact.new_place_id)
    return NOTHING if new is None else place_end.close(state, new, fact.callback_id, "joined")


def apply_join_refused(state: QueueState, fact: JoinRefused) -> None:
    """The caller waits in the new place as before."""
    place = state.places.get(fact.new_place_id)
    if place is not None:
        state.places.change(place, is_joining=False)


def apply_join_asked(state: QueueState, fact: CallbackJoined) -> None:
    """The caller is offered to no agent until callback has answered."""
    place = state.places[fact.new_place_id]
    state.places.change(place, is_joining=True)


def apply_end(state: QueueState, fact: CallbackEnd) -> None:
    """If the customer is on the line when the callback ends, the place may go on as a caller's."""
    customers.drop_apology(state, fact.callback_id)
    place = state.places.get(fact.place_id)
    if place is not None:
        agents.end_wait_for_callback(state, place.agent_id)
    if place is None or place.callback_id != fact.callback_id or not _keeps_line(place, fact):
        return
    place = msgspec.structs.replace(place, callback_id=None, is_taken_over=False)
    state.places.put(place)
    announcements.schedule_announcements(state, place)


def _keeps_line(place: Place, fact: CallbackEnd) -> bool:
    """Whether the customer has called again (C8) or was about to be bridged (C9), and so waits on."""
    stays = place.is_taken_over or (isinstance(fact, CallbackCancelled) and fact.keeps_line)
    return stays and place.leg_id is not None and place.phase in (Phase.WAITING, Phase.ACCEPTED)


def decide_end(state: QueueState, fact: CallbackEnd) -> Decision:
    """The place ends with its callback; an agent who had just accepted hears goodbye."""
    place = state.places.get(fact.place_id)
    if place is None or place.callback_id != fact.callback_id:
        return NOTHING
    outcome = type_name(fact).partition(".")[2]
    return place_end.close(state, place, fact.callback_id, outcome)
