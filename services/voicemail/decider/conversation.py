"""The talk with the machine: greeting, tone, recording, thanks, hang up (V1).

Nobody waits for an answer here: the greeting's end, its failure and its refusal all lead to the tone; the
recording's end leads to the thanks if the caller is still there. A leg that is gone answers a command with
a refusal, and its end is told by `leg_ended`, before or after.
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
    MessageTaken,
    MissingReason,
    RecordingAsked,
)
from contracts.waiting import waited_ms
from runtime.decision import NOTHING, Decision
from services.voicemail import rules
from services.voicemail.decider.keep import department_of, keep, language_of, settings_of
from services.voicemail.state import LEG_IS_UP, Keeping, Phase, VoicemailState, VoiceMessage

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


def begun(state: VoicemailState, fact: Beginning) -> None:
    """A leg is ours from now on."""
    match fact:
        case PlaceDiverted():
            if fact.action is not ActionKind.VOICEMAIL or fact.leg_id is None:
                return
            message = VoiceMessage(
                voice_message_id=_id_of(fact),
                leg_id=fact.leg_id,
                pbx_id=fact.pbx_id,
                department_id=fact.department_id,
                caller=state.caller(fact.caller),
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
                caller=fact.number,
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
                caller=state.caller(fact.caller),
                joined_at=fact.arrived_at,
                waited_ms=waited_ms(fact.arrived_at, state.now_at),
                place_id=None,
                callback_id=None,
                phase=Phase.GREETING if fact.is_answered else Phase.ANSWERING,
                agent_id=fact.agent_id,
            )
    state.messages.put(message)
    _guard(state, message, rules.GREETING_MS_MAX)


def on_begun(state: VoicemailState, fact: Beginning) -> Decision:
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
    """A direct call to somebody who is away has rung until here: the machine picks up."""
    not_after = Instant(state.now_at + rules.ANSWER_MS_MAX)
    answer = AnswerLeg(pbx_id=message.pbx_id, leg_id=message.leg_id, not_after=not_after)
    return Decision(commands=(answer,))


def leg_answered(state: VoicemailState, fact: LegAnswered) -> None:
    """The caller hears us now."""
    message = state.message_on(fact.leg_id)
    if message is not None and message.phase is Phase.ANSWERING:
        message = msgspec.structs.replace(message, phase=Phase.GREETING)
        state.messages.put(message)
        _guard(state, message, rules.GREETING_MS_MAX)


def on_leg_answered(state: VoicemailState, fact: LegAnswered) -> Decision:
    """Greet once: told of it again, the greeting is playing already."""
    message = state.message_on(fact.leg_id)
    if message is None or message.phase is not Phase.GREETING or message.is_greeted:
        return NOTHING
    return _greet(state, message)


def _greet(state: VoicemailState, message: VoiceMessage) -> Decision:
    department = department_of(state, message)
    notice = None
    if department is not None and department.greeting.notice_id is not None:
        notice = state.notices.get(department.greeting.notice_id)
    media = rules.greeting_media(department, language_of(state, message), notice, message.caller)
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


def greeted(state: VoicemailState, fact: GreetingPlayed) -> None:
    """The greeting plays."""
    message = state.messages.get(fact.voice_message_id)
    if message is not None:
        state.messages.put(msgspec.structs.replace(message, is_greeted=True))
        _guard(state, message, rules.GREETING_MS_MAX)


def _ask_recording(state: VoicemailState, message: VoiceMessage) -> Decision:
    limits: VoicemailSettings = settings_of(state, message)
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


def recording_asked(state: VoicemailState, fact: RecordingAsked) -> None:
    """The caller speaks."""
    message = state.messages.get(fact.voice_message_id)
    if message is not None and message.phase in (Phase.ANSWERING, Phase.GREETING, Phase.RECORDING):
        message = msgspec.structs.replace(message, phase=Phase.RECORDING)
        state.messages.put(message)
        limits = settings_of(state, message)
        _guard(state, message, limits.duration_ms_max + rules.RECORDING_LATE_MS_MAX)


def on_play_finished(state: VoicemailState, fact: PlayFinished) -> Decision:
    """After the greeting the tone; after the thanks good-bye. A play that failed is over, too."""
    message = state.message_on(fact.leg_id)
    if message is None:
        return NOTHING
    if message.phase is Phase.GREETING and fact.play_id == message.greeting_play_id:
        return _ask_recording(state, message)
    if message.phase is Phase.THANKING and fact.play_id == message.thanks_play_id:
        return _say_good_bye(message)
    return NOTHING


def on_command_refused(state: VoicemailState, fact: CommandRefused) -> Decision:
    """What the gateway did not do: without a greeting or thanks we go on, without a recording we can't."""
    message = state.message_on(fact.leg_id)
    if message is None:
        return NOTHING
    if fact.command == _ANSWER and message.phase is Phase.ANSWERING and fact.reason == TOO_LATE:
        return _answer(state, message)  # it rings on: whoever is still there is answered now
    if fact.command == _PLAY and message.phase is Phase.GREETING:
        return _ask_recording(state, message)
    if fact.command == _PLAY and message.phase is Phase.THANKING:
        return _say_good_bye(message)
    if fact.command == _RECORD and message.keeping is Keeping.NOTHING:
        if fact.reason == TOO_LATE and message.phase is Phase.RECORDING:
            return _ask_recording(state, message)  # who has heard no tone yet is still there to be recorded
        return not_recorded(message, fact.reason)
    return NOTHING


LEG_IS_GONE: Final = frozenset({"gone", "unknown_leg"})
"""Reasons of a gateway for a leg that is not there: its caller hung up before the tone."""


def not_recorded(message: VoiceMessage, cause: str) -> Decision:
    """No recording was made: because the caller had gone before it, or because it could not be."""
    is_gone = cause in LEG_IS_GONE
    return missing(message, MissingReason.HUNG_UP_IN_GREETING if is_gone else MissingReason.RECORDING_FAILED)


def leg_ended(state: VoicemailState, fact: LegEnded) -> None:
    """The caller is gone. A recording that is not closed yet will be told of in a moment."""
    message = state.message_on(fact.leg_id)
    if message is None or message.phase in (Phase.CLOSING, Phase.OVER):
        return
    if message.phase is Phase.RECORDING and message.keeping is Keeping.NOTHING:
        message = msgspec.structs.replace(message, phase=Phase.CLOSING)
        state.messages.put(message)
        _guard(state, message, rules.CLOSING_MS_MAX)
        return
    over(state, message)


def over(state: VoicemailState, message: VoiceMessage) -> None:
    """Nothing is said on this leg any more."""
    state.drop_timer("conversation", message.voice_message_id)
    keep(state, msgspec.structs.replace(message, phase=Phase.OVER))


def on_leg_ended(state: VoicemailState, fact: LegEnded) -> Decision:
    """Who hangs up during the greeting is an ordinary missed call (EC-59)."""
    message = state.message_on(fact.leg_id)
    if message is None or message.phase is not Phase.OVER or message.keeping is not Keeping.NOTHING:
        return NOTHING
    return missing(message, MissingReason.HUNG_UP_IN_GREETING)


def missing(message: VoiceMessage, reason: MissingReason) -> Decision:
    """There is no voice message."""
    return Decision(
        facts=(
            MessageMissing(
                voice_message_id=message.voice_message_id, reason=reason, callback_id=message.callback_id
            ),
        )
    )


def on_taken(state: VoicemailState, fact: MessageTaken) -> Decision:
    """Thank the caller who is still there once the recording is closed (V1)."""
    message = state.messages.get(fact.voice_message_id)
    if message is None or message.phase is not Phase.THANKING:
        return NOTHING
    return Decision(
        commands=(
            Play(
                pbx_id=message.pbx_id,
                leg_id=message.leg_id,
                play_id=message.thanks_play_id,
                media=prompt_keys(language_of(state, message), Prompt.VOICEMAIL_THANKS),
                not_after=Instant(state.now_at + rules.COMMAND_LATE_MS_MAX),
                interrupts=True,
            ),
        )
    )


def thank(state: VoicemailState, message: VoiceMessage) -> VoiceMessage:
    """The conversation's part when a recording is taken: thanks if the caller is there, else it is over."""
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


def thanked(state: VoicemailState, fact: CallerThanked) -> None:
    """The leg is being hung up."""
    message = state.messages.get(fact.voice_message_id)
    if message is not None and message.phase is Phase.THANKING:
        leave(state, message)


def leave(state: VoicemailState, message: VoiceMessage) -> VoiceMessage:
    """The leg is being hung up: only its end is awaited."""
    left = msgspec.structs.replace(message, phase=Phase.LEAVING)
    state.messages.put(left)
    _guard(state, left, rules.LEAVING_MS_MAX)
    return left


def on_missing(state: VoicemailState, fact: MessageMissing) -> Decision:
    """Hang up on a caller who said nothing, or whom the machine could not record."""
    message = state.messages.get(fact.voice_message_id)
    if message is None or message.phase is not Phase.LEAVING or message.taken_at:
        return NOTHING
    stop = StopRecording(pbx_id=message.pbx_id, leg_id=message.leg_id, recording_id=message.recording_id)
    return Decision(commands=(stop, _hang_up(message)))


def _hang_up(message: VoiceMessage) -> HangUp:
    return HangUp(pbx_id=message.pbx_id, leg_id=LegId(message.leg_id), reason="voicemail is done")


def overdue(state: VoicemailState, timer: TimerDue) -> None:
    """A leg that was hung up and whose end never came is over."""
    message = state.messages.get(timer.subject)
    if message is not None and message.phase is Phase.LEAVING:
        over(state, message)


def on_overdue(state: VoicemailState, timer: TimerDue) -> Decision:
    """An answer never came: go on to the next phase."""
    message = state.messages.get(timer.subject)
    if message is None:
        return NOTHING
    match message.phase:
        case Phase.GREETING | Phase.ANSWERING:
            return _ask_recording(state, message)
        case Phase.RECORDING | Phase.CLOSING:
            return missing(message, MissingReason.RECORDING_FAILED)
        case Phase.THANKING:
            return _say_good_bye(message)
        case Phase.LEAVING | Phase.OVER:
            return NOTHING


def _guard(state: VoicemailState, message: VoiceMessage, ms_max: int) -> None:
    state.set_timer("conversation", message.voice_message_id, Instant(state.now_at + ms_max))
