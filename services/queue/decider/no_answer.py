"""The no-answer action: a notice, then the fallback employee, another department, voicemail or a hang-up."""

from contracts.directory import ActionKind, NoAnswerAction
from contracts.gateway import PlayFinished
from contracts.ids import AgentId, DepartmentId, Instant, MediaKey, OfferId, PlaceId, PlayId
from contracts.log import TimerDue
from contracts.prompts import Prompt
from contracts.queue import (
    DivertReason,
    FallbackRung,
    NoAnswerReached,
    PlaceDiverted,
    PlaceTaken,
)
from contracts.telephony import HangUp, Play
from contracts.waiting import waited_ms
from runtime.decision import NOTHING, Decision, together
from services.queue.decider import offer_records, place_end
from services.queue.rules import agent_selection, deadlines, notice_media, ring_plans, waiting
from services.queue.state import QueueState
from services.queue.state.records import Phase, Place

NOTICE_MS_MAX = 60_000
"""A notice before an action is at most this long; after this the action follows even without its end."""
HOPS_MAX = 5
"""A caller is passed on at most five times; then the last department's voicemail follows."""


def reached(state: QueueState, place: Place, reason: DivertReason) -> NoAnswerReached:
    """The fact that the place goes to its no-answer action."""
    media = _notice(state, place, reason)
    play_id = PlayId(f"{place.place_id}.p{place.play_count + 1}") if media else None
    return NoAnswerReached(place_id=place.place_id, reason=reason, play_id=play_id)


def _action(state: QueueState, place: Place, reason: DivertReason) -> NoAnswerAction:
    department = state.departments[place.department_id].saved
    is_full = reason is DivertReason.QUEUE_FULL
    return department.overflow_action if is_full else department.no_answer_action


def _notice(state: QueueState, place: Place, reason: DivertReason) -> tuple[MediaKey, ...]:
    action = _action(state, place, reason)
    passes_on = action.kind in (ActionKind.FALLBACK_EMPLOYEE, ActionKind.OTHER_DEPARTMENT)
    standard = Prompt.FORWARD if passes_on else Prompt.NOBODY_AVAILABLE
    if reason is DivertReason.NOBODY_CAN_COME and not passes_on and waiting.is_closed(state, place):
        standard = Prompt.CLOSED_HOURS
    return notice_media.media(state, place, action.notice, (standard,))


def decide_overflow(state: QueueState, due: TimerDue) -> Decision:
    """The caller pressed no key for the callback's place, so that the limit applies after all (C8)."""
    place = state.places.get(due.subject)
    if place is None or not place.is_beyond_limit or place.is_joining:
        return NOTHING
    return full(state, place)


def full(state: QueueState, place: Place) -> Decision:
    """Too many callers wait: the overflow action follows (Q13)."""
    if place.phase is not Phase.WAITING:
        return NOTHING
    return Decision(facts=(reached(state, place, DivertReason.QUEUE_FULL),))


def apply_no_answer(state: QueueState, fact: NoAnswerReached) -> None:
    """Set the timer that bounds the notice."""
    place = state.places[fact.place_id]
    place_end.drop_timers(state, place)
    state.set_timer("notice", place.place_id, Instant(state.now_at + NOTICE_MS_MAX))
    state.places.change(
        place,
        phase=Phase.NO_ANSWER,
        play_id=fact.play_id,
        play_count=place.play_count + 1,
        divert_reason=fact.reason,
    )


def decide_no_answer(state: QueueState, fact: NoAnswerReached) -> Decision:
    """Play the notice, or act at once without one; on an unanswered leg, as soon as it is answered."""
    place = state.places.get(fact.place_id)
    if place is None or not place.is_answered:
        return NOTHING
    stop = Decision(commands=notice_media.stop_announcements(place))
    return together((stop, tell_and_act(state, place)))


def tell_and_act(state: QueueState, place: Place) -> Decision:
    """Play the notice before the action; without one the action follows at once."""
    if place.play_id is None or place.leg_id is None:
        return act(state, place)
    media = _notice(state, place, place.divert_reason or DivertReason.DEADLINE)
    command = Play(
        pbx_id=place.pbx_id,
        leg_id=place.leg_id,
        play_id=place.play_id,
        media=media,
        not_after=Instant(state.now_at + NOTICE_MS_MAX),
    )
    return Decision(commands=(command,))


def decide_notice_over(state: QueueState, due: TimerDue) -> Decision:
    """The notice's end was never reported: act."""
    place = state.places.get(due.subject)
    return NOTHING if place is None or place.phase is not Phase.NO_ANSWER else act(state, place)


def notice_finished(state: QueueState, place: Place, fact: PlayFinished) -> Decision:
    return act(state, place) if place.play_id == fact.play_id else NOTHING


def act(state: QueueState, place: Place) -> Decision:
    """Take the no-answer action (Q5)."""
    reason = place.divert_reason or DivertReason.DEADLINE
    action = _action(state, place, reason)
    match action.kind:
        case ActionKind.FALLBACK_EMPLOYEE:
            return _ring_fallback(state, place, action.agent_id, reason)
        case ActionKind.OTHER_DEPARTMENT:
            return _pass_on(state, place, action, reason)
        case ActionKind.VOICEMAIL:
            return Decision(facts=(_diverted(state, place, ActionKind.VOICEMAIL, reason),))
        case ActionKind.HANG_UP:
            return _hang_up(state, place, reason)


def _hang_up(state: QueueState, place: Place, reason: DivertReason) -> Decision:
    fact = _diverted(state, place, ActionKind.HANG_UP, reason)
    if place.leg_id is None:
        return Decision(facts=(fact,))
    return Decision(
        facts=(fact,), commands=(HangUp(pbx_id=place.pbx_id, leg_id=place.leg_id, reason=reason),)
    )


def _diverted(
    state: QueueState,
    place: Place,
    action: ActionKind,
    reason: DivertReason,
    *,
    agent_id: AgentId | None = None,
    to_department_id: DepartmentId | None = None,
) -> PlaceDiverted:
    return PlaceDiverted(
        place_id=place.place_id,
        department_id=place.department_id,
        pbx_id=place.pbx_id,
        leg_id=place.leg_id,
        caller=place.caller,
        line=place.line,
        joined_at=place.joined_at,
        action=action,
        reason=reason,
        waited_ms=waited_ms(place.joined_at, state.now_at, place.deadline_at),
        agent_id=agent_id,
        to_department_id=to_department_id,
    )


def _ring_fallback(
    state: QueueState, place: Place, agent_id: AgentId | None, reason: DivertReason
) -> Decision:
    """Ring the fallback employee 30 s; absent, out of hours or busy leads to voicemail (Q5)."""
    known = state.agents.get(agent_id)
    if known is None or known.saved is None or state.blocked_anywhere(known.agent_id) is not None:
        return fallback_over(state, place)
    offer_id = OfferId(f"{place.place_id}.o{place.offer_count + 1}")
    agent_id, legs = known.agent_id, ring_plans.plan(state, offer_id, known.saved, place.pbx_id)
    fact = FallbackRung(
        place_id=place.place_id,
        offer_id=offer_id,
        agent_id=agent_id,
        legs=legs,
        ring_ms_max=ring_plans.FALLBACK_RING_MS,
        reason=reason,
    )
    return Decision(facts=(fact,))


def fallback_late(state: QueueState, place: Place) -> Decision:
    """The fallback employee was dialled too late: ring again, unless that happens again and again."""
    if agent_selection.is_always_late(place, state.now_at):
        return fallback_over(state, place)
    reason = place.divert_reason or DivertReason.DEADLINE
    return _ring_fallback(state, place, _action(state, place, reason).agent_id, reason)


def fallback_over(state: QueueState, place: Place) -> Decision:
    """The fallback employee did not take the call: voicemail of the first department."""
    action = _action(state, place, place.divert_reason or DivertReason.DEADLINE)
    fact = _diverted(
        state, place, ActionKind.VOICEMAIL, DivertReason.FALLBACK_UNANSWERED, agent_id=action.agent_id
    )
    return Decision(facts=(fact,))


def _pass_on(state: QueueState, place: Place, action: NoAnswerAction, reason: DivertReason) -> Decision:
    """Pass the caller on to another department, whose own timeout begins now (Q10)."""
    department = state.departments.get(action.department_id)
    if department is None or department.saved.is_removed or place.hops >= HOPS_MAX:
        return Decision(facts=(_diverted(state, place, ActionKind.VOICEMAIL, reason),))
    new_id = PlaceId(f"{place.place_id}+")
    joined_at = place.joined_at if action.keeps_joining_time else state.now_at
    order = state.order.get(department.department_id, ())
    rank = (1, joined_at, new_id)
    taken = PlaceTaken(
        place_id=new_id,
        department_id=department.department_id,
        pbx_id=place.pbx_id,
        leg_id=place.leg_id,
        caller=place.caller,
        line=place.line,
        joined_at=joined_at,
        deadline_at=deadlines.deadline_at(state, department.department_id),
        position=(order.bisect_left(rank) if order else 0) + 1,
        passed_from=place.place_id,
        is_internal=place.is_internal,
    )
    passed = _diverted(
        state, place, ActionKind.OTHER_DEPARTMENT, reason, to_department_id=department.department_id
    )
    return Decision(facts=(passed, taken))


def apply_diverted(state: QueueState, fact: PlaceDiverted) -> None:
    place_end.drop_place(state, state.places[fact.place_id])


def apply_fallback(state: QueueState, fact: FallbackRung) -> None:
    place = state.places[fact.place_id]
    state.drop_timer("notice", place.place_id)
    offer_records.put_offer(state, place, fact, is_fallback=True)
    state.places.change(
        place, phase=Phase.FALLBACK, offers=(fact.offer_id,), offer_count=place.offer_count + 1
    )
