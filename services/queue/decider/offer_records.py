"""Records of offers: legs and timers while they ring, and how they end without acceptance."""

from typing import Final

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
from services.queue.rules import agent_selection, ring_plans
from services.queue.state import QueueState
from services.queue.state.records import Leg, LegKind, Offer, Place

CALLER_GONE = "caller_gone"
"""Why an offer is withdrawn after the caller hung up; an agent who answers now hears goodbye (Q7)."""
TAKEN: Final = "taken_by_another"
"""Why an offer is withdrawn when another agent of its round answered: that phone notes no missed call."""


def cancels(offer: Offer, *, but: str = "", reason: str = "") -> tuple[CancelLeg, ...]:
    """Commands that stop an offer's phones, including those that do not ring yet (EC-4).

    `but` is the phone that was answered, if one of this offer was. When the caller has gone, a phone that is
    answered at the same moment is left up for a goodbye (Q7); a mobile that was answered before and waits for
    its key is not.
    """
    return tuple(
        CancelLeg(
            pbx_id=offer.pbx_id,
            leg_id=leg_id,
            keeps_answered=reason == CALLER_GONE and leg_id not in offer.key_legs,
            is_answered_elsewhere=bool(but) or reason == TAKEN,
        )
        for leg_id in offer.open_legs
        if leg_id in offer.dialled_legs and leg_id != but
    )


def end(
    state: QueueState, offer_id: OfferId, how: type[OfferUnreachable] | type[OfferWithdrawn], *, reason: str
) -> Decision:
    """End an offer for a reason, unless it has ended."""
    offer = state.offers.get(offer_id)
    if offer is None:
        return NOTHING
    fact = how(offer_id=offer_id, place_id=offer.place_id, agent_id=offer.agent_id, reason=reason)
    return Decision(facts=(fact,), commands=cancels(offer, reason=reason))


def end_unreached(state: QueueState, offer: Offer, reason: str) -> Decision:
    """End an offer that reached no phone; where a dialling came too late it is withdrawn."""
    if offer.failure == TOO_LATE:
        return end(state, offer.offer_id, OfferWithdrawn, reason=TOO_LATE)
    return end(state, offer.offer_id, OfferUnreachable, reason=reason)


def end_by_agent(state: QueueState, offer: Offer, how: type[OfferDeclined] | type[OfferMissed]) -> Decision:
    """End an offer that the agent declined or missed."""
    fact = how(offer_id=offer.offer_id, place_id=offer.place_id, agent_id=offer.agent_id)
    return Decision(facts=(fact,), commands=cancels(offer))


def withdraw_all(state: QueueState, place: Place, reason: str, *, but: str = "") -> Decision:
    """Withdraw all offers of a place except `but`."""
    return together(
        end(state, offer_id, OfferWithdrawn, reason=reason) for offer_id in place.offers if offer_id != but
    )


def put_offer(state: QueueState, place: Place, fact: OfferMade | FallbackRung, *, is_fallback: bool) -> None:
    """Put an offer with its legs and timers; timers dial the phones that ring later."""
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
    unrung_until_at = Instant(state.now_at + ring_plans.unrung_ms(fact.ring_ms_max, fact.legs))
    state.set_timer("ring", fact.offer_id, unrung_until_at)
    activity = state.activity(fact.agent_id)
    state.activities.change(activity, offer_id=fact.offer_id)
    agent = state.agents[fact.agent_id].saved
    pbx = state.pbx(agent.pbx_id) if agent is not None else None
    if pbx is not None and pbx.is_probing:
        state.pbxs.change(pbx, probe_offer_id=fact.offer_id)


def put_leg(state: QueueState, offer_id: OfferId, place: Place, agent_id: AgentId, leg_id: LegId) -> None:
    """Put an agent's leg that is being dialled."""
    state.legs.put(Leg(leg_id, LegKind.AGENT, place.pbx_id, place.place_id, offer_id, agent_id))


def drop_offer(state: QueueState, offer: Offer) -> None:
    """Drop an offer and its timers; its legs stay until they have ended, without an offer."""
    state.offers.drop(offer.offer_id)
    state.drop_timer("ring", offer.offer_id)
    for planned in offer.legs:
        state.drop_timer("dial", planned.leg_id)
        state.drop_timer("key", planned.leg_id)
        leg = state.legs.get(planned.leg_id)
        if leg is not None:
            state.legs.change(leg, offer_id=None, place_id=None)
    # The agent's card may name another PBX by now; looked up by it, this PBX would be probed for ever.
    for pbx in [each for each in state.pbxs if each.probe_offer_id == offer.offer_id]:
        state.pbxs.change(pbx, probe_offer_id=None)


def await_end_of_decline(state: QueueState, place: Place) -> None:
    """Look again in ten seconds, when who declined now may have the place.

    A timer that stands is for somebody who declined earlier, and goes on for those who came later.
    """
    if f"declined/{place.place_id}" not in state.timers:
        state.set_timer("declined", place.place_id, Instant(state.now_at + agent_selection.DECLINE_MS))
