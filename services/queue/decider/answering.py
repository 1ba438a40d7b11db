"""An agent's phone is answered: a mobile's key, acceptance, the bridge (E4, Q9)."""

import msgspec

from contracts.gateway import Bridged, LegAnswered, PlayFinished
from contracts.ids import BridgeId, Instant, LegId, OfferId, PlayId
from contracts.log import TimerDue
from contracts.prompts import Prompt
from contracts.queue import (
    AgentBusy,
    AgentReady,
    KeyWanted,
    OfferAccepted,
    OfferReopened,
    PbxBack,
    PlaceConnected,
)
from contracts.telephony import Bridge, CancelLeg, HangUp, Play, StartHoldMusic
from runtime.decision import NOTHING, Decision, together
from services.queue.decider import (
    announcements,
    customers,
    no_answer,
    offer_records,
    offering,
    pauses,
    place_end,
    recording,
)
from services.queue.rules import agent_selection, notice_media, ring_plans
from services.queue.state import QueueState
from services.queue.state.records import Leg, LegKind, Offer, Phase, Place

BRIDGE_MS_MAX = 30_000
"""Enough from acceptance to the bridge for a whisper of a long number; after this a fact was lost."""


def apply_answered(state: QueueState, fact: LegAnswered) -> None:
    """Note that the leg is answered; an agent's leg whose offer was withdrawn gets a goodbye."""
    leg = state.legs.get(fact.leg_id)
    if leg is None:
        return
    if leg.kind is LegKind.CALLER:
        state.legs.change(leg, is_answered=True)
        place = state.places.get(leg.place_id)
        if place is not None:
            place = msgspec.structs.replace(place, is_answered=True)
            state.places.put(place)
            announcements.schedule_late_invitation(state, place)
    elif leg.kind is LegKind.CUSTOMER:
        state.legs.change(leg, is_answered=True)
    elif _is_unwanted(state, leg):
        place_end.begin_goodbye(state, leg)


def _is_unwanted(state: QueueState, leg: Leg) -> bool:
    """Whether this agent's leg was answered after its offer was withdrawn."""
    is_on_it = leg.agent_id is not None and state.activity(leg.agent_id).leg_id == leg.leg_id
    return leg.offer_id is None and leg.goodbye_play_id is None and not is_on_it


def decide_answered(state: QueueState, fact: LegAnswered) -> Decision:
    """Welcome a caller; ask an agent at a mobile for a key; any other answering agent has accepted."""
    leg = state.legs.get(fact.leg_id)
    if leg is None or leg.kind is LegKind.CUSTOMER:
        return NOTHING
    if leg.kind is LegKind.CALLER:
        place = state.places.get(leg.place_id)
        if place is None or place.leg_id != leg.leg_id or leg.peer_leg_id is not None:
            return NOTHING
        return announcements.answered(state, place)
    offer = state.offers.get(leg.offer_id)
    if offer is None:
        return NOTHING if leg.goodbye_play_id is None else Decision(commands=place_end.goodbye(state, leg))
    back = offering.probed_pbx(state, leg)
    probed = NOTHING if back is None else Decision(facts=(PbxBack(pbx_id=back),))
    if not any(each.needs_key for each in offer.legs if each.leg_id == leg.leg_id):
        return together((_accept(state, offer, leg), probed))
    is_asked = leg.leg_id in offer.key_legs
    return together((NOTHING if is_asked else _ask_key(state, offer, leg), probed))


def _ask_key(state: QueueState, offer: Offer, leg: Leg) -> Decision:
    """Ask for a key, which a mobile's own voicemail can't press; the other phones ring on (E4)."""
    until_at = Instant(state.now_at + ring_plans.KEY_MS)
    place = state.places[offer.place_id]
    play = Play(
        pbx_id=leg.pbx_id,
        leg_id=leg.leg_id,
        play_id=PlayId(f"{leg.leg_id}.key"),
        media=notice_media.standard(state, place, Prompt.WHISPER_PRESS_KEY),
        barge_in=True,
        not_after=until_at,
    )
    return Decision(
        facts=(KeyWanted(offer_id=offer.offer_id, leg_id=leg.leg_id, until_at=until_at),), commands=(play,)
    )


def apply_key_wanted(state: QueueState, fact: KeyWanted) -> None:
    """Set the timer for the key, and extend the ring time to it."""
    offer = state.offers[fact.offer_id]
    state.offers.change(offer, key_legs=(*offer.key_legs, fact.leg_id))
    state.set_timer("key", fact.leg_id, fact.until_at)
    ring = state.timers.get(f"ring/{fact.offer_id}")
    if ring is not None and ring.due_at < fact.until_at:
        state.set_timer("ring", fact.offer_id, Instant(fact.until_at + 1))


def key_pressed(state: QueueState, leg: Leg) -> Decision:
    """A key from a mobile is the acceptance."""
    offer = state.offers.get(leg.offer_id)
    if offer is None or f"key/{leg.leg_id}" not in state.timers:  # no key was asked for, or it is too late
        return NOTHING
    return _accept(state, offer, leg)


def decide_key_over(state: QueueState, due: TimerDue) -> Decision:
    """No key was pressed: whatever answered is not the agent. The other phones ring on."""
    leg = state.legs.get(due.subject)
    if leg is None:
        return NOTHING
    return Decision(commands=(CancelLeg(pbx_id=leg.pbx_id, leg_id=leg.leg_id),))


def _accept(state: QueueState, offer: Offer, leg: Leg) -> Decision:
    place = state.places[offer.place_id]
    accepted = OfferAccepted(
        offer_id=offer.offer_id, place_id=offer.place_id, agent_id=offer.agent_id, leg_id=leg.leg_id
    )
    lease_until_at = Instant(state.now_at + ring_plans.CALL_MS_MAX)
    busy = AgentBusy(agent_id=offer.agent_id, leg_id=leg.leg_id, lease_until_at=lease_until_at)
    others = offer_records.withdraw_all(state, place, offer_records.TAKEN, but=offer.offer_id)
    return together(
        (
            Decision(facts=(accepted, busy), commands=offer_records.cancels(offer, but=leg.leg_id)),
            others,
            customers.withdraw_elsewhere(state, place),
        )
    )


def apply_accepted(state: QueueState, fact: OfferAccepted) -> None:
    offer, leg = state.offers[fact.offer_id], state.legs[fact.leg_id]
    place = state.places[fact.place_id]
    offer_records.drop_offer(state, offer)
    state.legs.change(leg, offer_id=None, place_id=place.place_id)
    activity = state.activity(fact.agent_id)
    for kind in ("wrap_up", "unreachable"):
        state.drop_timer(kind, fact.agent_id)
    state.activities.change(
        activity,
        offer_id=None,
        leg_id=fact.leg_id,
        place_id=place.place_id,
        wrap_up_until_at=None,
        rests_until_at=None,
        failures=0,
        department_id=place.department_id,
        missed=(),
        customer=state.number_of_place(place),
        talk_place_id=place.place_id,
        keeps_callback=False,
    )
    whispers = place.caller is not None and _is_public(offer, fact.leg_id) and place.leg_id is not None
    for kind in ("round", "step", "invite"):
        state.drop_timer(kind, place.place_id)
    if place.leg_id is not None:
        state.set_timer("bridge", place.place_id, Instant(state.now_at + BRIDGE_MS_MAX))
    state.places.change(
        place,
        phase=Phase.ACCEPTED,
        offers=tuple(each for each in place.offers if each != fact.offer_id),
        accepted_offer_id=fact.offer_id,
        agent_id=fact.agent_id,
        agent_leg_id=fact.leg_id,
        play_id=PlayId(f"{fact.offer_id}.w") if whispers else None,
        told_play_id=recording.notice_play_id(state, place, fact.offer_id),
    )


def _is_public(offer: Offer, leg_id: LegId) -> bool:
    return any(leg.leg_id == leg_id and leg.address.startswith("tel:") for leg in offer.legs)


def decide_accepted(state: QueueState, fact: OfferAccepted) -> Decision:
    """Bridge to the caller's leg; before that, whisper the number where it could not be shown (G5)."""
    place = state.places.get(fact.place_id)
    resumed = pauses.resume_on_call(state, fact.agent_id, cause="accepted")
    if place is None:
        return resumed
    return together((resumed, _bring_together(state, place, fact.leg_id)))


def _bring_together(state: QueueState, place: Place, agent_leg_id: LegId) -> Decision:
    if place.leg_id is None:
        return ready(state, place)
    notice = Decision(commands=recording.notice(state, place))
    if place.play_id is None:
        return bridge(place) if place.told_play_id is None else notice
    play = Play(
        pbx_id=place.pbx_id,
        leg_id=agent_leg_id,
        play_id=place.play_id,
        media=notice_media.whisper(state, place),
        interrupts=True,
    )
    return together((Decision(commands=(play,)), notice))


def apply_play_finished(state: QueueState, fact: PlayFinished) -> None:
    """The bridge waits for one play less; without that notice the call is not recorded (R1)."""
    leg = state.legs.get(fact.leg_id)
    place = state.places.get(leg.place_id) if leg is not None else None
    if place is None or place.phase is not Phase.ACCEPTED:
        if place is not None:
            announcements.schedule_overflow(state, place)
        return
    if place.play_id == fact.play_id:
        state.places.change(place, play_id=None)
    elif place.told_play_id == fact.play_id:
        state.places.change(place, told_play_id=None, is_told=fact.ok)


def decide_play_finished(state: QueueState, fact: PlayFinished) -> Decision:
    """Act after a notice, bridge after a whisper, hang up after a goodbye."""
    leg = state.legs.get(fact.leg_id)
    if leg is None:
        return NOTHING
    if leg.goodbye_play_id == fact.play_id:
        return Decision(commands=(HangUp(pbx_id=leg.pbx_id, leg_id=leg.leg_id, reason="caller_gone"),))
    place = state.places.get(leg.place_id)
    if place is None:
        return NOTHING
    if place.phase is Phase.NO_ANSWER:
        return no_answer.notice_finished(state, place, fact)
    return _prompt_finished(place, fact) if place.phase is Phase.ACCEPTED else NOTHING


def _prompt_finished(place: Place, fact: PlayFinished) -> Decision:
    """Bridge once the agent has heard the whisper, and the caller the notice of the recording."""
    awaited = (f"{place.accepted_offer_id}.w", f"{place.accepted_offer_id}.r")
    is_last = place.play_id is None and place.told_play_id is None
    return bridge(place) if is_last and fact.play_id in awaited else NOTHING


def bridge(place: Place) -> Decision:
    if place.leg_id is None or place.agent_leg_id is None:
        return NOTHING
    bridge_id = BridgeId(f"{place.accepted_offer_id}.b")
    legs = (place.leg_id, place.agent_leg_id)
    return Decision(commands=(Bridge(pbx_id=place.pbx_id, bridge_id=bridge_id, legs=legs),))


def ready(state: QueueState, place: Place) -> Decision:
    """Hand the agent to callback; while the order is still being taken, nothing yet."""
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
        talked_before=place.talked_before,
    )
    return Decision(facts=(fact, *customers.on_another_line(state, place)))


def apply_bridged(state: QueueState, fact: Bridged) -> None:
    """An attempt's agent and customer talk: from now on this is a department call of the agent.

    The place outlives the bridge, since the agent may still say that the customer was not reached (C13).
    """
    for leg_id in fact.legs:
        leg = state.legs.get(leg_id)
        activity = state.activity(leg.agent_id) if leg is not None and leg.agent_id is not None else None
        place = (
            state.places.get(activity.place_id)
            if activity is not None and activity.place_id is not None
            else None
        )
        if (
            activity is None
            or place is None
            or activity.leg_id != leg_id
            or activity.connected_at is not None
        ):
            continue
        if place.phase is Phase.WITH_CALLBACK and place.agent_id == activity.agent_id:
            state.activities.change(activity, connected_at=state.now_at)
            customers.note_talk(state, activity.agent_id, activity.department_id, place.place_id)


def decide_bridged(state: QueueState, fact: Bridged) -> Decision:
    """The agent and the caller talk: the place ends as connected."""
    leg = next((state.legs[each] for each in fact.legs if each in state.legs), None)
    place = state.places.get(leg.place_id) if leg is not None else None
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
        recording_id=recording.recording_id(state, place, fact.bridge_id),
    )
    return together((Decision(facts=(connected,)), recording.start(state, place, fact.bridge_id)))


def apply_connected(state: QueueState, fact: PlaceConnected) -> None:
    """The place ends, and the two legs become peers."""
    place = state.places[fact.place_id]
    place_end.drop_place(state, place, says_goodbye=False)
    for mine, other in ((fact.leg_id, fact.agent_leg_id), (fact.agent_leg_id, fact.leg_id)):
        leg = state.legs.get(mine)
        if leg is not None:
            state.legs.change(leg, place_id=None, peer_leg_id=other)
    activity = state.activity(fact.agent_id)
    state.activities.change(activity, connected_at=state.now_at, place_id=None)
    customers.note_talk(state, fact.agent_id, activity.department_id, fact.place_id)


def decide_bridge_late(state: QueueState, due: TimerDue) -> Decision:
    """The bridge was never reported: hang up the agent's leg, and the place waits again."""
    place = state.places.get(due.subject)
    if place is None or place.phase is not Phase.ACCEPTED or place.agent_leg_id is None:
        return NOTHING
    hang_up = HangUp(pbx_id=place.pbx_id, leg_id=place.agent_leg_id, reason="not_bridged")
    commands: tuple[HangUp | StartHoldMusic, ...] = (hang_up,)
    if place.leg_id is not None and place.is_answered:
        # A bridge that was made but never reported has ended the music.
        commands = (hang_up, StartHoldMusic(pbx_id=place.pbx_id, leg_id=place.leg_id))
    return together((Decision(commands=commands), reopen(place)))


def decide_goodbye_over(state: QueueState, due: TimerDue) -> Decision:
    """The end of the goodbye was never reported: hang up."""
    leg = state.legs.get(due.subject)
    if leg is None or leg.goodbye_play_id is None:
        return NOTHING
    return Decision(commands=(HangUp(pbx_id=leg.pbx_id, leg_id=leg.leg_id, reason="goodbye"),))


def reopen(place: Place) -> Decision:
    """The agent who had accepted left before the bridge: the place is offered to others again (Q9)."""
    assert place.agent_id is not None
    return Decision(facts=(OfferReopened(place_id=place.place_id, agent_id=place.agent_id),))


def apply_reopened(state: QueueState, fact: OfferReopened) -> None:
    """The place is as before the acceptance, but the agent counts as tried; a fallback is not tried twice.

    If a held customer has gone, the agent hears goodbye and the place is callback's again.
    """
    place = state.places[fact.place_id]
    state.drop_timer("bridge", place.place_id)
    is_fallback = place.divert_reason is not None
    is_left = place.is_held and place.leg_id is None
    agent_leg = state.legs.get(place.agent_leg_id)
    if is_left and agent_leg is not None:
        place_end.begin_goodbye(state, agent_leg)
    phase = Phase.WITH_CALLBACK if is_left else Phase.WAITING
    place = msgspec.structs.replace(
        place,
        phase=Phase.FALLBACK if is_fallback else phase,
        is_held=place.is_held and not is_left,
        accepted_offer_id=None,
        agent_id=None,
        agent_leg_id=None,
        play_id=None,
        is_step_open=True,
    )
    state.places.put(place)
    if is_fallback or is_left:
        return
    announcements.schedule_invitation(state, place, place.joined_at)
    strategy = state.departments[place.department_id].saved.strategy
    state.set_timer("round", place.place_id, Instant(state.now_at + agent_selection.pause_ms(strategy)))
