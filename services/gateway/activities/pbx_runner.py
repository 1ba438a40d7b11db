"""Runs the gateway of one PBX: passes it records, events and time, and carries out its effects one by one.

Two machines read the log. The *shadow* only recalls: it always is what a new owner would rebuild. When our
claim is read back, a copy of the shadow becomes the machine that acts. After another's newer claim we claim
again if the PBX is still ours, and a new copy acts.

A PBX is ours while its commands are given to us (`take`, `let_go`). Whoever lets go finishes first what it
has begun, and leaves the calls where they are. A process that has lost a PBX without noticing is stopped by
the newer claim: what it says after that is void for every reader, and it dials nothing more.
"""

import asyncio
import contextlib
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
from runtime.edge import EdgePorts, Heard, LeftToAnother, NotSaid
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
CONTEST_S: Final = 5.0
"""A member of a group that has lost its share learns it within a heartbeat, which is one second."""
CONTESTS_MAX: Final = 10
"""Who takes a PBX more often than that is no gateway of our group: another installation, or a stranger."""
LET_GO_S_MAX: Final = 2.0
"""The log and a PBX answer within milliseconds. What has no answer by then, the next owner asks again."""
LET_GO_POLL_S: Final = 0.01
TICK_S: Final = 1.0
SLEPT_MS: Final = 3_000
"""A process that did not come to its tick for so long has slept, as a machine that was moved, and others may
have its PBXs. What it finds first when it wakes is old."""

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
        self.is_ours = False
        self._is_by_group = False
        self._contests = 0
        self._ports = ports
        self._minutes = minutes
        self._make_adapter = make_adapter
        self._adapter = self._new_adapter()
        self._serving: asyncio.Task[None] | None = None
        self._outbox = Outbox(pbx_id, ports)
        uploads = Uploads(spool, ports.blobs, ports.clock)
        self._recordings = Recordings(self, spool, uploads, self._ask, spool_url)
        self._shadow: Gateway | None = None
        self._is_open = False
        self._claims: set[str] = set()
        self._known = asyncio.Event()
        self._claim_wanted = asyncio.Event()
        self._letting_go = asyncio.Lock()
        self._unsettled: dict[int, tuple[Heard, asyncio.Future[None]]] = {}
        self._ref = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._failed: asyncio.Future[None] | None = None
        self._awake_at = 0

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
        self._notice_sleep()
        self._shadow.recall(envelope, fact, offset=heard.offset, at=heard.at)
        if isinstance(fact, facts.RecordingFinished) and self._shadow.is_finished(fact.recording_id):
            self._recordings.forget(fact.recording_id)
        if isinstance(fact, PbxClaimed) and fact.claim in self._claims and self.is_ours:
            self._take_over(heard.offset)
        elif self.machine is not None:
            self.machine.hear(self._now(), envelope, fact, offset=heard.offset, at=heard.at)
        self.pump()

    async def command(self, heard: Heard) -> None:
        """Carry out one command; returns when the fact that answers it is on the log.

        Raises LeftToAnother if the PBX is not ours, or let go before that.
        """
        if not self.is_ours:
            raise LeftToAnother
        self._ref += 1
        settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._unsettled[self._ref] = (heard, settled)
        if self._is_open:
            self._notice_sleep()
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

    def take(self, *, is_by_group: bool) -> None:
        """The PBX's commands are given to us, now or still."""
        self._is_by_group, self._contests = is_by_group, 0
        if self.is_ours:
            return
        self.is_ours = True
        self._show(is_connected=False)
        # One that is still letting go claims when that is done.
        if self._known.is_set() and not self._letting_go.locked():
            self._claim_wanted.set()

    async def let_go(self) -> None:
        """Another process has the PBX from now on: finish what was begun, and leave its calls as they are."""
        was_ours, self.is_ours = self.is_ours, False
        async with self._letting_go:
            if was_ours:
                await self._finish_and_release()
            if not self.is_ours and self._shadow is not None:
                self._recordings.leave(self._shadow)

    async def _finish_and_release(self) -> None:
        # Those that come from now on are of another share, in which the PBX is ours again.
        open_now, machine = dict(self._unsettled), self.machine
        until = self._ports.clock.elapsed() + LET_GO_S_MAX
        while machine is not None and self.machine is machine and self._ports.clock.elapsed() < until:
            if self._outbox.is_empty and machine.has_no_request_open:
                break
            await self._ports.clock.sleep(LET_GO_POLL_S)
        self._stop_acting()
        self._claims.clear()
        self._claim_wanted.clear()
        for ref, (_, settled) in open_now.items():
            self._unsettled.pop(ref, None)
            if not settled.done():
                settled.set_exception(LeftToAnother())
        serving, self._serving = self._serving, None
        if serving is not None:
            serving.cancel()
            await asyncio.wait({serving})
        self._adapter = self._new_adapter()
        log.info("gateway.pbx_let_go", organization_id=self.organization_id, pbx_id=self.pbx_id)
        if self.is_ours:
            self._claim_wanted.set()
        else:
            self._show_nothing()

    def _new_adapter(self) -> Adapter:
        return self._make_adapter(self.pbx_id, self.pump, self._ports.blobs)

    def _stop_acting(self) -> None:
        if self.machine is not None and self._shadow is not None:
            self.machine.leave_to(self._shadow)
        self.machine, self._is_open = None, False
        self._outbox.belong_to(None)

    def _show(self, *, is_connected: bool) -> None:
        metrics.PBX_CONNECTED.labels(self.organization_id, self.pbx_id).set(is_connected)

    def _show_nothing(self) -> None:
        """Its owner tells whether the PBX is there; our last figure would stand for ever."""
        with contextlib.suppress(KeyError):
            metrics.PBX_CONNECTED.remove(self.organization_id, self.pbx_id)

    async def run(self) -> None:
        """Claim the PBX while it is ours and its organization has it, until the process ends."""
        self._failed = asyncio.get_running_loop().create_future()
        while not self._known.is_set():
            try:
                async with asyncio.timeout(SAY_WAITING_S):
                    await self._known.wait()
            except TimeoutError:
                if self.is_ours:
                    log.warning(
                        "gateway.pbx_waits",
                        organization_id=self.organization_id,
                        pbx_id=self.pbx_id,
                        reason="no directory.pbx_saved yet",
                    )
        if self.is_ours:
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
            while self.is_ours and not await self._is_claim_said():
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
        self._awake_at = self._now()
        self.machine, self._is_open = machine, False
        self._outbox.belong_to(machine)
        log.info("gateway.pbx_claimed", pbx_id=self.pbx_id, offset=offset, legs=len(machine.live_legs()))
        self._recordings.go_on(machine)
        if self._serving is not None and not self._serving.done() and not self._adapter.is_replaced:
            self._adapter.connect_again()
            return
        if self._adapter.is_replaced:
            self._adapter = self._new_adapter()
        self._serving = self.begin(self._serve())

    async def _serve(self) -> None:
        adapter = self._adapter
        await adapter.run()
        if adapter.is_replaced:
            await self._look_again()

    def _superseded(self, offset: int) -> None:
        """Another claimed the PBX after us: stop, and claim again if the PBX is still ours."""
        log.warning("gateway.superseded", pbx_id=self.pbx_id, offset=offset)
        self._stop_acting()
        if self.is_ours:
            self.begin(self._look_again())

    async def _look_again(self) -> None:
        """Another has taken the PBX: claim it again if it is still ours."""
        # A newer owner connects to the PBX right after its claim; whoever is connected then owns it.
        await self._ports.clock.sleep(STILL_OURS_S)
        if self._is_connected or not self._is_by_group:
            self._claim_again(is_sure=self._is_connected)
            return
        # Who has the commands has the PBX. The other one may not know yet that they are given to us.
        await self._ports.clock.sleep(CONTEST_S)
        self._contests += 1
        self._claim_again(is_sure=self._contests <= CONTESTS_MAX)

    def _claim_again(self, *, is_sure: bool) -> None:
        if not self.is_ours or (self.machine is not None and not self._adapter.is_replaced):
            return
        if is_sure:
            self._claim_wanted.set()
        else:
            log.warning("gateway.pbx_left_to_another", pbx_id=self.pbx_id)

    @property
    def _is_connected(self) -> bool:
        return self._adapter.is_connected and not self._adapter.is_replaced

    # The machine's inputs and effects

    def _now(self) -> int:
        return self._ports.clock.now()

    def pump(self) -> None:
        """Handle the PBX's events and due timers, and carry out the effects."""
        self._notice_sleep()
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

    def _notice_sleep(self) -> None:
        """With a machine at work this is called at least once a tick."""
        now, before = self._now(), self._awake_at
        self._awake_at = now
        if self.machine is not None and now - before > SLEPT_MS:
            log.warning("gateway.slept", pbx_id=self.pbx_id, for_ms=now - before)
            self.machine.doubt()

    def _take(self, machine: Gateway, event: port.AnyPbxEvent) -> None:
        if isinstance(event, port.PbxThere | port.PbxGone):
            machine.handle(self._now(), event)
            self._show(is_connected=isinstance(event, port.PbxThere))
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

    def _ask(self, number: int, request: port.Request) -> None:
        self._adapter.ask(number, request)

    # Background tasks: one that fails ends the process, which is started again

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a background task."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

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
