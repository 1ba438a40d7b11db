"""SIP messages as the bench's phones need them: read one, write a request or an answer (RFC 3261)."""

from typing import Final

from msgspec import Struct

COMPACT: Final = {
    "v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length",
    "c": "content-type",
}  # fmt: skip
"""The short forms of header names (RFC 3261, section 20)."""
COPIED: Final = ("via", "from", "to", "call-id", "cseq")
"""What an answer repeats of its request (RFC 3261, section 8.2.6.2)."""


class Message(Struct, frozen=True):
    """One request or answer; header names are in lower case and long."""

    first: str
    headers: tuple[tuple[str, str], ...]
    body: str = ""

    @property
    def status(self) -> int:
        """The status of an answer; 0 of a request."""
        return int(self.first.split(" ", 2)[1]) if self.first.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """The method of a request, or of the request that is answered."""
        return self["cseq"].split()[1]

    def __getitem__(self, name: str) -> str:
        return next((value for each, value in self.headers if each == name), "")

    def tag(self, name: str) -> str:
        """The tag of From or To; empty without one."""
        return self[name].partition(";tag=")[2].partition(";")[0]

    @property
    def target(self) -> str:
        """The address in Contact, to which requests within the dialogue go."""
        return self["contact"].partition("<")[2].partition(">")[0]

    @property
    def user(self) -> str:
        """The user of a request's address: the extension or number that is called."""
        return self.first.split()[1].removeprefix("sip:").partition("@")[0].partition(";")[0]

    @property
    def caller(self) -> str:
        """The user in From: who calls."""
        return self["from"].partition("<sip:")[2].partition("@")[0]


def read(data: bytes) -> Message | None:
    """The message of a datagram; None for a keep-alive."""
    head, _, body = data.decode(errors="replace").partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    if not first.strip():
        return None
    headers = []
    for line in lines:
        name, _, value = line.partition(":")
        known = name.strip().lower()
        headers.append((COMPACT.get(known, known), value.strip()))
    return Message(first, tuple(headers), body)


def write(message: Message) -> bytes:
    """The datagram of a message."""
    lines = [message.first, *(f"{name}: {value}" for name, value in message.headers)]
    lines.append(f"content-length: {len(message.body)}")
    return ("\r\n".join(lines) + "\r\n\r\n" + message.body).encode()


def answer(request: Message, status: str, *, tag: str, contact: str, body: str = "") -> Message:
    """An answer to a request: `status` is `200 OK`."""
    headers = [each for each in request.headers if each[0] in COPIED]
    if tag and not request.tag("to"):
        headers = [(name, f"{value};tag={tag}" if name == "to" else value) for name, value in headers]
    headers.append(("contact", f"<{contact}>"))
    if body:
        headers.append(("content-type", "application/sdp"))
    return Message(f"SIP/2.0 {status}", tuple(headers), body)


def offer(address: str, port: int) -> str:
    """An SDP with A-law, both ways."""
    lines = (
        "v=0", f"o=- 1 1 IN IP4 {address}", "s=-", f"c=IN IP4 {address}", "t=0 0",
        f"m=audio {port} RTP/AVP 8 101", "a=rtpmap:8 PCMA/8000", "a=rtpmap:101 telephone-event/8000",
        "a=sendrecv",
    )  # fmt: skip
    return "\r\n".join(lines) + "\r\n"


def audio_of(body: str) -> tuple[str, int] | None:
    """Where an SDP wants its sound."""
    address, port = "", 0
    for line in body.splitlines():
        if line.startswith("c=IN IP4 "):
            address = line.removeprefix("c=IN IP4 ").strip()
        elif line.startswith("m=audio "):
            port = int(line.split()[1])
    return (address, port) if address and port else None
