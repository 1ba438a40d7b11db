"""Invariants of routing's state after every fact."""

from typing import Any

from services.routing.decider import owed
from services.routing.rules.trail import FORWARDS_MAX
from services.routing.state import RoutingState
from services.routing.state.records import Stage
from tests.unit.decider_harness import stored

INDEXES = (
    "departments_by_line",
    "people_by_line",
    "scenarios_by_line",
    "departments_by_extension",
    "people_by_extension",
    "calls_by_leg",
    "tries_of",
    "calls_of",
)


RELOADED_EVERY = 3
"""Loading everything anew is slow, and a difference lasts longer than three facts."""


def after_step(state: RoutingState, number: int) -> None:
    """Check the invariants, and now and then that a new owner would load the same state."""
    check(state)
    if number % RELOADED_EVERY == 0:
        assert snapshot(reloaded(state)) == snapshot(state)


def check(state: RoutingState) -> None:
    """Every wait has a timer, no timer is for something gone, and no call is forgotten."""
    timers = {timer.timer_id for timer in state.timers}
    missing = set(owed(state)) - timers
    assert not missing, f"owed and not set: {missing}"
    for timer in state.timers:
        assert _is_wanted(state, timer.kind, timer.subject), f"{timer.timer_id} is set for what is gone"
    _check_calls(state)
    _check_tries(state)
    for former in state.former_scenarios:
        assert any(state.scenario_of(call) == former.saved for call in state.calls), f"{former.key} is kept"


def _is_wanted(state: RoutingState, kind: str, subject: str) -> bool:
    match kind:
        case "ring":
            return subject in state.tries
        case "dial" | "key":
            return any(subject in a_try.open_legs for a_try in state.tries)
        case "bridge":
            return subject in state.calls and state.calls[subject].stage is Stage.ANSWERED
        case "notice":
            return subject in state.calls and state.calls[subject].stage in (Stage.TELLING, Stage.CHOOSING)
        case _:
            return subject in state.calls


def _check_calls(state: RoutingState) -> None:
    for call in state.calls:
        assert call.stage is not Stage.DECIDING, f"{call.leg_id} waits for nothing"
        assert (state.try_of(call) is not None) is (call.stage is Stage.RINGING), (
            f"{call.leg_id} {call.stage}"
        )
        has_other = call.stage in (Stage.ANSWERED, Stage.TALKING)
        assert (call.with_leg_id is not None) is has_other, f"{call.leg_id} {call.stage}"
        assert call.forwards <= FORWARDS_MAX
        visited = [(hop.agent_id, hop.department_id) for hop in call.trail]
        again = len(visited) - len(dict.fromkeys(visited))
        assert again <= (call.mobile_of is not None), f"{call.leg_id} visits somebody twice: {visited}"


def _check_tries(state: RoutingState) -> None:
    for a_try in state.tries:
        assert state.calls[a_try.leg_id].try_id == a_try.try_id
        assert any(leg_id in a_try.dialled_legs for leg_id in a_try.open_legs), "rings nowhere"
        for leg_id in a_try.open_legs:
            assert state.calls_by_leg[leg_id] == a_try.leg_id


def reloaded(state: RoutingState) -> RoutingState:
    """The state as a new owner loads it, from records alone."""
    loaded = RoutingState()
    loaded.load(stored(state))
    loaded.now_at, loaded.cause = state.now_at, state.cause
    return loaded


def snapshot(state: RoutingState) -> dict[str, Any]:
    """Everything in a state, indexes included."""
    seen: dict[str, Any] = {name: list(table) for name, table in state.tables.items()}
    for name in INDEXES:
        seen[f"index {name}"] = {
            key: value if isinstance(value, str) else list(value)
            for key, value in sorted(getattr(state, name).items())
        }
    return seen
