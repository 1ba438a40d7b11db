"""What follows for offer, place and agent when a leg ends or was never dialled (Q7, Q9, O9)."""

import msgspec

from contracts import addresses
from contracts.gateway import TOO_LATE, CommandRefused, LegEnded, Outcome
from contracts.ids import AgentId, Instant, LegId
from contracts.message import type_name
from contracts.queue import OfferDeclined, OfferMissed, PbxAway, PbxBack
from contracts.telephony import AnswerLeg, DialLeg, HangUp, Play
from runtime.decision import NOTHING, Decision, together
from services.queue.decider import (
    agents,
    announcements,
    answering,
    customers,
    direct_calls,
    offer_records,
    offering,
    place_end,
    quiet_hours,
)
from services.queue.rules import ring_plans
from services.queue.state import QueueState
from services.queue.state.records import Leg, LegKind, Offer, Phase, Place

NO_LINK = (Outcome.UNREACHABLE, Outcome.FAILED)


def apply_ended(state: QueueState, fact: LegEnded) -> None:
    """Forget the leg and what depends on it, but keep it for `decide_ended`."""
    leg = state.legs.get(fact.leg_id)
    state.ended_leg = leg
    if leg is None and fact.leg_id not in state.on_direct:
        state.early_ends.note(fact.leg_id, state.now_at)
    direct_calls.apply_ended(state, fact)
    if leg is None:
        return
    state.legs.drop(fact.leg_id)
    state.drop_timer("goodbye", fact.leg_id)
    customers.begin_calm(state, leg.number)
    if leg.kind is LegKind.CALLER:
        _note_caller_gone(state, leg)
        return
    if leg.kind is LegKind.AGENT and leg.agent_id is not None:
        _await_callback(state, leg.agent_id, leg.leg_id)
    offer = state.offers.get(leg.offer_id)
    if offer is not None:
        _note_leg_of_offer(state, offer, leg.leg_id, _end_reason(fact))


def _end_reason(fact: LegEnded) -> str:
    """How a phone of an offer ended; a dialling that came too late is not the agent's fault."""
    return TOO_LATE if fact.cause == TOO_LATE else str(fact.outcome)


def _note_caller_gone(state: QueueState, leg: Leg) -> None:
    place = state.places.get(leg.place_id)
    if place is not None and place.leg_id == leg.leg_id and (place.callback_id or place.is_ordering):
        # The place outlives the leg: the callback holds it, or may soon.
        state.drop_timer("announce", place.place_id)
        state.drop_timer("bridge", place.place_id)
        alone = msgspec.structs.replace(place, leg_id=None, is_answered=False, is_taken_over=False)
        if place.is_held and place.phase is Phase.WAITING:
            # Callback decides what comes next: another attempt after the gap, or the end (C7).
            alone = msgspec.structs.replace(alone, phase=Phase.WITH_CALLBACK, is_held=False)
        state.places.put(quiet_hours.hold(state, alone))


WORD_MS_MAX = 2_000
"""C7: callback hears that the agent's leg ended when we do, and says within a second what follows."""


def _await_callback(state: QueueState, agent_id: AgentId, leg_id: LegId) -> None:
    """An agent freed while callback has the place is offered nothing before callback says how it went."""
    activity = state.activity(agent_id)
    place = state.places.get(activity.place_id)
    if activity.leg_id != leg_id or place is None or place.phase is not Phase.WITH_CALLBACK:
        return
    word_until_at = Instant(state.now_at + WORD_MS_MAX)
    state.activities.change(activity, word_until_at=word_until_at)
    state.set_timer("word", agent_id, word_until_at)


def _note_leg_of_offer(state: QueueState, offer: Offer, leg_id: LegId, outcome: str) -> None:
    state.drop_timer("key", leg_id)
    state.offers.change(
        offer,
        open_legs=tuple(each for each in offer.open_legs if each != leg_id),
        key_legs=tuple(each for each in offer.key_legs if each != leg_id),
        was_silent=offer.was_silent or outcome == Outcome.NO_ANSWER,
        failure=offer.failure if outcome == Outcome.NO_ANSWER or offer.failure == TOO_LATE else outcome,
    )


def decide_ended(state: QueueState, fact: LegEnded) -> Decision:
    """The order on the log has decided every race (Q9)."""
    leg = state.ended_leg
    if leg is None or leg.kind is LegKind.CUSTOMER:
        return direct_calls.decide_ended(state)
    if leg.kind is LegKind.CALLER:
        talks = (customers.talk_over(state, leg), direct_calls.decide_ended(state))
        return together((_caller_gone(state, leg), _hang_up_peer(state, leg), *talks))
    offer = state.offers.get(leg.offer_id)
    if offer is not None:
        return _offer_leg_ended(state, offer, fact)
    return together((customers.talk_over(state, leg), _agent_gone(state, leg), _hang_up_peer(state, leg)))


def _caller_gone(state: QueueState, leg: Leg) -> Decision:
    place = state.places.get(leg.place_id)
    if place is None or (place.is_ordering and place.callback_id is None):
        return NOTHING
    if place.callback_id is not None:
        return _go_on_without_caller(state, place)
    return place_end.abandon(state, place)


def _go_on_without_caller(state: QueueState, place: Place) -> Decision:
    """The order stands, and an agent who has accepted goes on with the callback (EC-27).

    For a held customer who has hung up no agent is rung or kept (C7).
    """
    if place.phase is Phase.ACCEPTED and place.leg_id is None:
        if place.is_held:
            return together((place_end.goodbye_of(state, place), answering.reopen(place)))
        return answering.ready(state, place)
    if place.phase is Phase.WITH_CALLBACK and place.agent_id is None:
        return offer_records.withdraw_all(state, place, offer_records.CALLER_GONE)
    return customers.withdraw_if_engaged(state, place)


def _hang_up_peer(state: QueueState, leg: Leg) -> Decision:
    peer = state.legs.get(leg.peer_leg_id)
    if peer is None:
        return NOTHING
    return Decision(commands=(HangUp(pbx_id=peer.pbx_id, leg_id=peer.leg_id, reason="other_side_ended"),))


def _agent_gone(state: QueueState, leg: Leg) -> Decision:
    """The agent is free; if there was no bridge yet, the place is offered again."""
    if leg.agent_id is None or state.activity(leg.agent_id).leg_id != leg.leg_id:
        return NOTHING
    free = agents.freed(state, leg.agent_id, "leg_ended")
    place = state.places.get(leg.place_id)
    if place is None or place.phase is not Phase.ACCEPTED or place.agent_leg_id != leg.leg_id:
        return free
    return together((answering.reopen(place), free))


def _offer_leg_ended(state: QueueState, offer: Offer, fact: LegEnded) -> Decision:
    """A declined phone ends the offer; otherwise the agent's other phones may still answer."""
    link = _pbx_reachability(state, offer, fact)
    if fact.outcome is Outcome.DECLINED:
        return together((link, offer_records.end_by_agent(state, offer, OfferDeclined)))
    return together((link, _offer_goes_on(state, offer)))


def _offer_goes_on(state: QueueState, offer: Offer) -> Decision:
    """The offer ends with its last phone; if none rings, phones that were to follow are dialled at once.

    If a dialling came too late and no phone rings yet, the offer ends, so that the next rings all phones.
    """
    if not offer.open_legs:
        if offer.was_silent:
            return offer_records.end_by_agent(state, offer, OfferMissed)
        return offer_records.end_unreached(state, offer, offer.failure)
    if offer.failure == TOO_LATE and not offer.has_rung and not offer.key_legs:
        return offer_records.end_unreached(state, offer, TOO_LATE)
    if any(leg_id in offer.dialled_legs for leg_id in offer.open_legs):
        return NOTHING
    return offering.dial_rest(state, offer)


def _pbx_reachability(state: QueueState, offer: Offer, fact: LegEnded) -> Decision:
    """What the end of a leg says about the PBX through which it was dialled (O9)."""
    planned = next((each for each in offer.legs if each.leg_id == fact.leg_id), None)
    far = addresses.far_pbx(planned.address) if planned is not None else None
    if far is None:
        return NOTHING
    if fact.cause == TOO_LATE:  # that PBX was not asked
        return NOTHING
    if fact.outcome in NO_LINK:
        probe_at = Instant(state.now_at + agents.AWAY_MS)
        return Decision(facts=(PbxAway(pbx_id=far, probe_at=probe_at, reason=str(fact.outcome)),))
    back = state.pbx(far).probe_offer_id == offer.offer_id and fact.outcome is not Outcome.CANCELLED
    return Decision(facts=(PbxBack(pbx_id=far),)) if back else NOTHING


def apply_refused(state: QueueState, fact: CommandRefused) -> None:
    """Forget a leg whose dialling the gateway refused: no other fact of it will come."""
    leg = state.legs.get(fact.leg_id)
    state.ended_leg = None
    if leg is not None and fact.command == type_name(Play) and fact.reason == TOO_LATE:
        _note_unheard(state, leg)
    if fact.leg_id is None or fact.command != type_name(DialLeg):
        return
    if leg is None:
        state.early_ends.note(fact.leg_id, state.now_at)
        return
    if leg.kind is LegKind.CUSTOMER:
        state.legs.drop(leg.leg_id)
        customers.begin_calm(state, leg.number)
    if leg.agent_id is None:
        return
    if state.activity(leg.agent_id).leg_id == leg.leg_id:  # dialled before, and in use
        return
    state.ended_leg = leg
    state.legs.drop(leg.leg_id)
    state.drop_timer("goodbye", leg.leg_id)
    offer = state.offers.get(leg.offer_id)
    if offer is not None:
        _note_leg_of_offer(state, offer, leg.leg_id, fact.reason)


def _note_unheard(state: QueueState, leg: Leg) -> None:
    """A play came too late: nobody can answer a question that was not heard."""
    offer = state.offers.get(leg.offer_id)
    if offer is not None and leg.leg_id in offer.key_legs:
        state.offers.change(offer, failure=TOO_LATE)
    place = state.places.get(leg.place_id)
    if place is not None and leg.kind is LegKind.CALLER:
        announcements.invite_again(state, place)


def decide_refused(state: QueueState, fact: CommandRefused) -> Decision:
    """The offer has one phone less; a caller's leg that was answered too late is answered again."""
    leg = state.ended_leg
    if leg is not None:
        offer = state.offers.get(leg.offer_id)
        return NOTHING if offer is None else _offer_goes_on(state, offer)
    leg = state.legs.get(fact.leg_id)
    is_late = fact.command == type_name(AnswerLeg) and fact.reason == TOO_LATE
    if leg is None or not is_late or leg.place_id is None:
        return NOTHING
    not_after = Instant(state.now_at + ring_plans.ANSWER_MS_MAX)
    return Decision(commands=(AnswerLeg(pbx_id=leg.pbx_id, leg_id=leg.leg_id, not_after=not_after),))
