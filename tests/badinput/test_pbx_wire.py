"""A PBX that sends nonsense: the gateway's process survives, reports the fault, and connects again."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, get_args

import pytest
from structlog.testing import capture_logs

from contracts import telephony
from contracts.codec import Envelope
from contracts.ids import Instant, LegId, OrganizationId, PbxId, RecordingId
from contracts.message import Fact, type_name
from runtime.memory import MemoryBlobs
from runtime.system_clock import SystemClock
from services.gateway import port
from services.gateway.activities.recordings import Recordings
from services.gateway.activities.spool import Spool, SpoolEntry
from services.gateway.activities.upload import Uploads
from services.gateway.decider import Ask, CloseRecording, Gateway, Say
from services.gateway.port import PbxEvent, PbxGone, PbxThere
from services.gateway.service import SAYS
from services.gateway.simulated import wire
from services.gateway.simulated.tcp import TcpPbx
from tests.badinput.hostile import NOW, Hostile

THERE = wire.line(wire.EventLine(event=PbxThere()))
SILENT = wire.line(wire.EventLine(event=port.Silent(leg_id="leg")))  # type: ignore[arg-type]

NONSENSE = {
    "not JSON": b"\x00\x01 hello \xff\n",
    "invalid UTF-8": SILENT.replace(b'"leg"', b'"\xed\xa0\x80"'),
    "truncated": SILENT[:-9] + b"\n",
    "wrong type of a field": SILENT.replace(b'"leg"', b"17"),
    "a list": b"[]\n",
    "nested beyond all depth": b'{"happening":' + b"[" * 100_000 + b"\n",
    "a line that never ends": b"x" * (wire.LINE_BYTES_MAX + 10),
    "an empty line": b"\n",
    "a happening without a name": b'{"happening":{"leg_id":"leg"}}\n',
}


class Exchange:
    """A PBX: each connection gets the next of these lines, then stays open."""

    def __init__(self, *connections: bytes) -> None:
        self._connections = list(connections)
        self._open: list[asyncio.StreamWriter] = []
        self.greeted = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.append(writer)
        await reader.readline()
        self.greeted += 1
        with contextlib.suppress(OSError):
            writer.write(self._connections.pop(0) if self._connections else THERE)
            await writer.drain()

    def close(self) -> None:
        for writer in self._open:
            writer.transport.abort()


@asynccontextmanager
async def _a_pbx(*connections: bytes) -> AsyncIterator[tuple[TcpPbx, Exchange, asyncio.Event]]:
    exchange = Exchange(*connections)
    server = await asyncio.start_server(exchange.serve, "127.0.0.1", 0)
    told = asyncio.Event()
    address = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    pbx = TcpPbx(PbxId("cloud"), address, told.set)
    work = asyncio.create_task(pbx.run())
    try:
        yield pbx, exchange, told
        assert not work.done(), "the adapter ended, and with it the process"
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        exchange.close()
        server.close()


async def _heard(pbx: TcpPbx, told: asyncio.Event, count: int) -> list[PbxEvent]:
    found: list[PbxEvent] = []
    async with asyncio.timeout(5):
        while len(found) < count:
            await told.wait()
            told.clear()
            found += pbx.take()
    return found


@pytest.mark.rule("G3")
@pytest.mark.parametrize("what", NONSENSE)
async def test_a_line_that_cannot_be_read_begins_the_conversation_anew(what: str) -> None:
    """A connection begins with a list of legs, which shows missed events, so no agent stays busy for ever."""
    with capture_logs() as logs:
        async with _a_pbx(THERE + NONSENSE[what] + SILENT, THERE) as (pbx, exchange, told):
            found = await _heard(pbx, told, 3)
            assert [type(each) for each in found] == [PbxThere, PbxGone, PbxThere]
            assert exchange.greeted == 2
    (said,) = [each for each in logs if each["log_level"] == "error"]
    assert said["event"] == "gateway.pbx_unreadable"
    assert said["pbx_id"] == "cloud"
    assert 0 < len(said["reason"]) <= 300


async def test_a_happening_of_a_newer_pbx_is_passed_over() -> None:
    """A newer PBX beside an older gateway is no reason to drop the calls on it."""
    newer = b'{"happening":{"happening":"leg_transcribed","leg_id":"leg","words":["hello"]}}\n'
    with capture_logs() as logs:
        async with _a_pbx(THERE + newer + SILENT) as (pbx, exchange, told):
            found = await _heard(pbx, told, 2)
            assert [type(each) for each in found] == [PbxThere, port.Silent]
            assert exchange.greeted == 1
    assert [each["happening"] for each in logs if each["event"] == "gateway.happening_unknown"] == [
        "leg_transcribed"
    ]


async def test_a_pbx_that_only_talks_nonsense_is_asked_ever_more_rarely() -> None:
    """A broken PBX loads neither the processor nor the log."""
    async with _a_pbx(*[b"nonsense\n"] * 50) as (_, exchange, __):
        await asyncio.sleep(1.2)
        assert exchange.greeted <= 4


async def test_a_connection_cut_in_the_middle_of_a_line_is_a_pbx_that_is_gone() -> None:
    """Half a line is not a malformed line: the cable was pulled."""
    with capture_logs() as logs:
        async with _a_pbx(THERE + SILENT[:10]) as (pbx, exchange, told):
            await _heard(pbx, told, 1)
            exchange.close()
            assert [type(each) for each in await _heard(pbx, told, 2)] == [PbxGone, PbxThere]
    assert [each for each in logs if each["log_level"] == "error"] == []


COMMANDS = get_args(port.AnyCommand)
EVENTS = tuple(each for each in get_args(port.AnyPbxEvent) if each is not port.Sound)
FACTS: tuple[type[Fact], ...] = SAYS


class Phones:
    """One gateway's state machine between a log and a PBX, both with arbitrary messages."""

    def __init__(self, seed: int, malice: float) -> None:
        self._chance = random.Random(seed)
        self._hostile = Hostile(self._chance, malice)
        self._organization = OrganizationId("north")
        self.machine = Gateway(PbxId("PbxId0"), self._organization)
        self._offset = 0
        self._said: list[Say] = []
        self._seq = 0
        for _ in range(self._chance.randrange(6)):
            self._recall()
        self.machine.claimed(offset=self._next())
        self._tell(PbxThere())

    def _next(self) -> int:
        self._offset += 1
        return self._offset

    def _envelope(self, message: Any, source: str, seq: int) -> Envelope:
        return Envelope(
            id=f"{source}/{seq}",
            type=type_name(message),
            source=source,
            organization_id=self._organization,
            seq=seq,
            incarnation=self.machine.incarnation or 0,
        )

    def _recall(self) -> None:
        fact = self._hostile.fact(self._chance.choice(FACTS))
        self.machine.recall(
            self._envelope(fact, self.machine.source, 1), fact, offset=self._next(), at=Instant(NOW)
        )

    def go_on(self) -> None:
        now = self._hostile.now
        match self._chance.randrange(6):
            case 0 | 1:
                self._seq += 1
                command = self._hostile.message(self._chance.choice(COMMANDS))
                envelope = self._envelope(command, "queue", self._seq)
                self.machine.command(now, envelope, command, ref=self._seq, at=Instant(now))
            case 2 | 3:
                self._tell(self._hostile.message(self._chance.choice(EVENTS)))
            case 4:
                fact = self._hostile.fact(self._chance.choice(FACTS))
                envelope = self._envelope(fact, self.machine.source, 1)
                self.machine.hear(now, envelope, fact, offset=self._next(), at=Instant(now))
            case _:
                self._hostile.now += self._chance.choice((1, 2_000, 40_000))
                self.machine.advance(self._hostile.now)
        self._carry_out()

    def _tell(self, happening: Any) -> None:
        self.machine.handle(self._hostile.now, happening)

    def _carry_out(self) -> None:
        """Return its facts to it from the log, and remember its requests."""
        effects = self.machine.take()
        for _ in range(20):
            for effect in effects:
                if isinstance(effect, Say):
                    self._hostile.note(effect.fact)
                    envelope = self._envelope(effect.fact, self.machine.source, 1)
                    now = Instant(self._hostile.now)
                    self.machine.hear(now, envelope, effect.fact, offset=self._next(), at=now)
                elif isinstance(effect, Ask):
                    self._hostile.note(effect.request)
            effects = self.machine.take()
            if not effects:
                return


@pytest.mark.parametrize("malice", [0.01, 0.2])
def test_no_happening_command_or_fact_makes_a_gateway_raise(malice: float) -> None:
    """A gateway that raises ends its process, which serves several PBXs."""
    for seed in range(150):
        phones = Phones(seed, malice)
        try:
            for _ in range(40):
                phones.go_on()
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error


def test_commands_are_all_drawn() -> None:
    """A fuzz proves nothing about a command that it leaves out."""
    assert set(COMMANDS) == {
        each for each in telephony.TelephonyCommand.__subclasses__() if each.__module__ == telephony.__name__
    }


def test_a_note_in_the_spool_that_cannot_be_read_does_not_keep_the_gateway_from_starting(
    tmp_path: Path,
) -> None:
    """A disk that lost its power leaves half a file; every other recording must still reach S3."""
    whole = SpoolEntry(
        recording_id=RecordingId("r1"),
        leg_id=LegId("leg"),
        pbx_id=PbxId("cloud"),
        organization_id=OrganizationId("north"),
    )
    Spool(tmp_path).begin(whole)
    for name, data in (("a.json", b""), ("b.json", b'{"recording_id":"r2"'), ("c.json", b"\xff\x00[]")):
        (tmp_path / name).write_bytes(data)
    with capture_logs() as logs:
        found = Spool(tmp_path).recordings(OrganizationId("north"), PbxId("cloud"))
    assert [each.recording_id for each in found] == ["r1"]
    assert [each["file"] for each in logs] == ["a.json", "b.json", "c.json"]


class Runner:
    """What recordings need of a runner."""

    organization_id = OrganizationId("north")
    pbx_id = PbxId("cloud")

    def __init__(self) -> None:
        self.machine: Gateway | None = Gateway(self.pbx_id, self.organization_id)
        self.work: list[Coroutine[Any, Any, None]] = []

    def pump(self) -> None:
        """Nothing to carry out."""

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        self.work.append(work)


@pytest.mark.rule("V8")
async def test_a_pbx_that_promises_more_sound_than_it_has_is_not_asked_for_ever(tmp_path: Path) -> None:
    """The received sound is delivered as cut off; the gateway does not ask endlessly."""
    runner, spool, asked = Runner(), Spool(tmp_path), []
    assert runner.machine is not None
    record = telephony.Record(
        pbx_id=runner.pbx_id,
        leg_id=LegId("leg"),
        recording_id=RecordingId("r1"),
        duration_ms_max=180_000,
        silence_ms_max=5_000,
    )
    runner.machine.claimed(offset=1)
    runner.machine.handle(NOW, PbxThere())
    runner.machine.handle(NOW, port.Arrived(leg_id=LegId("leg"), caller=None, line="+74950001000"))
    envelope = Envelope(
        id="x", type=type_name(record), source="voicemail", organization_id=OrganizationId("north"), seq=1
    )
    runner.machine.command(NOW, envelope, record, ref=1, at=Instant(NOW))
    uploads = Uploads(spool, MemoryBlobs(), SystemClock())
    recordings = Recordings(runner, spool, uploads, lambda _, request: asked.append(request), "http://s/")
    recordings.start(runner.machine, RecordingId("r1"), LegId("leg"))
    recordings.sound(port.Sound(recording_id=RecordingId("r1"), from_byte=0, data=b"\xd5" * 8_000))
    promised = CloseRecording(recording_id=RecordingId("r1"), bytes=10**12, cause=port.Cause.HANG_UP)
    while not runner.work:
        recordings.close(promised)
        assert len(asked) <= 100
    await runner.work[0]
    for rest in runner.work[1:]:
        rest.close()
    assert asked, "nothing was ever fetched"
    (found,) = spool.recordings(runner.organization_id, runner.pbx_id)
    assert (found.cause, found.duration_ms) == (port.Cause.CUT_OFF, 1_000)
