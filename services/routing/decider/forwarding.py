"""An employee did not take the call: which rule applies, and whom it forwards the call to (D2 to D6)."""

from typing import Final

from contracts.directory import DirectAction, DirectActionKind, NoticeChoice
from contracts.ids import AgentId
from contracts.routing import (
    AfterNotice,
    CallerTold,
    CallForwarded,
    EndReason,
    Hop,
    MissReason,
    PersonMissed,
    Rule,
)
from runtime.decision import NOTHING, Decision
from services.routing.decider import (
    announcements,
    calls,
    destinations,
    hangup,
    last_resort,
    scenario_elements,
)
from services.routing.rules import direct_rules, notice_media, trail
from services.routing.state import RoutingState
from services.routing.state.records import Call, Stage, Then

NOT_RUNG: Final = (MissReason.ABSENT, MissReason.OUT_OF_HOURS, MissReason.REMOVED)


def decide_missed(state: RoutingState, fact: PersonMissed) -> Decision:
    """The scenario wins over the CRM's second person, and both win over the employee's own rule (D5)."""
    call = state.calls.get(fact.leg_id)
    if call is None or fact.reason is MissReason.CALLER_GONE:
        return NOTHING
    if state.is_limited(call):
        return scenario_elements.follow(state, call, "no_answer")
    if call.rule is Rule.RESPONSIBLE and call.second_agent_id is not None and call.forwards == 0:
        return _to_second(state, call, fact, call.second_agent_id)
    if fact.reason is MissReason.REMOVED or call.mobile_of == fact.agent_id:
        return last_resort.voicemail(state, call, None)
    action = direct_rules.action_after(state.person(fact.agent_id), fact.reason)
    match action.kind:
        case DirectActionKind.DROP:
            return _tell_or(state, call, fact, action, AfterNotice.DROP)
        case DirectActionKind.VOICEMAIL:
            return _tell_or(state, call, fact, action, AfterNotice.VOICEMAIL)
        case DirectActionKind.COLLEAGUE:
            hop = Hop(rule=direct_rules.rule_after(fact.reason), agent_id=action.agent_id)
        case DirectActionKind.DEPARTMENT:
            hop = Hop(rule=direct_rules.rule_after(fact.reason), department_id=action.department_id)
        case DirectActionKind.MOBILE:
            hop = Hop(rule=direct_rules.rule_after(fact.reason), agent_id=fact.agent_id)
    return _forward(state, call, fact, action, hop)


def _to_second(state: RoutingState, call: Call, fact: PersonMissed, second: AgentId) -> Decision:
    """Forward to the CRM's second person (D5), after a notice if the first one was rung."""
    hop = Hop(rule=Rule.RESPONSIBLE, agent_id=second)
    choice = NoticeChoice() if fact.reason not in NOT_RUNG else DirectAction().notice
    action = DirectAction(kind=DirectActionKind.COLLEAGUE, agent_id=second, notice=choice)
    return _forward(state, call, fact, action, hop)


def _tell_or(
    state: RoutingState, call: Call, fact: PersonMissed, action: DirectAction, then: AfterNotice
) -> Decision:
    """Drop the call or send it to voicemail, after the notice if there is one."""
    media = notice_media.before_action(state, action, fact.reason, call.caller)
    if media:
        told = CallerTold(
            leg_id=call.leg_id,
            rule=direct_rules.rule_after(fact.reason),
            play_id=calls.next_play(call),
            media=media,
            then=then,
            agent_id=fact.agent_id if then is AfterNotice.VOICEMAIL else None,
        )
        return Decision(facts=(told,))
    if then is AfterNotice.VOICEMAIL:
        return destinations.voicemail(call, direct_rules.rule_after(fact.reason), agent_id=fact.agent_id)
    return hangup.end(state, call, EndReason.DROPPED)


def _forward(state: RoutingState, call: Call, fact: PersonMissed, action: DirectAction, hop: Hop) -> Decision:
    """Forward to a colleague, a department or the own mobile, unless that would be a loop (D6)."""
    is_own_mobile = action.kind is DirectActionKind.MOBILE
    if call.forwards >= trail.FORWARDS_MAX or (trail.has_visited(call, hop) and not is_own_mobile):
        return last_resort.voicemail(state, call, hop)
    media = notice_media.before_action(state, action, fact.reason, call.caller)
    forwarded = CallForwarded(
        leg_id=call.leg_id,
        from_agent_id=fact.agent_id,
        to=hop,
        trail=(*call.trail, hop),
        play_id=calls.next_play(call) if media else None,
        media=media,
    )
    return Decision(facts=(forwarded,))


def apply_forwarded(state: RoutingState, fact: CallForwarded) -> None:
    """The call is for somebody else now, once the notice has ended."""
    call = state.calls.get(fact.leg_id)
    if call is None:
        return
    is_told = fact.play_id is not None
    call = state.calls.change(
        call,
        rule=fact.to.rule,
        trail=fact.trail,
        forwards=call.forwards + 1,
        mobile_of=fact.to.agent_id if fact.to.agent_id == fact.from_agent_id else None,
        stage=Stage.TELLING if is_told else Stage.DECIDING,
        then=Then.FORWARD,
        play_id=fact.play_id,
        media=fact.media,
        play_count=call.play_count + is_told,
    )
    if is_told:
        announcements.set_limit(state, call)


def decide_forwarded(state: RoutingState, fact: CallForwarded) -> Decision:
    """Play the notice; without one, go to the new target at once (D3)."""
    call = state.calls.get(fact.leg_id)
    if call is None:
        return NOTHING
    return arrive(state, call) if call.play_id is None else announcements.tell(state, call)


def arrive(state: RoutingState, call: Call) -> Decision:
    """Send the call to the last stop of its trail."""
    hop = call.trail[-1] if call.trail else None
    if hop is None:
        return last_resort.voicemail(state, call, None)
    if hop.agent_id is not None and call.mobile_of == hop.agent_id:
        return destinations.own_mobile(state, call, hop.agent_id)
    if hop.agent_id is not None:
        return destinations.person(state, call, hop.agent_id)
    if hop.department_id is not None and state.is_department_there(hop.department_id):
        return destinations.department(state, call, hop.department_id)
    return last_resort.voicemail(state, call, None)
