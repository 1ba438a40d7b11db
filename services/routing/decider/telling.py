"""A caller is told something, and then the call goes on or ends (D3); what menus ask is here, too."""

import msgspec

from contracts.gateway import TOO_LATE, CommandRefused, PlayFinished
from contracts.ids import Instant, PlayId
from contracts.log import TimerDue
from contracts.message import type_name
from contracts.routing import AfterNotice, CallerTold
from contracts.telephony import AnswerLeg, CollectDigits, Play
from runtime.decision import NOTHING, Decision
from services.routing.decider import answering, ending, forwarding, reaching, scenario
from services.routing.state import RoutingState
from services.routing.state.records import Call, Stage, Then

NOTICE_MS_MAX = 60_000
"""A notice is at most this long; if its end is never reported, the call goes on anyway."""
FIRST_DIGIT_MS_MAX = 7_000
"""From the end of a menu to the key: who has the phone at the ear looks for the keys first."""
CHOICE_MS_MAX = 15_000
"""What a menu listens after its notice, and room: the gateway's own limit comes first."""
THEN_OF = {AfterNotice.DROP: Then.DROP, AfterNotice.VOICEMAIL: Then.VOICEMAIL}


def next_play(call: Call) -> PlayId:
    """The name of the next notice that a caller hears."""
    return PlayId(f"{call.leg_id}.r{call.play_count + 1}")


def apply_told(state: RoutingState, fact: CallerTold) -> None:
    """The last notice of a call that nobody takes."""
    call = state.calls.get(fact.leg_id)
    if call is None:
        return
    call = msgspec.structs.replace(
        call,
        stage=Stage.TELLING,
        rule=fact.rule,
        then=THEN_OF[fact.then],
        end_reason=fact.reason,
        machine_of=fact.agent_id,
        play_id=fact.play_id,
        media=fact.media,
        play_count=call.play_count + 1,
    )
    state.calls.put(call)
    wait(state, call)


def wait(state: RoutingState, call: Call) -> None:
    """Have a notice, or a menu, end by itself, whatever is heard of it. In `apply` only."""
    listens_ms = CHOICE_MS_MAX if call.stage is Stage.CHOOSING else 0
    state.set_timer("notice", call.leg_id, Instant(state.now_at + NOTICE_MS_MAX + listens_ms))


def decide_told(state: RoutingState, fact: CallerTold) -> Decision:
    """Let it be heard."""
    call = state.calls.get(fact.leg_id)
    return NOTHING if call is None else tell(state, call)


def tell(state: RoutingState, call: Call) -> Decision:
    """Play what is to be heard; a leg that is not answered yet is, and is told then. A menu listens, too."""
    if not call.is_answered:
        return Decision(commands=(answering.answer(state, call),))
    is_menu = call.stage is Stage.CHOOSING
    play: tuple[Play, ...] = ()
    if call.play_id is not None:
        play = (
            Play(
                pbx_id=call.pbx_id,
                leg_id=call.leg_id,
                play_id=call.play_id,
                media=call.media,
                barge_in=is_menu,
                not_after=Instant(state.now_at + NOTICE_MS_MAX),
                interrupts=True,
            ),
        )
    return Decision(commands=(*play, _collect(call)) if is_menu else play)


def _collect(call: Call) -> CollectDigits:
    return CollectDigits(
        pbx_id=call.pbx_id,
        leg_id=call.leg_id,
        digits_max=1,
        first_ms_max=FIRST_DIGIT_MS_MAX,
        between_ms_max=FIRST_DIGIT_MS_MAX,
        terminators="",
    )


def decide_caller_answered(state: RoutingState, call: Call) -> Decision:
    """The caller's leg is answered: now what it was answered for."""
    match call.stage:
        case Stage.TELLING | Stage.CHOOSING:
            return tell(state, call)
        case Stage.ANSWERED:
            return answering.join(state, call)
        case _:
            return NOTHING


def decide_play_finished(state: RoutingState, fact: PlayFinished) -> Decision:
    """A notice was heard, or can't be: go on; a whisper was: bring the two together."""
    call = state.call_of_leg(fact.leg_id)
    if call is None or call.play_id != fact.play_id:
        return NOTHING
    return _over(state, call)


def _over(state: RoutingState, call: Call) -> Decision:
    match call.stage:
        case Stage.TELLING:
            return _go_on(state, call)
        case Stage.ANSWERED:
            return answering.join(state, call)
        case _:
            return NOTHING


def decide_notice_over(state: RoutingState, due: TimerDue) -> Decision:
    """The end of a notice, or a key, was never reported: go on without."""
    call = state.calls.get(due.subject)
    if call is None:
        return NOTHING
    return scenario.no_choice(state, call) if call.stage is Stage.CHOOSING else _over(state, call)


def _go_on(state: RoutingState, call: Call) -> Decision:
    match call.then:
        case Then.FORWARD:
            return forwarding.arrive(state, call)
        case Then.NEXT_ELEMENT:
            return scenario.follow(state, call, "next")
        case Then.VOICEMAIL:
            return reaching.voicemail(call, call.rule, agent_id=call.machine_of)
        case _:
            return ending.end(state, call, call.end_reason)


def decide_refused(state: RoutingState, fact: CommandRefused) -> Decision:
    """A caller whom we were too late to answer still rings, and is answered now; an unheard play is over."""
    call = state.call_of_leg(fact.leg_id)
    if call is None or fact.reason != TOO_LATE:
        return NOTHING
    if fact.command == type_name(AnswerLeg) and fact.leg_id == call.leg_id and not call.is_answered:
        is_wanted = call.stage in (Stage.TELLING, Stage.CHOOSING, Stage.ANSWERED)
        return Decision(commands=(answering.answer(state, call),)) if is_wanted else NOTHING
    if fact.command == type_name(Play) and fact.leg_id in (call.leg_id, call.with_leg_id):
        return _over(state, call)
    return NOTHING
