"""Composes a letter: subject, text, HTML, and the MP3 or a sentence on where it is (V4, EC-69).

Names from people and PBXs are cleaned of control characters, line ends and marks of writing direction. The
Message-ID follows from the command, so that mail programs take a letter sent twice for one; the Date is that
of the sending.
"""

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from contracts.directory import Language
from contracts.gateway import Outcome
from contracts.ids import OrganizationId
from contracts.voicemail import LetterKind, Mark, SendLetter
from runtime.mail import addresses
from runtime.mail.letter import Attachment, Letter, Mailbox
from runtime.mail.letter_templates import LetterTemplates
from runtime.text import one_line
from services.voicemail.activities import formats, letter_texts, retention_warning
from services.voicemail.activities.formats import call_url
from services.voicemail.activities.letter_texts import TEXTS, LetterTexts

ACCENTS: Final = {
    LetterKind.VOICE_MESSAGE: "#1d4ed8",
    LetterKind.EXPIRED: "#b45309",
    LetterKind.UNREACHED: "#475569",
    LetterKind.REFUSED: "#991b1b",
}
"""A colour per kind, so that a reader of many letters tells them apart at once."""


WITHOUT_SOUND: Final = frozenset({Mark.NOT_RECORDED, Mark.NOT_PLAYABLE})
"""There is nothing to listen to: the reader should call back."""


class AudioAbsence(StrEnum):
    """Why a letter has no audio."""

    NONE_EXPECTED = "none_expected"
    TOO_LARGE = "too_large"
    NOT_YET = "not_yet"
    NOT_HERE = "not_here"


class LetterAudio(msgspec.Struct, frozen=True, kw_only=True):
    """The MP3 to attach, or why there is none; `duration_ms` 0: as the command says."""

    mp3: bytes = b""
    absence: AudioAbsence = AudioAbsence.NONE_EXPECTED
    duration_ms: int = 0
    mark: str = ""


def identity(organization_id: OrganizationId, command: SendLetter) -> str:
    """A letter's globally unique name, in hex; hashed, so that it shows no name of a leg.

    It contains the instant of the call: a gateway whose names start anew, as in a demo, must not make a new
    letter look like one that was sent long ago.
    """
    name = f"{organization_id}\0{command.letter_id}\0{command.called_at}"
    return hashlib.sha256(name.encode()).hexdigest()


class LetterComposer:
    """Composes letters from one sender; `attachment_bytes_max` limits the MP3."""

    def __init__(self, *, sender_name: str, sender: str, attachment_bytes_max: int) -> None:
        """Raises ValueError when the sender's address is not valid."""
        try:
            self._sender = Mailbox(sender_name, addresses.on_the_wire(sender))
        except addresses.InvalidAddress as error:
            raise ValueError(f"RINGBACK_MAIL_FROM is no e-mail address: {sender!r}: {error}") from error
        self._domain = addresses.domain(sender)
        self.attachment_bytes_max = attachment_bytes_max
        self._templates = LetterTemplates("services.voicemail.activities")

    def message_id(self, organization_id: OrganizationId, command: SendLetter) -> str:
        """The Message-ID, always the same for the same letter."""
        return f"<{identity(organization_id, command)[:32]}@{self._domain}>"

    def compose(self, organization_id: OrganizationId, command: SendLetter, audio: LetterAudio) -> Letter:
        """Compose a letter. Raises InvalidAddress."""
        if len(audio.mp3) > self.attachment_bytes_max:
            audio = msgspec.structs.replace(audio, mp3=b"", absence=AudioAbsence.TOO_LARGE)
        if command.kind is LetterKind.UNHEARD:
            # It is about several voice messages, so none is attached.
            audio, name = LetterAudio(), "warning"
            page = retention_warning.page(organization_id, command)
        else:
            texts = TEXTS[command.language]
            name = "letter"
            page = _page(organization_id, command, audio, texts, self.attachment_bytes_max)
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
    """When the call or the warning ended: part of the recording's file name, the same in every copy."""
    over_at = command.written_at or command.called_at + command.waited_ms + command.duration_ms
    return formats.instant(over_at).astimezone(formats.zone(command.timezone))


def _page(
    organization_id: OrganizationId,
    command: SendLetter,
    audio: LetterAudio,
    texts: LetterTexts,
    attachment_bytes_max: int,
) -> dict[str, object]:
    """Everything that the templates show, as text."""
    mark = command.mark or audio.mark
    title, lead = _title(command, mark, texts)
    caller = one_line(formats.number(command.caller, texts.withheld))
    department = one_line(command.department_name)
    stamp = _written_at(command).strftime("%Y-%m-%d-%H%M")
    file = f"{texts.file_name}-{stamp}.mp3"
    dialled = call_url(command.caller) if _may_be_dialled(command) else ""
    console_url = _console_url(organization_id, command)
    opened = texts.listen if command.kind is LetterKind.VOICE_MESSAGE else texts.open_callback
    subject = texts.subject_from.format(title=title, caller=caller)
    if department:
        subject = f"{subject}, {letter_texts.in_department(department, texts)}"
    elif command.employee_name:
        subject = f"{subject}, {one_line(command.employee_name)}"
    return {
        "language": str(command.language),
        "subject": subject,
        "title": title,
        "lead": lead,
        "accent": ACCENTS[LetterKind.EXPIRED if mark in WITHOUT_SOUND else command.kind],
        "caller": caller,
        "caller_label": texts.caller,
        "call_url": dialled,
        "links": [link for link in ((texts.call_back, dialled), (opened, console_url)) if link[1]],
        "rows": _rows(command, audio, mark, texts, department),
        "mark": texts.marks.get(mark, ""),
        "audio": _audio_line(command.language, audio, texts, file, attachment_bytes_max),
        "has_audio": bool(audio.mp3),
        "file": file,
        "console_url": console_url,
        "open": opened,
        "organization": one_line(command.organization_name),
        "footer": texts.footer,
    }


def _may_be_dialled(command: SendLetter) -> bool:
    """Whether to offer a call: not one that would fail or that the company's rules forbid (C10)."""
    return command.kind is not LetterKind.REFUSED and command.reason != Outcome.BAD_NUMBER


def _title(command: SendLetter, mark: str, texts: LetterTexts) -> tuple[str, str]:
    match command.kind:
        case LetterKind.EXPIRED | LetterKind.UNREACHED | LetterKind.REFUSED:
            return _title_of_callback(command, texts)
        case LetterKind.VOICE_MESSAGE:
            if mark in WITHOUT_SOUND:
                lead = texts.not_recorded_lead
                return (
                    texts.missed_title,
                    f"{texts.expired_note} {lead}" if command.has_expired_callback else lead,
                )
            if command.has_expired_callback:
                return texts.message_title, texts.expired_note
            return texts.message_title, texts.message_lead
        case LetterKind.UNHEARD:
            raise ValueError("a warning has a page of its own")


def _title_of_callback(command: SendLetter, texts: LetterTexts) -> tuple[str, str]:
    """What became of the callback; agents are mentioned only if the customer could have been called."""
    is_abandoned = command.was_abandoned
    if command.kind is LetterKind.REFUSED:
        return texts.refused_title, texts.abandoned_refused_lead if is_abandoned else texts.refused_lead
    if command.kind is LetterKind.UNREACHED:
        return texts.unreached_title, texts.abandoned_unreached_lead if is_abandoned else texts.unreached_lead
    if command.reason in texts.hindrances:
        return texts.expired_title, texts.abandoned_uncalled_lead if is_abandoned else texts.uncalled_lead
    return texts.expired_title, texts.abandoned_expired_lead if is_abandoned else texts.expired_lead


def _rows(
    command: SendLetter, audio: LetterAudio, mark: str, texts: LetterTexts, department: str
) -> list[tuple[str, str]]:
    where = formats.zone(command.timezone)
    rows = [(texts.called, formats.moment(command.called_at, where, command.language))]
    if department:
        rows.append((texts.department, department))
    if command.employee_name:
        rows.append((texts.employee, one_line(command.employee_name)))
    if command.waited_ms:
        rows.append((texts.waited, formats.duration(command.waited_ms, command.language)))
    length_ms = audio.duration_ms or command.duration_ms
    if command.kind is LetterKind.VOICE_MESSAGE and length_ms and mark not in WITHOUT_SOUND:
        rows.append((texts.length, formats.duration(length_ms, command.language)))
    reasons = _reasons(command.kind, texts)
    if command.reason in reasons:
        rows.append((texts.result, reasons[command.reason]))
    return rows


def _reasons(kind: LetterKind, texts: LetterTexts) -> dict[str, str]:
    """The reasons that a letter of this kind may have to explain, in people's texts."""
    match kind:
        case LetterKind.UNREACHED:
            return texts.outcomes
        case LetterKind.EXPIRED:
            return texts.hindrances
        case LetterKind.REFUSED:
            return texts.refusals
        case LetterKind.VOICE_MESSAGE | LetterKind.UNHEARD:
            return {}


def _audio_line(
    language: Language, audio: LetterAudio, texts: LetterTexts, file: str, attachment_bytes_max: int
) -> str:
    if audio.mp3:
        return texts.attached.format(file=file)
    match audio.absence:
        case AudioAbsence.NONE_EXPECTED:
            return ""
        case AudioAbsence.TOO_LARGE:
            return texts.too_large.format(limit=formats.size(attachment_bytes_max, language))
        case AudioAbsence.NOT_YET:
            return texts.not_yet
        case AudioAbsence.NOT_HERE:
            return texts.not_here


def _console_url(organization_id: OrganizationId, command: SendLetter) -> str:
    """The console's page of this voice message, else the organization's first; empty without a console."""
    if command.voice_message_id is not None:
        return formats.voicemail_page(command.console_url, organization_id, command.voice_message_id)
    return formats.console_page(command.console_url, organization_id)
