"""How a place ends: abandoned by its caller or closed with its callback; its timers end with it."""

from contracts.directory import Language
from contracts.ids import CallbackId, Instant, PlayId
from contracts.prompts import Prompt, prompt_keys
from contracts.queue import (
    PlaceAbandoned,
    PlaceClosed,
)
from contracts.telephony import Play
from contracts.waiting import waited_ms
from runtime.decision import NOTHING, Decision, together
from services.queue.decider import offer_records
from services.queue.rules import ring_plans
from services.queue.state import QueueState
from services.queue.state.records import Leg, Phase, Place

PLACE_TIMERS = (
    *("deadline", "announce", "invite", "held", "notice", "bridge", "round", "step", "declined", "quiet"),
    *("patience", "calm", "overflow"),
)


def drop_timers(state: QueueState, place: Place) -> None:
    """Drop all timers of this place."""
    for kind in PLACE_TIMERS:
        state.drop_timer(kind, place.place_id)


def drop_place(state: QueueState, place: Place, *, says_goodbye: bool = True) -> None:
    """Drop a place and its timers; its caller's leg stays until it has ended."""
    drop_timers(state, place)
    if place.leg_id is not None:
        leg = state.legs.get(place.leg_id)
        if leg is not None:
            state.legs.change(leg, place_id=None)
    agent_leg = state.legs.get(place.agent_leg_id)
    if says_goodbye and agent_leg is not None and place.phase is Phase.ACCEPTED:
        begin_goodbye(state, agent_leg)
    state.places.drop(place.place_id)


def begin_goodbye(state: QueueState, leg: Leg) -> None:
    """Mark an agent's leg that hears goodbye and is then hung up."""
    goodbye_play_id = PlayId(f"{leg.leg_id}.bye")
    state.set_timer("goodbye", leg.leg_id, Instant(state.now_at + ring_plans.GOODBYE_MS_MAX))
    state.legs.change(leg, place_id=None, goodbye_play_id=goodbye_play_id)


def goodbye(state: QueueState, leg: Leg) -> tuple[Play, ...]:
    """Tell the agent at once that the caller has gone; the leg is hung up after that (Q7)."""
    organization = next(iter(state.organizations), None)
    language = Language.RUSSIAN if organization is None else organization.saved.language
    media = prompt_keys(language, Prompt.CALLER_GONE)
    play_id = PlayId(f"{leg.leg_id}.bye")
    return (Play(pbx_id=leg.pbx_id, leg_id=leg.leg_id, play_id=play_id, media=media, interrupts=True),)


def goodbye_of(state: QueueState, place: Place) -> Decision:
    """The goodbye to an agent who had accepted a place that ends before the bridge."""
    leg = state.legs.get(place.agent_leg_id)
    if leg is None or place.phase is not Phase.ACCEPTED:
        return NOTHING
    return Decision(commands=goodbye(state, leg))


def apply_abandoned(state: QueueState, fact: PlaceAbandoned) -> None:
    drop_place(state, state.places[fact.place_id])


def abandon(state: QueueState, place: Place) -> Decision:
    """A caller who hung up leaves: all offers of the place are withdrawn (Q7)."""
    withdrawn = offer_records.withdraw_all(state, place, offer_records.CALLER_GONE)
    left = PlaceAbandoned(
        place_id=place.place_id,
        waited_ms=waited_ms(place.joined_at, state.now_at),
        department_id=place.department_id,
        pbx_id=place.pbx_id,
        caller=place.caller,
        line=place.line,
        is_internal=place.is_internal,
        joined_at=place.joined_at,
    )
    return together((goodbye_of(state, place), withdrawn, Decision(facts=(left,))))


def apply_closed(state: QueueState, fact: PlaceClosed) -> None:
    drop_place(state, state.places[fact.place_id])


def close(state: QueueState, place: Place, callback_id: CallbackId, outcome: str) -> Decision:
    """A place ends with its callback, or because another place of the customer goes on."""
    fact = PlaceClosed(place_id=place.place_id, callback_id=callback_id, outcome=outcome)
    withdrawn = offer_records.withdraw_all(state, place, outcome)
    return together((goodbye_of(state, place), withdrawn, Decision(facts=(fact,))))
