"""Facts about voice messages in a contact: from voicemail, from people (H3, V4, V5); and erasing (V6)."""

from contracts import history as h
from contracts import voicemail as v
from contracts.gateway import RecordingFinished
from contracts.ids import AgentId, DepartmentId, Instant, RecordingId, VoiceMessageId
from contracts.message import Fact
from services.history.rules.card_cache import CardCache
from services.history.rules.legs import note_leg
from services.history.rules.message_care import GONE, standing_deletion
from services.history.state import NOTES_MAX, Contact, Done, Letter, MessageState, Note, VoiceMessage

VoicemailFact = (
    v.GreetingPlayed
    | v.RecordingAsked
    | v.MessageTaken
    | v.MessageMissing
    | v.MessageStored
    | v.MessageQuarantined
    | v.LetterDue
    | v.LetterAccepted
    | v.LetterDeferred
    | v.LetterFailed
)
DoneFact = (
    h.MessageHeard
    | h.MessageClaimed
    | h.MessageUnclaimed
    | h.MessageNoted
    | h.MessageCalledBack
    | h.MessageDeleted
    | h.MessageRestored
)
HistoryFact = DoneFact | h.MessageRemoved | h.RecordingRemoved | h.CustomerErased | h.WarningWanted


def apply(contact: Contact, fact: VoicemailFact, at: Instant, cards: CardCache) -> None:
    """Fold one fact of voicemail."""
    match fact:
        case v.GreetingPlayed():
            message = _message(contact, fact.voice_message_id, at)
            message.agent_id, message.department_id = fact.agent_id, fact.department_id
            if fact.agent_id is not None and contact.machine_of is None:
                contact.machine_of = cards.who(fact.agent_id, contact)
        case v.RecordingAsked():
            note_leg(contact, fact.leg_id)
            _own(contact, _message(contact, fact.voice_message_id, at), fact.recording_id)
        case v.MessageTaken():
            message = _message(contact, fact.voice_message_id, at)
            message.taken_at, message.duration_ms = at, fact.duration_ms
            _own(contact, message, fact.recording_id)
            _become(message, MessageState.TAKEN)
        case v.MessageMissing():
            message = _message(contact, fact.voice_message_id, at)
            message.reason = fact.reason
            _become(message, MessageState.MISSING)
        case v.MessageStored():
            _on_stored(contact, fact, at)
        case v.MessageQuarantined():
            message = _message(contact, fact.voice_message_id, at)
            message.reason = fact.reason
            message.original_key = None if contact.is_erased else fact.original_key
            _become(message, MessageState.QUARANTINED)
        case v.LetterDue():
            _on_letter_due(contact, fact, at)
        case _:
            _on_letter(contact, fact, at)


def _message(contact: Contact, voice_message_id: VoiceMessageId, at: Instant) -> VoiceMessage:
    """The voice message; a new one is for the employee's machine, else the last place's department."""
    found = contact.message(voice_message_id)
    if found is None:
        agent_id: AgentId | None = None
        department_id: DepartmentId | None = None
        if contact.machine_of is not None:
            agent_id = contact.machine_of.agent_id
        elif contact.places:
            department_id = contact.places[-1].department.department_id
        found = VoiceMessage(
            voice_message_id=voice_message_id, at=at, agent_id=agent_id, department_id=department_id
        )
        contact.messages.append(found)
    return found


def _own(contact: Contact, message: VoiceMessage, recording_id: RecordingId) -> None:
    """Make the recording this voice message's: its end may have come first, taken for a conversation's."""
    message.recording_id = recording_id
    for each in contact.recordings:
        if each.recording_id == recording_id:
            message.original_key = message.original_key or each.key
    contact.recordings = [each for each in contact.recordings if each.recording_id != recording_id]


def _become(message: VoiceMessage, state: MessageState) -> None:
    """Set the state. Audio that is gone stays gone, and a late `taken` does not undo what followed it."""
    is_late = state is MessageState.TAKEN and message.state is not MessageState.RECORDING
    if message.state not in GONE and not is_late:
        message.state = state


def _on_stored(contact: Contact, fact: v.MessageStored, at: Instant) -> None:
    message = _message(contact, fact.voice_message_id, at)
    message.speech_ms, message.mark = fact.speech_ms, fact.mark
    message.taken_at = message.taken_at or at
    # A deleted one keeps its keys, too, as long as its deletion can be undone.
    if not contact.is_erased and message.state is not MessageState.REMOVED:
        message.original_key, message.mp3_key = fact.original_key, fact.mp3_key
    _become(message, MessageState.STORED)


def _on_letter_due(contact: Contact, fact: v.LetterDue, at: Instant) -> None:
    if any(each.letter_id == fact.letter_id for each in contact.letters):
        return
    contact.letters.append(
        Letter(
            letter_id=fact.letter_id,
            kind=fact.kind,
            name=fact.recipient.name,
            email=fact.recipient.email,
            due_at=at,
            voice_message_id=fact.voice_message_id or _told_of(contact, fact),
        )
    )


def _told_of(contact: Contact, fact: v.LetterDue) -> VoiceMessageId | None:
    """The first voice message of this contact that a warning is about."""
    told = (each.voice_message_id for each in contact.messages)
    return next((each for each in told if each in fact.voice_message_ids), None)


def _on_letter(
    contact: Contact, fact: v.LetterAccepted | v.LetterDeferred | v.LetterFailed, at: Instant
) -> None:
    """An accepted letter stays accepted, whatever the server answers to a repeat."""
    letter = next((each for each in contact.letters if each.letter_id == fact.letter_id), None)
    if letter is None or letter.state == "accepted":
        return
    states = {v.LetterAccepted: "accepted", v.LetterDeferred: "deferred", v.LetterFailed: "failed"}
    letter.state, letter.answer, letter.at = states[type(fact)], fact.answer, at


def apply_done(contact: Contact, fact: HistoryFact, at: Instant, cards: CardCache) -> None:
    """Fold one fact of history itself: what people did, and what retention removed."""
    match fact:
        case h.CustomerErased():
            _erase(contact, fact.number)
        case h.RecordingRemoved():
            for each in contact.recordings:
                if each.recording_id == fact.recording_id:
                    each.key, each.reason = None, fact.reason
        case h.WarningWanted():
            _warn(contact, fact, at)
        case _:
            message = contact.message(fact.voice_message_id)
            if message is not None:
                _do(contact, message, fact, at, cards)


def _warn(contact: Contact, fact: h.WarningWanted, at: Instant) -> None:
    """The first time counts."""
    told = {each.voice_message_id for each in fact.messages}
    for message in contact.messages:
        if message.voice_message_id in told:
            message.warned_at = message.warned_at or at


def _do(
    contact: Contact,
    message: VoiceMessage,
    fact: DoneFact | h.MessageRemoved,
    at: Instant,
    cards: CardCache,
) -> None:
    """The first fact on the log counts: of two claims the first wins (V5, EC-72)."""
    if isinstance(fact, h.MessageRemoved):
        message.original_key = message.mp3_key = None
        message.reason = fact.reason
        _become(message, MessageState.REMOVED)
        return
    done = Done(by=fact.by, name=cards.who(fact.by, contact).label, at=at)
    match fact:
        case h.MessageHeard():
            message.heard = message.heard or done
        case h.MessageClaimed():
            message.claimed = message.claimed or done
        case h.MessageUnclaimed():
            claimed = message.claimed
            if claimed is not None and (claimed.by, claimed.at) == (fact.claimed_by, fact.claimed_at):
                message.claimed = None
        case h.MessageNoted():
            _note(contact, message, fact, done)
        case h.MessageCalledBack():
            message.called_back = message.called_back or done
        case h.MessageDeleted():
            message.deleted = message.deleted or done
            _become(message, MessageState.DELETED)
        case h.MessageRestored():
            _restore(message, fact)


def _note(contact: Contact, message: VoiceMessage, fact: h.MessageNoted, done: Done) -> None:
    """What people write may name the customer: an erased one's record takes no note any more."""
    if contact.is_erased or message.note(fact.note_id) is not None or len(message.notes) >= NOTES_MAX:
        return
    message.notes.append(Note(note_id=fact.note_id, by=done.by, name=done.name, at=done.at, text=fact.text))


def _restore(message: VoiceMessage, fact: h.MessageRestored) -> None:
    """Undo that very deletion while the audio is there; what became of it meanwhile stands."""
    deleted = standing_deletion(message)
    if deleted is None or deleted.at != fact.deleted_at:
        return
    message.deleted = None
    if message.mp3_key is not None:
        message.state = MessageState.STORED
    elif not message.reason:
        message.state = MessageState.TAKEN
    else:
        message.state = MessageState.MISSING if message.original_key is None else MessageState.QUARANTINED


def _erase(contact: Contact, number: str) -> None:
    """Keep the row and remove the person (EC-75): numbers and audio, also those that come later."""
    if number not in (contact.number, *(each.number for each in contact.callbacks)):
        return
    contact.is_erased, contact.number, contact.number_said = True, None, ""
    for callback in contact.callbacks:
        callback.number = ""
    for each in contact.tries:
        each.number = ""
    for message in contact.messages:
        message.original_key = message.mp3_key = None
        message.notes = []
        if message.state is not MessageState.MISSING:
            message.state, message.reason = MessageState.REMOVED, "erased"
    for recording in contact.recordings:
        recording.key, recording.reason = None, "erased"


def keys_of(contact: Contact) -> dict[str, str]:
    """Every audio object of a contact, with the voice message or recording that it belongs to."""
    found: dict[str, str] = {}
    for message in contact.messages:
        for key in (message.original_key, message.mp3_key):
            if key is not None:
                found[key] = f"message:{message.voice_message_id}"
    for recording in contact.recordings:
        if recording.key is not None:
            found[recording.key] = f"recording:{recording.recording_id}"
    return found


def keys_in(fact: Fact) -> dict[str, str]:
    """The audio objects that a fact names; they must go when their contact or message is gone."""
    match fact:
        case v.MessageStored():
            subject = f"message:{fact.voice_message_id}"
            return {fact.original_key: subject, fact.mp3_key: subject}
        case v.MessageQuarantined() if fact.original_key is not None:
            return {fact.original_key: f"message:{fact.voice_message_id}"}
        case RecordingFinished() if fact.key is not None:
            return {fact.key: f"recording:{fact.recording_id}"}
        case _:
            return {}
