"""One SIP phone that is no Asterisk: it can be gone without a word, and it counts session refreshes itself.

It registers, answers every call after a moment and says a tone. Its own counts are what the verdict uses:
nobody else knows how often it was dialled, and what it heard.
"""

import asyncio
import secrets
import threading
import time
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

from devtools.chaos.loop_thread import LoopThread
from devtools.sip import SipMessage, authorization, branch

SIP_PORT: Final = 5060
RTP_PORT: Final = 4_000
REGISTER_S: Final = 20.0
"""An Asterisk that was killed knows it again from its database; this is for one that lost that, too."""
EXPIRES_S: Final = 120
SESSION_S: Final = 90
"""The shortest session that RFC 4028 allows: whoever refreshes it does so every 45 s."""
ANSWER_S: Final = 1.0
FRAME_S: Final = 0.02
TONE: Final = (b"\x95" * 10 + b"\x15" * 10) * 8
"""20 ms of a square wave of 400 Hz in A-law, so that any frame continues the one before."""
QUIET: Final = frozenset(b"\xd5\x55\xd4\x54\xd7\x57")
"""A-law within three steps of its zero: nobody hears that."""
RTP_HEADER_BYTES: Final = 12
PCMA: Final = 8


@dataclass(slots=True)
class Talk:
    """One call that the phone got: when, what it heard, how often its session was refreshed."""

    call_id: str
    invited_at: float
    answered_at: float | None = None
    ended_at: float | None = None
    ended_by: str = ""
    """`phone`, `network`, or `vanished`."""
    refreshes: int = 0
    heard: list[tuple[float, float]] = field(default_factory=list)
    """Stretches of sound, in seconds since 1970."""
    invite: SipMessage | None = None
    tag: str = ""

    def hear(self, now: float) -> None:
        """A frame with sound came."""
        if self.heard and now - self.heard[-1][1] < 5 * FRAME_S:
            self.heard[-1] = (self.heard[-1][0], now + FRAME_S)
        else:
            self.heard.append((now, now + FRAME_S))


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, phone: "LonePhone", *, is_sound: bool) -> None:
        self._take = phone.sound if is_sound else phone.message

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        self._take(data, source)


class LonePhone(LoopThread):
    """A phone with a loopback address of its own, registered at one PBX as one extension."""

    def __init__(self, extension: str, password: str, address: str, pbx_address: str) -> None:
        super().__init__(f"phone {extension}")
        self.extension = extension
        self.address = address
        self.talks: list[Talk] = []
        self._password = password
        self._pbx = (pbx_address, SIP_PORT)
        self._is_gone = False
        self.is_registered = threading.Event()
        self._sip: asyncio.DatagramTransport | None = None
        self._rtp: asyncio.DatagramTransport | None = None
        self._cseq = 1
        self._call_id = secrets.token_hex(8)
        self._tasks: set[asyncio.Task[None]] = set()

    # From other threads

    def vanish(self) -> None:
        """Be gone: nothing is sent any more and nothing taken, and nobody is told."""
        self._is_gone = True
        for talk in self.talks:
            self._ended(talk.call_id, "vanished")

    def rise(self) -> None:
        """Be there again, without any call."""
        self._soon(self._rise)

    def hang_up(self) -> None:
        """End the call."""
        self._soon(self._hang_up)

    def dialled(self) -> int:
        """How often somebody called it."""
        return len(self.talks)

    @property
    def talk(self) -> Talk | None:
        """The call that goes on."""
        return next((each for each in self.talks if each.answered_at and each.ended_at is None), None)

    # In its own thread

    async def _live(self) -> None:
        place = self.address
        self._sip, _ = await self._loop.create_datagram_endpoint(
            lambda: _Datagrams(self, is_sound=False), local_addr=(place, SIP_PORT)
        )
        self._rtp, _ = await self._loop.create_datagram_endpoint(
            lambda: _Datagrams(self, is_sound=True), local_addr=(place, RTP_PORT)
        )
        self._begun.set()
        self._spawn(self._register_on())
        await self._stopped.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._sip.close()
        self._rtp.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _send(self, message: SipMessage, to: tuple[str, int] | None = None) -> None:
        if self._sip is not None and not self._is_gone:
            self._sip.sendto(message.data(), to or self._pbx)

    async def _register_on(self) -> None:
        while True:
            self._register("")
            await asyncio.sleep(REGISTER_S)

    def _register(self, challenge: str) -> None:
        uri = f"sip:{self._pbx[0]}"
        own = f"<sip:{self.extension}@{self._pbx[0]}>"
        self._cseq += 1
        headers = [
            ("Via", f"SIP/2.0/UDP {self.address}:{SIP_PORT};rport;branch={branch()}"),
            ("Max-Forwards", "70"),
            ("From", f"{own};tag={self._call_id}"),
            ("To", own),
            ("Call-ID", self._call_id),
            ("CSeq", f"{self._cseq} REGISTER"),
            ("Contact", f"<sip:{self.extension}@{self.address}:{SIP_PORT}>"),
            ("Expires", str(EXPIRES_S)),
        ]
        if challenge:
            said = authorization(challenge, "REGISTER", uri, self.extension, self._password)
            headers.append(("Authorization", said))
        self._send(SipMessage(f"REGISTER {uri} SIP/2.0", headers))

    def message(self, data: bytes, source: tuple[str, int]) -> None:
        """Take a SIP message."""
        found = None if self._is_gone else SipMessage.read(data)
        if found is not None and not found.code:
            self._request(found, source)
        elif found is not None and found.method == "REGISTER":
            self._registered(found)

    def _request(self, found: SipMessage, source: tuple[str, int]) -> None:
        match found.method:
            case "INVITE" | "UPDATE" if found.is_in_dialog:
                self._refreshed(found, source)
            case "INVITE":
                self._invited(found, source)
            case "ACK":
                pass
            case "CANCEL":
                self._cancelled(found, source)
            case "BYE":
                self._hung_up(found, source)
            case _:
                self._send(found.answer(200, self._call_id), source)

    def _registered(self, found: SipMessage) -> None:
        if found.code == 401:
            self._register(found.get("WWW-Authenticate"))
        elif found.code == 200:
            self.is_registered.set()

    def _known(self, call_id: str) -> Talk | None:
        return next((each for each in self.talks if each.call_id == call_id), None)

    def _invited(self, found: SipMessage, source: tuple[str, int]) -> None:
        if self._known(found.get("Call-ID")) is not None:
            # The same call once more: our answer got lost, or is about to come.
            return
        talk = Talk(found.get("Call-ID"), time.time(), invite=found, tag=secrets.token_hex(6))
        self.talks.append(talk)
        self._send(found.answer(180, talk.tag, self._contact()), source)
        self._spawn(self._answer(talk, found, source))

    async def _answer(self, talk: Talk, invite: SipMessage, source: tuple[str, int]) -> None:
        await asyncio.sleep(ANSWER_S)
        if talk.ended_at is not None:
            return
        talk.answered_at = time.time()
        self._send(self._accepted(invite, talk.tag), source)
        self._spawn(self._speak(talk, invite))

    def _contact(self) -> tuple[str, str]:
        return ("Contact", f"<sip:{self.extension}@{self.address}:{SIP_PORT}>")

    def _accepted(self, request: SipMessage, tag: str) -> SipMessage:
        """200 with our sound's address and the shortest session, which the other side refreshes."""
        body = (
            f"v=0\r\no=- 1 1 IN IP4 {self.address}\r\ns=-\r\nc=IN IP4 {self.address}\r\nt=0 0\r\n"
            f"m=audio {RTP_PORT} RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n"
            "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
        )
        session = [("Require", "timer"), ("Session-Expires", f"{SESSION_S};refresher=uac")]
        return request.answer(
            200,
            tag,
            self._contact(),
            ("Supported", "timer"),
            *(session if "timer" in request.get("Supported") else []),
            ("Content-Type", "application/sdp"),
            body=body,
        )

    def _refreshed(self, found: SipMessage, source: tuple[str, int]) -> None:
        talk = self._known(found.get("Call-ID"))
        if talk is None or talk.ended_at is not None:
            self._send(found.answer(481, ""), source)
            return
        talk.refreshes += 1
        answer = self._accepted(found, "")
        if not found.body:
            answer.body = ""
            answer.headers = [each for each in answer.headers if each[0] != "Content-Type"]
        self._send(answer, source)

    def _cancelled(self, found: SipMessage, source: tuple[str, int]) -> None:
        talk = self._known(found.get("Call-ID"))
        self._send(found.answer(200, self._call_id), source)
        if talk is not None and talk.answered_at is None and talk.invite is not None:
            self._send(talk.invite.answer(487, talk.tag), source)
            self._ended(talk.call_id, "network")

    def _hung_up(self, found: SipMessage, source: tuple[str, int]) -> None:
        self._ended(found.get("Call-ID"), "network")
        self._send(found.answer(200, ""), source)

    def _ended(self, call_id: str, by: str) -> None:
        talk = self._known(call_id)
        if talk is not None and talk.ended_at is None:
            talk.ended_at, talk.ended_by = time.time(), by

    def _rise(self) -> None:
        self._is_gone = False
        self._register("")

    def _hang_up(self) -> None:
        talk = self.talk
        if talk is None or talk.invite is None:
            return
        target = talk.invite.get("Contact").partition("<")[2].partition(">")[0]
        headers = [
            ("Via", f"SIP/2.0/UDP {self.address}:{SIP_PORT};rport;branch={branch()}"),
            ("Max-Forwards", "70"),
            ("From", f"{talk.invite.get('To')};tag={talk.tag}"),
            ("To", talk.invite.get("From")),
            ("Call-ID", talk.call_id),
            ("CSeq", "1 BYE"),
        ]
        self._ended(talk.call_id, "phone")
        self._send(SipMessage(f"BYE {target} SIP/2.0", headers))

    # Sound

    async def _speak(self, talk: Talk, invite: SipMessage) -> None:
        host = next(line[9:].strip() for line in invite.body.split("\r\n") if line.startswith("c=IN IP4 "))
        port = next(int(line.split()[1]) for line in invite.body.split("\r\n") if line.startswith("m=audio "))
        number, source, due = 0, secrets.token_bytes(4), self._loop.time()
        while talk.ended_at is None and not self._is_gone:
            stamp = (number * len(TONE)) & 0xFFFFFFFF
            head = bytes((0x80, PCMA)) + (number & 0xFFFF).to_bytes(2, "big") + stamp.to_bytes(4, "big")
            if self._rtp is not None:
                self._rtp.sendto(head + source + TONE, (host, port))
            number, due = number + 1, due + FRAME_S
            await asyncio.sleep(max(0.0, due - self._loop.time()))

    def sound(self, data: bytes, source: tuple[str, int]) -> None:
        """Take a frame of sound."""
        talk = self.talk
        is_sound = len(data) > RTP_HEADER_BYTES and data[1] & 0x7F == PCMA
        if (
            talk is not None
            and is_sound
            and not self._is_gone
            and not QUIET.issuperset(data[RTP_HEADER_BYTES:])
        ):
            talk.hear(time.time())


def counts(phones: list[LonePhone]) -> Counter[str]:
    """How often each was dialled, in the words of the other phones' counts."""
    return Counter({f"dialled sip:{phone.extension}": phone.dialled() for phone in phones})
