"""What callback says of a place: ordered, refused, tried, held, ended; whose the agent is meanwhile."""

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
    NumberChanged,
    OrderAbandoned,
    Origin,
)
from contracts.ids import AgentId, Instant
from contracts.log import TimerDue
from contracts.message import type_name
from contracts.queue import AgentReady, CallbackRequested, CallbackTakenOver
from runtime.decision import NOTHING, Decision, together
from services.queue.decider import answering, arrival, ending, offering, quiet, talks, telling
from services.queue.state import QueueState
from services.queue.state.records import Leg, LegKind, Phase, Place


def apply_requested(state: QueueState, fact: CallbackRequested) -> None:
    """Callback speaks on the leg until it has said how the order went."""
    place = state.places[fact.place_id]
    state.places.put(msgspec.structs.replace(place, is_ordering=True))


def apply_taken_over(state: QueueState, fact: CallbackTakenOver) -> None:
    """The callback's place has a caller again; the place taken with the new call ends (C8)."""
    ending.drop_place(state, state.places[fact.new_place_id])
    place = state.places[fact.place_id]
    leg = state.legs.get(fact.leg_id)
    if leg is not None:
        state.legs.put(msgspec.structs.replace(leg, place_id=place.place_id))
    back = msgspec.structs.replace(place, leg_id=fact.leg_id, is_answered=True, is_taken_over=True)
    state.places.put(quiet.woken(state, back))


def decide_taken_over(state: QueueState, fact: CallbackTakenOver) -> Decision:
    """Tell where the customer stands; the place may be offered with this leg."""
    place = state.places.get(fact.place_id)
    if place is None:
        return NOTHING
    told = telling.tell_position(state, place)
    return together((told, ending.if_late(state, place), offering.serve(state, (place.department_id,))))


def apply_ordered(state: QueueState, fact: CallbackOrdered) -> None:
    """The same place, held by the callback from now on (C2); one that goes to its action already does."""
    place = state.places.get(fact.place_id)
    if place is None or place.phase in (Phase.NO_ANSWER, Phase.FALLBACK):
        return
    state.drop_timer("invite", place.place_id)
    state.drop_timer("announce", place.place_id)
    place = msgspec.structs.replace(
        place, callback_id=fact.callback_id, caller=fact.number, is_ordering=False, existing_place_id=None
    )
    state.places.put(talks.joined(state, place))


def decide_ordered(state: QueueState, fact: CallbackOrdered) -> Decision:
    """An agent who had accepted goes on with the callback if the caller has hung up meanwhile (E-27)."""
    place = state.places.get(fact.place_id)
    if place is None and fact.origin is not Origin.QUEUE:
        return arrival.decide_asked(state, fact)
    if place is None or place.callback_id is None:
        return NOTHING
    if place.phase is Phase.ACCEPTED and place.leg_id is None:
        return answering.ready(state, place)
    return together((ending.if_late(state, place), offering.serve(state, (place.department_id,))))


def apply_number(state: QueueState, fact: NumberChanged) -> None:
    """The customer will be called at another number."""
    place = state.places.get(fact.place_id)
    if place is not None:
        state.places.put(msgspec.structs.replace(place, caller=fact.number))


def decide_number(state: QueueState, fact: NumberChanged) -> Decision:
    """The other number may be of somebody who is not talking to anybody (E-30)."""
    place = state.places.get(fact.place_id)
    if place is None:
        return NOTHING
    return together((ending.if_late(state, place), offering.serve(state, (place.department_id,))))


def decide_confirmed(state: QueueState, fact: CallbackConfirmed) -> Decision:
    """The number's first callback stands; the place of this call ends (C8)."""
    place = state.places.get(fact.new_place_id) if fact.new_place_id is not None else None
    if place is None or place.place_id == fact.place_id:
        return NOTHING
    return ending.close(state, place, fact.callback_id, "confirmed")


def apply_not_ordered(state: QueueState, fact: CallbackRefused | OrderAbandoned) -> None:
    """The wait goes on as before."""
    place = state.places.get(fact.place_id)
    if place is not None:
        state.places.put(msgspec.structs.replace(place, is_ordering=False))


def decide_not_ordered(state: QueueState, fact: CallbackRefused | OrderAbandoned) -> Decision:
    """Who hung up meanwhile has left; a deadline that came meanwhile is due now."""
    place = state.places.get(fact.place_id)
    if place is None or place.callback_id is not None:
        return NOTHING
    if place.leg_id is None and place.phase in (Phase.WAITING, Phase.ACCEPTED):
        return ending.abandon(state, place)
    return ending.if_over(state, place)


def apply_ready(state: QueueState, fact: AgentReady) -> None:
    """Agent and place are callback's until it says how the attempt went."""
    place = state.places[fact.place_id]
    state.drop_timer("bridge", place.place_id)
    state.places.put(msgspec.structs.replace(place, phase=Phase.WITH_CALLBACK))


def _waiting(place: Place) -> Place:
    return msgspec.structs.replace(
        place,
        phase=Phase.WAITING,
        accepted_offer_id=None,
        agent_id=None,
        agent_leg_id=None,
        play_id=None,
        is_late=False,
        is_step_open=True,
        tried=(),
        round=place.round + 1,
        round_order=(),
    )


def _put_waiting(state: QueueState, place: Place, deadline_at: Instant) -> None:
    # A deadline that passed while an agent was there changed nothing then; it does now (C5).
    is_late = deadline_at <= state.now_at
    state.places.put(msgspec.structs.replace(place, deadline_at=deadline_at, is_late=is_late))
    if is_late:
        state.drop_timer("deadline", place.place_id)
    else:
        state.set_timer("deadline", place.place_id, deadline_at)


def _has_another(place: Place, agent_id: AgentId) -> bool:
    """Whether the next agent is there already: what callback says of the one before is old news."""
    return place.agent_id is not None and place.agent_id != agent_id


def apply_attempt_failed(state: QueueState, fact: AttemptFailed) -> None:
    """The place keeps its order and is not offered until the gap is over (C6)."""
    place = state.places.get(fact.place_id)
    if place is None or place.callback_id != fact.callback_id or _has_another(place, fact.agent_id):
        return
    if fact.next_attempt_at is None:
        # `callback.unreached` ends the place in the same step.
        state.drop_timer("deadline", place.place_id)
        state.places.put(msgspec.structs.replace(place, phase=Phase.EXPIRED))
        return
    state.set_timer("held", place.place_id, fact.next_attempt_at)
    deadline_at = place.deadline_at if fact.give_up_at is None else fact.give_up_at
    held = msgspec.structs.replace(_waiting(place), held_until_at=fact.next_attempt_at)
    _put_waiting(state, quiet.kept(state, held), deadline_at)


def apply_agent_lost(state: QueueState, fact: AgentLost) -> None:
    """The agent went before the customer answered: first again (C7)."""
    place = state.places.get(fact.place_id)
    if place is None or place.callback_id != fact.callback_id or _has_another(place, fact.agent_id):
        return
    first = msgspec.structs.replace(_waiting(place), is_first=True)
    first = quiet.kept(state, first)
    _put_waiting(state, first, place.deadline_at if fact.give_up_at is None else fact.give_up_at)


def apply_held(state: QueueState, fact: CustomerHeld) -> None:
    """The customer is on the line and waits for the next free agent, before everybody (C7)."""
    place = state.places.get(fact.place_id)
    if place is None or place.callback_id != fact.callback_id:
        return
    first = msgspec.structs.replace(_waiting(place), is_first=True, leg_id=fact.leg_id, is_answered=True)
    state.legs.put(Leg(fact.leg_id, LegKind.CALLER, place.pbx_id, place.place_id, is_answered=True))
    state.drop_timer("held", place.place_id)
    state.drop_timer("quiet", place.place_id)
    _put_waiting(state, msgspec.structs.replace(first, held_until_at=None), fact.until_at)


def apply_held_over(state: QueueState, due: TimerDue) -> None:
    """The gap between two attempts is over."""
    place = state.places.get(due.subject)
    if place is not None:
        state.places.put(quiet.kept(state, msgspec.structs.replace(place, held_until_at=None)))


def decide_waiting_again(state: QueueState, fact: AttemptFailed | AgentLost | CustomerHeld) -> Decision:
    """The place waits; the next free agent may be there already."""
    place = state.places.get(fact.place_id)
    if place is None:
        return NOTHING
    return together((ending.if_late(state, place), offering.serve(state, (place.department_id,))))


def apply_connected(state: QueueState, fact: CallbackConnected) -> None:
    """Agent and customer talk: from now on it is a department call of this agent."""
    line = state.line(fact.agent_id)
    if line.leg_id == fact.agent_leg_id:
        state.lines.put(msgspec.structs.replace(line, connected_at=state.now_at))
        talks.note_talk(state, fact.agent_id, line.department_id, fact.place_id)


def apply_end(state: QueueState, fact: CallbackEnd) -> None:
    """Whose customer is on the line for a callback that is over just then goes on waiting as a caller's."""
    place = state.places.get(fact.place_id)
    if place is None or place.callback_id != fact.callback_id or not _keeps_line(place, fact):
        return
    place = msgspec.structs.replace(place, callback_id=None, is_taken_over=False)
    state.places.put(place)
    telling.follow_position(state, place)


def _keeps_line(place: Place, fact: CallbackEnd) -> bool:
    """Either came back for it (C8), or was about to be bridged on the ordering leg (C9)."""
    stays = place.is_taken_over or (isinstance(fact, CallbackCancelled) and fact.keeps_line)
    return stays and place.leg_id is not None and place.phase in (Phase.WAITING, Phase.ACCEPTED)


def decide_end(state: QueueState, fact: CallbackEnd) -> Decision:
    """The place ends with its callback; an agent who had just accepted hears that the customer has gone."""
    place = state.places.get(fact.place_id)
    if place is None:
        return NOTHING
    if place.callback_id != fact.callback_id:
        return ending.if_over(state, place)
    outcome = type_name(fact).partition(".")[2]
    return ending.close(state, place, fact.callback_id, outcome)
