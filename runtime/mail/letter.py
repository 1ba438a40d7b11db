"""A letter as bytes: a text part, the same as HTML, and perhaps a file (RFC 5322, 2045, 2046).

The mailer adds the Date at each sending. All bodies are base64, so their content can't contain a line end, a
dot or a boundary.
"""

import hashlib
from base64 import encodebytes

import msgspec

from runtime.mail import headers


class Mailbox(msgspec.Struct, frozen=True):
    """A name and an address, the address as a mail server gets it."""

    name: str
    address: str


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file attached to a letter."""

    name: str
    type: str
    content: bytes


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One letter to one recipient. `message_id` has its angle brackets, `language` is a tag (RFC 5646)."""

    message_id: str
    sender: Mailbox
    recipient: Mailbox
    subject: str
    text: str
    html: str
    language: str
    attachments: tuple[Attachment, ...] = ()

    def as_bytes(self) -> bytes:
        """The letter as a server gets it, with CR LF, but without its Date."""
        head = [
            headers.mailbox("From", self.sender.name, self.sender.address),
            headers.mailbox("To", self.recipient.name, self.recipient.address),
            headers.text("Subject", self.subject),
            f"Message-ID: {self.message_id}",
            # RFC 3834: no absence notice should answer a machine; Exchange needs its own header.
            "Auto-Submitted: auto-generated",
            "X-Auto-Response-Suppress: All",
            f"Content-Language: {self.language}",
            "MIME-Version: 1.0",
        ]
        # Derived from the letter, so that writing it twice gives the same bytes; base64 never contains `_`.
        mark = hashlib.sha256(self.message_id.encode()).hexdigest()[:32]
        texts = _parts(
            f"alternative_{mark}",
            "multipart/alternative",
            [_part("text/plain; charset=utf-8", self.text), _part("text/html; charset=utf-8", self.html)],
        )
        if self.attachments:
            files = [_file(each) for each in self.attachments]
            texts = _parts(f"mixed_{mark}", "multipart/mixed", [texts, *files])
        return "\r\n".join(head).encode() + b"\r\n" + texts


def _parts(boundary: str, type_: str, parts: list[bytes]) -> bytes:
    line = f"--{boundary}".encode()
    head = f'Content-Type: {type_};\r\n boundary="{boundary}"\r\n\r\n'.encode()
    return head + b"".join(line + b"\r\n" + part for part in parts) + line + b"--\r\n"


def _part(type_: str, content: str) -> bytes:
    head = f"Content-Type: {type_}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head.encode() + _base64(content.replace("\r\n", "\n").replace("\n", "\r\n").encode())


def _file(attachment: Attachment) -> bytes:
    name, filename = headers.file_names(attachment.name)
    head = (
        f"Content-Type: {attachment.type};\r\n {name}\r\n"
        f"Content-Disposition: attachment;\r\n {filename}\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return head.encode() + _base64(attachment.content)


def _base64(content: bytes) -> bytes:
    return encodebytes(content).replace(b"\n", b"\r\n")
