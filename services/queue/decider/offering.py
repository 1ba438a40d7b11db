"""Offers: which agents are rung for which place, for how long, and what follows a failed offer."""

import msgspec

from contracts.directory import StrategyKind
from contracts.gateway import TOO_LATE, LegRinging
from contracts.ids import AgentId, DepartmentId, Instant, LegId, OfferId, PbxId, PlaceId
from contracts.log import TimerDue
from contracts.queue import (
    FallbackRung,
    OfferDeclined,
    OfferLegDialled,
    OfferMade,
    OfferMissed,
    OfferReopened,
    OfferUnreachable,
    OfferWithdrawn,
)
from runtime.decision import NOTHING, Decision, together
from services.queue.decider import no_answer, offer_records, pauses
from services.queue.rules import agent_selection, limits, ring_plans
from services.queue.state import QueueState
from services.queue.state.records import AgentActivity, Leg, Offer, Phase, Place

Ended = OfferDeclined | OfferMissed | OfferUnreachable | OfferWithdrawn


def due_offers(
    state: QueueState, departments: tuple[DepartmentId, ...], offers_max: int
) -> tuple[OfferMade, ...]:
    """Offers of these departments' open places to free agents, the earliest place first.

    A place that rings several agents gets all its offers, even beyond `offers_max`.
    """
    facts: list[OfferMade] = []
    for turn in agent_selection.next_offers(state, departments):
        if len(facts) >= offers_max:
            break
        facts.extend(_offers(state, turn, {fact.agent_id for fact in facts}))
    return tuple(facts)


def _offers(state: QueueState, turn: agent_selection.Turn, holding: set[AgentId]) -> list[OfferMade]:
    place = turn.place
    strategy = state.departments[place.department_id].saved.strategy
    legs_max = limits.legs_max(state, place.department_id)
    facts: list[OfferMade] = []
    for number, agent_id in enumerate(turn.agents, start=place.offer_count + 1):
        agent = state.agents[agent_id].saved
        assert agent is not None
        offer_id = OfferId(f"{place.place_id}.o{number}")
        facts.append(
            OfferMade(
                offer_id=offer_id,
                place_id=place.place_id,
                department_id=place.department_id,
                agent_id=agent_id,
                round=place.round,
                ring_ms_max=agent_selection.ring_ms(strategy),
                legs=ring_plans.plan(state, offer_id, agent, place.pbx_id, legs_max),
                # One list is enough for offers that are decided together.
                skipped=() if facts else agent_selection.skipped(state, turn, holding),
                talked_before=place.talked_before,
            )
        )
    return facts


def apply_made(state: QueueState, fact: OfferMade) -> None:
    """Put the offer on agent and place, and set its timers."""
    place = state.places[fact.place_id]
    strategy = state.departments[place.department_id].saved.strategy
    offer_records.put_offer(state, place, fact, is_fallback=False)
    seats = state.departments[place.department_id].saved.agents
    keeps_order = strategy.kind in (StrategyKind.LINEAR, StrategyKind.CUMULATIVE)
    state.places.change(
        place,
        offers=(*place.offers, fact.offer_id),
        offer_count=place.offer_count + 1,
        tried=(*place.tried, fact.agent_id),
        is_step_open=False,
        round_order=place.round_order or (tuple(seat.agent_id for seat in seats) if keeps_order else ()),
    )
    state.drop_timer("round", place.place_id)
    if strategy.kind is StrategyKind.CUMULATIVE:
        state.set_timer("step", place.place_id, Instant(state.now_at + agent_selection.step_ms(strategy)))
        _ring_together(state, fact.place_id, ring_plans.unrung_ms(fact.ring_ms_max, fact.legs))


def _ring_together(state: QueueState, place_id: PlaceId, ring_ms: int) -> None:
    """Cumulative: all phones stop together, one ring time after the last start (Q1)."""
    for offer_id in state.places[place_id].offers:
        state.set_timer("ring", offer_id, Instant(state.now_at + ring_ms))


def decide_made(state: QueueState, fact: OfferMade | FallbackRung) -> Decision:
    """Dial the phones that ring at once."""
    place, offer = state.places.get(fact.place_id), state.offers.get(fact.offer_id)
    if place is None or offer is None:
        return NOTHING
    commands = tuple(
        ring_plans.dial(state, place, offer, leg) for leg in offer.legs if leg.leg_id in offer.dialled_legs
    )
    return Decision(commands=commands)


def decide_dial(state: QueueState, due: TimerDue) -> Decision:
    """A phone's delay has passed (E4)."""
    offer_id = OfferId(due.subject.rpartition(".")[0])
    offer = state.offers.get(offer_id)
    if offer is None:
        return NOTHING
    return _dial_leg(state, offer, LegId(due.subject))


def _dial_leg(state: QueueState, offer: Offer, leg_id: LegId) -> Decision:
    place = state.places[offer.place_id]
    planned = [leg for leg in offer.legs if leg.leg_id == leg_id]
    if not all(state.may_dial(leg.address) for leg in planned):
        # The policy was tightened since (C10): the place is offered anew, on the phones that are left.
        return offer_records.end(state, offer.offer_id, OfferWithdrawn, reason="not_allowed_to_dial")
    commands = tuple(ring_plans.dial(state, place, offer, leg) for leg in planned)
    return Decision(facts=(OfferLegDialled(offer_id=offer.offer_id, leg_id=leg_id),), commands=commands)


def dial_rest(state: QueueState, offer: Offer) -> Decision:
    """None of the dialled phones can answer any more: dial those that were to follow."""
    waiting = [leg_id for leg_id in offer.open_legs if leg_id not in offer.dialled_legs]
    return together(_dial_leg(state, offer, leg_id) for leg_id in waiting)


def apply_dialled(state: QueueState, fact: OfferLegDialled) -> None:
    offer = state.offers[fact.offer_id]
    state.offers.change(offer, dialled_legs=(*offer.dialled_legs, fact.leg_id))
    offer_records.put_leg(state, offer.offer_id, state.places[offer.place_id], offer.agent_id, fact.leg_id)
    state.drop_timer("dial", fact.leg_id)


def apply_ringing(state: QueueState, fact: LegRinging) -> None:
    """The ring time starts when the first phone rings (E4)."""
    leg = state.legs.get(fact.leg_id)
    offer = state.offers.get(leg.offer_id) if leg is not None else None
    if offer is None or offer.has_rung:
        return
    state.offers.change(offer, has_rung=True)
    strategy = state.departments[offer.department_id].saved.strategy
    if strategy.kind is StrategyKind.CUMULATIVE and not offer.is_fallback:
        # All phones stop one ring time after the last start; a phone of an earlier step changes nothing.
        if state.places[offer.place_id].offers[-1:] == (offer.offer_id,):
            _ring_together(state, offer.place_id, offer.ring_ms_max)
        return
    state.set_timer("ring", offer.offer_id, Instant(state.now_at + offer.ring_ms_max))


def probed_pbx(state: QueueState, leg: Leg | None) -> PbxId | None:
    """The PBX that was being probed by this leg's offer, or None."""
    offer = state.offers.get(leg.offer_id) if leg is not None else None
    agent = state.agents[offer.agent_id].saved if offer is not None else None
    if offer is None or agent is None:
        return None
    pbx = state.pbx(agent.pbx_id)
    return pbx.pbx_id if pbx.probe_offer_id == offer.offer_id else None


def decide_ring_over(state: QueueState, due: TimerDue) -> Decision:
    """The ring time has passed: missed if any phone rang, otherwise unreachable."""
    offer = state.offers.get(due.subject)
    if offer is None:
        return NOTHING
    if state.pbx(offer.pbx_id).is_lost:
        # Nobody knows whether a phone rang, so it does not count as missed.
        return offer_records.end(state, offer.offer_id, OfferUnreachable, reason="pbx_lost")
    if offer.has_rung or offer.was_silent:
        return offer_records.end_by_agent(state, offer, OfferMissed)
    return offer_records.end_unreached(state, offer, offer.failure or "no_sign_of_life")


def apply_ended(state: QueueState, fact: Ended) -> None:
    """The agent is without an offer, and the place may go on to the next agent."""
    offer = state.offers[fact.offer_id]
    offer_records.drop_offer(state, offer)
    place = _count_late(state, fact)
    activity = state.activity(fact.agent_id)
    if activity.offer_id == fact.offer_id:
        _note_end_on_activity(state, msgspec.structs.replace(activity, offer_id=None), place, offer, fact)
    if place is None:
        return
    if offer.is_fallback:
        state.places.put(place)
    else:
        _note_end_on_place(state, place, offer, fact)


def _count_late(state: QueueState, fact: Ended) -> Place | None:
    """Count offers in a row that came too late; other ends reset the count, other withdrawals do not."""
    place = state.places.get(fact.place_id)
    if place is None:
        return None
    if came_too_late(fact):
        count = agent_selection.late_offers(place, state.now_at) + 1
        return msgspec.structs.replace(place, late_count=count, late_at=state.now_at)
    if isinstance(fact, OfferWithdrawn) or not place.late_count:
        return place
    return msgspec.structs.replace(place, late_count=0)


def came_too_late(fact: Ended) -> bool:
    """Whether an offer ended because commands reached the gateway too late, which is nobody's miss."""
    return isinstance(fact, OfferWithdrawn) and fact.reason == TOO_LATE


def _note_end_on_activity(
    state: QueueState, activity: AgentActivity, place: Place | None, offer: Offer, fact: Ended
) -> None:
    """An agent whom no phone reached rests, longer each time; a decline or a miss resets the count."""
    strategy = state.departments[offer.department_id].saved.strategy
    rest_ms = None
    if isinstance(fact, OfferDeclined | OfferMissed):
        activity = msgspec.structs.replace(activity, failures=0)
    elif isinstance(fact, OfferUnreachable) and not offer.is_fallback:
        failures = activity.failures if _is_pbx_gone(state, offer) else activity.failures + 1
        activity = msgspec.structs.replace(activity, failures=failures, rests_for_us=False)
        rest_ms = agent_selection.rest_ms(strategy, max(1, failures))
    elif came_too_late(fact) and place is not None and agent_selection.is_always_late(place, state.now_at):
        activity = msgspec.structs.replace(activity, rests_for_us=True)
        rest_ms = agent_selection.pause_ms(strategy)
    if rest_ms is not None:
        activity = msgspec.structs.replace(activity, rests_until_at=Instant(state.now_at + rest_ms))
        state.set_timer("unreachable", activity.agent_id, Instant(state.now_at + rest_ms))
    state.activities.put(activity)


def _is_pbx_gone(state: QueueState, offer: Offer) -> bool:
    """Whether the whole PBX can't be reached; such a PBX is skipped and probed as a whole (O9)."""
    agent = state.agents[offer.agent_id].saved
    far = state.pbx(agent.pbx_id if agent is not None else offer.pbx_id)
    return far.is_lost or far.away_until_at is not None or state.pbx(offer.pbx_id).is_lost


def _note_end_on_place(state: QueueState, place: Place, offer: Offer, fact: Ended) -> None:
    ringing = tuple(each for each in place.offers if each != offer.offer_id)
    declined, tried = place.declined, place.tried
    match fact:
        case OfferDeclined():
            pauses.reset_misses(state, fact.agent_id)
            declined = (
                *(each for each in declined if each[0] != fact.agent_id),
                (fact.agent_id, state.now_at),
            )
            offer_records.await_end_of_decline(state, place)
        case OfferWithdrawn():
            # A withdrawn offer does not count: the same agent may be offered this place again.
            tried = tuple(each for each in tried if each != fact.agent_id)
        case OfferMissed():
            pauses.count_miss(state, offer)
        case OfferUnreachable():
            pass
    # When the offer that started last has ended, the next agent may start at once (Q1). A place keeps its
    # offers in the order in which they started.
    frees_step = place.offers[-1:] == (offer.offer_id,)
    state.places.change(
        place,
        offers=ringing,
        declined=declined,
        tried=tried,
        is_step_open=place.is_step_open or frees_step,
    )
    if frees_step:
        state.drop_timer("step", place.place_id)
    if not ringing and place.phase is Phase.WAITING:
        strategy = state.departments[place.department_id].saved.strategy
        state.set_timer("round", place.place_id, Instant(state.now_at + agent_selection.pause_ms(strategy)))


def decide_ended(state: QueueState, fact: Ended) -> Decision:
    """A fallback that was not accepted leads to voicemail; misses in a row pause an agent."""
    place = state.places.get(fact.place_id)
    if place is not None and place.phase is Phase.FALLBACK:
        after = no_answer.fallback_late if came_too_late(fact) else no_answer.fallback_over
        return after(state, place)
    return pauses.pause_if_missed_too_often(state, fact) if isinstance(fact, OfferMissed) else NOTHING


def decide_reopened(state: QueueState, fact: OfferReopened) -> Decision:
    """A fallback employee who dropped before the bridge is not rung again."""
    place = state.places.get(fact.place_id)
    if place is None or place.phase is not Phase.FALLBACK:
        return NOTHING
    return no_answer.fallback_over(state, place)


def apply_step(state: QueueState, due: TimerDue) -> None:
    """Cumulative: the next agent may start."""
    place = state.places.get(due.subject)
    if place is not None:
        state.places.change(place, is_step_open=True)


def apply_round(state: QueueState, due: TimerDue) -> None:
    """The next round begins: every agent may be rung again, in the department's current order."""
    place = state.places.get(due.subject)
    if place is not None:
        state.places.change(place, round=place.round + 1, tried=(), round_order=())


def apply_declined_over(state: QueueState, due: TimerDue) -> None:
    """One agent may be offered the place again; the timer goes on for those who declined later."""
    place = state.places.get(due.subject)
    if place is None:
        return
    state.touch(place.department_id)
    over = [Instant(at + agent_selection.DECLINE_MS) for _, at in place.declined]
    again_at = min((each for each in over if each > state.now_at), default=None)
    if again_at is not None:
        state.set_timer("declined", place.place_id, again_at)


def apply_rest_over(state: QueueState, due: TimerDue) -> None:
    """An agent whose phones could not be reached may be tried again."""
    activity = state.activity(AgentId(due.subject))
    state.activities.change(activity, rests_until_at=None)
