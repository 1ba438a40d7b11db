"""What becomes of a recording: taken, stored, quarantined or missing (V2, V3, V7, V8).

The original is the gateway's to upload; `recording_spooled` says that it is closed, `recording_finished`
that it is in S3. Storing is asked for when it is, or, after five minutes, from the spool: the check of
whether anybody spoke needs no S3. A storing that fails is asked for again, with growing pauses.
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
from runtime.decision import NOTHING, Decision
from services.voicemail import rules
from services.voicemail.decider import conversation
from services.voicemail.decider.keep import keep, settings_of
from services.voicemail.state import (
    KEEPING_ENDED,
    LEG_IS_UP,
    Keeping,
    Letters,
    Phase,
    VoicemailState,
    VoiceMessage,
)


def closed(state: VoicemailState, fact: RecordingSpooled | RecordingFinished) -> None:
    """Take over where the audio is and what is known of it."""
    message = state.message_recorded_as(fact.leg_id, fact.recording_id)
    if message is None or message.keeping in KEEPING_ENDED:
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


def on_closed(state: VoicemailState, fact: RecordingSpooled | RecordingFinished) -> Decision:
    """Decide whether it is a voice message; have it stored as soon as the original is in S3."""
    message = state.message_recorded_as(fact.leg_id, fact.recording_id)
    if message is None or message.keeping in KEEPING_ENDED:
        return NOTHING
    is_finished = isinstance(fact, RecordingFinished)
    if message.keeping is Keeping.NOTHING:
        if isinstance(fact, RecordingFinished) and not fact.ok:
            return conversation.not_recorded(message, fact.cause)
        return _on_audio(state, message)
    if not is_finished:
        return NOTHING
    if message.key is None and not message.spool_url:
        return _quarantine(message, message.reason or "the recording was lost")
    return ask_storing(message)


def _on_audio(state: VoicemailState, message: VoiceMessage) -> Decision:
    if message.duration_ms < settings_of(state, message).speech_ms_min:
        return conversation.missing(message, MissingReason.TOO_SHORT)
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


def taken(state: VoicemailState, fact: MessageTaken) -> None:
    """From now on somebody will be told; the letters wait for S3 five minutes at most (V7)."""
    message = state.messages.get(fact.voice_message_id)
    if message is None or message.keeping is not Keeping.NOTHING:
        return
    message = conversation.thank(state, message)
    state.messages.put(msgspec.structs.replace(message, keeping=Keeping.TAKEN, taken_at=state.now_at))
    due_at = Instant(state.now_at + rules.LETTER_WAIT_MS_MAX)
    state.set_timer("letters", message.voice_message_id, due_at)


def on_taken(state: VoicemailState, fact: MessageTaken) -> Decision:
    """Have it stored if the original is in S3 already."""
    message = state.messages.get(fact.voice_message_id)
    return NOTHING if message is None or message.key is None else ask_storing(message)


def missing(state: VoicemailState, fact: MessageMissing) -> None:
    """There is no voice message. Who has to be told all the same?

    A machine that failed hides that somebody called; a callback that has ended `expired` with a voice
    message, in which then no speech was found, has ended without one (C4). A plain missed call is told
    by history alone.
    """
    message = state.messages.get(fact.voice_message_id)
    if message is None or message.keeping in KEEPING_ENDED:
        return
    _drop_timers(state, message)
    if message.phase in LEG_IS_UP and not message.taken_at:
        message = conversation.leave(state, message)
    elif message.phase is Phase.CLOSING:
        state.drop_timer("conversation", message.voice_message_id)
        message = msgspec.structs.replace(message, phase=Phase.OVER)
    letters = message.letters
    if letters is Letters.NOT_YET:
        if message.callback_id is not None:
            is_wanted = bool(message.taken_at)
        else:
            is_wanted = fact.reason is MissingReason.RECORDING_FAILED
        letters = Letters.WANTED if is_wanted else Letters.NONE
    keep(
        state,
        msgspec.structs.replace(message, keeping=Keeping.MISSING, mark=Mark.NOT_RECORDED, letters=letters),
    )


def ask_storing(message: VoiceMessage) -> Decision:
    """Ask for a recording to be stored, from S3 or from the spool."""
    asked = StoringAsked(voice_message_id=message.voice_message_id, tries=message.tries + 1)
    return Decision(facts=(asked,))


def storing_asked(state: VoicemailState, fact: StoringAsked) -> None:
    """Wait for the answer; late letters wait a little longer, to know whether anybody spoke."""
    message = state.messages.get(fact.voice_message_id)
    if message is None:
        return
    state.messages.put(msgspec.structs.replace(message, keeping=Keeping.STORING, tries=fact.tries))
    state.set_timer("storing", message.voice_message_id, Instant(state.now_at + rules.STORING_LEASE_MS))
    if message.letters is Letters.NOT_YET and _are_letters_late(state, message):
        due_at = Instant(state.now_at + rules.SPOOL_CHECK_MS_MAX)
        state.set_timer("letters", message.voice_message_id, due_at)


def _are_letters_late(state: VoicemailState, message: VoiceMessage) -> bool:
    return state.now_at >= message.taken_at + rules.LETTER_WAIT_MS_MAX


def on_storing_asked(state: VoicemailState, fact: StoringAsked) -> Decision:
    """The command of it."""
    message = state.messages.get(fact.voice_message_id)
    if message is None:
        return NOTHING
    limits = settings_of(state, message)
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


def storing_deferred(state: VoicemailState, fact: StoringDeferred) -> None:
    """Pause before the next try; the letters go without waiting for it once they are late."""
    message = state.messages.get(fact.voice_message_id)
    if message is None or message.keeping is not Keeping.STORING or fact.tries != message.tries:
        return
    due_at = Instant(state.now_at + rules.storing_pause_ms(message.tries))
    state.set_timer("storing", message.voice_message_id, due_at)
    letters = message.letters
    if letters is Letters.NOT_YET and _are_letters_late(state, message):
        letters = Letters.WANTED
        state.drop_timer("letters", message.voice_message_id)
    state.messages.put(msgspec.structs.replace(message, letters=letters, reason=fact.reason))


def on_storing_deferred(state: VoicemailState, fact: StoringDeferred) -> Decision:
    """Give up when whoever could repair S3 has had a week."""
    message = state.messages.get(fact.voice_message_id)
    if message is None or message.keeping is not Keeping.STORING:
        return NOTHING
    if state.now_at < message.taken_at + rules.STORING_RETRIED_MS_MAX:
        return NOTHING
    return _quarantine(message, f"not stored within a week: {message.reason}")


def on_storing_due(state: VoicemailState, timer: TimerDue) -> Decision:
    """The pause is over, or an asked storing was never answered: again."""
    message = state.messages.get(timer.subject)
    if message is None or message.keeping is not Keeping.STORING:
        return NOTHING
    return ask_storing(message)


def stored(state: VoicemailState, fact: MessageStored) -> None:
    """Original and MP3 are in S3: letters may speak of it."""
    message = state.messages.get(fact.voice_message_id)
    if message is None or message.keeping in KEEPING_ENDED:
        return
    _drop_timers(state, message)
    keep(
        state,
        msgspec.structs.replace(
            message,
            keeping=Keeping.STORED,
            key=fact.original_key,
            mp3_key=fact.mp3_key,
            mp3_sha256=fact.mp3_sha256,
            speech_ms=fact.speech_ms,
            mark=fact.mark or (Mark.CUT_OFF if message.is_cut_off else ""),
            letters=_wanted(message),
        ),
    )


def quarantined(state: VoicemailState, fact: MessageQuarantined) -> None:
    """Not playable; the recipients are still told that somebody called (V8)."""
    message = state.messages.get(fact.voice_message_id)
    if message is None or message.keeping in KEEPING_ENDED:
        return
    _drop_timers(state, message)
    keep(
        state,
        msgspec.structs.replace(
            message,
            keeping=Keeping.QUARANTINED,
            mark=Mark.NOT_PLAYABLE,
            reason=fact.reason,
            letters=_wanted(message),
        ),
    )


def _wanted(message: VoiceMessage) -> Letters:
    return Letters.WANTED if message.letters is Letters.NOT_YET else message.letters


def _quarantine(message: VoiceMessage, reason: str) -> Decision:
    fact = MessageQuarantined(
        voice_message_id=message.voice_message_id, original_key=message.key, reason=reason
    )
    return Decision(facts=(fact,))


def _drop_timers(state: VoicemailState, message: VoiceMessage) -> None:
    state.drop_timer("letters", message.voice_message_id)
    state.drop_timer("storing", message.voice_message_id)
