"""SIP messages over UDP, as much as phones and trunks of chaos, bench and tests need (RFC 3261)."""

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import Final, Self

BRANCH: Final = "z9hG4bK"
"""Every branch of RFC 3261 begins so."""
WORDS: Final = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    481: "Call/Transaction Does Not Exist",
    487: "Request Terminated",
    503: "Service Unavailable",
}
DIALOG: Final = ("Via", "From", "To", "Call-ID", "CSeq", "Record-Route")
"""What an answer repeats of its request."""
PARAMETER: Final = re.compile(r'(\w+)="?([^",]+)"?')
USER: Final = re.compile(r"sips?:([^@;>]+)@")


@dataclass(slots=True)
class SipMessage:
    """A request or an answer."""

    first: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""

    @classmethod
    def read(cls, data: bytes) -> Self | None:
        """A message from a datagram; None if it is none, as a keep-alive."""
        head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        pairs = [(name.strip(), value.strip()) for name, colon, value in map(_split, lines) if colon]
        return cls(first, pairs, body) if "SIP/2.0" in first and pairs else None

    @property
    def method(self) -> str:
        """INVITE, BYE …; of an answer, that of its request."""
        return self.get("CSeq").rpartition(" ")[2]

    @property
    def code(self) -> int:
        """The answer's code; 0 of a request."""
        return int(self.first.split(" ")[1]) if self.first.startswith("SIP/2.0") else 0

    @property
    def called(self) -> str:
        """The user that a request is for."""
        found = USER.search(self.first)
        return found[1] if found else ""

    @property
    def is_in_dialog(self) -> bool:
        """Whether it belongs to a call that was answered, or at least rang."""
        return "tag=" in self.get("To")

    def get(self, name: str) -> str:
        """The first header of a name, empty if there is none."""
        return next((value for found, value in self.headers if found.lower() == name.lower()), "")

    def data(self) -> bytes:
        """As a datagram."""
        body = self.body.encode()
        lines = [self.first, *(f"{name}: {value}" for name, value in self.headers)]
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body

    def answer(self, code: int, tag: str, *more: tuple[str, str], body: str = "") -> "SipMessage":
        """An answer to this request."""
        headers = [(name, value) for name, value in self.headers if name in DIALOG]
        if code > 100 and not self.is_in_dialog:
            headers = [(name, f"{value};tag={tag}" if name == "To" else value) for name, value in headers]
        return SipMessage(f"SIP/2.0 {code} {WORDS.get(code, 'Other')}", [*headers, *more], body)


def _split(line: str) -> tuple[str, str, str]:
    return line.partition(":")


def branch() -> str:
    """A branch for a new request."""
    return BRANCH + secrets.token_hex(8)


def authorization(challenge: str, method: str, uri: str, username: str, password: str) -> str:
    """The answer to a challenge by MD5 with `qop` auth, or without it (RFC 2617)."""
    asked = dict(PARAMETER.findall(challenge))
    realm, nonce = asked["realm"], asked["nonce"]
    first, second = _md5(f"{username}:{realm}:{password}"), _md5(f"{method}:{uri}")
    said = f'Digest username="{username}", realm="{realm}", nonce="{nonce}", uri="{uri}", algorithm=MD5'
    if "opaque" in asked:
        said += f', opaque="{asked["opaque"]}"'
    if "qop" not in asked:
        return f'{said}, response="{_md5(f"{first}:{nonce}:{second}")}"'
    count, own = "00000001", secrets.token_hex(8)
    response = _md5(f"{first}:{nonce}:{count}:{own}:auth:{second}")
    return f'{said}, qop=auth, nc={count}, cnonce="{own}", response="{response}"'


def _md5(text: str) -> str:
    # Digest authentication is MD5 by its definition; the passwords are those of one run.
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
