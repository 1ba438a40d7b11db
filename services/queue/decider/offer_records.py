"""Keeping offers: their legs and timers while they ring, and how they end without being accepted."""

from contracts.gateway import TOO_LATE
from contracts.ids import AgentId, Instant, LegId, OfferId
from contracts.queue import (
    FallbackRung,
    OfferDeclined,
    OfferMade,
    OfferMissed,
    OfferUnreachable,
    OfferWithdrawn,
)
from contracts.telephony import CancelLeg
from runtime.decision import NOTHING, Decision, together
from services.queue.rules import ring_plans
from services.queue.state import QueueState
from services.queue.state.records import Leg, LegKind, Offer, Place

CALLER_GONE = "caller_gone"
"""Why an offer is withdrawn when nobody is there to be talked to: who answers now hears that (Q7)."""


def cancels(offer: Offer, *, but: str = "", reason: str = "") -> tuple[CancelLeg, ...]:
    """Commands that stop an offer's phones, those included that have not begun to ring (EC-4).

    Who answers in the moment in which the caller goes shall hear so (Q7): that leg is left to us; not a
    mobile that was answered before and waits for its key.
    """
    return tuple(
        CancelLeg(
            pbx_id=offer.pbx_id,
            leg_id=leg_id,
            keeps_answered=reason == CALLER_GONE and leg_id not in offer.key_legs,
        )
        for leg_id in offer.open_legs
        if leg_id in offer.dialled_legs and leg_id != but
    )


def end(
    state: QueueState, offer_id: OfferId, how: type[OfferUnreachable] | type[OfferWithdrawn], *, reason: str
) -> Decision:
    """End an offer for a reason; nothing if it has ended."""
    offer = state.offers.get(offer_id)
    if offer is None:
        return NOTHING
    fact = how(offer_id=offer_id, place_id=offer.place_id, agent_id=offer.agent_id, reason=reason)
    return Decision(facts=(fact,), commands=cancels(offer, reason=reason))


def end_unreached(state: QueueState, offer: Offer, reason: str) -> Decision:
    """No phone of an agent was reached; that we were too late for one of them is not the agent's fault."""
    if offer.failure == TOO_LATE:
        return end(state, offer.offer_id, OfferWithdrawn, reason=TOO_LATE)
    return end(state, offer.offer_id, OfferUnreachable, reason=reason)


def end_by_agent(state: QueueState, offer: Offer, how: type[OfferDeclined] | type[OfferMissed]) -> Decision:
    """End an offer that the agent declined or missed."""
    fact = how(offer_id=offer.offer_id, place_id=offer.place_id, agent_id=offer.agent_id)
    return Decision(facts=(fact,), commands=cancels(offer))


def withdraw_all(state: QueueState, place: Place, reason: str, *, but: str = "") -> Decision:
    """Withdraw every offer of a place, but one."""
    return together(
        end(state, offer_id, OfferWithdrawn, reason=reason) for offer_id in place.offers if offer_id != but
    )


def put_offer(state: QueueState, place: Place, fact: OfferMade | FallbackRung, *, is_fallback: bool) -> None:
    """Keep an offer with its legs and timers; phones that ring later are dialled by timers."""
    due = tuple(leg for leg in fact.legs if leg.dial_at <= state.now_at)
    state.offers.put(
        Offer(
            fact.offer_id,
            place.place_id,
            place.department_id,
            fact.agent_id,
            place.pbx_id,
            fact.ring_ms_max,
            fact.legs,
            tuple(leg.leg_id for leg in fact.legs),
            tuple(leg.leg_id for leg in due),
            is_fallback=is_fallback,
        )
    )
    for leg in fact.legs:
        if leg in due:
            put_leg(state, fact.offer_id, place, fact.agent_id, leg.leg_id)
        else:
            state.set_timer("dial", leg.leg_id, leg.dial_at)
    state.set_timer("ring", fact.offer_id, Instant(state.now_at + fact.ring_ms_max + ring_plans.SILENT_MS))
    activity = state.activity(fact.agent_id)
    state.activities.change(activity, offer_id=fact.offer_id)
    agent = state.agents[fact.agent_id].saved
    pbx = state.pbx(agent.pbx_id) if agent is not None else None
    if pbx is not None and pbx.is_probing:
        state.pbxs.change(pbx, probe_offer_id=fact.offer_id)


def put_leg(state: QueueState, offer_id: OfferId, place: Place, agent_id: AgentId, leg_id: LegId) -> None:
    """Know a leg that is being dialled."""
    state.legs.put(Leg(leg_id, LegKind.AGENT, place.pbx_id, place.place_id, offer_id, agent_id))


def drop_offer(state: QueueState, offer: Offer) -> None:
    """Forget an offer and its timers; its legs are unwanted from now on, until they have ended."""
    state.offers.drop(offer.offer_id)
    state.drop_timer("ring", offer.offer_id)
    for planned in offer.legs:
        state.drop_timer("dial", planned.leg_id)
        state.drop_timer("key", planned.leg_id)
        leg = state.legs.get(planned.leg_id)
        if leg is not None:
            state.legs.change(leg, offer_id=None, place_id=None)
    # Not by the agent's card: it may name another PBX by now, and this one would be probed for ever.
    for pbx in [each for each in state.pbxs if each.probe_offer_id == offer.offer_id]:
        state.pbxs.change(pbx, probe_offer_id=None)
