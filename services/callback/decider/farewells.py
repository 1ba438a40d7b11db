"""Farewells: an agent whose attempt has ended hears why, and then the agent's leg is hung up (C6)."""

from contracts.ids import DepartmentId, Instant, LegId, PbxId, PlayId
from contracts.log import TimerDue
from contracts.prompts import Prompt
from contracts.telephony import HangUp, Play
from runtime.decision import NOTHING, Decision
from services.callback import rules
from services.callback.decider import spoken_texts
from services.callback.state import CallbackState
from services.callback.state.records import Farewell


def begin(state: CallbackState, leg_id: LegId, pbx_id: PbxId) -> None:
    """Note that this agent's leg is told why and then hung up."""
    state.farewells.put(Farewell(leg_id, pbx_id, _play_id(leg_id)))
    state.set_timer("farewell", leg_id, Instant(state.now_at + rules.FAREWELL_MS_MAX))


def play(
    state: CallbackState, department_id: DepartmentId | None, leg_id: LegId, pbx_id: PbxId, why: Prompt
) -> Play:
    """Tell the agent why there is nobody to talk to."""
    media = spoken_texts.prompt(state, department_id, why)
    return spoken_texts.play(pbx_id, leg_id, _play_id(leg_id), media)


def _play_id(leg_id: LegId) -> PlayId:
    return PlayId(f"{leg_id}.farewell")


def hang_up(state: CallbackState, leg_id: LegId) -> Decision:
    """The farewell was heard, or could not be."""
    farewell = state.farewells.get(leg_id)
    if farewell is None:
        return NOTHING
    return Decision(commands=(HangUp(pbx_id=farewell.pbx_id, leg_id=leg_id, reason="told"),))


def end(state: CallbackState, leg_id: LegId) -> None:
    """The leg has ended."""
    state.farewells.drop(leg_id)
    state.drop_timer("farewell", leg_id)
    state.drop_timer("farewell_over", leg_id)


def apply_due(state: CallbackState, fact: TimerDue) -> None:
    if fact.subject in state.farewells:
        state.set_timer("farewell_over", fact.subject, Instant(state.now_at + rules.FAREWELL_KEPT_MS))


def decide_due(state: CallbackState, fact: TimerDue) -> Decision:
    return hang_up(state, LegId(fact.subject))


def apply_over(state: CallbackState, fact: TimerDue) -> None:
    """Nothing was heard of the leg's end: it had ended before the farewell began."""
    end(state, LegId(fact.subject))
