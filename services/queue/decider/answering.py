"""An agent's phone is answered: a mobile's key, acceptance, the bridge, legs that end (E4, Q7, Q9)."""

import msgspec

from contracts.gateway import Bridged, CommandRefused, LegAnswered, LegEnded, Outcome
from contracts.ids import BridgeId, Instant, LegId, OfferId, PlayId
from contracts.log import TimerDue
from contracts.message import type_name
from contracts.prompts import Prompt
from contracts.queue import (
    AgentBusy,
    AgentReady,
    KeyWanted,
    OfferAccepted,
    OfferDeclined,
    OfferMissed,
    OfferReopened,
    OfferUnreachable,
    PbxAway,
    PbxBack,
    PlaceConnected,
)
from contracts.telephony import Bridge, CancelLeg, DialLeg, HangUp, Play
from runtime.decision import NOTHING, Decision, together
from services.queue.decider import agents, ending, offering, offers, telling
from services.queue.rules import notices, phones
from services.queue.state import QueueState
from services.queue.state.records import Leg, LegKind, Offer, Phase, Place

BRIDGE_MS_MAX = 30_000
"""From acceptance to the bridge: a whisper of a long number, and room; then something was lost."""
NO_LINK = (Outcome.UNREACHABLE, Outcome.FAILED)


def apply_answered(state: QueueState, fact: LegAnswered) -> None:
    """A caller is on the line, or an agent's phone that nobody wants any more will hear goodbye."""
    leg = state.legs.get(fact.leg_id)
    if leg is None:
        return
    if leg.kind is LegKind.CALLER:
        place = state.places.get(leg.place_id) if leg.place_id is not None else None
        if place is not None:
            state.places.put(msgspec.structs.replace(place, is_answered=True))
    elif leg.offer_id is None and leg.place_id is None:
        ending.part(state, leg)


def decide_answered(state: QueueState, fact: LegAnswered) -> Decision:
    """Welcome a caller; ask a mobile for its key; else the agent has accepted."""
    leg = state.legs.get(fact.leg_id)
    if leg is None:
        return NOTHING
    if leg.kind is LegKind.CALLER:
        place = state.places.get(leg.place_id) if leg.place_id is not None else None
        return NOTHING if place is None or leg.peer_leg_id is not None else telling.answered(state, place)
    offer = state.offers.get(leg.offer_id) if leg.offer_id is not None else None
    if offer is None:
        return NOTHING if leg.goodbye_play_id is None else Decision(commands=ending.goodbye(state, leg))
    back = offering.probed_pbx(state, leg)
    probed = NOTHING if back is None else Decision(facts=(PbxBack(pbx_id=back),))
    planned = next(each for each in offer.legs if each.leg_id == leg.leg_id)
    return together(
        (_ask_key(state, offer, leg) if planned.needs_key else _accept(state, offer, leg), probed)
    )


def _ask_key(state: QueueState, offer: Offer, leg: Leg) -> Decision:
    """A mobile's own voicemail can't press a key; the other phones ring on meanwhile (E4)."""
    until_at = Instant(state.now_at + phones.KEY_MS)
    place = state.places[offer.place_id]
    play = Play(
        pbx_id=leg.pbx_id,
        leg_id=leg.leg_id,
        play_id=PlayId(f"{leg.leg_id}.key"),
        media=notices.standard(state, place, Prompt.WHISPER_PRESS_KEY),
        barge_in=True,
        not_after=until_at,
    )
    return Decision(
        facts=(KeyWanted(offer_id=offer.offer_id, leg_id=leg.leg_id, until_at=until_at),), commands=(play,)
    )


def apply_key_wanted(state: QueueState, fact: KeyWanted) -> None:
    """The key must come in time; the ring time gives it that time."""
    offer = state.offers[fact.offer_id]
    state.offers.put(msgspec.structs.replace(offer, key_leg_id=fact.leg_id))
    state.set_timer("key", fact.leg_id, fact.until_at)
    ring = state.timers.get(f"ring/{fact.offer_id}")
    if ring is not None and ring.due_at < fact.until_at:
        state.set_timer("ring", fact.offer_id, Instant(fact.until_at + 1))


def key_pressed(state: QueueState, leg: Leg) -> Decision:
    """A person is there: that is the answer of a mobile."""
    offer = state.offers.get(leg.offer_id) if leg.offer_id is not None else None
    if offer is None or offer.key_leg_id != leg.leg_id:
        return NOTHING
    return _accept(state, offer, leg)


def decide_key_over(state: QueueState, due: TimerDue) -> Decision:
    """No key: whatever answered is no agent. The other phones ring on."""
    leg = state.legs.get(due.subject)
    if leg is None:
        return NOTHING
    return Decision(commands=(CancelLeg(pbx_id=leg.pbx_id, leg_id=leg.leg_id),))


def _accept(state: QueueState, offer: Offer, leg: Leg) -> Decision:
    place = state.places[offer.place_id]
    accepted = OfferAccepted(
        offer_id=offer.offer_id, place_id=offer.place_id, agent_id=offer.agent_id, leg_id=leg.leg_id
    )
    lease_until_at = Instant(state.now_at + phones.CALL_MS_MAX)
    busy = AgentBusy(agent_id=offer.agent_id, leg_id=leg.leg_id, lease_until_at=lease_until_at)
    others = offers.withdraw_all(state, place, "taken_by_another", but=offer.offer_id)
    return together(
        (Decision(facts=(accepted, busy), commands=offers.cancels(offer, but=leg.leg_id)), others)
    )


def apply_accepted(state: QueueState, fact: OfferAccepted) -> None:
    """The place has an agent, and the agent a call."""
    offer, leg = state.offers[fact.offer_id], state.legs[fact.leg_id]
    place = state.places[fact.place_id]
    offers.drop_offer(state, offer)
    state.legs.put(msgspec.structs.replace(leg, offer_id=None, place_id=place.place_id))
    line = state.line(fact.agent_id)
    state.lines.put(
        msgspec.structs.replace(
            line,
            offer_id=None,
            leg_id=fact.leg_id,
            place_id=place.place_id,
            wrap_up_until_at=None,
            department_id=place.department_id,
        )
    )
    whispers = place.caller is not None and _is_public(offer, fact.leg_id) and place.leg_id is not None
    for kind in ("round", "step", "invite"):
        state.drop_timer(kind, place.place_id)
    if place.leg_id is not None:
        state.set_timer("bridge", place.place_id, Instant(state.now_at + BRIDGE_MS_MAX))
    state.places.put(
        msgspec.structs.replace(
            place,
            phase=Phase.ACCEPTED,
            offers=tuple(each for each in place.offers if each != fact.offer_id),
            accepted_offer_id=fact.offer_id,
            agent_id=fact.agent_id,
            agent_leg_id=fact.leg_id,
            play_id=PlayId(f"{fact.offer_id}.w") if whispers else None,
        )
    )


def _is_public(offer: Offer, leg_id: LegId) -> bool:
    return any(leg.leg_id == leg_id and leg.address.startswith("tel:") for leg in offer.legs)


def decide_accepted(state: QueueState, fact: OfferAccepted) -> Decision:
    """Bridge to the caller's leg, after the number was spoken where it could not be shown (G5)."""
    place = state.places[fact.place_id]
    if place.leg_id is None:
        return ready(state, place)
    if place.play_id is None:
        return bridge(place)
    play = Play(
        pbx_id=place.pbx_id, leg_id=fact.leg_id, play_id=place.play_id, media=notices.whisper(state, place)
    )
    return Decision(commands=(play,))


def bridge(place: Place) -> Decision:
    """Let the two hear each other."""
    if place.leg_id is None or place.agent_leg_id is None:
        return NOTHING
    bridge_id = BridgeId(f"{place.accepted_offer_id}.b")
    legs = (place.leg_id, place.agent_leg_id)
    return Decision(commands=(Bridge(pbx_id=place.pbx_id, bridge_id=bridge_id, legs=legs),))


def ready(state: QueueState, place: Place) -> Decision:
    """The agent is callback's now, if there is a callback; an order still being taken is waited for."""
    if place.callback_id is None or place.agent_id is None or place.agent_leg_id is None:
        return NOTHING
    agent = state.agents[place.agent_id].saved
    fact = AgentReady(
        place_id=place.place_id,
        callback_id=place.callback_id,
        agent_id=place.agent_id,
        agent_name="" if agent is None else agent.name,
        leg_id=place.agent_leg_id,
        pbx_id=place.pbx_id,
        offer_id=place.accepted_offer_id or OfferId(""),
        waited_ms=state.now_at - place.joined_at,
    )
    return Decision(facts=(fact,))


def decide_bridged(state: QueueState, fact: Bridged) -> Decision:
    """They talk: the place ends, connected."""
    leg = next((state.legs[each] for each in fact.legs if each in state.legs), None)
    place = state.places.get(leg.place_id) if leg is not None and leg.place_id is not None else None
    if place is None or place.phase is not Phase.ACCEPTED or fact.bridge_id != f"{place.accepted_offer_id}.b":
        return NOTHING
    if place.leg_id is None or place.agent_id is None or place.agent_leg_id is None:
        return NOTHING
    connected = PlaceConnected(
        place_id=place.place_id,
        agent_id=place.agent_id,
        leg_id=place.leg_id,
        agent_leg_id=place.agent_leg_id,
        waited_ms=state.now_at - place.joined_at,
        callback_id=place.callback_id,
    )
    return Decision(facts=(connected,))


def apply_connected(state: QueueState, fact: PlaceConnected) -> None:
    """The two legs are each other's; the place is over."""
    place = state.places[fact.place_id]
    ending.drop_place(state, place, parts_agent=False)
    for mine, other in ((fact.leg_id, fact.agent_leg_id), (fact.agent_leg_id, fact.leg_id)):
        leg = state.legs.get(mine)
        if leg is not None:
            state.legs.put(msgspec.structs.replace(leg, place_id=None, peer_leg_id=other))
    line = state.line(fact.agent_id)
    state.lines.put(msgspec.structs.replace(line, connected_at=state.now_at, place_id=None))


def decide_bridge_late(state: QueueState, due: TimerDue) -> Decision:
    """The bridge was never reported: let the agent go, the place waits again."""
    place = state.places.get(due.subject)
    if place is None or place.phase is not Phase.ACCEPTED or place.agent_leg_id is None:
        return NOTHING
    hang_up = HangUp(pbx_id=place.pbx_id, leg_id=place.agent_leg_id, reason="not_bridged")
    return together((Decision(commands=(hang_up,)), _reopen(place)))


def _reopen(place: Place) -> Decision:
    assert place.agent_id is not None
    return Decision(facts=(OfferReopened(place_id=place.place_id, agent_id=place.agent_id),))


def apply_reopened(state: QueueState, fact: OfferReopened) -> None:
    """The place is as before the acceptance, and tried by one more."""
    place = state.places[fact.place_id]
    state.drop_timer("bridge", place.place_id)
    state.places.put(
        msgspec.structs.replace(
            place,
            phase=Phase.WAITING,
            accepted_offer_id=None,
            agent_id=None,
            agent_leg_id=None,
            play_id=None,
            is_step_open=True,
        )
    )
    strategy = state.departments[place.department_id].saved.strategy
    state.set_timer("round", place.place_id, Instant(state.now_at + strategy.pause_between_rounds_ms))


def apply_ended(state: QueueState, fact: LegEnded) -> None:
    """A leg is over: forget it, and what hangs on it; `decide` still sees which it was."""
    leg = state.legs.get(fact.leg_id)
    state.ended_leg = leg
    if leg is None:
        return
    state.legs.drop(fact.leg_id)
    place = state.places.get(leg.place_id) if leg.place_id is not None else None
    if leg.kind is LegKind.CALLER:
        if place is not None and place.leg_id == leg.leg_id and (place.callback_id or place.is_ordering):
            # The place outlives the leg: it is the callback's.
            state.drop_timer("announce", place.place_id)
            state.drop_timer("bridge", place.place_id)
            state.places.put(msgspec.structs.replace(place, leg_id=None))
        return
    offer = state.offers.get(leg.offer_id) if leg.offer_id is not None else None
    if offer is not None:
        _note_leg_of_offer(state, offer, fact)


def _note_leg_of_offer(state: QueueState, offer: Offer, fact: LegEnded) -> None:
    state.drop_timer("key", fact.leg_id)
    state.offers.put(
        msgspec.structs.replace(
            offer,
            open_legs=tuple(each for each in offer.open_legs if each != fact.leg_id),
            was_silent=offer.was_silent or fact.outcome is Outcome.NO_ANSWER,
            failure=offer.failure if fact.outcome is Outcome.NO_ANSWER else str(fact.outcome),
        )
    )


def decide_ended(state: QueueState, fact: LegEnded) -> Decision:
    """Whose leg was it, and what follows? The order on the log has decided every race (Q9)."""
    leg = state.ended_leg
    if leg is None:
        return NOTHING
    if leg.kind is LegKind.CALLER:
        return together((_caller_gone(state, leg), _hang_up_peer(state, leg)))
    offer = state.offers.get(leg.offer_id) if leg.offer_id is not None else None
    if offer is not None:
        return _offer_leg_ended(state, offer, fact)
    return together((_agent_gone(state, leg), _hang_up_peer(state, leg)))


def _caller_gone(state: QueueState, leg: Leg) -> Decision:
    place = state.places.get(leg.place_id) if leg.place_id is not None else None
    if place is None or (place.is_ordering and place.callback_id is None):
        return NOTHING
    if place.callback_id is not None:
        # The order stands; an agent who has accepted already goes on with the callback (E-27).
        return ready(state, place) if place.phase is Phase.ACCEPTED and place.leg_id is None else NOTHING
    return ending.abandon(state, place)


def _hang_up_peer(state: QueueState, leg: Leg) -> Decision:
    peer = state.legs.get(leg.peer_leg_id) if leg.peer_leg_id is not None else None
    if peer is None:
        return NOTHING
    return Decision(commands=(HangUp(pbx_id=peer.pbx_id, leg_id=peer.leg_id, reason="other_side_ended"),))


def _agent_gone(state: QueueState, leg: Leg) -> Decision:
    """An agent is free when the agent's leg has ended; who dropped before the bridge re-opens the offer."""
    if leg.agent_id is None or state.line(leg.agent_id).leg_id != leg.leg_id:
        return NOTHING
    free = agents.freed(state, leg.agent_id, "leg_ended")
    place = state.places.get(leg.place_id) if leg.place_id is not None else None
    if place is None or place.phase is not Phase.ACCEPTED or place.agent_leg_id != leg.leg_id:
        return free
    return together((_reopen(place), free))


def _offer_leg_ended(state: QueueState, offer: Offer, fact: LegEnded) -> Decision:
    """A phone of an offer is out; declined ends the offer, else the others may still answer."""
    link = _link(state, offer, fact)
    if fact.outcome is Outcome.DECLINED:
        return together((link, offers.end_by_agent(state, offer, OfferDeclined)))
    if not offer.open_legs:
        missed = offer.was_silent
        ended = (
            offers.end_by_agent(state, offer, OfferMissed)
            if missed
            else offers.end(state, offer.offer_id, OfferUnreachable, reason=offer.failure)
        )
        return together((link, ended))
    if not any(leg_id in offer.dialled_legs for leg_id in offer.open_legs):
        return together((link, offering.dial_rest(state, offer)))
    return link


def _link(state: QueueState, offer: Offer, fact: LegEnded) -> Decision:
    """What the end of a leg says of the PBX it was dialled through (O9)."""
    planned = next((each for each in offer.legs if each.leg_id == fact.leg_id), None)
    far = phones.far_pbx(planned) if planned is not None else None
    if far is None:
        return NOTHING
    if fact.outcome in NO_LINK:
        probe_at = Instant(state.now_at + agents.AWAY_MS)
        return Decision(facts=(PbxAway(pbx_id=far, probe_at=probe_at, reason=str(fact.outcome)),))
    back = state.pbx(far).probe_offer_id == offer.offer_id and fact.outcome is not Outcome.CANCELLED
    return Decision(facts=(PbxBack(pbx_id=far),)) if back else NOTHING


def decide_refused(state: QueueState, fact: CommandRefused) -> Decision:
    """A dialling that the gateway refused is a phone that can't be reached; it will say no more of it."""
    leg = state.legs.get(fact.leg_id) if fact.leg_id is not None else None
    offer = state.offers.get(leg.offer_id) if leg is not None and leg.offer_id is not None else None
    if offer is None or fact.command != type_name(DialLeg):
        return NOTHING
    return offers.end(state, offer.offer_id, OfferUnreachable, reason=fact.reason)
