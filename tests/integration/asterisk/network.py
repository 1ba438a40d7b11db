"""A public network that is no Asterisk: it answers calls with the codes that a test names, and calls in.

A dialplan can't send every code of SIP, and repairs what callers send; these are datagrams written by hand.
"""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Self

from devtools.sip import SipMessage, branch

SIP_PORT: Final = 5060
RTP_PORT: Final = 4_000
NONCE: Final = 'Digest realm="network", nonce="{}", algorithm=MD5, qop="auth"'
RTP_HEADER_BYTES: Final = 12
FRAME_BYTES: Final = 160
FRAME_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Says:
    """One answer to a call: its code, after a pause, with headers, with sound or without."""

    code: int
    after_s: float = 0.0
    headers: tuple[tuple[str, str], ...] = ()
    has_sound: bool = False


@dataclass(slots=True)
class Call:
    """A call from the PBX, or one to it."""

    invite: SipMessage
    tag: str
    methods: list[str] = field(default_factory=list)
    """What the PBX asked in it, in order."""
    codes: list[int] = field(default_factory=list)
    """What the PBX answered to a call of ours."""
    is_waiting: bool = False
    """It is from the PBX and has no last answer: its INVITE comes again."""


class _Ear(asyncio.DatagramProtocol):
    """Where sound comes and goes: `heard` by the number of its codec, and the bytes of the newest call."""

    def __init__(self) -> None:
        self.heard: dict[int, bytearray] = defaultdict(bytearray)
        self._transport: asyncio.DatagramTransport | None = None

    async def begin(self, address: str) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(address, RTP_PORT))

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Take a frame (RFC 3550)."""
        self.heard[data[1] & 0x7F] += data[RTP_HEADER_BYTES:]

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        """Send a frame."""
        if self._transport is not None:
            self._transport.sendto(data, to)

    def stop(self) -> None:
        """Hear nothing any more."""
        if self._transport is not None:
            self._transport.close()


class Network(asyncio.DatagramProtocol):
    """`script` has the answers to each number; a number without any is never answered at all."""

    def __init__(self, address: str, pbx: str, *, codec: int = 8) -> None:
        self.address = address
        self.script: dict[str, Sequence[Says]] = {}
        self.late_answers: set[str] = set()
        """Numbers that are picked up at the very moment of our CANCEL: 200 and no 487."""
        self.calls: dict[str, Call] = {}
        self.dialled: dict[str, int] = defaultdict(int)
        self._pbx = (pbx, SIP_PORT)
        self._codec = codec
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport | None = None
        self.ear = _Ear()

    async def begin(self) -> Self:
        """Listen."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(self.address, SIP_PORT)
        )
        await self.ear.begin(self.address)
        return self

    async def says(self, call: Call, data: bytes) -> None:
        """Send sound in the network's codec; the PBX is where its INVITE says."""
        lines = call.invite.body.split("\r\n")
        host = next(line[9:] for line in lines if line.startswith("c=IN IP4 "))
        port = next(int(line.split()[1]) for line in lines if line.startswith("m=audio "))
        for number, at in enumerate(range(0, len(data), FRAME_BYTES)):
            head = bytes((0x80, self._codec)) + number.to_bytes(2, "big") + at.to_bytes(4, "big") + b"test"
            self.ear.send(head + data[at : at + FRAME_BYTES], (host, port))
            await asyncio.sleep(FRAME_S)

    def stop(self) -> None:
        """Be gone, and answer each call that has no answer: its INVITE would come to the next network."""
        for task in self._tasks:
            task.cancel()
        for call in self.calls.values():
            if call.is_waiting:
                self._answer(call, Says(487))
        if self._transport is not None:
            self._transport.close()
        self.ear.stop()

    def call_of(self, number: str) -> Call:
        """The newest call to a number."""
        return [each for each in self.calls.values() if each.invite.called == number][-1]

    # From the PBX

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Take a message."""
        found = SipMessage.read(data)
        if found is None:
            return
        call = self.calls.get(found.get("Call-ID"))
        if found.code:
            self._answered(found, call)
        elif found.method == "INVITE" and not found.is_in_dialog:
            self._invited(found, call)
        elif call is not None:
            call.methods.append(found.method)
            self._in_call(found, call)

    def _invited(self, found: SipMessage, call: Call | None) -> None:
        if call is not None and call.invite.get("CSeq") == found.get("CSeq"):
            return
        self.dialled[found.called] += 1
        self.calls[found.get("Call-ID")] = made = Call(found, secrets.token_hex(4), is_waiting=True)
        task = asyncio.get_running_loop().create_task(self._say(made, self.script.get(found.called, ())))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _say(self, call: Call, answers: Sequence[Says]) -> None:
        for each in answers:
            await asyncio.sleep(each.after_s)
            self._answer(call, each)

    def _answer(self, call: Call, said: Says) -> None:
        contact = (("Contact", f"<sip:network@{self.address}>"),) if said.code < 300 else ()
        more = [*contact, *said.headers]
        if said.code == 401:
            more.append(("WWW-Authenticate", NONCE.format(secrets.token_hex(8))))
        if said.has_sound:
            more.append(("Content-Type", "application/sdp"))
        body = self.sound() if said.has_sound else ""
        call.is_waiting = call.is_waiting and said.code < 200
        self._send(call.invite.answer(said.code, call.tag, *more, body=body))

    def sound(self) -> str:
        """What this network can do, in SDP."""
        name = {0: "PCMU", 8: "PCMA", 9: "G722", 18: "G729"}[self._codec]
        return (
            f"v=0\r\no=- 1 1 IN IP4 {self.address}\r\ns=-\r\nc=IN IP4 {self.address}\r\nt=0 0\r\n"
            f"m=audio {RTP_PORT} RTP/AVP {self._codec}\r\na=rtpmap:{self._codec} {name}/8000\r\n"
        )

    def _in_call(self, found: SipMessage, call: Call) -> None:
        if found.method in ("CANCEL", "BYE"):
            self._send(found.answer(200, call.tag))
        if found.method == "CANCEL":
            is_late = call.invite.called in self.late_answers
            self._answer(call, Says(200, has_sound=True) if is_late else Says(487))

    # To the PBX

    def dial(self, number: str, sender: str, *headers: tuple[str, str]) -> Call:
        """Call a line; `sender` is the whole header From, whatever is in it."""
        name = secrets.token_hex(8)
        own = [
            ("Via", f"SIP/2.0/UDP {self.address}:{SIP_PORT};rport;branch={branch()}"),
            ("Max-Forwards", "70"),
            ("From", f"{sender};tag={name}"),
            ("To", f"<sip:{number}@{self._pbx[0]}>"),
            ("Call-ID", name),
            ("CSeq", "1 INVITE"),
            ("Contact", f"<sip:network@{self.address}>"),
            *headers,
            ("Content-Type", "application/sdp"),
        ]
        invite = SipMessage(f"INVITE sip:{number}@{self._pbx[0]} SIP/2.0", own, self.sound())
        self.calls[name] = call = Call(invite, name)
        self._send(invite)
        return call

    def end(self, call: Call) -> None:
        """Give up a call of ours that was not answered yet."""
        kept = [each for each in call.invite.headers if each[0] in ("Via", "From", "To", "Call-ID")]
        first = call.invite.first.replace("INVITE", "CANCEL", 1)
        self._send(SipMessage(first, [*kept, ("Max-Forwards", "70"), ("CSeq", "1 CANCEL")]))

    def _answered(self, found: SipMessage, call: Call | None) -> None:
        if call is None or found.method != "INVITE":
            return
        call.codes.append(found.code)
        if found.code >= 200:
            kept = [each for each in call.invite.headers if each[0] in ("Via", "From", "Call-ID")]
            to = ("To", found.get("To"))
            first = call.invite.first.replace("INVITE", "ACK", 1)
            self._send(SipMessage(first, [*kept, to, ("Max-Forwards", "70"), ("CSeq", "1 ACK")]))

    def _send(self, message: SipMessage) -> None:
        if self._transport is not None:
            self._transport.sendto(message.data(), self._pbx)


@asynccontextmanager
async def a_network(address: str, pbx: str, *, codec: int = 8) -> AsyncIterator[Network]:
    """A network that listens at an address, and speaks one codec (RFC 3551)."""
    made = await Network(address, pbx, codec=codec).begin()
    try:
        yield made
    finally:
        made.stop()
