"""Agents: their calls and leases, wrap-up, phones, working time, and PBXs that are away."""

import msgspec

from contracts.gateway import DeviceChanged, DeviceState, LegRinging
from contracts.ids import AgentId, Instant, PbxId
from contracts.log import TimerDue
from contracts.queue import AgentBusy, AgentFreed, PbxAway, PbxBack, WrapUpStarted
from contracts.telephony import HangUp
from runtime.decision import NOTHING, Decision
from services.queue.decider import offering, pauses
from services.queue.rules import ring_plans, waiting
from services.queue.state import QueueState
from services.queue.state.records import Phone, phone_key

AWAY_MS = 60_000
"""An unreachable PBX costs one failed offer a minute, not one per call (O9)."""


def apply_busy(state: QueueState, fact: AgentBusy) -> None:
    state.set_timer("lease", fact.agent_id, fact.lease_until_at)


def apply_freed(state: QueueState, fact: AgentFreed) -> None:
    _note_pace(state, fact.agent_id)
    activity = state.activity(fact.agent_id)
    state.activities.change(
        activity,
        leg_id=None,
        place_id=None,
        department_id=None,
        connected_at=None,
        wrap_up_until_at=None,
        idle_since_at=fact.idle_since_at,
        customer=None,
        talk_place_id=None,
        keeps_callback=False,
    )
    state.drop_timer("lease", fact.agent_id)
    state.drop_timer("wrap_up", fact.agent_id)


def apply_wrap_up(state: QueueState, fact: WrapUpStarted) -> None:
    _note_pace(state, fact.agent_id)
    activity = state.activity(fact.agent_id)
    state.activities.change(
        activity,
        leg_id=None,
        place_id=None,
        connected_at=None,
        wrap_up_until_at=fact.until_at,
        idle_since_at=state.now_at,
        customer=None,
        talk_place_id=None,
        keeps_callback=False,
    )
    state.drop_timer("lease", fact.agent_id)
    state.set_timer("wrap_up", fact.agent_id, fact.until_at)


def _note_pace(state: QueueState, agent_id: AgentId) -> None:
    activity = state.activity(agent_id)
    if activity.connected_at is None or activity.department_id is None:
        return
    known = state.paces.get(activity.department_id)
    talked_ms = state.now_at - activity.connected_at
    state.paces.put(waiting.pace_after(known, activity.department_id, talked_ms))


def freed(state: QueueState, agent_id: AgentId, cause: str) -> Decision:
    """What follows when the agent's leg has ended: wrap-up after a bridged department call, else free (Q13).

    Only a call that was bridged changes idle time (Q1).
    """
    activity = state.activity(agent_id)
    department = state.departments.get(activity.department_id)
    if activity.connected_at is not None and department is not None and department.saved.wrap_up_ms > 0:
        until_at = Instant(state.now_at + department.saved.wrap_up_ms)
        return Decision(facts=(WrapUpStarted(agent_id=agent_id, until_at=until_at),))
    idle_since_at = activity.idle_since_at if activity.connected_at is None else state.now_at
    return Decision(facts=(AgentFreed(agent_id=agent_id, cause=cause, idle_since_at=idle_since_at),))


def apply_word_over(state: QueueState, due: TimerDue) -> None:
    """Callback has not said how the attempt ended: the agent waits no longer."""
    end_wait_for_callback(state, AgentId(due.subject))


def end_wait_for_callback(state: QueueState, agent_id: AgentId | None) -> None:
    """The attempt's end is known: the agent who was freed from it may be offered places."""
    activity = state.activity(agent_id) if agent_id is not None else None
    if activity is not None and activity.word_until_at is not None:
        state.activities.change(activity, word_until_at=None)
        state.drop_timer("word", activity.agent_id)


def decide_wrap_up_over(state: QueueState, due: TimerDue) -> Decision:
    agent_id = AgentId(due.subject)
    activity = state.activity(agent_id)
    if activity.wrap_up_until_at is None:
        return NOTHING
    idle_since_at = activity.idle_since_at
    return Decision(facts=(AgentFreed(agent_id=agent_id, cause="wrap_up_over", idle_since_at=idle_since_at),))


def decide_lease_over(state: QueueState, due: TimerDue) -> Decision:
    """No call lasts this long: free the agent, say why, and hang up what may be left (G3, EC-108)."""
    agent_id = AgentId(due.subject)
    leg_id = state.activity(agent_id).leg_id
    if leg_id is None:
        return NOTHING
    leg = state.legs.get(leg_id)
    fact = AgentFreed(agent_id=agent_id, cause="lease_ended", idle_since_at=state.now_at)
    commands = () if leg is None else (HangUp(pbx_id=leg.pbx_id, leg_id=leg.leg_id, reason="lease_ended"),)
    return Decision(facts=(fact,), commands=commands)


def apply_phone(state: QueueState, fact: DeviceChanged) -> None:
    """A phone is in use by any call, ours or another, is idle, or can't be reached (Q2, EC-7)."""
    key = phone_key(fact.pbx_id, fact.address)
    known = state.phones.get(key) or Phone(key)
    match fact.state:
        case DeviceState.IN_USE:
            is_ours = _is_use_ours(state, known)
            if not is_ours:
                for agent_id in state.agents_of_phone(key):
                    pauses.reset_misses(state, agent_id)
            changed = msgspec.structs.replace(known, is_in_use=True, is_ours=is_ours, is_unreachable=False)
            state.set_timer("phone_lease", key, Instant(state.now_at + ring_plans.CALL_MS_MAX))
        case DeviceState.UNREACHABLE:
            changed = Phone(key, is_unreachable=True)
            _note_use_over(state, known)
        case DeviceState.IDLE | DeviceState.REACHABLE:
            changed = Phone(key)
            _note_use_over(state, known)
            for agent_id in state.agents_of_phone(key):
                _end_rest(state, agent_id)
    state.phones.put(changed)


def _is_use_ours(state: QueueState, phone: Phone) -> bool:
    if phone.is_in_use:  # a repeated report of the same use
        return phone.is_ours
    return any(_is_rung_by_us(state, agent_id) for agent_id in state.agents_of_phone(phone.key))


def _is_rung_by_us(state: QueueState, agent_id: AgentId) -> bool:
    activity = state.activity(agent_id)
    return activity.offer_id is not None or activity.leg_id is not None


def _note_use_over(state: QueueState, phone: Phone) -> None:
    """An agent's idle time starts again after a call of any kind (Q1)."""
    state.drop_timer("phone_lease", phone.key)
    if not phone.is_in_use or phone.is_ours:
        return
    for agent_id in state.agents_of_phone(phone.key):
        state.activities.change(state.activity(agent_id), idle_since_at=state.now_at)


def _end_rest(state: QueueState, agent_id: AgentId) -> None:
    activity = state.activity(agent_id)
    if activity.rests_until_at is not None:
        state.drop_timer("unreachable", agent_id)
    if activity.rests_until_at is not None or activity.failures:
        state.activities.change(activity, rests_until_at=None, failures=0)


def decide_phone(state: QueueState, fact: DeviceChanged) -> Decision:
    """An agent who makes another call is present: a pause ends (Q8)."""
    key = phone_key(fact.pbx_id, fact.address)
    if fact.state is not DeviceState.IN_USE or state.phones[key].is_ours:
        return NOTHING
    return pauses.resume_on_call(state, *state.agents_of_phone(key), cause="on_call")


def apply_phone_lease(state: QueueState, due: TimerDue) -> None:
    """A PBX that never reports a phone as idle must not keep its agent busy for ever."""
    state.phones.put(Phone(due.subject))


def decide_phone_lease_over(state: QueueState, due: TimerDue) -> Decision:
    """Say which agents this frees, and why (EC-108); an agent in wrap-up stays in it."""
    agents = (
        agent_id
        for agent_id in state.agents_of_phone(due.subject)
        if not _is_rung_by_us(state, agent_id) and state.activity(agent_id).wrap_up_until_at is None
    )
    return Decision(
        facts=tuple(
            AgentFreed(agent_id=agent_id, cause="phone_lease_ended", idle_since_at=state.now_at)
            for agent_id in agents
        )
    )


def update_working_time(state: QueueState, agent_id: AgentId) -> None:
    """Note whether an agent works now, and set the timer for when that may change."""
    agent = state.agents.get(agent_id)
    availability = agent.availability if agent is not None else None
    is_at_work = waiting.is_at_work(availability, state.now_at)
    state.activities.change(state.activity(agent_id), is_at_work=is_at_work)
    change_at = waiting.next_change_at(availability, state.now_at)
    if change_at is None:
        state.drop_timer("work", agent_id)
    else:
        state.set_timer("work", agent_id, change_at)


def apply_work(state: QueueState, due: TimerDue) -> None:
    update_working_time(state, AgentId(due.subject))


def decide_ringing(state: QueueState, fact: LegRinging) -> Decision:
    """A phone rings: the PBX that was being probed is back."""
    leg = state.legs.get(fact.leg_id)
    pbx_id = offering.probed_pbx(state, leg)
    return NOTHING if pbx_id is None else Decision(facts=(PbxBack(pbx_id=pbx_id),))


def apply_away(state: QueueState, fact: PbxAway) -> None:
    """The PBX's agents are skipped until it is probed."""
    known = state.pbx(fact.pbx_id)
    state.pbxs.change(known, away_until_at=fact.probe_at, is_probing=False, probe_offer_id=None)
    state.set_timer("probe", fact.pbx_id, fact.probe_at)


def apply_back(state: QueueState, fact: PbxBack) -> None:
    known = state.pbx(fact.pbx_id)
    state.pbxs.change(known, away_until_at=None, is_probing=False, probe_offer_id=None)
    state.drop_timer("probe", fact.pbx_id)


def apply_probe(state: QueueState, due: TimerDue) -> None:
    """One offer may now try whether the PBX is back."""
    known = state.pbx(PbxId(due.subject))
    state.pbxs.change(known, away_until_at=None, is_probing=True)
