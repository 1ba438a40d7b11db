"""Letters: to whom, about what, and again after a 4xx for a day (V4).

All letters about one subject are written in one step: their ids count from 0, so that a repeated step names
the same letters. From then on each is sent and retried by itself, so that one recipient's refusing server
sends nobody else a second letter.
"""

from collections.abc import Sequence

import msgspec

from contracts.directory import Recipient
from contracts.ids import AgentId, CallbackId, DepartmentId, Instant, VoiceMessageId
from contracts.log import TimerDue
from contracts.voicemail import (
    LetterAccepted,
    LetterDeferred,
    LetterDue,
    LetterFailed,
    LetterKind,
    LetterRetried,
    SendLetter,
)
from runtime.decision import NOTHING, Decision
from services.voicemail import rules
from services.voicemail.state import (
    Department,
    EndedCallback,
    Letter,
    LettersStatus,
    Reader,
    RetentionWarning,
    StorageStatus,
    VoicemailState,
    VoiceMessage,
)

Levels = tuple[Sequence[Recipient], ...]
WITH_EXPIRED = frozenset({LetterKind.EXPIRED, LetterKind.VOICE_MESSAGE})
"""A voice message of a callback is left after the apology, so that callback has expired (C4)."""
NOBODY = "nobody has an e-mail address: neither the recipients, nor the heads, nor the administrators"


def _administrators(state: VoicemailState) -> tuple[Recipient, ...]:
    organization = state.organization()
    return () if organization is None else organization.administrators


def _department(state: VoicemailState, department_id: DepartmentId | None) -> Department | None:
    return None if department_id is None else state.departments.get(department_id)


def levels(
    state: VoicemailState, department_id: DepartmentId | None, agent_id: AgentId | None = None
) -> Levels:
    """Whom to write to, level by level, about a department or about an employee's own machine (V4)."""
    if agent_id is None or department_id is not None:
        return rules.department_levels(_department(state, department_id), _administrators(state))
    employee = state.readers.get(agent_id) or Reader(agent_id)
    own = Recipient(name=employee.name, email=employee.email, language=employee.language)
    heads = (
        head for department in state.departments if agent_id in department.agents for head in department.heads
    )
    return rules.employee_levels(employee.recipients, own, tuple(heads), _administrators(state))


def write(
    state: VoicemailState,
    to: Levels,
    *,
    about: str,
    kind: LetterKind,
    voice_message_id: VoiceMessageId | None = None,
    callback_id: CallbackId | None = None,
    voice_message_ids: tuple[VoiceMessageId, ...] = (),
) -> Decision:
    """Write a letter to everyone who should know; `about` is the part of the ids that names the subject."""
    found = rules.recipients(to, lambda recipient: _is_away(state, recipient))
    due = tuple(
        LetterDue(
            letter_id=f"letter.{about}.{number}",
            kind=kind,
            recipient=recipient,
            voice_message_id=voice_message_id,
            callback_id=callback_id,
            voice_message_ids=voice_message_ids,
        )
        for number, recipient in enumerate(found or (Recipient(name="", email=""),))
    )
    if found:
        return Decision(facts=due)
    return Decision(facts=(*due, LetterFailed(letter_id=due[0].letter_id, answer=NOBODY)))


def write_about_message(state: VoicemailState, message: VoiceMessage) -> Decision:
    """Write about a voice message, once its letters are wanted."""
    if message.letters is not LettersStatus.WANTED:
        return NOTHING
    is_without = message.storage is StorageStatus.MISSING and message.callback_id is not None
    return write(
        state,
        levels(state, message.department_id, message.agent_id),
        about=message.callback_id if is_without and message.callback_id else message.voice_message_id,
        kind=LetterKind.EXPIRED if is_without else LetterKind.VOICE_MESSAGE,
        voice_message_id=message.voice_message_id,
        callback_id=message.callback_id,
    )


def _is_away(state: VoicemailState, recipient: Recipient) -> bool:
    return rules.is_away(state.readers_at(recipient.email.strip().lower()), state.now_at)


def apply_due(state: VoicemailState, fact: LetterDue) -> None:
    """Open a letter; it ends when the mail server has taken it or never will."""
    letter = Letter(
        letter_id=fact.letter_id,
        kind=fact.kind,
        recipient=fact.recipient,
        voice_message_id=fact.voice_message_id,
        callback_id=fact.callback_id,
        due_at=state.now_at,
        warning_id=next(iter(fact.voice_message_ids), None),
    )
    state.letters.put(letter)
    _lease(state, fact.letter_id)
    message, callback, warning = subjects(state, letter)
    if message is not None:
        opened = message.letters_open + 1
        state.messages.change(message, letters=LettersStatus.WRITTEN, letters_open=opened)
    elif callback is not None:
        opened = callback.letters_open + 1
        state.callbacks.change(callback, letters=LettersStatus.WRITTEN, letters_open=opened)
    elif warning is not None:
        opened = warning.letters_open + 1
        state.warnings.change(warning, letters=LettersStatus.WRITTEN, letters_open=opened)


def subjects(
    state: VoicemailState, letter: Letter
) -> tuple[VoiceMessage | None, EndedCallback | None, RetentionWarning | None]:
    """What a letter is about; the letter about a voice message tells of its callback, too."""
    return (
        None if letter.voice_message_id is None else state.messages.get(letter.voice_message_id),
        None if letter.callback_id is None else state.callbacks.get(letter.callback_id),
        None if letter.warning_id is None else state.warnings.get(letter.warning_id),
    )


def decide_sending(state: VoicemailState, fact: LetterDue | LetterRetried) -> Decision:
    """Command the sending, with everything that the letter says."""
    letter = state.letters.get(fact.letter_id)
    command = None if letter is None else _command(state, letter)
    return NOTHING if command is None else Decision(commands=(command,))


def _command(state: VoicemailState, letter: Letter) -> SendLetter | None:
    message, callback, warning = subjects(state, letter)
    subject = message or callback or warning
    if subject is None:
        return None
    department = _department(state, subject.department_id)
    organization = state.organization()
    zone = organization.timezone if organization is not None else "UTC"
    command = SendLetter(
        letter_id=letter.letter_id,
        kind=letter.kind,
        recipient=letter.recipient,
        organization_name="" if organization is None else organization.name,
        department_name="" if department is None else department.name,
        timezone=zone if department is None else department.timezone,
        caller=None,
        called_at=letter.due_at,
        waited_ms=0,
        tries=letter.tries,
        language=letter.recipient.language,
        has_expired_callback=letter.callback_id is not None and letter.kind in WITH_EXPIRED,
        console_url="" if organization is None else organization.console_url,
        may_have_arrived=letter.may_have_arrived,
    )
    match subject:
        case VoiceMessage():
            return _with_audio(_about_message(state, command, subject), letter, subject)
        case EndedCallback():
            return _about_callback(command, subject)
        case RetentionWarning():
            return _with_employee(state, _about_warning(command, subject), subject.agent_id)


def _about_message(state: VoicemailState, command: SendLetter, message: VoiceMessage) -> SendLetter:
    filled = msgspec.structs.replace(
        command,
        caller=message.caller,
        called_at=message.joined_at,
        waited_ms=message.waited_ms,
        reason=message.reason,
    )
    return _with_employee(state, filled, message.agent_id)


def _about_callback(command: SendLetter, callback: EndedCallback) -> SendLetter:
    return msgspec.structs.replace(
        command,
        caller=callback.number,
        called_at=callback.joined_at,
        waited_ms=callback.waited_ms,
        reason=callback.reason,
        was_abandoned=callback.was_abandoned,
    )


def _about_warning(command: SendLetter, warning: RetentionWarning) -> SendLetter:
    first = warning.messages[0]
    return msgspec.structs.replace(
        command,
        caller=first.caller,
        called_at=first.taken_at,
        unheard=warning.messages,
        unheard_count=len(warning.voice_message_ids),
        written_at=warning.written_at,
    )


def _with_employee(state: VoicemailState, command: SendLetter, agent_id: AgentId | None) -> SendLetter:
    """Name the employee whom the caller wanted: a head or an administrator may read the letter."""
    employee = state.readers.get(agent_id) if agent_id is not None else None
    name = "" if employee is None else employee.name
    return msgspec.structs.replace(command, employee_name=name)


def _with_audio(command: SendLetter, letter: Letter, message: VoiceMessage) -> SendLetter:
    if letter.kind is not LetterKind.VOICE_MESSAGE:
        return command
    is_not_stored = message.storage in (StorageStatus.TAKEN, StorageStatus.STORING)
    cut_off = "cut_off" if message.is_cut_off else ""
    return msgspec.structs.replace(
        command,
        voice_message_id=message.voice_message_id,
        mp3_key=message.mp3_key,
        mp3_sha256=message.mp3_sha256,
        spool_sha256=message.sha256,
        # Whether S3 or the spool has the audio may change while a letter is retried.
        spool_url=message.spool_url if is_not_stored or message.mp3_key is not None else "",
        duration_ms=message.speech_ms or message.duration_ms,
        mark=message.mark or cut_off,
    )


def apply_retried(state: VoicemailState, fact: LetterRetried) -> None:
    """Wait for the answer."""
    letter = state.letters.get(fact.letter_id)
    if letter is not None:
        state.letters.change(letter, tries=fact.tries)
        _lease(state, letter.letter_id)


def _lease(state: VoicemailState, letter_id: str) -> None:
    state.set_timer("letter", letter_id, Instant(state.now_at + rules.LETTER_LEASE_MS))


def apply_deferred(state: VoicemailState, fact: LetterDeferred) -> None:
    """Pause before the next try."""
    letter = state.letters.get(fact.letter_id)
    if letter is None:
        return
    may_have_arrived = letter.may_have_arrived or fact.is_answer_lost
    state.letters.change(letter, answer=fact.answer, may_have_arrived=may_have_arrived)
    if letter.tries != fact.tries:
        # The answer of a slow sending: the letter was asked for again meanwhile, and has a new timer.
        return
    due_at = Instant(state.now_at + rules.letter_pause_ms(letter.tries))
    state.set_timer("letter", letter.letter_id, due_at)


def decide_deferred(state: VoicemailState, fact: LetterDeferred) -> Decision:
    """Fail the letter after a day without success."""
    letter = state.letters.get(fact.letter_id)
    if letter is None or letter.tries != fact.tries:
        return NOTHING
    next_at = state.now_at + rules.letter_pause_ms(letter.tries)
    return _give_up(letter) if _is_too_old(letter, next_at) else NOTHING


def _is_too_old(letter: Letter, at: int) -> bool:
    return at > letter.due_at + rules.LETTER_RETRIED_MS_MAX


def _give_up(letter: Letter) -> Decision:
    answer = letter.answer or "no answer within a day"
    return Decision(facts=(LetterFailed(letter_id=letter.letter_id, answer=answer),))


def decide_due_again(state: VoicemailState, timer: TimerDue) -> Decision:
    """Retry after the pause, or when a sending was never answered, with the same Message-ID."""
    letter = state.letters.get(timer.subject)
    if letter is None:
        return NOTHING
    if _is_too_old(letter, state.now_at):
        return _give_up(letter)
    return Decision(facts=(LetterRetried(letter_id=letter.letter_id, tries=letter.tries + 1),))


def apply_ended(state: VoicemailState, fact: LetterAccepted | LetterFailed) -> None:
    """Drop the letter, and with the last one its subject; a warning's ids stay until its audio is gone."""
    letter = state.letters.get(fact.letter_id)
    if letter is None:
        return
    state.letters.drop(letter.letter_id)
    state.drop_timer("letter", letter.letter_id)
    message, callback, warning = subjects(state, letter)
    if message is not None:
        state.change_message(message, letters_open=message.letters_open - 1)
    elif callback is not None:
        state.change_callback(callback, letters_open=callback.letters_open - 1)
    elif warning is not None:
        letters_open = warning.letters_open - 1
        messages = warning.messages if letters_open else ()
        state.warnings.change(warning, letters_open=letters_open, messages=messages)
