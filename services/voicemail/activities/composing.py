"""Writing a letter: subject, text part, HTML part, the MP3 or a sentence on where it is (V4, EC-69).

Whatever a person or a PBX named is cleaned: control characters, line ends and marks that turn the direction
of writing are no part of any name. The Message-ID follows from the command, so that a letter sent twice is
one letter for whoever reads it; the Date is that of the sending.
"""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Final
from urllib.parse import quote

import msgspec

from contracts.directory import Language
from contracts.gateway import Outcome
from contracts.ids import OrganizationId
from contracts.voicemail import LetterKind, Mark, SendLetter
from runtime.mail import addresses
from runtime.mail.letter import Attachment, Letter, Mailbox
from runtime.mail.letter_templates import LetterTemplates
from runtime.text import one_line
from services.voicemail.activities import warning, wording
from services.voicemail.activities.wording import WORDS, Words, call_url

ACCENTS: Final = {
    LetterKind.VOICE_MESSAGE: "#1d4ed8",
    LetterKind.EXPIRED: "#b45309",
    LetterKind.UNREACHED: "#475569",
    LetterKind.REFUSED: "#991b1b",
}
"""A colour per kind: who gets many of these sees at once which one it is."""


WITHOUT_SOUND: Final = frozenset({Mark.NOT_RECORDED, Mark.NOT_PLAYABLE})
"""Nothing can be listened to: whoever reads this had better call back."""


class Absence(StrEnum):
    """Why a letter has no audio."""

    NONE_EXPECTED = "none_expected"
    TOO_LARGE = "too_large"
    NOT_YET = "not_yet"
    NOT_HERE = "not_here"


class Audio(msgspec.Struct, frozen=True, kw_only=True):
    """The MP3 to attach, or why there is none; `duration_ms` 0: as the command says."""

    mp3: bytes = b""
    absence: Absence = Absence.NONE_EXPECTED
    duration_ms: int = 0
    mark: str = ""


def identity(organization_id: OrganizationId, command: SendLetter) -> str:
    """A letter's name in the world, in hex; what a gateway named a leg does not show in it.

    The instant of the call is part of it: a gateway that starts its names anew, as in a demo, must not make
    a new letter look like one that was sent long ago.
    """
    name = f"{organization_id}\0{command.letter_id}\0{command.called_at}"
    return hashlib.sha256(name.encode()).hexdigest()


class Writer:
    """Writes letters from one sender; `attachment_bytes_max` is what an MP3 may have."""

    def __init__(self, *, sender_name: str, sender: str, attachment_bytes_max: int) -> None:
        """Raises ValueError when the sender is no address."""
        try:
            self._sender = Mailbox(sender_name, addresses.on_the_wire(sender))
        except addresses.InvalidAddress as error:
            raise ValueError(f"RINGBACK_MAIL_FROM is no e-mail address: {sender!r}: {error}") from error
        self._domain = addresses.domain(sender)
        self.attachment_bytes_max = attachment_bytes_max
        self._templates = LetterTemplates("services.voicemail.activities")

    def message_id(self, organization_id: OrganizationId, command: SendLetter) -> str:
        """The same for the same letter, for ever."""
        return f"<{identity(organization_id, command)[:32]}@{self._domain}>"

    def letter(self, organization_id: OrganizationId, command: SendLetter, audio: Audio) -> Letter:
        """Write one. Raises InvalidAddress."""
        if len(audio.mp3) > self.attachment_bytes_max:
            audio = msgspec.structs.replace(audio, mp3=b"", absence=Absence.TOO_LARGE)
        if command.kind is LetterKind.UNHEARD:
            # About several voice messages: none of them is attached, whatever the command names.
            audio, page, name = Audio(), warning.page(command), "warning"
        else:
            words = WORDS[command.language]
            page, name = _page(command, audio, words, self.attachment_bytes_max), "letter"
        attached = (
            (Attachment(name=str(page["file"]), type="audio/mpeg", content=audio.mp3),) if audio.mp3 else ()
        )
        return Letter(
            message_id=self.message_id(organization_id, command),
            sender=self._sender,
            recipient=Mailbox(command.recipient.name, addresses.on_the_wire(command.recipient.email)),
            subject=str(page["subject"]),
            text=self._templates.text(name, page),
            html=self._templates.html(name, page),
            language=str(command.language),
            attachments=attached,
        )


def _written_at(command: SendLetter) -> datetime:
    """When the story that the letter tells was over: the recording's name, however often it is sent."""
    over_at = command.written_at or command.called_at + command.waited_ms + command.duration_ms
    return wording.instant(over_at).astimezone(wording.zone(command.timezone))


def _page(command: SendLetter, audio: Audio, words: Words, attachment_bytes_max: int) -> dict[str, object]:
    """Everything the templates show, ready to be read."""
    mark = command.mark or audio.mark
    title, lead = _title(command, mark, words)
    caller = one_line(wording.number(command.caller, words))
    department = one_line(command.department_name)
    stamp = _written_at(command).strftime("%Y-%m-%d-%H%M")
    file = f"{words.file_name}-{stamp}.mp3"
    dialled = call_url(command.caller) if _may_be_dialled(command) else ""
    console_url = _console_url(command)
    opened = words.listen if command.kind is LetterKind.VOICE_MESSAGE else words.open_callback
    subject = words.subject_from.format(title=title, caller=caller)
    if department:
        subject = f"{subject}, {wording.in_department(department, words)}"
    elif command.employee_name:
        subject = f"{subject}, {one_line(command.employee_name)}"
    return {
        "language": str(command.language),
        "subject": subject,
        "title": title,
        "lead": lead,
        "accent": ACCENTS[LetterKind.EXPIRED if mark in WITHOUT_SOUND else command.kind],
        "caller": caller,
        "caller_label": words.caller,
        "call_url": dialled,
        "links": [link for link in ((words.call_back, dialled), (opened, console_url)) if link[1]],
        "rows": _rows(command, audio, mark, words, department),
        "mark": words.marks.get(mark, ""),
        "audio": _audio_line(command.language, audio, words, file, attachment_bytes_max),
        "has_audio": bool(audio.mp3),
        "file": file,
        "console_url": console_url,
        "open": opened,
        "organization": one_line(command.organization_name),
        "footer": words.footer,
    }


def _may_be_dialled(command: SendLetter) -> bool:
    """A letter offers no call that would fail, or that the company's own rules forbid (C10)."""
    return command.kind is not LetterKind.REFUSED and command.reason != Outcome.BAD_NUMBER


def _title(command: SendLetter, mark: str, words: Words) -> tuple[str, str]:
    match command.kind:
        case LetterKind.EXPIRED | LetterKind.UNREACHED | LetterKind.REFUSED:
            return _title_of_callback(command, words)
        case LetterKind.VOICE_MESSAGE:
            if mark in WITHOUT_SOUND:
                lead = words.not_recorded_lead
                return (
                    words.missed_title,
                    f"{words.expired_note} {lead}" if command.has_expired_callback else lead,
                )
            if command.has_expired_callback:
                return words.message_title, words.expired_note
            return words.message_title, words.message_lead
        case LetterKind.UNHEARD:
            raise ValueError("a warning has a page of its own")


def _title_of_callback(command: SendLetter, words: Words) -> tuple[str, str]:
    """What became of it; without a word about agents where the customer could not have been called anyway."""
    is_abandoned = command.was_abandoned
    if command.kind is LetterKind.REFUSED:
        return words.refused_title, words.abandoned_refused_lead if is_abandoned else words.refused_lead
    if command.kind is LetterKind.UNREACHED:
        return words.unreached_title, words.abandoned_unreached_lead if is_abandoned else words.unreached_lead
    if command.reason in words.hindrances:
        return words.expired_title, words.abandoned_uncalled_lead if is_abandoned else words.uncalled_lead
    return words.expired_title, words.abandoned_expired_lead if is_abandoned else words.expired_lead


def _rows(
    command: SendLetter, audio: Audio, mark: str, words: Words, department: str
) -> list[tuple[str, str]]:
    where = wording.zone(command.timezone)
    rows = [(words.called, wording.moment(command.called_at, where, command.language))]
    if department:
        rows.append((words.department, department))
    if command.employee_name:
        rows.append((words.employee, one_line(command.employee_name)))
    if command.waited_ms:
        rows.append((words.waited, wording.duration(command.waited_ms, command.language)))
    length_ms = audio.duration_ms or command.duration_ms
    if command.kind is LetterKind.VOICE_MESSAGE and length_ms and mark not in WITHOUT_SOUND:
        rows.append((words.length, wording.duration(length_ms, command.language)))
    reasons = _reasons(command.kind, words)
    if command.reason in reasons:
        rows.append((words.result, reasons[command.reason]))
    return rows


def _reasons(kind: LetterKind, words: Words) -> dict[str, str]:
    """The reasons that a letter of this kind may have to explain, in people's words."""
    match kind:
        case LetterKind.UNREACHED:
            return words.outcomes
        case LetterKind.EXPIRED:
            return words.hindrances
        case LetterKind.REFUSED:
            return words.refusals
        case LetterKind.VOICE_MESSAGE | LetterKind.UNHEARD:
            return {}


def _audio_line(language: Language, audio: Audio, words: Words, file: str, attachment_bytes_max: int) -> str:
    if audio.mp3:
        return words.attached.format(file=file)
    match audio.absence:
        case Absence.NONE_EXPECTED:
            return ""
        case Absence.TOO_LARGE:
            return words.too_large.format(limit=wording.size(attachment_bytes_max, language))
        case Absence.NOT_YET:
            return words.not_yet
        case Absence.NOT_HERE:
            return words.not_here


def _console_url(command: SendLetter) -> str:
    """The page of this voice message or callback; nothing where there is no console."""
    base = wording.console(command.console_url)
    if base and command.voice_message_id is not None:
        return f"{base}/voice-messages/{quote(command.voice_message_id, safe='')}"
    return base
