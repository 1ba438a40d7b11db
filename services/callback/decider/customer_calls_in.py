"""Calls of the customer while a callback stands (C8, C14, C15): nobody dials, and «1» joins the two.

Queue tells of these calls. While an agent is here for the callback, «1» brings the customer together with
that agent; while none is, the callback's place is taken over by the call. An apology that still rings gives
way. A customer who has talked to the department by another call is not called any more.
"""

from typing import Any, Final

from contracts.callback import ApologyFailed, CustomerExpected, CustomerJoined, JoinRefused, Origin
from contracts.directory import CallbackKeepAsked
from contracts.gateway import Bridged, Outcome
from contracts.ids import Instant, LegId, PlaceId, PlayId
from contracts.queue import (
    CallbackJoined,
    CallbackTakenOver,
    CustomerOnLine,
    CustomerTalked,
    PlaceTaken,
)
from contracts.telephony import CancelLeg, Play
from runtime.decision import NOTHING, Decision
from services.callback import rules
from services.callback.decider import bridges, endings, spoken_texts
from services.callback.decider.story import with_line
from services.callback.state import CallbackState
from services.callback.state.records import WITH_AGENT, Callback, Dial, OtherTalk, Phase

JOINABLE = frozenset({Phase.WHISPERING, Phase.DIALLING, Phase.EXPECTING})
"""An agent is here, and nobody has been reached yet."""
NOTED: Final = WITH_AGENT | {Phase.HELD}
"""The attempt at hand ends first; where the two are being connected, it may still end in a talk."""
NO_CALLS: Final[dict[str, Any]] = {"live_leg_id": None, "live_bridged_at": None, "other_live_legs": ()}
"""What a callback has of the customer's own calls when it follows none: before and after an attempt."""


def apply_on_line(state: CallbackState, fact: CustomerOnLine) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    if callback.phase is Phase.APOLOGY_DUE:
        state.callbacks.change(callback, is_apology_ready=False)
    elif callback.phase in JOINABLE and fact.leg_id is not None:
        noted = with_line(state, callback, "customer_on_line", leg_id=fact.leg_id)
        if callback.live_bridged_at is None:
            _count(state, noted, fact.leg_id)
        else:
            state.callbacks.change(noted, other_live_legs=(*callback.other_live_legs, fact.leg_id))


def _count(
    state: CallbackState, callback: Callback, leg_id: LegId, bridged_at: Instant | None = None
) -> None:
    """Of several calls of the customer this one counts: the one on which somebody talks, else the newest."""
    calls = (
        callback.other_live_legs
        if callback.live_leg_id is None
        else (*callback.other_live_legs, callback.live_leg_id)
    )
    state.callbacks.change(
        callback,
        live_leg_id=leg_id,
        live_bridged_at=bridged_at,
        live_department_id=None,
        other_live_legs=tuple(each for each in calls if each != leg_id),
    )


def decide_on_line(state: CallbackState, fact: CustomerOnLine) -> Decision:
    """An apology that still rings gives way to the customer's call, or to an attempt (C15)."""
    callback = state.callbacks.get(fact.callback_id)
    if callback is None or callback.phase is not Phase.APOLOGY_DIALLED or callback.customer_leg_id is None:
        return NOTHING
    failed = ApologyFailed(
        callback_id=callback.callback_id,
        leg_id=callback.customer_leg_id,
        outcome=Outcome.CANCELLED,
        next_attempt_at=state.now_at,
        is_uncounted=True,
    )
    cancel = CancelLeg(pbx_id=callback.pbx_id, leg_id=callback.customer_leg_id)
    return Decision(facts=(failed,), commands=(cancel,))


def apply_taken_over(state: CallbackState, fact: CallbackTakenOver) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is not None and callback.phase is Phase.WAITING:
        state.callbacks.change(
            with_line(state, callback, "taken_over", leg_id=fact.leg_id),
            order_leg_id=fact.leg_id,
            joined_at=fact.joined_at or callback.joined_at,
            deadline_at=fact.deadline_at or callback.deadline_at,
            origin=Origin.QUEUE,
        )


def expect(state: CallbackState, callback: Callback, leg_id: LegId) -> Decision:
    """Instead of dialling, wait for the key on the customer's own call; the agent hears a ringing tone."""
    expected = CustomerExpected(callback_id=callback.callback_id, place_id=callback.place_id, leg_id=leg_id)
    return Decision(facts=(expected,), commands=ringing(state, callback))


def ringing(state: CallbackState, callback: Callback) -> tuple[Play, ...]:
    """What an agent hears who waits for something else than an answer; the tone of a dial goes on."""
    if callback.phase is Phase.DIALLING or callback.agent_leg_id is None:
        return ()
    tone_id = PlayId(f"{callback.agent_leg_id}.expects")
    return (spoken_texts.ringing(state, callback, callback.agent_leg_id, tone_id),)


def apply_expected(state: CallbackState, fact: CustomerExpected) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    state.callbacks.change(
        with_line(state, callback, "customer_expected", leg_id=fact.leg_id),
        phase=Phase.EXPECTING,
        attempts=_attempts_before(callback),
        customer=None,
    )
    state.wait(callback, rules.JOIN_MS_MAX)


def _attempts_before(callback: Callback) -> int:
    """The attempts without the dial at hand, which does not count: the customer has called in."""
    return callback.attempts - (1 if callback.phase is Phase.DIALLING else 0)


def decide_joined(state: CallbackState, fact: CallbackJoined) -> Decision:
    """The customer pressed «1»: join the agent, if one is still here (C8)."""
    callback = state.callbacks.get(fact.callback_id)
    if callback is None or callback.phase not in JOINABLE:
        refused = JoinRefused(
            callback_id=fact.callback_id, place_id=fact.place_id, new_place_id=fact.new_place_id
        )
        return Decision(facts=(refused,))
    return join(state, callback, leg_id=fact.leg_id, new_place_id=fact.new_place_id)


def join(state: CallbackState, callback: Callback, *, leg_id: LegId, new_place_id: PlaceId) -> Decision:
    """Bring the customer on this leg together with the agent; cancel what rings the customer."""
    notice_id = bridges.recording_notice_id(state, callback, leg_id)
    joined = CustomerJoined(
        callback_id=callback.callback_id,
        place_id=callback.place_id,
        new_place_id=new_place_id,
        leg_id=leg_id,
        play_id=notice_id,
    )
    dialled = [each for each in (callback.customer, callback.cancelling) if each is not None]
    cancels = tuple(CancelLeg(pbx_id=callback.pbx_id, leg_id=each.leg_id) for each in dialled)
    commands = bridges.bring_together(state, callback, leg_id, notice_id)
    return Decision(facts=(joined,), commands=(*cancels, *commands))


def apply_joined(state: CallbackState, fact: CustomerJoined) -> None:
    callback = state.callbacks.get(fact.callback_id)
    if callback is None:
        return
    state.close_order(fact.leg_id)
    state.callbacks.change(
        with_line(state, callback, "customer_joined", leg_id=fact.leg_id),
        phase=Phase.BRIDGING,
        attempts=_attempts_before(callback),
        customer=Dial(fact.leg_id, True),
        cancelled=None,
        is_joined=True,
        origin=Origin.QUEUE,
        play_id=fact.play_id,
        **NO_CALLS,
    )
    bridges.await_bridge(state, callback, fact.play_id)


def apply_bridged(state: CallbackState, fact: Bridged) -> None:
    """Somebody talks to the customer on the customer's own call."""
    for leg_id in fact.legs:
        for callback in state.callbacks_waiting_for(leg_id):
            if callback.live_leg_id == leg_id:
                state.callbacks.change(callback, live_bridged_at=state.now_at)
            else:
                _count(state, callback, leg_id, state.now_at)


def apply_place_taken(state: CallbackState, fact: PlaceTaken) -> None:
    """The customer's own call waits for a department, and perhaps for another one after that."""
    for callback in state.callbacks_waiting_for(fact.leg_id):
        if callback.live_leg_id == fact.leg_id:
            state.callbacks.change(callback, live_department_id=fact.department_id)


def apply_kept(state: CallbackState, fact: CallbackKeepAsked) -> None:
    """The agent on that call wants the callback to stand: queue has no word to say about the talk (C14)."""
    callback = state.callbacks.get(fact.callback_id)
    if callback is not None and fact.by is not None:
        state.callbacks.change(callback, live_department_id=None)


def apply_ended(state: CallbackState, leg_id: LegId) -> None:
    """A leg has ended: perhaps a call of the customer's own that is waited for."""
    waiting = state.callbacks_waiting_for(leg_id)
    state.ended_call_of = tuple(each.callback_id for each in waiting if each.live_leg_id == leg_id)
    for callback in waiting:
        if callback.live_leg_id == leg_id:
            _live_leg_over(state, callback)
        else:
            left = tuple(each for each in callback.other_live_legs if each != leg_id)
            state.callbacks.change(callback, other_live_legs=left)


def _live_leg_over(state: CallbackState, callback: Callback) -> None:
    """The customer's own call has ended: if that was a talk, queue's word comes before any dial (C14).

    Another one of them counts from now on, if there is any.
    """
    department, bridged_at = state.departments.get(callback.department_id), callback.live_bridged_at
    talk_ms_min = 0 if department is None else department.settings.talk_ms_min
    is_talk = bridged_at is not None and state.now_at - bridged_at >= talk_ms_min
    state.callbacks.change(
        callback,
        live_leg_id=callback.other_live_legs[-1] if callback.other_live_legs else None,
        live_bridged_at=None,
        other_live_legs=callback.other_live_legs[:-1],
        word_until_at=Instant(state.now_at + rules.WORD_MS_MAX) if is_talk else None,
        live_department_id=callback.live_department_id if is_talk else None,
    )
    if is_talk and not callback.other_live_legs and callback.phase is Phase.EXPECTING:
        state.wait(callback, rules.WORD_MS_MAX)


def has_talked(callback: Callback) -> bool:
    """Whether the customer's own call was a talk with the department, of which queue has said nothing yet."""
    return callback.live_leg_id is None and callback.live_department_id == callback.department_id


def apply_talked(state: CallbackState, fact: CustomerTalked) -> None:
    """Note the talk while an agent or the customer is here for the callback."""
    callback = state.callbacks.get(fact.callback_id)
    if callback is not None and callback.phase in NOTED and callback.talk is None:
        talk = OtherTalk(fact.agent_id, fact.agent_leg_id, fact.leg_id, fact.bridged_at)
        state.callbacks.change(callback, talk=talk)


def decide_talked(state: CallbackState, fact: CustomerTalked) -> Decision:
    """The customer has talked to the department: neither attempt nor apology is needed (C14)."""
    callback = state.callbacks.get(fact.callback_id)
    if callback is None or callback.phase not in (Phase.WAITING, Phase.APOLOGY_DUE, Phase.APOLOGY_DIALLED):
        return NOTHING
    return endings.talked_otherwise(state, callback, fact)
