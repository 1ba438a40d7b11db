"""Runs the gateway of one PBX: passes it records, events and time, and carries out its effects one by one.

Two machines read the log. The *shadow* only recalls: it always is what a new owner would rebuild. When our
claim is read back, a copy of the shadow becomes the machine that acts. After another's newer claim we claim
again if the PBX is still ours, and a new copy acts.
"""

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol, assert_never

import structlog

from contracts import gateway as facts
from contracts.gateway import PbxClaimed, PbxFact
from contracts.ids import OrganizationId, PbxId
from contracts.message import Fact
from contracts.telephony import Record
from runtime import metrics
from runtime.edge import EdgePorts, Heard, NotSaid
from runtime.ports import Blobs
from services.gateway import port
from services.gateway.activities import refused_dials
from services.gateway.activities.outbox import AGAIN_S, AGAIN_S_MAX, Outbox
from services.gateway.activities.recordings import Recordings
from services.gateway.activities.spool import Spool
from services.gateway.activities.upload import Uploads
from services.gateway.decider import (
    Ask,
    CloseRecording,
    Count,
    Effect,
    FetchRecording,
    Gateway,
    Minutes,
    Say,
    Settled,
    Superseded,
)

SAY_WAITING_S: Final = 30.0
STILL_OURS_S: Final = 2.0
TICK_S: Final = 1.0

log = structlog.get_logger(__name__)


class Adapter(port.Pbx, Protocol):
    """An adapter as its runner needs it: the port, the connection, and whether the PBX is still ours."""

    is_replaced: bool

    @property
    def is_connected(self) -> bool:
        """Whether the PBX is ours at this moment."""
        ...

    def connect_again(self) -> None:
        """Connect anew, so that the PBX says again what it has."""
        ...

    async def run(self) -> None:
        """Connect, and connect again, until cancelled or replaced."""
        ...


MakeAdapter = Callable[[PbxId, Callable[[], None], Blobs], Adapter]
"""Called with the PBX, what to call when there is something to take, and where the media to play are."""


class PbxRunner:
    """One PBX. `hear` and `command` take the records of the log in their order."""

    def __init__(
        self,
        organization_id: OrganizationId,
        pbx_id: PbxId,
        make_adapter: MakeAdapter,
        *,
        ports: EdgePorts,
        spool: Spool,
        spool_url: str,
        minutes: Minutes,
    ) -> None:
        """`spool_url` is where this process's spool is served, without the token."""
        self.organization_id = organization_id
        self.pbx_id = pbx_id
        self.machine: Gateway | None = None
        self._ports = ports
        self._minutes = minutes
        self._adapter = make_adapter(pbx_id, self.pump, ports.blobs)
        self._outbox = Outbox(pbx_id, ports)
        uploads = Uploads(spool, ports.blobs, ports.clock)
        self._recordings = Recordings(self, spool, uploads, self._adapter.ask, spool_url)
        self._shadow: Gateway | None = None
        self._is_open = False
        self._is_adapter_started = False
        self._claims: set[str] = set()
        self._known = asyncio.Event()
        self._claim_wanted = asyncio.Event()
        self._unsettled: dict[int, tuple[Heard, asyncio.Future[None]]] = {}
        self._ref = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._connected = metrics.PBX_CONNECTED.labels(organization_id, pbx_id)
        self._failed: asyncio.Future[None] | None = None

    # What the log says

    def begin_to_serve(self, organization: Fact | None) -> None:
        """The organization has this PBX: the directory says so, or earlier facts show it."""
        if self._shadow is None:
            self._shadow = Gateway(self.pbx_id, self.organization_id, self._minutes)
            if organization is not None:
                self._shadow.learn(organization)
            self._known.set()

    @property
    def is_waiting(self) -> bool:
        """Whether the directory has not said yet that the organization has this PBX."""
        return self._shadow is None

    @property
    def is_working(self) -> bool:
        """Whether commands are carried out (or refused because the PBX is away)."""
        return self._is_open

    def learn(self, fact: Fact) -> None:
        """Pass on a fact of the directory about our organization."""
        for machine in (self._shadow, self.machine):
            if machine is not None:
                machine.learn(fact)

    def hear(self, heard: Heard) -> None:
        """Read one fact about this PBX, in the order of the log."""
        fact, envelope = heard.message, heard.envelope
        assert isinstance(fact, PbxFact)
        assert self._shadow is not None
        self._shadow.recall(envelope, fact, offset=heard.offset, at=heard.at)
        if isinstance(fact, facts.RecordingFinished) and self._shadow.is_finished(fact.recording_id):
            self._recordings.forget(fact.recording_id)
        if isinstance(fact, PbxClaimed) and fact.claim in self._claims:
            self._take_over(heard.offset)
        elif self.machine is not None:
            self.machine.hear(self._now(), envelope, fact, offset=heard.offset, at=heard.at)
        self.pump()

    async def command(self, heard: Heard) -> None:
        """Carry out one command; returns when the fact that answers it is on the log."""
        self._ref += 1
        settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._unsettled[self._ref] = (heard, settled)
        if self._is_open:
            self._give(self._ref, heard)
            self.pump()
        await settled

    def _give(self, ref: int, heard: Heard) -> None:
        if self.machine is None:
            return
        self.machine.learn_time(self._ports.log_time())
        command: Any = heard.message
        self.machine.command(self._now(), heard.envelope, command, ref=ref, at=heard.at)

    # Owning the PBX

    async def run(self) -> None:
        """Claim the PBX when its organization has it, and work until the process ends."""
        self._failed = asyncio.get_running_loop().create_future()
        while not self._known.is_set():
            try:
                async with asyncio.timeout(SAY_WAITING_S):
                    await self._known.wait()
            except TimeoutError:
                log.warning(
                    "gateway.pbx_waits",
                    organization_id=self.organization_id,
                    pbx_id=self.pbx_id,
                    reason="no directory.pbx_saved yet",
                )
        self._claim_wanted.set()
        async with asyncio.TaskGroup() as together:
            together.create_task(self._outbox.run())
            together.create_task(self._claim_on())
            await self._failed

    async def _claim_on(self) -> None:
        while True:
            await self._claim_wanted.wait()
            self._claim_wanted.clear()
            pause_s = AGAIN_S
            while not await self._is_claim_said():
                await self._ports.clock.sleep(pause_s)
                pause_s = min(AGAIN_S_MAX, pause_s * 2)

    async def _is_claim_said(self) -> bool:
        """Each claim has its own name: one that seemed to fail may be on the log all the same."""
        assert self._shadow is not None
        claim = secrets.token_hex(8)
        self._claims.add(claim)
        try:
            await self._ports.say(
                (PbxClaimed(pbx_id=self.pbx_id, claim=claim),),
                organization_id=self._shadow.organization_id,
                source=self._shadow.source,
                cause=claim,
            )
        except NotSaid:
            return False
        return True

    def _take_over(self, offset: int) -> None:
        """Our claim was read back, and the shadow has every fact before it: a copy of it acts from now on."""
        assert self._shadow is not None
        machine = self._shadow.copy()
        machine.claimed(offset=offset)
        self.machine, self._is_open = machine, False
        self._outbox.belong_to(machine)
        log.info("gateway.pbx_claimed", pbx_id=self.pbx_id, offset=offset, legs=len(machine.live_legs()))
        self._recordings.go_on(machine)
        if self._is_adapter_started:
            self._adapter.connect_again()
        else:
            self._is_adapter_started = True
            self.begin(self._adapter.run())

    def _superseded(self, offset: int) -> None:
        """Another claimed the PBX after us: stop, and claim again if the PBX is still ours."""
        log.warning("gateway.superseded", pbx_id=self.pbx_id, offset=offset)
        if self.machine is not None and self._shadow is not None:
            self.machine.leave_to(self._shadow)
        self.machine, self._is_open = None, False
        self._outbox.belong_to(None)
        self.begin(self._look_again())

    async def _look_again(self) -> None:
        # A newer owner connects to the PBX right after its claim; whoever is connected then owns it.
        await self._ports.clock.sleep(STILL_OURS_S)
        if self._adapter.is_connected and not self._adapter.is_replaced:
            self._claim_wanted.set()
        else:
            log.warning("gateway.pbx_left_to_another", pbx_id=self.pbx_id)

    # The machine's inputs and effects

    def _now(self) -> int:
        return self._ports.clock.now()

    def pump(self) -> None:
        """Handle the PBX's events and due timers, and carry out the effects."""
        machine = self.machine
        if machine is None:
            return
        for event in self._adapter.take():
            self._take(machine, event)
        machine.advance(self._now())
        while self.machine is machine and (effects := machine.take()):
            for effect in effects:
                self._do(machine, effect)
        self._set_timer(machine.next_due_at())

    def _take(self, machine: Gateway, event: port.AnyPbxEvent) -> None:
        if isinstance(event, port.PbxThere | port.PbxGone):
            machine.handle(self._now(), event)
            self._connected.set(isinstance(event, port.PbxThere))
            self._open()
        elif isinstance(event, port.Sound):
            self._recordings.sound(event)
        elif not self._is_open or (isinstance(event, port.Replied) and self._recordings.own_reply(event)):
            # A reply to an earlier machine's request must not be taken for ours: numbers begin anew.
            return
        else:
            machine.handle(self._now(), event)

    def _open(self) -> None:
        """The PBX's state is known: carry out the commands that waited, in their order."""
        if not self._is_open:
            self._is_open = True
            for ref, (heard, _) in list(self._unsettled.items()):
                self._give(ref, heard)

    def _set_timer(self, due_at: int | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        delay_s = TICK_S if due_at is None else min(TICK_S, max(0.0, (due_at - self._now()) / 1000))
        self._timer = asyncio.get_running_loop().call_later(delay_s, self.pump)

    def _do(self, machine: Gateway, effect: Effect) -> None:
        match effect:
            case Say():
                self._outbox.say(effect)
                refused_dials.note(effect.fact, machine.organization_id)
            case Ask():
                if isinstance(effect.request, Record):
                    self._recordings.start(machine, effect.request.recording_id, effect.request.leg_id)
                self._adapter.ask(effect.number, effect.request)
            case Settled():
                _, settled = self._unsettled.pop(effect.ref, (None, None))
                if settled is not None and not settled.done():
                    settled.set_result(None)
            case FetchRecording():
                self._recordings.fetch(machine, effect.recording_id, is_awaited=effect.is_awaited)
            case CloseRecording():
                self._recordings.close(effect)
            case Superseded():
                self._superseded(effect.offset)
            case Count():
                metrics.COMMANDS.labels(effect.what).inc()
            case _:
                assert_never(effect)

    # Background tasks: one that fails ends the process, which is started again

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a background task."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)

    async def stop(self) -> None:
        """End the background tasks; the next start finds what was not said or uploaded."""
        if self._timer is not None:
            self._timer.cancel()
        self.machine = None
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
