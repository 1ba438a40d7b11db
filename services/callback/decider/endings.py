"""The end of a callback: exactly one, which tells its whole story (C13)."""

from typing import Final, TypedDict

from contracts.callback import (
    CallbackBarred,
    CallbackCancelled,
    CallbackConnected,
    CallbackEnd,
    CallbackExpired,
    CallbackUnreached,
    Origin,
    StoryStep,
)
from contracts.ids import AgentId, CallbackId, DepartmentId, Instant, LegId, PbxId, PlaceId, RecordingId
from contracts.message import Command
from contracts.prompts import Prompt
from contracts.queue import CustomerTalked
from contracts.telephony import HangUp
from contracts.waiting import waited_ms
from runtime.decision import Decision
from services.callback import rules
from services.callback.decider import farewells
from services.callback.state import CallbackState
from services.callback.state.records import ORGANIZATION, WITH_AGENT, Callback, OtherTalk, Pair, Phase

ON_LINE: Final = "customer_on_line"
"""Expired: the customer was on the line with us for too long after the deadline (C15)."""
LATE: Final = "apology_too_late"
"""Expired: no line was free for the apology in time (C4)."""
QUIET: Final = "quiet_hours"
"""Expired: quiet hours held the callback back (C12)."""

WITH_CUSTOMER = frozenset(
    {
        Phase.DIALLING,
        Phase.CONFIRMING,
        Phase.BRIDGING,
        Phase.HELD,
        Phase.APOLOGY_DIALLED,
        Phase.APOLOGY_MADE,
    }
)
"""Phases in which a leg of the customer is callback's to hang up."""


class _Common(TypedDict):
    callback_id: CallbackId
    place_id: PlaceId
    department_id: DepartmentId
    pbx_id: PbxId
    number: str
    joined_at: Instant
    ordered_at: Instant
    attempts: int
    reason: str
    story: tuple[StoryStep, ...]
    origin: Origin
    deadline_at: Instant | None


def _common(state: CallbackState, callback: Callback, what: str, reason: str) -> _Common:
    lines = [
        StoryStep(at=line.at, what=line.what, agent_id=line.agent_id, leg_id=line.leg_id, reason=line.reason)
        for line in callback.story
    ]
    if callback.story_left_out:
        lines.append(StoryStep(at=state.now_at, what="left_out", reason=str(callback.story_left_out)))
    lines.append(StoryStep(at=state.now_at, what=what, reason=reason))
    return _Common(
        callback_id=callback.callback_id,
        place_id=callback.place_id,
        department_id=callback.department_id,
        pbx_id=callback.pbx_id,
        number=callback.number,
        joined_at=callback.joined_at,
        ordered_at=callback.ordered_at,
        attempts=callback.attempts,
        reason=reason,
        story=tuple(lines),
        origin=callback.origin,
        deadline_at=callback.deadline_at,
    )


def connected(
    state: CallbackState,
    callback: Callback,
    agent_id: AgentId,
    agent_leg_id: LegId,
    leg_id: LegId,
    recording_id: RecordingId | None = None,
) -> Decision:
    """Agent and customer have talked."""
    bridged_at = state.now_at if callback.bridged_at is None else callback.bridged_at
    fact = CallbackConnected(
        **_common(state, callback, "connected", ""),
        agent_id=agent_id,
        agent_leg_id=agent_leg_id,
        leg_id=leg_id,
        waited_ms=waited_ms(callback.joined_at, bridged_at),
        recording_id=recording_id,
        bridged_at=bridged_at,
    )
    return Decision(facts=(fact,))


def talked_otherwise(state: CallbackState, callback: Callback, talk: CustomerTalked | OtherTalk) -> Decision:
    """The customer has talked to the department by another call: no call is owed any more (C14)."""
    fact = CallbackConnected(
        **_common(state, callback, "connected", "by_other_call"),
        agent_id=talk.agent_id,
        agent_leg_id=talk.agent_leg_id,
        leg_id=talk.leg_id,
        waited_ms=waited_ms(callback.joined_at, talk.bridged_at),
        by_other_call=True,
        bridged_at=talk.bridged_at,
    )
    return Decision(facts=(fact,), commands=_let_go(state, callback))


def expired(
    state: CallbackState, callback: Callback, reason: str, *, has_voice_message: bool = False, was_told: bool
) -> Decision:
    """Nobody came in time, and no apology follows any more."""
    fact = CallbackExpired(
        **_common(state, callback, "expired", reason), has_voice_message=has_voice_message, was_told=was_told
    )
    return Decision(facts=(fact,), commands=_let_go(state, callback))


def unreached(state: CallbackState, callback: Callback, reason: str) -> Decision:
    """The customer was dialled, and no attempt is left."""
    fact = CallbackUnreached(**_common(state, callback, "unreached", reason))
    return Decision(facts=(fact,), commands=_let_go(state, callback))


def cancelled(state: CallbackState, callback: Callback, reason: str, *, keeps_line: bool = False) -> Decision:
    """Withdrawn: nothing is dialled any more, and what rings stops (C9), unless the line is kept."""
    fact = CallbackCancelled(**_common(state, callback, "cancelled", reason), keeps_line=keeps_line)
    if keeps_line:
        return Decision(facts=(fact,))
    return Decision(facts=(fact,), commands=_let_go(state, callback))


def barred(state: CallbackState, callback: Callback, reason: str) -> Decision:
    """The policy of today does not allow the number that it allowed at the order (C10)."""
    fact = CallbackBarred(**_common(state, callback, "barred", reason))
    return Decision(facts=(fact,), commands=_let_go(state, callback))


def _let_go(state: CallbackState, callback: Callback) -> tuple[Command, ...]:
    """Hang up the legs that the callback still has; the agent of an attempt is told first."""
    found: list[Command] = []
    if callback.phase in WITH_CUSTOMER and callback.customer is not None and not callback.customer.is_over:
        found.append(HangUp(pbx_id=callback.pbx_id, leg_id=callback.customer.leg_id, reason="callback_ended"))
    if callback.cancelling is not None:
        found.append(
            HangUp(pbx_id=callback.pbx_id, leg_id=callback.cancelling.leg_id, reason="callback_ended")
        )
    if callback.phase in WITH_AGENT and callback.agent_leg_id is not None:
        leg_id = callback.agent_leg_id
        why = Prompt.CALLBACK_CANCELLED
        found.append(farewells.play(state, callback.department_id, leg_id, callback.pbx_id, why))
    return tuple(found)


def apply_end(state: CallbackState, fact: CallbackEnd) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    agent_leg_id, customer_leg_id = callback.agent_leg_id, callback.customer_leg_id
    if isinstance(fact, CallbackConnected):
        if callback.phase is Phase.BRIDGING and customer_leg_id is not None and agent_leg_id is not None:
            # Said by an older version, which did not wait for the talk's end.
            state.pairs.put(Pair(customer_leg_id, agent_leg_id, callback.pbx_id))
    elif callback.phase in WITH_AGENT and agent_leg_id is not None:
        farewells.begin(state, agent_leg_id, callback.pbx_id)
    if isinstance(fact, CallbackCancelled) and fact.keeps_line:
        state.close_order(callback.order_leg_id)
    if isinstance(fact, CallbackBarred):
        _count_barred(state)
    state.wait(callback, None)
    state.callbacks.drop(callback.callback_id)


def _count_barred(state: CallbackState) -> None:
    """A new policy may bar more callbacks than fit into one step: the timer goes on with the others."""
    cause, count = state.barred_in_step
    state.barred_in_step = (state.cause, count + 1 if cause == state.cause else 1)
    if state.barred_in_step[1] == rules.BARRED_AT_ONCE_MAX:
        state.set_timer("policy", ORGANIZATION, state.now_at)
