"""Reads the mail server's letters: which one carries the voice message, and its MP3."""

import email
import hashlib
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import default
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter with its first MP3; `mp3_sha256` is empty if there is none."""

    path: Path
    subject: str
    recipient: str
    mp3_name: str = ""
    mp3_bytes: int = 0
    mp3_sha256: str = ""


def letters(folder: Path) -> list[Letter]:
    """Every letter in the folder, in the order of arrival."""
    return [letter(path) for path in sorted(folder.glob("*.eml"))]


def letter(path: Path) -> Letter:
    """Read one letter back."""
    message = email.message_from_bytes(path.read_bytes(), policy=default)
    assert isinstance(message, EmailMessage)
    subject, recipient = str(message["Subject"]), str(message["To"])
    for part in message.iter_attachments():
        if part.get_content_type() == "audio/mpeg":
            data = part.get_payload(decode=True)
            assert isinstance(data, bytes)
            name = part.get_filename() or "message.mp3"
            return Letter(path, subject, recipient, name, len(data), hashlib.sha256(data).hexdigest())
    return Letter(path, subject, recipient)


def save_mp3(found: Letter, folder: Path) -> Path:
    """Save a letter's MP3, so that a user can listen to it."""
    message = email.message_from_bytes(found.path.read_bytes(), policy=default)
    assert isinstance(message, EmailMessage)
    for part in message.iter_attachments():
        if part.get_content_type() == "audio/mpeg":
            data = part.get_payload(decode=True)
            assert isinstance(data, bytes)
            path = folder / f"{found.path.stem}.mp3"
            path.write_bytes(data)
            return path
    raise ValueError(f"{found.path} has no MP3")
