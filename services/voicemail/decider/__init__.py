"""How voicemail decides.

Theory of operation. A voice message lives two lives at once, and a record of it has a field for each:

* the **conversation** (`phase`): (answering →) greeting → recording → thanking → leaving → over. It follows
  the leg: every command is answered by a fact, `leg_ended` ends it wherever it stands, and one guard timer
  per conversation ends it when an answer never comes.
* the **keeping** (`keeping`): nothing → taken → storing → stored, quarantined, or missing. It starts when
  the recording is closed, needs no leg, and goes on for days if S3 is away.

The letters wait for the keeping to end, or for five minutes, whichever is first (`letters`). Each letter
is a record of its own, with one timer: the lease of a sending that is not answered, or the pause before
the next. A record is dropped when its last letter has ended, and a warning when its audio is gone, so nothing
here grows with history.

`conversation`, `keeping`, `letters`, `warnings`, `erasing` and `book` each hold what is applied and what is
decided of their facts; this module only says which fact goes where. Results of the activities are
idempotent by their subject: a second `message_stored` or `letter_deferred` finds the state further on and
changes nothing.
"""

from typing import Final, assert_never, get_args

from contracts.callback import CallbackBarred, CallbackExpired, CallbackUnreached, MessageWanted
from contracts.directory import (
    AgentAvailabilitySaved,
    AgentSaved,
    DepartmentSaved,
    DirectRulesSaved,
    OrganizationSaved,
)
from contracts.gateway import (
    CommandRefused,
    LegAnswered,
    LegEnded,
    PlayFinished,
    RecordingFinished,
    RecordingSpooled,
)
from contracts.history import CustomerErased, WarningWanted
from contracts.ids import TimerId
from contracts.log import TimerDue
from contracts.message import Fact
from contracts.queue import PlaceDiverted
from contracts.routing import VoicemailReached
from contracts.tts import NoticeRendered
from contracts.voicemail import (
    CallerThanked,
    GreetingPlayed,
    LetterAccepted,
    LetterDeferred,
    LetterDue,
    LetterFailed,
    LetterRetried,
    MessageMissing,
    MessageQuarantined,
    MessageStored,
    MessageTaken,
    RecordingAsked,
    StoringAsked,
    StoringDeferred,
)
from runtime.decision import NOTHING, Decision, together
from runtime.records import timer_id
from services.voicemail.decider import book, conversation, erasing, keeping, letters, warnings
from services.voicemail.state import Keeping, Phase, VoicemailState

Book = (
    OrganizationSaved
    | DepartmentSaved
    | AgentSaved
    | AgentAvailabilitySaved
    | DirectRulesSaved
    | NoticeRendered
)
Phones = (
    PlaceDiverted
    | MessageWanted
    | VoicemailReached
    | LegAnswered
    | PlayFinished
    | RecordingSpooled
    | RecordingFinished
    | LegEnded
    | CommandRefused
)
Callbacks = CallbackExpired | CallbackUnreached | CallbackBarred
Results = (
    MessageStored
    | MessageMissing
    | MessageQuarantined
    | StoringDeferred
    | LetterAccepted
    | LetterDeferred
    | LetterFailed
)
Own = (
    GreetingPlayed | RecordingAsked | MessageTaken | CallerThanked | StoringAsked | LetterDue | LetterRetried
)
Known = Book | Phones | Callbacks | WarningWanted | CustomerErased | Results | Own | TimerDue
HEARS: Final[tuple[type[Fact], ...]] = (
    *get_args(Book),
    *get_args(Phones),
    *get_args(Callbacks),
    WarningWanted,
    CustomerErased,
    *get_args(Results),
    TimerDue,
)


def apply(state: VoicemailState, fact: Fact) -> None:
    """Fold a fact, heard or said, into the state."""
    if isinstance(fact, Known):
        _apply(state, fact)


def decide(state: VoicemailState, fact: Fact) -> Decision:
    """What follows from a fact that was applied."""
    return _decide(state, fact) if isinstance(fact, Known) else NOTHING


def _apply(state: VoicemailState, fact: Known) -> None:
    match fact:
        case (
            OrganizationSaved()
            | DepartmentSaved()
            | AgentSaved()
            | AgentAvailabilitySaved()
            | DirectRulesSaved()
            | NoticeRendered()
        ):
            book.saved(state, fact)
        case PlaceDiverted() | MessageWanted() | VoicemailReached():
            conversation.begun(state, fact)
        case LegAnswered():
            conversation.leg_answered(state, fact)
        case GreetingPlayed():
            conversation.greeted(state, fact)
        case RecordingAsked():
            conversation.recording_asked(state, fact)
        case CallerThanked():
            conversation.thanked(state, fact)
        case LegEnded():
            conversation.leg_ended(state, fact)
        case RecordingSpooled() | RecordingFinished():
            keeping.closed(state, fact)
        case MessageTaken():
            keeping.taken(state, fact)
        case MessageMissing():
            keeping.missing(state, fact)
        case StoringAsked():
            keeping.storing_asked(state, fact)
        case StoringDeferred():
            keeping.storing_deferred(state, fact)
        case MessageStored():
            keeping.stored(state, fact)
        case MessageQuarantined():
            keeping.quarantined(state, fact)
        case CallbackExpired() | CallbackUnreached() | CallbackBarred():
            letters.callback_ended(state, fact)
        case WarningWanted():
            warnings.wanted(state, fact)
        case CustomerErased():
            erasing.erased(state, fact)
        case LetterDue():
            letters.due(state, fact)
        case LetterRetried():
            letters.retried(state, fact)
        case LetterDeferred():
            letters.deferred(state, fact)
        case LetterAccepted() | LetterFailed():
            letters.ended(state, fact)
        case TimerDue():
            _apply_timer(state, fact)
        case PlayFinished() | CommandRefused():
            pass  # What follows from these is said, and applied as our own fact.
        case _:
            assert_never(fact)


def _apply_timer(state: VoicemailState, timer: TimerDue) -> None:
    match timer.kind:
        case "conversation":
            conversation.overdue(state, timer)
        case "letters":
            letters.overdue(state, timer)
        case "warning":
            warnings.forgotten(state, timer)
        case _:
            pass


def _decide(state: VoicemailState, fact: Known) -> Decision:
    match fact:
        case PlaceDiverted() | MessageWanted() | VoicemailReached():
            return conversation.on_begun(state, fact)
        case LegAnswered():
            return conversation.on_leg_answered(state, fact)
        case PlayFinished():
            return conversation.on_play_finished(state, fact)
        case CommandRefused():
            return conversation.on_command_refused(state, fact)
        case LegEnded():
            return conversation.on_leg_ended(state, fact)
        case RecordingSpooled() | RecordingFinished():
            return keeping.on_closed(state, fact)
        case MessageTaken():
            return together((conversation.on_taken(state, fact), keeping.on_taken(state, fact)))
        case MessageMissing():
            return together((conversation.on_missing(state, fact), letters.on_wanted(state, fact)))
        case StoringAsked():
            return keeping.on_storing_asked(state, fact)
        case StoringDeferred():
            return together((letters.on_wanted(state, fact), keeping.on_storing_deferred(state, fact)))
        case MessageStored() | MessageQuarantined():
            return letters.on_wanted(state, fact)
        case CallbackExpired() | CallbackUnreached() | CallbackBarred():
            return letters.on_callback_ended(state, fact)
        case WarningWanted():
            return letters.on_warned(state, fact)
        case CustomerErased():
            return erasing.on_erased(state, fact)
        case LetterDue() | LetterRetried():
            return letters.on_sending(state, fact)
        case LetterDeferred():
            return letters.on_deferred(state, fact)
        case TimerDue():
            return _on_timer_due(state, fact)
        case OrganizationSaved() | DepartmentSaved() | AgentSaved() | AgentAvailabilitySaved():
            return NOTHING
        case DirectRulesSaved() | NoticeRendered() | GreetingPlayed() | RecordingAsked() | CallerThanked():
            return NOTHING
        case LetterAccepted() | LetterFailed():
            return NOTHING
        case _:
            assert_never(fact)


def _on_timer_due(state: VoicemailState, timer: TimerDue) -> Decision:
    match timer.kind:
        case "conversation":
            return conversation.on_overdue(state, timer)
        case "letters":
            return letters.on_overdue(state, timer)
        case "storing":
            return keeping.on_storing_due(state, timer)
        case "letter":
            return letters.on_letter_due_again(state, timer)
        case _:
            return NOTHING


def owed(state: VoicemailState) -> tuple[TimerId, ...]:
    """What the state must be waiting for: an end of every conversation, storing, letter and warning."""
    waits: list[TimerId] = []
    for message in state.messages:
        if message.phase is not Phase.OVER:
            waits.append(timer_id("conversation", message.voice_message_id))
        if message.keeping is Keeping.STORING:
            waits.append(timer_id("storing", message.voice_message_id))
        if message.keeping is Keeping.TAKEN:
            waits.append(timer_id("letters", message.voice_message_id))
    waits.extend(timer_id("letter", letter.letter_id) for letter in state.letters)
    waits.extend(timer_id("warning", warning.warning_id) for warning in state.warnings)
    return tuple(waits)
