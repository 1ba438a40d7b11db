"""The conversation with the machine: greeting, tone, recording, thanks, hang up (V1).

The greeting's end, its failure and its refusal all lead to the tone; the recording's end leads to the thanks
if the caller is still there. A command for a leg that is gone is refused; `leg_ended` comes before or after.
"""

from typing import Final

import msgspec

from contracts.callback import MessageWanted
from contracts.directory import ActionKind, VoicemailSettings
from contracts.gateway import TOO_LATE, CommandRefused, LegAnswered, LegEnded, PlayFinished
from contracts.ids import Instant, LegId, VoiceMessageId
from contracts.log import TimerDue
from contracts.message import type_name
from contracts.prompts import Prompt, prompt_keys
from contracts.queue import PlaceDiverted
from contracts.routing import VoicemailReached
from contracts.telephony import AnswerLeg, HangUp, Play, Record, StopRecording
from contracts.voicemail import (
    CallerThanked,
    GreetingPlayed,
    MessageMissing,
    MissingReason,
    RecordingAsked,
)
from contracts.waiting import waited_ms
from runtime.decision import NOTHING, Decision
from services.voicemail import rules
from services.voicemail.state import LEG_IS_UP, Phase, StorageStatus, VoicemailState, VoiceMessage

_PLAY: Final = type_name(Play)
_RECORD: Final = type_name(Record)
_ANSWER: Final = type_name(AnswerLeg)


Beginning = PlaceDiverted | MessageWanted | VoicemailReached


def _id_of(fact: Beginning) -> VoiceMessageId:
    match fact:
        case PlaceDiverted(place_id=subject):
            pass
        case MessageWanted(callback_id=subject):
            pass
        case VoicemailReached(leg_id=subject):
            pass
    return VoiceMessageId(f"vm.{subject}")


def apply_begun(state: VoicemailState, fact: Beginning) -> None:
    """Take the leg over."""
    match fact:
        case PlaceDiverted():
            if fact.action is not ActionKind.VOICEMAIL or fact.leg_id is None:
                return
            message = VoiceMessage(
                voice_message_id=_id_of(fact),
                leg_id=fact.leg_id,
                pbx_id=fact.pbx_id,
                department_id=fact.department_id,
                caller=state.caller_since(fact.caller, fact.joined_at),
                joined_at=fact.joined_at,
                waited_ms=fact.waited_ms,
                place_id=fact.place_id,
                callback_id=None,
                phase=Phase.GREETING,
            )
        case MessageWanted():
            message = VoiceMessage(
                voice_message_id=_id_of(fact),
                leg_id=fact.leg_id,
                pbx_id=fact.pbx_id,
                department_id=fact.department_id,
                caller=state.caller_since(fact.number, fact.ordered_at),
                joined_at=fact.joined_at,
                waited_ms=waited_ms(fact.joined_at, state.now_at, fact.deadline_at),
                place_id=fact.place_id,
                callback_id=fact.callback_id,
                phase=Phase.RECORDING,
            )
        case VoicemailReached():
            message = VoiceMessage(
                voice_message_id=_id_of(fact),
                leg_id=fact.leg_id,
                pbx_id=fact.pbx_id,
                department_id=fact.department_id,
                caller=state.caller_since(fact.caller, fact.arrived_at),
                joined_at=fact.arrived_at,
                waited_ms=waited_ms(fact.arrived_at, state.now_at),
                place_id=None,
                callback_id=None,
                phase=Phase.GREETING if fact.is_answered else Phase.ANSWERING,
                agent_id=fact.agent_id,
            )
    state.messages.put(message)
    _guard(state, message, rules.GREETING_MS_MAX)


def decide_begun(state: VoicemailState, fact: Beginning) -> Decision:
    """Greet; after an apology, and where the department wants no greeting, sound the tone at once."""
    message = state.message_on(fact.leg_id)
    if message is None or message.voice_message_id != _id_of(fact):
        return NOTHING
    match message.phase:
        case Phase.RECORDING:
            return _ask_recording(state, message)
        case Phase.ANSWERING:
            return _answer(state, message)
        case _:
            return _greet(state, message)


def _answer(state: VoicemailState, message: VoiceMessage) -> Decision:
    """Pick up a direct call, which has only rung so far."""
    not_after = Instant(state.now_at + rules.ANSWER_MS_MAX)
    answer = AnswerLeg(pbx_id=message.pbx_id, leg_id=message.leg_id, not_after=not_after)
    return Decision(commands=(answer,))


def apply_answered(state: VoicemailState, fact: LegAnswered) -> None:
    message = state.message_on(fact.leg_id)
    if message is not None and message.phase is Phase.ANSWERING:
        message = state.messages.change(message, phase=Phase.GREETING)
        _guard(state, message, rules.GREETING_MS_MAX)


def decide_answered(state: VoicemailState, fact: LegAnswered) -> Decision:
    """Greet once: when the fact comes again, the greeting is playing already."""
    message = state.message_on(fact.leg_id)
    if message is None or message.phase is not Phase.GREETING or message.is_greeted:
        return NOTHING
    return _greet(state, message)


def _greet(state: VoicemailState, message: VoiceMessage) -> Decision:
    department = state.department_of(message)
    notice = None
    if department is not None and department.greeting.notice_id is not None:
        notice = state.notices.get(department.greeting.notice_id)
    media = rules.greeting_media(department, state.language_of(message), notice, message.caller)
    if not media:
        return _ask_recording(state, message)
    return Decision(
        facts=(
            GreetingPlayed(
                voice_message_id=message.voice_message_id,
                leg_id=message.leg_id,
                pbx_id=message.pbx_id,
                department_id=message.department_id,
                agent_id=message.agent_id,
                caller=message.caller,
                joined_at=message.joined_at,
                play_id=message.greeting_play_id,
                place_id=message.place_id,
            ),
        ),
        commands=(
            Play(
                pbx_id=message.pbx_id,
                leg_id=message.leg_id,
                play_id=message.greeting_play_id,
                media=media,
                not_after=Instant(state.now_at + rules.COMMAND_LATE_MS_MAX),
            ),
        ),
    )


def apply_greeted(state: VoicemailState, fact: GreetingPlayed) -> None:
    message = state.messages.get(fact.voice_message_id)
    if message is not None:
        state.messages.change(message, is_greeted=True)
        _guard(state, message, rules.GREETING_MS_MAX)


def _ask_recording(state: VoicemailState, message: VoiceMessage) -> Decision:
    limits: VoicemailSettings = state.settings_of(message)
    return Decision(
        facts=(
            RecordingAsked(
                voice_message_id=message.voice_message_id,
                leg_id=message.leg_id,
                recording_id=message.recording_id,
            ),
        ),
        commands=(
            Record(
                pbx_id=message.pbx_id,
                leg_id=message.leg_id,
                recording_id=message.recording_id,
                duration_ms_max=limits.duration_ms_max,
                silence_ms_max=limits.silence_ms,
                terminators="#",
                tone=True,
                not_after=Instant(state.now_at + rules.TONE_LATE_MS_MAX),
            ),
        ),
    )


def apply_recording_asked(state: VoicemailState, fact: RecordingAsked) -> None:
    message = state.messages.get(fact.voice_message_id)
    if message is not None and message.phase in (Phase.ANSWERING, Phase.GREETING, Phase.RECORDING):
        message = state.messages.change(message, phase=Phase.RECORDING)
        limits = state.settings_of(message)
        _guard(state, message, limits.duration_ms_max + rules.RECORDING_LATE_MS_MAX)


def decide_play_finished(state: VoicemailState, fact: PlayFinished) -> Decision:
    """Record after the greeting, hang up after the thanks, whether or not the play failed."""
    message = state.message_on(fact.leg_id)
    if message is None:
        return NOTHING
    if message.phase is Phase.GREETING and fact.play_id == message.greeting_play_id:
        return _ask_recording(state, message)
    if message.phase is Phase.THANKING and fact.play_id == message.thanks_play_id:
        return _say_good_bye(message)
    return NOTHING


def decide_refused(state: VoicemailState, fact: CommandRefused) -> Decision:
    """Go on without a greeting or thanks; end without a recording."""
    message = state.message_on(fact.leg_id)
    if message is None:
        return NOTHING
    if fact.command == _ANSWER and message.phase is Phase.ANSWERING and fact.reason == TOO_LATE:
        return _answer(state, message)  # the leg still rings: answer it now
    if fact.command == _PLAY and message.phase is Phase.GREETING:
        return _ask_recording(state, message)
    if fact.command == _PLAY and message.phase is Phase.THANKING:
        return _say_good_bye(message)
    if fact.command == _RECORD and message.storage is StorageStatus.NOTHING:
        if fact.reason == TOO_LATE and message.phase is Phase.RECORDING:
            return _ask_recording(state, message)  # no tone was heard yet, so the caller can still speak
        return not_recorded(message, fact.reason)
    return NOTHING


LEG_IS_GONE: Final = frozenset({"gone", "unknown_leg"})
"""A gateway's reasons to refuse when the caller hung up before the tone."""


def not_recorded(message: VoiceMessage, cause: str) -> Decision:
    """No recording was made: the caller had hung up, or the machine failed."""
    is_gone = cause in LEG_IS_GONE
    return no_message(
        message, MissingReason.HUNG_UP_IN_GREETING if is_gone else MissingReason.RECORDING_FAILED
    )


def apply_leg_ended(state: VoicemailState, fact: LegEnded) -> None:
    """End the conversation; a recording that is not closed yet is waited for."""
    message = state.message_on(fact.leg_id)
    if message is None or message.phase in (Phase.CLOSING, Phase.OVER):
        return
    if message.phase is Phase.RECORDING and message.storage is StorageStatus.NOTHING:
        message = state.messages.change(message, phase=Phase.CLOSING)
        _guard(state, message, rules.CLOSING_MS_MAX)
        return
    _end(state, message)


def _end(state: VoicemailState, message: VoiceMessage) -> None:
    state.drop_timer("conversation", message.voice_message_id)
    state.change_message(message, phase=Phase.OVER)


def decide_leg_ended(state: VoicemailState, fact: LegEnded) -> Decision:
    """Count a caller who hangs up during the greeting as a missed call (EC-59)."""
    message = state.message_on(fact.leg_id)
    if message is None or message.phase is not Phase.OVER or message.storage is not StorageStatus.NOTHING:
        return NOTHING
    return no_message(message, MissingReason.HUNG_UP_IN_GREETING)


def no_message(message: VoiceMessage, reason: MissingReason) -> Decision:
    """Say that there is no voice message."""
    return Decision(
        facts=(
            MessageMissing(
                voice_message_id=message.voice_message_id, reason=reason, callback_id=message.callback_id
            ),
        )
    )


def thank(state: VoicemailState, message: VoiceMessage) -> Decision:
    """Thank a caller who is still there once the recording is closed (V1)."""
    if message.phase is not Phase.THANKING:
        return NOTHING
    return Decision(
        commands=(
            Play(
                pbx_id=message.pbx_id,
                leg_id=message.leg_id,
                play_id=message.thanks_play_id,
                media=prompt_keys(state.language_of(message), Prompt.VOICEMAIL_THANKS),
                not_after=Instant(state.now_at + rules.COMMAND_LATE_MS_MAX),
                interrupts=True,
            ),
        )
    )


def begin_thanks(state: VoicemailState, message: VoiceMessage) -> VoiceMessage:
    """When a recording is taken: go on to the thanks if the caller is still there, else end."""
    if message.phase in LEG_IS_UP:
        _guard(state, message, rules.THANKS_MS_MAX)
        return msgspec.structs.replace(message, phase=Phase.THANKING)
    if message.phase is Phase.CLOSING:
        state.drop_timer("conversation", message.voice_message_id)
        return msgspec.structs.replace(message, phase=Phase.OVER)
    return message


def _say_good_bye(message: VoiceMessage) -> Decision:
    return Decision(
        facts=(CallerThanked(voice_message_id=message.voice_message_id, leg_id=message.leg_id),),
        commands=(_hang_up(message),),
    )


def apply_thanked(state: VoicemailState, fact: CallerThanked) -> None:
    message = state.messages.get(fact.voice_message_id)
    if message is not None and message.phase is Phase.THANKING:
        begin_leaving(state, message)


def begin_leaving(state: VoicemailState, message: VoiceMessage) -> VoiceMessage:
    """The leg is being hung up: only its end is awaited."""
    leaving = state.messages.change(message, phase=Phase.LEAVING)
    _guard(state, leaving, rules.LEAVING_MS_MAX)
    return leaving


def dismiss(message: VoiceMessage) -> Decision:
    """Hang up on a caller who said nothing, or whom the machine could not record."""
    if message.phase is not Phase.LEAVING or message.taken_at:
        return NOTHING
    stop = StopRecording(pbx_id=message.pbx_id, leg_id=message.leg_id, recording_id=message.recording_id)
    return Decision(commands=(stop, _hang_up(message)))


def _hang_up(message: VoiceMessage) -> HangUp:
    return HangUp(pbx_id=message.pbx_id, leg_id=LegId(message.leg_id), reason="voicemail is done")


def apply_overdue(state: VoicemailState, timer: TimerDue) -> None:
    """End the conversation on a leg that was hung up and whose end never came."""
    message = state.messages.get(timer.subject)
    if message is not None and message.phase is Phase.LEAVING:
        _end(state, message)


def decide_overdue(state: VoicemailState, timer: TimerDue) -> Decision:
    """Go on to the next phase when an answer never came."""
    message = state.messages.get(timer.subject)
    if message is None:
        return NOTHING
    match message.phase:
        case Phase.GREETING | Phase.ANSWERING:
            return _ask_recording(state, message)
        case Phase.RECORDING | Phase.CLOSING:
            return no_message(message, MissingReason.RECORDING_FAILED)
        case Phase.THANKING:
            return _say_good_bye(message)
        case Phase.LEAVING | Phase.OVER:
            return NOTHING


def _guard(state: VoicemailState, message: VoiceMessage, ms_max: int) -> None:
    state.set_timer("conversation", message.voice_message_id, Instant(state.now_at + ms_max))
