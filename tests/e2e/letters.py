"""Parses the letters at the mail server."""

import email
import json
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import default
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter as the mail server kept it; `recipients` are the envelope's."""

    path: Path
    message: EmailMessage
    recipients: tuple[str, ...]

    @property
    def text(self) -> str:
        """The text part."""
        return self._body("plain")

    @property
    def html(self) -> str:
        """The HTML part."""
        return self._body("html")

    @property
    def mp3(self) -> bytes | None:
        """The attached MP3."""
        found = [part for part in self.message.iter_attachments() if part.get_content_type() == "audio/mpeg"]
        assert len(found) <= 1, f"{self.path} has {len(found)} MP3s"
        data = found[0].get_payload(decode=True) if found else None
        assert data is None or isinstance(data, bytes)
        return data

    def is_about(self, phone: str) -> bool:
        """Whether it tells of the customer with this number."""
        return f"{phone[-4:-2]}-{phone[-2:]}" in str(self.message["Subject"])

    def _body(self, kind: str) -> str:
        part = self.message.get_body(preferencelist=(kind,))
        assert part is not None, f"{self.path} has no {kind} part"
        return str(part.get_content())


def letters(folder: Path, company_name: str) -> list[Letter]:
    """The mail server's letters to this company's people, in the order of arrival."""
    found = []
    for path in sorted(folder.glob("*.eml")):
        message = email.message_from_bytes(path.read_bytes(), policy=default)
        assert isinstance(message, EmailMessage)
        envelope = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        recipients = tuple(envelope["recipients"])
        if any(recipient.endswith(f"@{company_name}.example") for recipient in recipients):
            found.append(Letter(path, message, recipients))
    return found
