"""Voicemail's decider: how a conversation with the answering machine becomes a recording and letters.

Theory of operation. Two things happen to a voice message at once, and its record has a field for each:

* the **conversation** (`phase`): (answering →) greeting → recording → thanking → leaving → over. It follows
  the leg: every command is answered by a fact, `leg_ended` ends it in any phase, and one guard timer ends
  it when an answer never comes.
* the **storage** (`storage`): nothing → taken → storing → stored, quarantined, or missing. It starts when
  the recording is closed, needs no leg, and takes days if S3 is away.

The letters wait until storage has ended, or five minutes, whichever comes first. Each letter is a record of
its own with one timer: the lease of an unanswered sending, or the pause before the next try. A voice message
is dropped with its last letter, and a warning when its audio is gone, so no state grows with history.

Each module holds both halves of its facts, `apply_…` and `decide_…`; here they are only dispatched. Results
of the activities are idempotent by their subject: a second `message_stored` or `letter_deferred` finds a
later state and changes nothing.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from contracts import callback, directory, gateway, history, queue, routing, tts, voicemail
from contracts.ids import TimerId
from contracts.log import TimerDue
from contracts.message import Fact
from runtime.decision import NOTHING, Decision
from runtime.records import timer_id
from services.voicemail.decider import (
    conversation,
    ended_callbacks,
    erasure,
    letters,
    retention_warnings,
    settings_facts,
    storage,
)
from services.voicemail.state import Phase, StorageStatus, VoicemailState

Apply = Callable[[VoicemailState, Any], None]
Decide = Callable[[VoicemailState, Any], Decision]

_APPLY: Final[dict[type[Fact], Apply]] = {
    directory.OrganizationSaved: settings_facts.apply_organization,
    directory.DepartmentSaved: settings_facts.apply_department,
    directory.AgentSaved: settings_facts.apply_agent,
    directory.AgentAvailabilitySaved: settings_facts.apply_availability,
    directory.DirectRulesSaved: settings_facts.apply_direct_rules,
    tts.NoticeRendered: settings_facts.apply_notice,
    queue.PlaceDiverted: conversation.apply_begun,
    callback.MessageWanted: conversation.apply_begun,
    routing.VoicemailReached: conversation.apply_begun,
    gateway.LegAnswered: conversation.apply_answered,
    gateway.LegEnded: conversation.apply_leg_ended,
    gateway.RecordingSpooled: storage.apply_closed,
    gateway.RecordingFinished: storage.apply_closed,
    callback.CallbackExpired: ended_callbacks.apply_ended,
    callback.CallbackUnreached: ended_callbacks.apply_ended,
    callback.CallbackBarred: ended_callbacks.apply_ended,
    history.WarningWanted: retention_warnings.apply_wanted,
    history.CustomerErased: erasure.apply_erased,
    voicemail.GreetingPlayed: conversation.apply_greeted,
    voicemail.RecordingAsked: conversation.apply_recording_asked,
    voicemail.CallerThanked: conversation.apply_thanked,
    voicemail.MessageTaken: storage.apply_taken,
    voicemail.MessageMissing: storage.apply_missing,
    voicemail.StoringAsked: storage.apply_asked,
    voicemail.StoringDeferred: storage.apply_deferred,
    voicemail.MessageStored: storage.apply_stored,
    voicemail.MessageQuarantined: storage.apply_quarantined,
    voicemail.LetterDue: letters.apply_due,
    voicemail.LetterRetried: letters.apply_retried,
    voicemail.LetterDeferred: letters.apply_deferred,
    voicemail.LetterAccepted: letters.apply_ended,
    voicemail.LetterFailed: letters.apply_ended,
}

_DECIDE: Final[dict[type[Fact], Decide]] = {
    queue.PlaceDiverted: conversation.decide_begun,
    callback.MessageWanted: conversation.decide_begun,
    routing.VoicemailReached: conversation.decide_begun,
    gateway.LegAnswered: conversation.decide_answered,
    gateway.PlayFinished: conversation.decide_play_finished,
    gateway.CommandRefused: conversation.decide_refused,
    gateway.LegEnded: conversation.decide_leg_ended,
    gateway.RecordingSpooled: storage.decide_closed,
    gateway.RecordingFinished: storage.decide_closed,
    callback.CallbackExpired: ended_callbacks.decide_ended,
    callback.CallbackUnreached: ended_callbacks.decide_ended,
    callback.CallbackBarred: ended_callbacks.decide_ended,
    history.WarningWanted: retention_warnings.decide_wanted,
    history.CustomerErased: erasure.decide_erased,
    voicemail.MessageTaken: storage.decide_taken,
    voicemail.MessageMissing: storage.decide_missing,
    voicemail.StoringAsked: storage.decide_asked,
    voicemail.StoringDeferred: storage.decide_deferred,
    voicemail.MessageStored: storage.decide_ended,
    voicemail.MessageQuarantined: storage.decide_ended,
    voicemail.LetterDue: letters.decide_sending,
    voicemail.LetterRetried: letters.decide_sending,
    voicemail.LetterDeferred: letters.decide_deferred,
}

_APPLY_TIMER: Final[dict[str, Apply]] = {
    "conversation": conversation.apply_overdue,
    "letters": storage.apply_letters_due,
    "warning": retention_warnings.apply_forgotten,
}

_DECIDE_TIMER: Final[dict[str, Decide]] = {
    "conversation": conversation.decide_overdue,
    "letters": storage.decide_letters_due,
    "storing": storage.decide_due_again,
    "letter": letters.decide_due_again,
}

_SAID_HERE_ALONE: Final = frozenset(
    {
        voicemail.GreetingPlayed,
        voicemail.RecordingAsked,
        voicemail.CallerThanked,
        voicemail.MessageTaken,
        voicemail.StoringAsked,
        voicemail.LetterDue,
        voicemail.LetterRetried,
        voicemail.NumberErased,
    }
)
"""Voicemail's other facts come from its activities, too, and are heard."""

HEARD: Final[tuple[type[Fact], ...]] = (
    *(fact for fact in dict.fromkeys((*_APPLY, *_DECIDE)) if fact not in _SAID_HERE_ALONE),
    TimerDue,
)
"""What voicemail hears, as its own tables say."""


def apply(state: VoicemailState, fact: Fact) -> None:
    """Fold one fact, heard or said, into the state."""
    handler = _APPLY_TIMER.get(fact.kind) if isinstance(fact, TimerDue) else _APPLY.get(type(fact))
    if handler is not None:
        handler(state, fact)


def decide(state: VoicemailState, fact: Fact) -> Decision:
    """Say what follows from a fact that was applied."""
    handler = _DECIDE_TIMER.get(fact.kind) if isinstance(fact, TimerDue) else _DECIDE.get(type(fact))
    return NOTHING if handler is None else handler(state, fact)


def owed(state: VoicemailState) -> Iterator[TimerId]:
    """The timers without which a conversation, a storing, a letter or a warning would never end."""
    for message in state.messages:
        if message.phase is not Phase.OVER:
            yield timer_id("conversation", message.voice_message_id)
        if message.storage is StorageStatus.STORING:
            yield timer_id("storing", message.voice_message_id)
        if message.storage is StorageStatus.TAKEN:
            yield timer_id("letters", message.voice_message_id)
    yield from (timer_id("letter", letter.letter_id) for letter in state.letters)
    yield from (timer_id("warning", warning.warning_id) for warning in state.warnings)


__all__ = ["HEARD", "apply", "decide", "owed"]
