"""A SIP phone without Asterisk: it registers, and does with each call its next word; SIP as RFC 3261 has it.

A word is a SIP code, with which the call is refused after it has rung, or `talk`: the phone answers, says a
tone, and hears until the other side hangs up. Loopback loses nothing, so nothing is sent twice.
"""

import asyncio
import re
import secrets
from pathlib import Path
from typing import Final

from devtools.sip import SipMessage, authorization, branch
from devtools.town.sound import Line, SoundThread

SIP_PORT: Final = 5060
RINGING, OK, TERMINATED, CHALLENGED = 180, 200, 487, 401
REGISTERED_S_MAX: Final = 10.0
TALK: Final = "talk"


class WirePhone(asyncio.DatagramProtocol):
    """One phone at one address, with a queue of what happens to it."""

    def __init__(self, address: str, registrar: str, extension: str, password: str, *words: str) -> None:
        self.ended = asyncio.Event()
        self.line: Line | None = None
        self._address = address
        self._registrar = registrar
        self._extension = extension
        self._password = password
        self._words = list(words)
        self._tag = secrets.token_hex(4)
        self._call_id = secrets.token_hex(8)
        self._responses: asyncio.Queue[SipMessage] = asyncio.Queue()
        self._invited: SipMessage | None = None
        self._thread = SoundThread()
        self._transport: asyncio.DatagramTransport

    async def start(self, folder: Path, sound: bytes) -> None:
        """Register; `sound` is what it says when it talks, A-law, and `folder` gets what it hears."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(self._address, SIP_PORT)
        )
        self.line = Line(self._address, folder / "heard.alaw")
        self.line.say(sound)
        self._thread.start()
        async with asyncio.timeout(REGISTERED_S_MAX):
            self._register(1)
            response = await self._responses.get()
            if response.code == CHALLENGED:
                self._register(2, response.get("WWW-Authenticate"))
                response = await self._responses.get()
        assert response.code == OK, response.first

    def stop(self) -> None:
        """Be gone; what was heard is on disk."""
        self._thread.stop()
        self._transport.close()

    # Registering

    def _register(self, number: int, challenge: str = "") -> None:
        uri = f"sip:{self._registrar}"
        user = f"<sip:{self._extension}@{self._registrar}>"
        headers = [
            ("Via", f"SIP/2.0/UDP {self._address}:{SIP_PORT};branch={branch()}"),
            ("Max-Forwards", "70"),
            ("From", f"{user};tag={self._tag}"),
            ("To", user),
            ("Call-ID", self._call_id),
            ("CSeq", f"{number} REGISTER"),
            ("Contact", f"<sip:{self._extension}@{self._address}:{SIP_PORT}>"),
            ("Expires", "600"),
        ]
        if challenge:
            said = authorization(challenge, "REGISTER", uri, self._extension, self._password)
            headers.append(("Authorization", said))
        self._send(SipMessage(f"REGISTER {uri} SIP/2.0", headers))

    # Calls

    def datagram_received(self, data: bytes, sender: tuple[str | object, int]) -> None:
        """Take one message."""
        message = SipMessage.read(data)
        if message is None:
            return
        if message.code:
            self._responses.put_nowait(message)
            return
        match message.method:
            case "INVITE":
                self._invited = message
                self._ring(message, self._words.pop(0))
            case "CANCEL" if self._invited is not None:
                self._answer(message, OK)
                self._answer(self._invited, TERMINATED)
            case "BYE":
                self._answer(message, OK)
                self.ended.set()
            case "ACK":
                pass
            case _:
                self._answer(message, OK)

    def _ring(self, invited: SipMessage, word: str) -> None:
        self._answer(invited, RINGING)
        if word != TALK:
            self._answer(invited, int(word))
            return
        assert self.line is not None
        host = _found(r"^c=IN IP4 (\S+)", invited.body)
        self.line.talk_to(host, int(_found(r"^m=audio (\d+)", invited.body)))
        self._thread.add(self.line)
        self._answer(invited, OK, self._description(self.line.port))

    def _description(self, port: int) -> str:
        """A-law, and nothing else."""
        lines = ["v=0", f"o=- 1 1 IN IP4 {self._address}", "s=-", f"c=IN IP4 {self._address}", "t=0 0"]
        lines += [f"m=audio {port} RTP/AVP 8", "a=rtpmap:8 PCMA/8000", "a=ptime:20"]
        return "\r\n".join(lines) + "\r\n"

    def _answer(self, request: SipMessage, code: int, body: str = "") -> None:
        contact = ("Contact", f"<sip:{self._extension}@{self._address}:{SIP_PORT}>")
        kind = (("Content-Type", "application/sdp"),) if body else ()
        self._send(request.answer(code, self._tag, contact, *kind, body=body))

    def _send(self, message: SipMessage) -> None:
        self._transport.sendto(message.data(), (self._registrar, SIP_PORT))


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    assert found is not None, f"no {pattern} in {text!r}"
    return found[1]
