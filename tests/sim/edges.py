"""Edges in the simulation: the real gateway with simulated PBXs, and stand-ins for storing and mailing."""

import asyncio
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final
from zlib import crc32

from contracts import codec
from contracts.directory import OrganizationSaved, PbxSaved
from contracts.ids import Instant, MediaKey, OrganizationId, PbxId
from contracts.message import Fact, Message, type_name
from contracts.topics import FACTS, TELEPHONY
from contracts.voicemail import (
    LetterAccepted,
    LetterDeferred,
    LetterFailed,
    MessageQuarantined,
    MessageStored,
    SendLetter,
    StoreMessage,
    StoringDeferred,
)
from runtime.edge import ALL, EdgePorts, Heard, NotSaid, Said, Subscription
from runtime.edge_runner import said_record
from runtime.memory import MemoryBlobs
from runtime.ports import Blobs, Headers, LogUnavailable
from services.gateway.activities.pbx_registry import PbxRegistry
from services.gateway.activities.pbx_runner import Adapter, MakeAdapter
from services.gateway.activities.spool import Spool
from services.gateway.port import AnyPbxEvent, Request
from services.gateway.service import COMMANDS, SAYS
from services.gateway.simulated import SimulatedNetwork
from services.gateway.simulated.memory import MemoryPbx
from tests.sim.ports import Process, ProcessBlobs, SharedLog
from tests.sim.rare_events import NO_SUCH_MAILBOX

IDLE_S: Final = 20.0
RAISED: Final = "a handler raised"
UNPLAYABLE_ONE_IN: Final = 12
"""The share of recordings that are not audio, decided by their ids."""


class ProcessSay:
    """Says facts as one process."""

    def __init__(self, process: Process, shared: SharedLog) -> None:
        self._process = process
        self._shared = shared
        self.said: Callable[[Fact], None] = lambda _: None
        """Called with each fact that was acknowledged."""

    async def __call__(
        self,
        facts: Sequence[Fact],
        *,
        organization_id: OrganizationId,
        source: str,
        cause: str | tuple[str, ...] = "",
        seq: int = 0,
        incarnation: int = 0,
    ) -> tuple[Said, ...]:
        """Say one batch; after a failure it may be on the log or not."""
        records = [
            said_record(
                fact,
                organization_id=organization_id,
                source=source,
                cause=cause if isinstance(cause, str) else cause[index],
                seq=seq + index if seq else 0,
                incarnation=incarnation,
                index=index,
            )
            for index, fact in enumerate(facts)
        ]
        try:
            first = await self._process.call("say", lambda: self._shared.append(0, records), LogUnavailable)
        except LogUnavailable as error:
            raise NotSaid(str(error)) from error
        for fact in facts:
            self.said(fact)
        return tuple(Said(partition=0, offset=first + index) for index in range(len(records)))


class Reader:
    """Runs one process's subscriptions; the world keeps its committed offsets for its successor."""

    def __init__(self, process: Process, shared: SharedLog, committed: dict[str, int]) -> None:
        self._process = process
        self._shared = shared
        self._committed = committed
        self.is_at_end = asyncio.Event()
        """Set when everything of a topic was handled for the first time."""

    async def run(self, subscription: Subscription) -> None:
        """Read on from what was committed, or from the start."""
        if subscription.on_share is not None:
            await subscription.on_share(ALL)
        name = f"{self._process.name.split('#')[0]}/{subscription.topic.name}"
        at = 0 if subscription.from_start else self._committed.get(name, 0)
        hears = {type_name(each) for each in subscription.hears}
        done: set[int] = set()
        running: set[asyncio.Task[None]] = set()
        while not self._process.is_dead:
            heard = self._next(subscription, hears, at)
            if heard is None:
                if at >= self._end(subscription):
                    self.is_at_end.set()
                    await self._shared.wait(subscription.topic.name, IDLE_S)
                    await self._process.gate("poll")
                else:
                    done.add(at)
                    at += 1
                continue
            await self._process.gate("handle")
            if subscription.concurrency_max == 1:
                await subscription.handle(heard)
                done.add(at)
            else:
                task = asyncio.create_task(self._handle(subscription, heard, at, done))
                running.add(task)
                task.add_done_callback(lambda each: self._finished(each, running))
            at += 1
            if not subscription.from_start:
                while self._committed.get(name, 0) in done:
                    self._committed[name] = self._committed.get(name, 0) + 1

    def _finished(self, task: asyncio.Task[None], running: set[asyncio.Task[None]]) -> None:
        running.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._process.kill(f"{RAISED}: {error!r}")

    async def _handle(self, subscription: Subscription, heard: Heard, at: int, done: set[int]) -> None:
        await subscription.handle(heard)
        done.add(at)

    def _end(self, subscription: Subscription) -> int:
        if subscription.topic is FACTS:
            return self._shared.end(0)
        return len(self._shared.topics.get(subscription.topic.name, ()))

    def _next(self, subscription: Subscription, hears: set[str], at: int) -> Heard | None:
        if at >= self._end(subscription):
            return None
        if subscription.topic is FACTS:
            record = self._shared.facts[0][at]
            headers, value, time = record.headers, record.value, record.at
        else:
            sent = self._shared.topics[subscription.topic.name][at]
            headers, value, time = sent.headers, sent.value, int(self._shared.clock.now())
        if type_of(headers) not in hears:
            return None
        envelope = codec.envelope(headers)
        message = codec.decode(envelope.type, value)
        return Heard(message=message, envelope=envelope, partition=0, offset=at, at=Instant(time))


def type_of(headers: Headers) -> str:
    """A message's type by its header alone, as in real edges."""
    return next(value for name, value in headers if name == "ce_type").decode()


class Bell:
    """Wakes the tasks that wait for the network's next event when another task causes one."""

    def __init__(self) -> None:
        self._asked: list[asyncio.Event] = []

    def hang(self, asked: asyncio.Event) -> None:
        """Add a task to wake."""
        self._asked.append(asked)

    def ring(self) -> None:
        """The network has something new to do."""
        for each in self._asked:
            each.set()


class SimulatedAdapter(MemoryPbx):
    """The adapter of one gateway process: dead when its process is.

    The PBX uses the true time even if its gateway's clock is wrong: else, after a takeover by a gateway whose
    clock is ahead, it would do a minute and a half of planned events at once.
    """

    is_replaced = False

    def __init__(
        self,
        network: SimulatedNetwork,
        bell: Bell,
        pbx_id: PbxId,
        process: Process,
        true_time: Callable[[], Instant],
        told: Callable[[], None],
    ) -> None:
        super().__init__(network.pbxs[pbx_id], true_time)
        self._network = network
        self._process = process
        self._true_time = true_time
        self._told = told
        self._asked = asyncio.Event()
        bell.hang(self._asked)

    @property
    def is_connected(self) -> bool:
        """Whether the PBX can be reached."""
        return not self._process.is_dead and self._pbx.is_there

    def connect_again(self) -> None:
        """Let the PBX report its calls."""
        self._is_new = True

    def ask(self, number: int, request: Request) -> None:
        """Ask, unless the process is dead."""
        if not self._process.is_dead:
            super().ask(number, request)
            self._asked.set()

    def take(self) -> Sequence[AnyPbxEvent]:
        """Take the events, unless the process is dead."""
        return () if self._process.is_dead else super().take()

    async def run(self) -> None:
        """Wake the runner whenever the PBX has events."""
        while not self._process.is_dead:
            self._asked.clear()
            now = self._true_time()
            self._network.advance(now)
            self._told()
            # A runner that has not claimed the PBX yet takes the events after its claim.
            next_at = self._network.next_event_at(after=now)
            wait_s = IDLE_S if next_at is None else max(1, next_at - now) / 1000
            over = asyncio.get_running_loop().call_later(min(IDLE_S, wait_s), self._asked.set)
            await self._asked.wait()
            over.cancel()


def gateway(
    process: Process,
    shared: SharedLog,
    blobs: MemoryBlobs,
    network: SimulatedNetwork,
    bell: Bell,
    spool: Path,
    organization_id: OrganizationId,
    adapter: Callable[[PbxId, Callable[[], None]], Adapter] | None = None,
    said: Callable[[Fact], None] = lambda _: None,
) -> tuple[PbxRegistry, tuple[Subscription, ...]]:
    """The real gateway on simulated ports; `adapter` makes those of a PBX that several gateways share.

    `said` is called with each fact that was acknowledged.
    """

    def adapter_at(_: str) -> MakeAdapter:
        def make(pbx_id: PbxId, told: Callable[[], None], _: Blobs) -> Adapter:
            if adapter is not None:
                return adapter(pbx_id, told)
            return SimulatedAdapter(network, bell, pbx_id, process, shared.clock.now, told)

        return make

    say = ProcessSay(process, shared)
    say.said = said
    ports = EdgePorts(
        say=say,
        blobs=ProcessBlobs(process, blobs),
        clock=process.clock,
        log_time=shared.clock.now,
    )
    registry = PbxRegistry(
        {f"{organization_id}/{pbx_id}": "" for pbx_id in network.pbxs},
        adapter_at=adapter_at,
        ports=ports,
        spool=Spool(spool),
        spool_url="http://spool",
    )
    facts: tuple[type[Message], ...] = (*SAYS, OrganizationSaved, PbxSaved)
    return registry, (
        Subscription(topic=FACTS, hears=facts, handle=registry.hear, concurrency_max=1, from_start=True),
        Subscription(
            topic=TELEPHONY,
            hears=COMMANDS,
            handle=registry.command,
            concurrency_max=10_000,
            on_share=registry.own,
        ),
    )


class Delivery:
    """Replaces voicemail's activities: stores and mails at once, and fails as often as configured.

    `mailbox` belongs to the mail server: accepted letters stay there, whatever happens to the process.
    """

    def __init__(
        self,
        process: Process,
        shared: SharedLog,
        chance: random.Random,
        mailbox: list[SendLetter],
        bad: Callable[[], float],
    ) -> None:
        self._process = process
        self._say = ProcessSay(process, shared)
        self._chance = chance
        self._mailbox = mailbox
        self._bad = bad

    async def handle(self, heard: Heard) -> None:
        """Answer one delivery command."""
        command = heard.message
        assert isinstance(command, StoreMessage | SendLetter)
        answer = self._store(command) if isinstance(command, StoreMessage) else self._send(command)
        while True:
            try:
                await self._say(
                    (answer,),
                    organization_id=heard.envelope.organization_id,
                    source="voicemail.activities",
                    cause=heard.envelope.id,
                )
            except NotSaid:
                await asyncio.sleep(0.2)
            else:
                return

    def _store(self, command: StoreMessage) -> Fact:
        if self._chance.random() < self._bad():
            return StoringDeferred(
                voice_message_id=command.voice_message_id, reason="S3 is away", tries=command.tries
            )
        if crc32(command.voice_message_id.encode()) % UNPLAYABLE_ONE_IN == 0:
            return MessageQuarantined(
                voice_message_id=command.voice_message_id, original_key=command.key, reason="not audio"
            )
        return MessageStored(
            voice_message_id=command.voice_message_id,
            original_key=command.key or MediaKey("spool"),
            mp3_key=MediaKey(f"mp3/{command.voice_message_id}"),
            mp3_bytes=1000,
            mp3_sha256="0" * 64,
            speech_ms=5_000,
        )

    def _send(self, command: SendLetter) -> Fact:
        if self._chance.random() < self._bad():
            return LetterDeferred(letter_id=command.letter_id, answer="451 later", tries=command.tries)
        if command.recipient == NO_SUCH_MAILBOX:
            return LetterFailed(letter_id=command.letter_id, answer="550 no such user")
        # The real sender marks an accepted letter in S3; here the mailbox itself shows it.
        if all(letter.letter_id != command.letter_id for letter in self._mailbox):
            self._mailbox.append(command)
        return LetterAccepted(letter_id=command.letter_id, answer="250 ok")
