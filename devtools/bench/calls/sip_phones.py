"""Any number of SIP phones on one UDP socket: they register, call, are called, answer at once, and hang up.

Their clock is the measure: `rung` tells when an INVITE was read from the socket. They say nothing but a
packet of silence now and then, since a PBX hangs up a phone from which no sound comes.
"""

import asyncio
import itertools
import socket
import struct
import time
from collections.abc import Callable
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

from devtools.bench.calls import sip
from devtools.sip import authorization, branch

SIP_PORT: Final = 5060
REGISTER_S_MAX: Final = 10.0
RECEIVE_BYTES: Final = 8 * 1024 * 1024
"""A thousand calls that are answered in the same second, with their retransmissions."""
RESEND_S: Final = 0.5
"""T1 (RFC 3261, section 17.1.1.1): doubled with each repeat."""
RESENDS_MAX: Final = 6
SOUND_EVERY_S: Final = 10.0
"""A third of the `rtp_timeout` of phones and trunks."""
SILENCE: Final = b"\xd5" * 160
"""20 ms of A-law."""


class PhoneRefused(Exception):
    """The PBX does not take a phone."""


class Leg:
    """One call at one phone, with when its phone saw what (`time.perf_counter`)."""

    def __init__(self, call_id: str, *, caller: str, user: str) -> None:
        self.call_id = call_id
        self.caller = caller
        self.user = user
        """The extension or number that is called."""
        self.invited_at = 0.0
        self.answered_at = 0.0
        self.ended_at = 0.0
        self.status = 0
        self.changed = asyncio.Event()
        self._local = self._remote = self._target = ""
        self._cseq = 1
        self.sound_to: tuple[str, int] | None = None
        self.tag = branch()

    @property
    def is_up(self) -> bool:
        """Whether it is answered and has not ended."""
        return self.answered_at > 0 and self.ended_at == 0

    def dialogue(self, *, local: str, remote: str, target: str) -> None:
        """Note the dialogue's ends, with their tags, and where its requests go."""
        self._local, self._remote, self._target = local, remote, target

    def request(self, method: str, via: str) -> sip.Message:
        """The next request within the dialogue."""
        self._cseq += method != "ACK"
        headers = (
            ("via", via), ("max-forwards", "70"), ("from", self._local), ("to", self._remote),
            ("call-id", self.call_id), ("cseq", f"{self._cseq} {method}"),
        )  # fmt: skip
        return sip.Message(f"{method} {self._target} SIP/2.0", headers)

    def ended(self) -> None:
        """Note the end."""
        self.ended_at = time.perf_counter()
        self.changed.set()


class SipPhones(asyncio.DatagramProtocol):
    """Phones at an address of their own, towards one PBX."""

    def __init__(self, address: str, pbx: str) -> None:
        self.address = address
        self.pbx = pbx
        self.legs: dict[str, Leg] = {}
        self.rung: asyncio.Queue[Leg] = asyncio.Queue()
        """Phones that were called, in order of their INVITEs."""
        self.on_end: Callable[[Leg], None] = lambda _: None
        self._numbers = itertools.count(1)
        self._resent: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._registering: dict[str, asyncio.Future[sip.Message]] = {}
        self._sounding: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        taken.bind((self.address, SIP_PORT))
        taken.setblocking(False)
        self._sound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sound.bind((self.address, 0))
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=taken)
        self._sounding = asyncio.create_task(self._sound_on())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for timer in self._resent.values():
            timer.cancel()
        if self._sounding is not None:
            self._sounding.cancel()
            await asyncio.wait((self._sounding,))
        self._transport.close()
        self._sound.close()

    # What people do

    def call(self, caller: str, number: str) -> Leg:
        """Call a number; the leg is answered by the PBX when it likes."""
        leg = Leg(f"{next(self._numbers)}@{self.address}", caller=caller, user=number)
        self.legs[leg.call_id] = leg
        local, remote = f"<sip:{caller}@{self.address}>;tag={leg.tag}", f"<sip:{number}@{self.pbx}>"
        leg.dialogue(local=local, remote=remote, target=f"sip:{number}@{self.pbx}:{SIP_PORT}")
        headers = (
            ("via", self._via()), ("max-forwards", "70"), ("from", local), ("to", remote),
            ("call-id", leg.call_id), ("cseq", "1 INVITE"), ("contact", f"<{self._contact(caller)}>"),
            ("content-type", "application/sdp"),
        )  # fmt: skip
        leg.invited_at = time.perf_counter()
        first = f"INVITE sip:{number}@{self.pbx}:{SIP_PORT} SIP/2.0"
        self._ask(leg, sip.Message(first, headers, self._offer()))
        return leg

    async def register(self, extension: str, password: str) -> None:
        """Register a phone, so that the PBX finds it here."""
        address = f"<sip:{extension}@{self.pbx}>"
        call_id = f"register-{extension}@{self.address}"
        headers = [
            ("max-forwards", "70"), ("from", f"{address};tag={branch()}"), ("to", address),
            ("call-id", call_id), ("contact", f"<{self._contact(extension)}>"), ("expires", "3600"),
        ]  # fmt: skip
        place = f"sip:{self.pbx}"
        login: list[tuple[str, str]] = []
        for number in (1, 2):
            waiting = self._registering[call_id] = asyncio.get_running_loop().create_future()
            more = (("via", self._via()), *headers, ("cseq", f"{number} REGISTER"), *login)
            self._say(sip.Message(f"REGISTER {place} SIP/2.0", tuple(more)))
            answer = await asyncio.wait_for(waiting, REGISTER_S_MAX)
            if answer.status == HTTPStatus.OK:
                return
            challenge = answer["www-authenticate"]
            login = [("authorization", authorization(challenge, "REGISTER", place, extension, password))]
        raise PhoneRefused(f"{extension} can't register: {answer.first}")

    def forget_rung(self) -> None:
        """Drop the calls that nobody has taken from `rung`."""
        while not self.rung.empty():
            self.rung.get_nowait()

    def hang_up(self, leg: Leg) -> None:
        """End an answered call."""
        if leg.is_up:
            leg.ended()
            self._ask(leg, leg.request("BYE", self._via()))

    # The wire

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Take one datagram."""
        read_at = time.perf_counter()
        message = sip.read(data)
        if message is None:
            return
        if message.status:
            self._answered(message, read_at)
        else:
            self._asked(message, read_at)

    def _asked(self, request: sip.Message, read_at: float) -> None:
        leg = self.legs.get(request["call-id"])
        match request.method:
            case "INVITE" if leg is None:
                self._rung(request, read_at)
            case "INVITE":
                assert leg is not None
                # Again because our answer was late, or within the call: the same sound as before.
                contact = self._contact(leg.user)
                self._say(sip.answer(request, "200 OK", tag=leg.tag, contact=contact, body=self._offer()))
            case "ACK":
                return
            case "CANCEL":
                self._say(sip.answer(request, "200 OK", tag="", contact=self._contact("phone")))
            case "BYE":
                self._say(sip.answer(request, "200 OK", tag="", contact=self._contact("phone")))
                if leg is not None and leg.ended_at == 0:
                    leg.ended()
                    self.on_end(leg)
            case _:
                self._say(sip.answer(request, "200 OK", tag=branch(), contact=self._contact("phone")))

    def _rung(self, request: sip.Message, read_at: float) -> None:
        leg = Leg(request["call-id"], caller=request.caller, user=request.user)
        self.legs[leg.call_id] = leg
        leg.invited_at, leg.sound_to = read_at, sip.audio_of(request.body)
        tag, contact = leg.tag, self._contact(leg.user)
        self._say(sip.answer(request, "180 Ringing", tag=tag, contact=contact))
        leg.dialogue(local=f"{request['to']};tag={tag}", remote=request["from"], target=request.target)
        self._say(sip.answer(request, "200 OK", tag=tag, contact=contact, body=self._offer()))
        leg.answered_at = time.perf_counter()
        self.rung.put_nowait(leg)

    def _answered(self, answer: sip.Message, read_at: float) -> None:
        registering = self._registering.get(answer["call-id"])
        if registering is not None:
            if answer.status >= HTTPStatus.OK and not registering.done():
                registering.set_result(answer)
            return
        leg = self.legs.get(answer["call-id"])
        timer = self._resent.pop((answer["call-id"], answer["cseq"]), None)
        if timer is not None:
            timer.cancel()
        if leg is None or answer.method != "INVITE" or answer.status < HTTPStatus.OK:
            return
        leg.status = answer.status
        is_first = leg.answered_at == 0
        target = answer.target or f"sip:{self.pbx}:{SIP_PORT}"
        leg.dialogue(local=answer["from"], remote=answer["to"], target=target)
        if answer.status < HTTPStatus.MULTIPLE_CHOICES:
            self._say(leg.request("ACK", self._via()))
            if is_first:
                leg.answered_at, leg.sound_to = read_at, sip.audio_of(answer.body)
                leg.changed.set()
            return
        # The ACK of a refusal belongs to the INVITE's transaction: the same branch.
        self._say(leg.request("ACK", answer["via"]))
        if leg.ended_at == 0:
            leg.ended()
            self.on_end(leg)

    def _ask(self, leg: Leg, request: sip.Message, times: int = 0) -> None:
        self._say(request)
        key = (leg.call_id, request["cseq"])
        if times < RESENDS_MAX:
            loop = asyncio.get_running_loop()
            self._resent[key] = loop.call_later(RESEND_S * 2**times, self._ask, leg, request, times + 1)
            return
        self._resent.pop(key, None)
        if not leg.answered_at:
            leg.ended()

    def _say(self, message: sip.Message) -> None:
        self._transport.sendto(sip.write(message), (self.pbx, SIP_PORT))

    def _via(self) -> str:
        return f"SIP/2.0/UDP {self.address}:{SIP_PORT};branch={branch()};rport"

    def _contact(self, user: str) -> str:
        return f"sip:{user}@{self.address}:{SIP_PORT}"

    def _offer(self) -> str:
        return sip.offer(self.address, self._sound.getsockname()[1])

    async def _sound_on(self) -> None:
        """Send a packet of silence on every call, again and again."""
        for number in itertools.count(1):
            await asyncio.sleep(SOUND_EVERY_S)
            packet = struct.pack(">BBHII", 0x80, 8, number % 65536, number * 80_000 % 2**32, 1) + SILENCE
            for leg in [each for each in self.legs.values() if each.is_up]:
                if leg.sound_to is not None:
                    self._sound.sendto(packet, leg.sound_to)
            self.legs = {name: each for name, each in self.legs.items() if each.ended_at == 0}
