"""What becomes of a recording: taken, stored, quarantined or missing (V2, V3, V7, V8).

The gateway uploads the original: `recording_spooled` says that it is closed, `recording_finished` that it is
in S3. Then storing is asked for; after five minutes it is asked for from the spool, because the check whether
anybody spoke needs no S3. A storing that fails is asked for again, with growing pauses.
"""

import msgspec

from contracts.gateway import RecordingFinished, RecordingSpooled
from contracts.ids import Instant
from contracts.log import TimerDue
from contracts.voicemail import (
    Mark,
    MessageMissing,
    MessageQuarantined,
    MessageStored,
    MessageTaken,
    MissingReason,
    StoreMessage,
    StoringAsked,
    StoringDeferred,
)
from runtime.decision import NOTHING, Decision, together
from services.voicemail import rules
from services.voicemail.decider import conversation, letters
from services.voicemail.state import (
    LEG_IS_UP,
    STORAGE_ENDED,
    LettersStatus,
    Phase,
    StorageStatus,
    VoicemailState,
    VoiceMessage,
)


def apply_closed(state: VoicemailState, fact: RecordingSpooled | RecordingFinished) -> None:
    """Note where the audio is and what is known of it."""
    message = state.message_recorded_as(fact.leg_id, fact.recording_id)
    if message is None or message.storage in STORAGE_ENDED:
        return
    match fact:
        case RecordingSpooled():
            if message.key is None:
                message = msgspec.structs.replace(
                    message,
                    bytes=fact.bytes,
                    sha256=fact.sha256,
                    duration_ms=fact.duration_ms,
                    spool_url=fact.spool_url,
                    is_cut_off=fact.is_cut_off,
                    spooled_at=state.now_at,
                )
        case RecordingFinished():
            if fact.ok:
                message = msgspec.structs.replace(
                    message,
                    key=fact.key,
                    bytes=fact.bytes,
                    sha256=fact.sha256,
                    duration_ms=fact.duration_ms or message.duration_ms,
                    is_cut_off=message.is_cut_off or fact.is_cut_off or fact.cause == Mark.CUT_OFF,
                )
            else:
                message = msgspec.structs.replace(message, reason=fact.cause)
    state.messages.put(message)


def decide_closed(state: VoicemailState, fact: RecordingSpooled | RecordingFinished) -> Decision:
    """Decide whether the recording is a voice message; store it as soon as the original is in S3."""
    message = state.message_recorded_as(fact.leg_id, fact.recording_id)
    if message is None or message.storage in STORAGE_ENDED:
        return NOTHING
    is_finished = isinstance(fact, RecordingFinished)
    if message.storage is StorageStatus.NOTHING:
        if isinstance(fact, RecordingFinished) and not fact.ok:
            return conversation.not_recorded(message, fact.cause)
        return _judge_length(state, message)
    if not is_finished:
        return NOTHING
    if message.key is None and not message.spool_url:
        return _quarantine(message, message.reason or "the recording was lost")
    return _ask_storing(message)


def _judge_length(state: VoicemailState, message: VoiceMessage) -> Decision:
    if message.duration_ms < state.settings_of(message).speech_ms_min:
        return conversation.no_message(message, MissingReason.TOO_SHORT)
    return Decision(
        facts=(
            MessageTaken(
                voice_message_id=message.voice_message_id,
                recording_id=message.recording_id,
                duration_ms=message.duration_ms,
                is_cut_off=message.is_cut_off,
                callback_id=message.callback_id,
            ),
        )
    )


def apply_taken(state: VoicemailState, fact: MessageTaken) -> None:
    """Let the letters wait for S3, five minutes at most (V7)."""
    message = state.messages.get(fact.voice_message_id)
    if message is None or message.storage is not StorageStatus.NOTHING:
        return
    message = conversation.begin_thanks(state, message)
    state.messages.change(message, storage=StorageStatus.TAKEN, taken_at=state.now_at)
    due_at = Instant(state.now_at + rules.LETTER_WAIT_MS_MAX)
    state.set_timer("letters", message.voice_message_id, due_at)


def decide_taken(state: VoicemailState, fact: MessageTaken) -> Decision:
    """Thank the caller; store the recording if the original is in S3 already."""
    message = state.messages.get(fact.voice_message_id)
    if message is None:
        return NOTHING
    storing = NOTHING if message.key is None else _ask_storing(message)
    return together((conversation.thank(state, message), storing))


def apply_missing(state: VoicemailState, fact: MessageMissing) -> None:
    """End the storage without a voice message.

    Two cases need letters all the same: the machine failed, which hides that somebody called; or a callback
    ended `expired` with a voice message in which no speech was found (C4). A plain missed call is shown by
    history alone.
    """
    message = state.messages.get(fact.voice_message_id)
    if message is None or message.storage in STORAGE_ENDED:
        return
    _drop_timers(state, message)
    if message.phase in LEG_IS_UP and not message.taken_at:
        message = conversation.begin_leaving(state, message)
    elif message.phase is Phase.CLOSING:
        state.drop_timer("conversation", message.voice_message_id)
        message = msgspec.structs.replace(message, phase=Phase.OVER)
    status = message.letters
    if status is LettersStatus.NOT_YET:
        if message.callback_id is not None:
            is_wanted = bool(message.taken_at)
        else:
            is_wanted = fact.reason is MissingReason.RECORDING_FAILED
        status = LettersStatus.WANTED if is_wanted else LettersStatus.NONE
    state.change_message(
        message,
        storage=StorageStatus.MISSING,
        mark=Mark.NOT_RECORDED,
        letters=status,
    )


def decide_missing(state: VoicemailState, fact: MessageMissing) -> Decision:
    """Hang up on a caller who is still there, and write where letters are wanted."""
    message = state.messages.get(fact.voice_message_id)
    if message is None:
        return NOTHING
    return together((conversation.dismiss(message), letters.write_about_message(state, message)))


def _ask_storing(message: VoiceMessage) -> Decision:
    asked = StoringAsked(voice_message_id=message.voice_message_id, tries=message.tries + 1)
    return Decision(facts=(asked,))


def apply_asked(state: VoicemailState, fact: StoringAsked) -> None:
    """Wait for the answer; late letters wait a minute more, to know whether anybody spoke."""
    message = state.messages.get(fact.voice_message_id)
    if message is None:
        return
    state.messages.change(message, storage=StorageStatus.STORING, tries=fact.tries)
    state.set_timer("storing", message.voice_message_id, Instant(state.now_at + rules.STORING_LEASE_MS))
    if message.letters is LettersStatus.NOT_YET and _are_letters_late(state, message):
        due_at = Instant(state.now_at + rules.SPOOL_CHECK_MS_MAX)
        state.set_timer("letters", message.voice_message_id, due_at)


def _are_letters_late(state: VoicemailState, message: VoiceMessage) -> bool:
    return state.now_at >= message.taken_at + rules.LETTER_WAIT_MS_MAX


def decide_asked(state: VoicemailState, fact: StoringAsked) -> Decision:
    message = state.messages.get(fact.voice_message_id)
    if message is None:
        return NOTHING
    limits = state.settings_of(message)
    return Decision(
        commands=(
            StoreMessage(
                voice_message_id=message.voice_message_id,
                recording_id=message.recording_id,
                key=message.key,
                spool_url=message.spool_url,
                sha256=message.sha256,
                bytes=message.bytes,
                tries=message.tries,
                speech_ms_min=limits.speech_ms_min,
                duration_ms_max=limits.duration_ms_max,
                callback_id=message.callback_id,
            ),
        )
    )


def apply_deferred(state: VoicemailState, fact: StoringDeferred) -> None:
    """Pause before the next try; letters that are late do not wait for it."""
    message = state.messages.get(fact.voice_message_id)
    if message is None or message.storage is not StorageStatus.STORING or fact.tries != message.tries:
        return
    due_at = Instant(state.now_at + rules.storing_pause_ms(message.tries))
    state.set_timer("storing", message.voice_message_id, due_at)
    status = message.letters
    if status is LettersStatus.NOT_YET and _are_letters_late(state, message):
        status = LettersStatus.WANTED
        state.drop_timer("letters", message.voice_message_id)
    state.messages.change(message, letters=status, reason=fact.reason)


def decide_deferred(state: VoicemailState, fact: StoringDeferred) -> Decision:
    """Write letters that are late; give up after the week in which S3 could be repaired."""
    message = state.messages.get(fact.voice_message_id)
    if message is None:
        return NOTHING
    return together((letters.write_about_message(state, message), _give_up(state, message)))


def _give_up(state: VoicemailState, message: VoiceMessage) -> Decision:
    if message.storage is not StorageStatus.STORING:
        return NOTHING
    if state.now_at < message.taken_at + rules.STORING_RETRIED_MS_MAX:
        return NOTHING
    return _quarantine(message, f"not stored within a week: {message.reason}")


def decide_due_again(state: VoicemailState, timer: TimerDue) -> Decision:
    """Ask again after the pause, or when a storing was never answered."""
    message = state.messages.get(timer.subject)
    if message is None or message.storage is not StorageStatus.STORING:
        return NOTHING
    return _ask_storing(message)


def apply_stored(state: VoicemailState, fact: MessageStored) -> None:
    """Note that original and MP3 are in S3: letters can be written."""
    message = state.messages.get(fact.voice_message_id)
    if message is None or message.storage in STORAGE_ENDED:
        return
    _drop_timers(state, message)
    state.change_message(
        message,
        storage=StorageStatus.STORED,
        key=fact.original_key,
        mp3_key=fact.mp3_key,
        mp3_sha256=fact.mp3_sha256,
        speech_ms=fact.speech_ms,
        mark=fact.mark or (Mark.CUT_OFF if message.is_cut_off else ""),
        letters=_wanted(message),
    )


def apply_quarantined(state: VoicemailState, fact: MessageQuarantined) -> None:
    """Note that it can't be played; the recipients are still told that somebody called (V8)."""
    message = state.messages.get(fact.voice_message_id)
    if message is None or message.storage in STORAGE_ENDED:
        return
    _drop_timers(state, message)
    state.change_message(
        message,
        storage=StorageStatus.QUARANTINED,
        mark=Mark.NOT_PLAYABLE,
        reason=fact.reason,
        letters=_wanted(message),
    )


def decide_ended(state: VoicemailState, fact: MessageStored | MessageQuarantined) -> Decision:
    """Write the letters, unless they were late and are written already."""
    message = state.messages.get(fact.voice_message_id)
    return NOTHING if message is None else letters.write_about_message(state, message)


def apply_letters_due(state: VoicemailState, timer: TimerDue) -> None:
    """Stop waiting for S3 and for the check of the spooled audio."""
    message = state.messages.get(timer.subject)
    if message is None or message.storage is not StorageStatus.STORING:
        return
    if message.letters is LettersStatus.NOT_YET:
        state.messages.change(message, letters=LettersStatus.WANTED)


def decide_letters_due(state: VoicemailState, timer: TimerDue) -> Decision:
    """Without S3, have the spooled audio checked first; write after that (V7)."""
    message = state.messages.get(timer.subject)
    if message is None:
        return NOTHING
    if message.storage is StorageStatus.TAKEN:
        return _ask_storing(message)
    return letters.write_about_message(state, message)


def _wanted(message: VoiceMessage) -> LettersStatus:
    return LettersStatus.WANTED if message.letters is LettersStatus.NOT_YET else message.letters


def _quarantine(message: VoiceMessage, reason: str) -> Decision:
    fact = MessageQuarantined(
        voice_message_id=message.voice_message_id, original_key=message.key, reason=reason
    )
    return Decision(facts=(fact,))


def _drop_timers(state: VoicemailState, message: VoiceMessage) -> None:
    state.drop_timer("letters", message.voice_message_id)
    state.drop_timer("storing", message.voice_message_id)
