"""Connections of several gateways to one PBX, as Asterisk has them.

Whoever connects last has the PBX's events (ARI's ApplicationReplaced), and each one gets the replies to its
own requests. One that was replaced learns of it a moment later, and what it requests until then is carried
out. A process that sleeps requests nothing, and takes nothing; when it wakes it goes on where it was.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from contracts.ids import Instant, LegId, PbxId, RecordingId
from contracts.telephony import CancelLeg, DialLeg, HangUp, RejectLeg
from services.gateway import port
from services.gateway.simulated import SimulatedNetwork, SimulatedPbx
from tests.sim.edges import Bell
from tests.sim.ports import Process

CONNECT_S_MAX: Final = 0.3
NOTICED_S_MAX: Final = 0.3
"""How long it takes until a gateway has read that it was replaced."""
PAUSE_S: Final = 0.2
GONE_AFTER_S: Final = 2.0
IDLE_S: Final = 20.0


class HungUp(msgspec.Struct, frozen=True):
    """A request to end a talk, of a gateway that does not know the leg, or has lost the PBX."""

    leg_id: LegId
    process: str
    at: Instant


class Dialled(msgspec.Struct, frozen=True):
    """A request to dial that reached a PBX, and which process made it."""

    leg_id: LegId
    process: str
    at: Instant = Instant(0)


class Switchboard:
    """One PBX, and which gateway is connected to it."""

    def __init__(self, pbx: SimulatedPbx) -> None:
        self.pbx = pbx
        self.newest: SharedAdapter | None = None
        self.dialled: list[Dialled] = []
        self.hung_up: list[HungUp] = []
        """By gateways that did not know the leg, or had lost the PBX."""
        self.sounds: dict[RecordingId, bytes] = {}
        """What each recording was when it was to be freed."""
        self._requests: dict[int, tuple[SharedAdapter, int]] = {}
        self._count = 0

    def connect(self, adapter: "SharedAdapter", now: Instant) -> port.PbxThere | None:
        """The PBX is this gateway's from now on; all that it has. None: it can't be reached."""
        if not self.pbx.is_there:
            return None
        self.deliver(now)
        before, self.newest = self.newest, adapter
        if before is not None and before is not adapter:
            before.be_replaced()
        return self.pbx.there(now)

    def disconnect(self, adapter: "SharedAdapter") -> None:
        """A gateway ends its connection, if it still has one."""
        if self.newest is adapter:
            self.newest = None

    def ask(self, adapter: "SharedAdapter", number: int, request: port.Request, now: Instant) -> None:
        """Carry out a request of any gateway that thinks it is connected."""
        self._count += 1
        self._requests[self._count] = adapter, number
        if self.pbx.is_there:
            self._note(adapter, request, now)
        self.pbx.command(now, self._count, request)

    def _note(self, adapter: "SharedAdapter", request: port.Request, now: Instant) -> None:
        """Keep what checkers ask for."""
        if isinstance(request, HangUp | CancelLeg | RejectLeg) and self._is_doubtful(adapter, request):
            self.hung_up.append(HungUp(request.leg_id, adapter.process_name, now))
        if isinstance(request, DialLeg):
            self.dialled.append(Dialled(request.leg_id, adapter.process_name, now))
        tapes = self.pbx.recorder.tapes
        if isinstance(request, port.ReleaseRecording) and request.recording_id in tapes:
            tape = tapes[request.recording_id]
            self.sounds[request.recording_id] = tape.track.until(tape.closed_at or tape.track.started_at)

    def _is_doubtful(self, adapter: "SharedAdapter", request: HangUp | CancelLeg | RejectLeg) -> bool:
        if isinstance(request, HangUp) and request.reason == "unknown":
            return True
        leg = self.pbx.legs.get(request.leg_id)
        is_kept = isinstance(request, CancelLeg) and request.keeps_answered
        return leg is not None and leg.is_answered and not is_kept and self.newest is not adapter

    def deliver(self, now: Instant) -> None:
        """Pass on what the PBX has told: replies to who asked, all else to who is connected."""
        for event in self.pbx.events(now):
            if isinstance(event, port.Replied):
                adapter, number = self._requests[event.request]
                adapter.receive(msgspec.structs.replace(event, request=number))
            elif self.newest is not None:
                self.newest.receive(event)


class SharedAdapter:
    """One gateway process's adapter to a PBX that others may take over."""

    lacks: frozenset[port.Lack] = frozenset()

    def __init__(
        self,
        switchboard: Switchboard,
        network: SimulatedNetwork,
        bell: Bell,
        process: Process,
        true_time: Callable[[], Instant],
        told: Callable[[], None],
        chance: random.Random,
    ) -> None:
        self.pbx_id: PbxId = switchboard.pbx.pbx_id
        self.is_replaced = False
        self.process_name = process.name
        self._switchboard = switchboard
        self._network = network
        self._process = process
        self._true_time = true_time
        self._told = told
        self._chance = chance
        self._inbox: list[port.AnyPbxEvent] = []
        self._outgoing: list[tuple[int, port.Request]] = []
        self._is_open = False
        self._is_said_gone = False
        self._asked = asyncio.Event()
        bell.hang(self._asked)
        process.ended_wires.append(self._lose)

    # What a runner sees

    @property
    def is_connected(self) -> bool:
        """Whether the PBX is ours, as far as we know."""
        return self._is_open and not self._process.is_dead and self._switchboard.pbx.is_there

    def ask(self, number: int, request: port.Request) -> None:
        """Send a request; a process that sleeps sends it when it wakes."""
        if not self._is_open or self._process.is_dead:
            return
        self._outgoing.append((number, request))
        if self._sleeps_s() > 0:
            asyncio.get_running_loop().call_later(self._sleeps_s(), self._send)
        else:
            self._send()

    def _send(self) -> None:
        if self._process.is_dead or self._sleeps_s() > 0:
            return
        outgoing, self._outgoing = self._outgoing, []
        for number, request in outgoing:
            if self._is_open:
                self._switchboard.ask(self, number, request, self._true_time())
        self._asked.set()

    def take(self) -> Sequence[port.AnyPbxEvent]:
        """The events since the last call."""
        if self._process.is_dead or self._sleeps_s() > 0:
            return ()
        taken, self._inbox = self._inbox, []
        return taken

    def connect_again(self) -> None:
        """Drop the connection; the next one begins with everything that the PBX has."""
        if self._is_open:
            self._switchboard.disconnect(self)
            self._close()
            self._is_said_gone = True
            asyncio.get_running_loop().call_later(GONE_AFTER_S, self._away)

    async def run(self) -> None:
        """Connect, and connect again, until another gateway takes the PBX over or this is cancelled."""
        over = asyncio.get_running_loop().call_later(GONE_AFTER_S, self._say_gone)
        try:
            while not self.is_replaced:
                await self._process.gate("connect")
                await asyncio.sleep(self._chance.uniform(0.0, CONNECT_S_MAX))
                await self._process.gate("connected")
                if self._process.wires_at_s <= asyncio.get_running_loop().time():
                    await self._converse()
                self._say_gone()
                await asyncio.sleep(PAUSE_S)
        finally:
            over.cancel()
            self._switchboard.disconnect(self)
            self._close()

    # The connection

    def _lose(self) -> None:
        """The wire is broken, which the PBX notices, too."""
        self._switchboard.disconnect(self)
        self._close()

    def _sleeps_s(self) -> float:
        return self._process.awake_at_s - asyncio.get_running_loop().time()

    async def _converse(self) -> None:
        """Say what there is, and wake the runner whenever the PBX has told something."""
        now = self._true_time()
        self._network.advance(now)
        there = self._switchboard.connect(self, now)
        if there is None:
            return
        self._inbox = [there]
        self._is_open, self._is_said_gone = True, False
        while self._is_open:
            self._asked.clear()
            await self._process.gate("event")
            now = self._true_time()
            self._network.advance(now)
            self._switchboard.deliver(now)
            if self._inbox:
                self._told()
            next_at = self._network.next_event_at(after=now)
            wait_s = IDLE_S if next_at is None else max(1, next_at - now) / 1000
            over = asyncio.get_running_loop().call_later(min(IDLE_S, wait_s), self._asked.set)
            await self._asked.wait()
            over.cancel()

    def receive(self, event: port.AnyPbxEvent) -> None:
        """The PBX has sent this to us."""
        if self._is_open:
            self._inbox.append(event)
            self._asked.set()

    def be_replaced(self) -> None:
        """Another gateway is connected: this one will read so."""
        later_s = max(0.0, self._sleeps_s()) + self._chance.uniform(0.0, NOTICED_S_MAX)
        asyncio.get_running_loop().call_later(later_s, self._notice)

    def _notice(self) -> None:
        if self._process.is_dead or self._switchboard.newest is self or not self._is_open:
            return
        if self._sleeps_s() > 0:
            self.be_replaced()
            return
        self.is_replaced = True
        self._close()

    def _close(self) -> None:
        self._is_open = False
        self._outgoing = []
        self._asked.set()

    def _away(self) -> None:
        """Connecting again took too long."""
        if not self._is_open:
            self._is_said_gone = False
            self._say_gone()

    def _say_gone(self) -> None:
        if not self._is_said_gone and not self._is_open and not self.is_replaced:
            self._is_said_gone = True
            self._inbox.append(port.PbxGone())
            self._told()
