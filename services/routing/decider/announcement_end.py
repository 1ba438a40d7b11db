"""What follows when a notice, a menu or a whisper has ended: the next stop, the bridge, or the end."""

from contracts.gateway import PlayFinished
from contracts.log import TimerDue
from runtime.decision import NOTHING, Decision
from services.routing.decider import connection, destinations, forwarding, hangup, scenario_elements
from services.routing.state import RoutingState
from services.routing.state.records import Call, Stage, Then


def decide_play_finished(state: RoutingState, fact: PlayFinished) -> Decision:
    """A notice or a whisper ended, or could not be played."""
    call = state.call_of_leg(fact.leg_id)
    if call is None or call.play_id != fact.play_id:
        return NOTHING
    return go_on(state, call)


def decide_limit_reached(state: RoutingState, due: TimerDue) -> Decision:
    """The end of a notice, or a menu's key, was never reported: go on without it."""
    call = state.calls.get(due.subject)
    if call is None:
        return NOTHING
    return scenario_elements.no_choice(state, call) if call.stage is Stage.CHOOSING else go_on(state, call)


def go_on(state: RoutingState, call: Call) -> Decision:
    """Do what the call's notice or whisper came before; a menu waits for its key."""
    match call.stage:
        case Stage.TELLING:
            return _follow(state, call)
        case Stage.ANSWERED:
            return connection.join(state, call)
        case _:
            return NOTHING


def _follow(state: RoutingState, call: Call) -> Decision:
    match call.then:
        case Then.FORWARD:
            return forwarding.arrive(state, call)
        case Then.NEXT_ELEMENT:
            return scenario_elements.follow(state, call, "next")
        case Then.VOICEMAIL:
            return destinations.voicemail(call, call.rule, agent_id=call.machine_of)
        case _:
            return hangup.end(state, call, call.end_reason)
