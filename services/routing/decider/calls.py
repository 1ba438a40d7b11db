"""The record of one call: the names of its next try and play, its trail, and how it is forgotten."""

from typing import Final

import msgspec

from contracts.ids import AgentId, Instant, LegId, PlayId, TryId
from contracts.log import TimerDue
from contracts.routing import Hop
from contracts.telephony import AnswerLeg
from services.routing.rules import trail
from services.routing.state import RoutingState
from services.routing.state.records import Call, former_key

CALL_TIMERS: Final = ("lease", "notice", "bridge")
ANSWER_MS_MAX: Final = 30_000
"""A caller who rang this long unanswered has hung up, or hears a busy tone."""
AWAY_RECHECK_MS: Final = 30_000
"""While a PBX is away, its calls' timers are set anew by this: a blip of the link drops nobody."""


def next_try(call: Call) -> TryId:
    """The id of the call's next try."""
    return TryId(f"{call.leg_id}.t{call.try_count + 1}")


def next_play(call: Call) -> PlayId:
    """The id of the next notice that the caller hears."""
    return PlayId(f"{call.leg_id}.r{call.play_count + 1}")


def answer(state: RoutingState, call: Call) -> AnswerLeg:
    """The command that answers the caller's leg: sent only when there is something to hear on it."""
    not_after = Instant(state.now_at + ANSWER_MS_MAX)
    return AnswerLeg(pbx_id=call.pbx_id, leg_id=call.leg_id, not_after=not_after)


def visited(call: Call, agent_id: AgentId) -> Call:
    """The call with this employee on its trail, where a forward may have put them already."""
    hop = Hop(rule=call.rule, agent_id=agent_id)
    if trail.has_visited(call, hop):
        return call
    return msgspec.structs.replace(call, trail=(*call.trail, hop))


def apply_wait_over(state: RoutingState, due: TimerDue) -> None:
    """Wait longer if the call's PBX is away."""
    a_try = state.tries.get(due.subject)
    call = state.calls.get(due.subject if a_try is None else a_try.leg_id)
    if call is not None and state.pbx(call.pbx_id).is_lost:
        state.set_timer(due.kind, due.subject, Instant(state.now_at + AWAY_RECHECK_MS))


def drop(state: RoutingState, leg_id: LegId) -> None:
    """Forget a call, its try and its timers. In `apply` only."""
    call = state.calls.get(leg_id)
    if call is None:
        return
    drop_try(state, call)
    for kind in CALL_TIMERS:
        state.drop_timer(kind, leg_id)
    state.calls.drop(leg_id)
    _drop_former_scenario(state, call)


def drop_try(state: RoutingState, call: Call) -> None:
    """Forget the call's try and its timers; its phones were cancelled before. In `apply` only."""
    a_try = state.try_of(call)
    if a_try is None:
        return
    state.tries.drop(a_try.try_id)
    state.drop_timer("ring", a_try.try_id)
    for leg in a_try.legs:
        state.drop_timer("dial", leg.leg_id)
        state.drop_timer("key", leg.leg_id)


def _drop_former_scenario(state: RoutingState, call: Call) -> None:
    if call.scenario_id is None:
        return
    key = former_key(call.scenario_id, call.scenario_version)
    begun = (call.scenario_id, call.scenario_version)
    if key in state.former_scenarios and not any(
        (each.scenario_id, each.scenario_version) == begun for each in state.calls
    ):
        state.former_scenarios.drop(key)
