"""What a caller is told: notices before a forward or an end, greetings, and menus (D3, S1)."""

from typing import Final

from contracts.ids import Instant
from contracts.routing import AfterNotice, CallerTold
from contracts.telephony import CollectDigits, Play
from runtime.decision import NOTHING, Decision
from services.routing.decider import calls
from services.routing.state import RoutingState
from services.routing.state.records import Call, Stage, Then

NOTICE_MS_MAX: Final = 60_000
"""A notice is at most this long; if its end is never reported, the call goes on anyway."""
FIRST_DIGIT_MS_MAX: Final = 7_000
"""From the end of a menu to the key: a caller with the phone at the ear has to look for the keys first."""
CHOICE_MS_MAX: Final = 15_000
"""How much longer a menu may take than a notice; the gateway's own limit comes first."""
THEN_OF: Final = {AfterNotice.DROP: Then.DROP, AfterNotice.VOICEMAIL: Then.VOICEMAIL}


def apply_told(state: RoutingState, fact: CallerTold) -> None:
    """The last notice of a call that nobody takes."""
    call = state.calls.get(fact.leg_id)
    if call is None:
        return
    call = state.calls.change(
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
    set_limit(state, call)


def decide_told(state: RoutingState, fact: CallerTold) -> Decision:
    """Play the notice."""
    call = state.calls.get(fact.leg_id)
    return NOTHING if call is None else tell(state, call)


def set_limit(state: RoutingState, call: Call) -> None:
    """End a notice or a menu after a while, even if its end is never reported. In `apply` only."""
    listens_ms = CHOICE_MS_MAX if call.stage is Stage.CHOOSING else 0
    state.set_timer("notice", call.leg_id, Instant(state.now_at + NOTICE_MS_MAX + listens_ms))


def tell(state: RoutingState, call: Call) -> Decision:
    """Play the call's notice, and collect the key of a menu; answer the caller's leg first if it rings."""
    if not call.is_answered:
        return Decision(commands=(calls.answer(state, call),))
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
