"""Letters: to whom, about what, and again after a 4xx for a day (V4).

The letters about one thing are written once, together: their ids count from 0, so that a repeated step
names the same letters. From then on each has its own fate; a recipient whose server refuses him costs
nobody else a second letter.
"""

from collections.abc import Sequence

import msgspec

from contracts.callback import CallbackBarred, CallbackExpired, CallbackUnreached, Origin
from contracts.directory import Recipient
from contracts.history import WarningWanted
from contracts.ids import AgentId, CallbackId, DepartmentId, Instant, VoiceMessageId
from contracts.log import TimerDue
from contracts.voicemail import (
    LetterAccepted,
    LetterDeferred,
    LetterDue,
    LetterFailed,
    LetterKind,
    LetterRetried,
    MessageMissing,
    MessageQuarantined,
    MessageStored,
    SendLetter,
    StoringDeferred,
)
from contracts.waiting import waited_ms
from runtime.decision import NOTHING, Decision
from services.voicemail import rules
from services.voicemail.decider import warnings
from services.voicemail.decider.keep import keep, keep_callback
from services.voicemail.decider.keeping import ask_storing
from services.voicemail.state import (
    Department,
    EndedCallback,
    Keeping,
    Letter,
    Letters,
    Reader,
    RetentionWarning,
    VoicemailState,
    VoiceMessage,
)

Levels = tuple[Sequence[Recipient], ...]
Ended = CallbackExpired | CallbackUnreached | CallbackBarred
"""How a callback ends of which the recipients are told."""
WITH_EXPIRED = frozenset({LetterKind.EXPIRED, LetterKind.VOICE_MESSAGE})
"""A voice message that belongs to a callback was left after an apology: that one has expired (C4)."""
NOBODY = "nobody has an e-mail address: neither the recipients, nor the heads, nor the administrators"


def callback_ended(state: VoicemailState, fact: Ended) -> None:
    """Remember what the letters tell, unless a voice message tells it (C4, C6, C10)."""
    is_told = isinstance(fact, CallbackExpired) and fact.has_voice_message
    if is_told or fact.callback_id in state.callbacks:
        return
    state.callbacks.put(
        EndedCallback(
            callback_id=fact.callback_id,
            kind=_kind(fact),
            department_id=fact.department_id,
            number=fact.number,
            joined_at=fact.joined_at,
            waited_ms=waited_ms(fact.joined_at, state.now_at, fact.deadline_at),
            reason=fact.reason,
            was_abandoned=fact.origin is Origin.ABANDONED,
        )
    )


def _kind(fact: Ended) -> LetterKind:
    match fact:
        case CallbackExpired():
            return LetterKind.EXPIRED
        case CallbackUnreached():
            return LetterKind.UNREACHED
        case CallbackBarred():
            return LetterKind.REFUSED


def on_callback_ended(state: VoicemailState, fact: Ended) -> Decision:
    """A letter without audio to everyone who should know."""
    callback = state.callbacks.get(fact.callback_id)
    if callback is None or callback.letters is not Letters.WANTED:
        return NOTHING
    levels = _department_levels(state, callback.department_id)
    return _write(
        state, levels, about=callback.callback_id, kind=callback.kind, callback_id=callback.callback_id
    )


def on_warned(state: VoicemailState, fact: WarningWanted) -> Decision:
    """One letter about all of it to everyone who got the letters about the voice messages (V6)."""
    warning = warnings.begun_by(state, fact)
    if warning is None:
        return NOTHING
    return _write(
        state,
        _levels(state, warning.department_id, warning.agent_id),
        about=f"{warning.warning_id}.unheard",
        kind=LetterKind.UNHEARD,
        voice_message_ids=warning.voice_message_ids,
    )


def on_wanted(
    state: VoicemailState,
    fact: MessageMissing | MessageStored | MessageQuarantined | StoringDeferred,
) -> Decision:
    """The letters about a voice message, when the keeping has come so far that they can be written."""
    message = state.messages.get(fact.voice_message_id)
    return NOTHING if message is None else _write_about(state, message)


def _write_about(state: VoicemailState, message: VoiceMessage) -> Decision:
    if message.letters is not Letters.WANTED:
        return NOTHING
    is_without = message.keeping is Keeping.MISSING and message.callback_id is not None
    return _write(
        state,
        _levels(state, message.department_id, message.agent_id),
        about=message.callback_id if is_without and message.callback_id else message.voice_message_id,
        kind=LetterKind.EXPIRED if is_without else LetterKind.VOICE_MESSAGE,
        voice_message_id=message.voice_message_id,
        callback_id=message.callback_id,
    )


def _administrators(state: VoicemailState) -> tuple[Recipient, ...]:
    organization = state.organization()
    return () if organization is None else organization.administrators


def _department(state: VoicemailState, department_id: DepartmentId | None) -> Department | None:
    return None if department_id is None else state.departments.get(department_id)


def _department_levels(state: VoicemailState, department_id: DepartmentId | None) -> Levels:
    return rules.department_levels(_department(state, department_id), _administrators(state))


def _levels(state: VoicemailState, department_id: DepartmentId | None, agent_id: AgentId | None) -> Levels:
    """A department's, or an employee's: the own list, the employee, the heads, the administrators (V4)."""
    if agent_id is None or department_id is not None:
        return _department_levels(state, department_id)
    employee = state.readers.get(agent_id) or Reader(agent_id)
    own = Recipient(name=employee.name, email=employee.email, language=employee.language)
    heads = (
        head for department in state.departments if agent_id in department.agents for head in department.heads
    )
    return rules.employee_levels(employee.recipients, own, tuple(heads), _administrators(state))


def _write(
    state: VoicemailState,
    levels: Levels,
    *,
    about: str,
    kind: LetterKind,
    voice_message_id: VoiceMessageId | None = None,
    callback_id: CallbackId | None = None,
    voice_message_ids: tuple[VoiceMessageId, ...] = (),
) -> Decision:
    found = rules.recipients(levels, lambda recipient: _is_away(state, recipient))
    written = tuple(
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
        return Decision(facts=written)
    return Decision(facts=(*written, LetterFailed(letter_id=written[0].letter_id, answer=NOBODY)))


def _is_away(state: VoicemailState, recipient: Recipient) -> bool:
    return rules.is_away(state.readers_at(recipient.email.strip().lower()), state.now_at)


def due(state: VoicemailState, fact: LetterDue) -> None:
    """A letter is open until the mail server took it or never will."""
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
        state.messages.put(msgspec.structs.replace(message, letters=Letters.WRITTEN, letters_open=opened))
    elif callback is not None:
        opened = callback.letters_open + 1
        state.callbacks.put(msgspec.structs.replace(callback, letters=Letters.WRITTEN, letters_open=opened))
    elif warning is not None:
        opened = warning.letters_open + 1
        state.warnings.put(msgspec.structs.replace(warning, letters=Letters.WRITTEN, letters_open=opened))


def subjects(
    state: VoicemailState, letter: Letter
) -> tuple[VoiceMessage | None, EndedCallback | None, RetentionWarning | None]:
    """What a letter is about; a voice message tells of its callback, too."""
    return (
        None if letter.voice_message_id is None else state.messages.get(letter.voice_message_id),
        None if letter.callback_id is None else state.callbacks.get(letter.callback_id),
        None if letter.warning_id is None else state.warnings.get(letter.warning_id),
    )


def on_sending(state: VoicemailState, fact: LetterDue | LetterRetried) -> Decision:
    """The command of it, with everything the letter says."""
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
            return _with_employee(state, warnings.told(command, subject), subject.agent_id)


def _about_message(state: VoicemailState, command: SendLetter, message: VoiceMessage) -> SendLetter:
    told = msgspec.structs.replace(
        command,
        caller=message.caller,
        called_at=message.joined_at,
        waited_ms=message.waited_ms,
        reason=message.reason,
    )
    return _with_employee(state, told, message.agent_id)


def _about_callback(command: SendLetter, callback: EndedCallback) -> SendLetter:
    return msgspec.structs.replace(
        command,
        caller=callback.number,
        called_at=callback.joined_at,
        waited_ms=callback.waited_ms,
        reason=callback.reason,
        was_abandoned=callback.was_abandoned,
    )


def _with_employee(state: VoicemailState, command: SendLetter, agent_id: AgentId | None) -> SendLetter:
    """Whom the caller wanted: a head, or an administrator, reads it, too."""
    employee = state.readers.get(agent_id) if agent_id is not None else None
    name = "" if employee is None else employee.name
    return msgspec.structs.replace(command, employee_name=name)


def _with_audio(command: SendLetter, letter: Letter, message: VoiceMessage) -> SendLetter:
    if letter.kind is not LetterKind.VOICE_MESSAGE:
        return command
    is_waiting = message.keeping in (Keeping.TAKEN, Keeping.STORING)
    cut_off = "cut_off" if message.is_cut_off else ""
    return msgspec.structs.replace(
        command,
        voice_message_id=message.voice_message_id,
        mp3_key=message.mp3_key,
        mp3_sha256=message.mp3_sha256,
        spool_sha256=message.sha256,
        # While a letter is retried the spool may be all there is, or S3 may have come back meanwhile.
        spool_url=message.spool_url if is_waiting or message.mp3_key is not None else "",
        duration_ms=message.speech_ms or message.duration_ms,
        mark=message.mark or cut_off,
    )


def retried(state: VoicemailState, fact: LetterRetried) -> None:
    """Wait for the answer."""
    letter = state.letters.get(fact.letter_id)
    if letter is not None:
        state.letters.put(msgspec.structs.replace(letter, tries=fact.tries))
        _lease(state, letter.letter_id)


def _lease(state: VoicemailState, letter_id: str) -> None:
    state.set_timer("letter", letter_id, Instant(state.now_at + rules.LETTER_LEASE_MS))


def deferred(state: VoicemailState, fact: LetterDeferred) -> None:
    """Pause before the next try."""
    letter = state.letters.get(fact.letter_id)
    if letter is None:
        return
    may_have_arrived = letter.may_have_arrived or fact.is_answer_lost
    letter = msgspec.structs.replace(letter, answer=fact.answer, may_have_arrived=may_have_arrived)
    state.letters.put(letter)
    if letter.tries != fact.tries:
        # A slow sending whose letter was asked for again meanwhile: that one has the timer.
        return
    due_at = Instant(state.now_at + rules.letter_pause_ms(letter.tries))
    state.set_timer("letter", letter.letter_id, due_at)


def on_deferred(state: VoicemailState, fact: LetterDeferred) -> Decision:
    """After a day without success the letter has failed."""
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


def on_letter_due_again(state: VoicemailState, timer: TimerDue) -> Decision:
    """The pause is over, or a sending was never answered: again, with the same Message-ID."""
    letter = state.letters.get(timer.subject)
    if letter is None:
        return NOTHING
    if _is_too_old(letter, state.now_at):
        return _give_up(letter)
    return Decision(facts=(LetterRetried(letter_id=letter.letter_id, tries=letter.tries + 1),))


def ended(state: VoicemailState, fact: LetterAccepted | LetterFailed) -> None:
    """A letter is done; with the last one goes what it was about."""
    letter = state.letters.get(fact.letter_id)
    if letter is None:
        return
    state.letters.drop(letter.letter_id)
    state.drop_timer("letter", letter.letter_id)
    message, callback, warning = subjects(state, letter)
    if message is not None:
        keep(state, msgspec.structs.replace(message, letters_open=message.letters_open - 1))
    elif callback is not None:
        keep_callback(state, msgspec.structs.replace(callback, letters_open=callback.letters_open - 1))
    elif warning is not None:
        warnings.letter_ended(state, warning)


def overdue(state: VoicemailState, timer: TimerDue) -> None:
    """The letters have waited for S3 long enough, and for the check of the spooled audio, too."""
    message = state.messages.get(timer.subject)
    if message is None or message.keeping is not Keeping.STORING:
        return
    if message.letters is Letters.NOT_YET:
        state.messages.put(msgspec.structs.replace(message, letters=Letters.WANTED))


def on_overdue(state: VoicemailState, timer: TimerDue) -> Decision:
    """Without S3: have the spooled audio looked at, then write (V7)."""
    message = state.messages.get(timer.subject)
    if message is None:
        return NOTHING
    if message.keeping is Keeping.TAKEN:
        return ask_storing(message)
    return _write_about(state, message)
