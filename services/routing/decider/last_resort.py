"""The end of a call's way: the last target's voicemail, else an apology (D6)."""

from contracts.routing import AfterNotice, CallerTold, EndReason, Hop, Rule
from runtime.decision import Decision
from services.routing.decider import calls, destinations
from services.routing.rules import notice_media
from services.routing.state import RoutingState
from services.routing.state.records import Call


def voicemail(state: RoutingState, call: Call, target: Hop | None) -> Decision:
    """The voicemail of `target`, to whom the call can't be forwarded any more, else of the last stop.

    A removed employee or department has no voicemail, so the stop before it takes the call. If none is left
    the caller hears that nobody can answer, and the call ends (D6).
    """
    stops = (*((target,) if target is not None else ()), *reversed(call.trail))
    for hop in stops:
        if state.is_there(hop):
            return destinations.voicemail(
                call, Rule.LIMIT, agent_id=hop.agent_id, department_id=hop.department_id
            )
    return apologise(state, call, EndReason.DROPPED)


def apologise(state: RoutingState, call: Call, reason: EndReason) -> Decision:
    """Tell the caller that nobody can answer, then end the call."""
    told = CallerTold(
        leg_id=call.leg_id,
        rule=Rule.LIMIT if reason is EndReason.DROPPED else call.rule,
        play_id=calls.next_play(call),
        media=notice_media.nobody_available(state),
        then=AfterNotice.DROP,
        reason=reason,
    )
    return Decision(facts=(told,))
