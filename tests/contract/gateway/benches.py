"""Test benches for adapters: each has a simulated network, and lets time pass until an event comes."""

import asyncio
import math
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

from contracts import telephony
from contracts.directory import Language
from contracts.ids import Address, LegId, MediaKey, PbxId, PlayId
from ringback.phones import PhonesServer
from services.gateway import port
from services.gateway.port import AnyPbxEvent, Pbx, Request
from services.gateway.simulated import AudioLibrary, Call, MemoryPbx, SimulatedNetwork
from services.gateway.simulated import script as scripts
from services.gateway.simulated.tcp import TcpPbx

PBX = PbxId("cloud")
LINE = "+74951230001"
CUSTOMER = "+79161234567"
L1, L2 = LegId("leg-1"), LegId("leg-2")
SPEED = 8
"""How much faster the network's clock runs over TCP, where real latencies count that much more."""

H = TypeVar("H")


def wav(duration_ms: int, *, rate: int = 8000, bits: int = 16) -> bytes:
    """Silence in a WAV, canonical by default."""
    data = bytes(duration_ms * rate // 1000 * bits // 8)
    form = struct.pack("<HHIIHH", 1, 1, rate, rate * bits // 8, bits // 8, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


MEDIA = {
    "short.wav": wav(400),
    "long.wav": wav(3_000),
    "invitation.wav": wav(800),
    "wide.wav": wav(400, rate=16_000),
    "broken.wav": b"RIFF????WAVE",
    "picture.wav": b"\x89PNG\r\n\x1a\n",
}


def voice(text: str, language: Language) -> bytes:
    """A tone in place of speech: 60 ms a letter, never A-law's silence."""
    return bytes(0x55 ^ int(40 + 30 * math.sin(n / 3)) for n in range(len(text) * 480))


def picks_up(*steps: dict[str, Any]) -> dict[str, Any]:
    """A phone that is answered soon by a person with this behaviour."""
    return {"answer_after_s": 0.3, "then": list(steps)}


SCRIPT: dict[str, Any] = {
    "pbxs": {
        "cloud": {
            "phones": {
                "sip:201": {"behaviours": [{"answer_after_s": 0.5}]},
                "sip:202": {"behaviours": [{"decline_after_s": 0.4}]},
                "sip:203": {"is_reachable": False},
                "sip:204": {"behaviours": [{"condition": "no_codec"}]},
                "sip:205": {"behaviours": [{}]},
                "sip:206": {
                    "behaviours": [{"answer_after_s": 0.3, "then": [{"wait_s": 0.5}, {"press": "1"}]}]
                },
                "sip:207": {
                    "behaviours": [
                        {
                            "answer_after_s": 0.3,
                            "then": [{"until": "recording"}, {"say": "hello there"}, {"hang_up": True}],
                        }
                    ]
                },
                "sip:208": {
                    "behaviours": [
                        {
                            "answer_after_s": 0.3,
                            "then": [
                                {"until": "recording"},
                                {"say": "hello"},
                                {"wait_s": 0.2},
                                {"press": "#"},
                            ],
                        }
                    ]
                },
                "sip:209": {
                    "behaviours": [
                        {"answer_after_s": 0.3, "then": [{"during": "long"}, {"wait_s": 0.5}, {"press": "5"}]}
                    ]
                },
                "sip:210": {
                    "behaviours": [
                        {
                            "answer_after_s": 0.3,
                            "then": [{"until": "bridged"}, {"wait_s": 0.5}, {"hang_up": True}],
                        }
                    ]
                },
                "sip:211": {
                    "behaviours": [
                        picks_up(
                            {"until": "recording"},
                            {"say": "hello"},
                            {"press": "#"},
                            {"wait_s": 0.5},
                            {"hang_up": True},
                        )
                    ]
                },
            },
            "extensions": ["300"],
        },
        "second": {"phones": {"sip:205": {"behaviours": [{"answer_after_s": 0.4}]}}},
    },
    "public": {
        "+79160000001": {"behaviours": [{"condition": "busy"}]},
        "+79160000002": {"behaviours": [{"condition": "unknown"}]},
        "+79160000003": {"behaviours": [{"condition": "blocked"}]},
        "+79160000004": {"behaviours": [{"condition": "dead"}]},
        CUSTOMER: {"behaviours": [{"answer_after_s": 0.5}]},
    },
}


def a_network(**network: Any) -> SimulatedNetwork:
    """The network of all contract tests."""
    script = {**SCRIPT, "pbxs": {**SCRIPT["pbxs"], "cloud": {**SCRIPT["pbxs"]["cloud"], "network": network}}}
    sounds = AudioLibrary(lambda key: MEDIA.get(key), voice)
    return SimulatedNetwork(scripts.read(script), sounds, seed=7)


class Bench(Protocol):
    """An adapter with a network behind it."""

    network: SimulatedNetwork
    pbx: Pbx

    def now(self) -> int:
        """The network's clock, ms."""

    async def until(self, kind: type[H], ms_max: int = 6_000, **fields: Any) -> H:
        """Let time pass until this event came; fails after `ms_max`."""

    async def run(self, ms: int) -> None:
        """Let time pass."""

    def heard(self, kind: type[H], **fields: Any) -> list[H]:
        """The events so far."""

    def ask(self, request: Request) -> int:
        """Send a request under a new number."""

    def call_in(self, **fields: Any) -> LegId:
        """Let a customer call."""

    def vanish(self, **fields: Any) -> None:
        """Take the PBX away."""


class BenchBase:
    """The common part of both benches: numbers of requests, and a search in the events."""

    network: SimulatedNetwork
    pbx: Pbx

    def __init__(self) -> None:
        self.told: list[AnyPbxEvent] = []
        self._number = 0

    def ask(self, request: Request, number: int | None = None) -> int:
        self._number += 1
        self.pbx.ask(number or self._number, request)
        return number or self._number

    def heard(self, kind: type[H], **fields: Any) -> list[H]:
        return [
            each
            for each in self.told
            if isinstance(each, kind) and all(getattr(each, name) == value for name, value in fields.items())
        ]

    def now(self) -> int:
        raise NotImplementedError

    def call_in(self, **fields: Any) -> LegId:
        call = Call(**{"line": LINE, "caller": CUSTOMER, **fields})
        return self.network.pbxs[PBX].call_in(self.now(), call)

    def vanish(self, **fields: Any) -> None:
        self.network.pbxs[PBX].vanish(self.now(), **fields)

    async def _pass(self, ms_max: int) -> None:
        raise NotImplementedError

    async def until(self, kind: type[H], ms_max: int = 6_000, **fields: Any) -> H:
        end = self.now() + ms_max
        while not (found := self.heard(kind, **fields)):
            assert self.now() < end, (
                f"not told within {ms_max} ms: {kind.__name__} {fields}; told: {self.told}"
            )
            await self._pass(end - self.now())
        return found[0]

    async def run(self, ms: int) -> None:
        end = self.now() + ms
        while self.now() < end:
            await self._pass(end - self.now())


class MemoryBench(BenchBase):
    """Virtual time."""

    def __init__(self, network: SimulatedNetwork) -> None:
        super().__init__()
        self.network = network
        self._now = 1_000
        network.begin(self._now)
        self.pbx = MemoryPbx(network.pbxs[PBX], self.now)

    def now(self) -> int:
        return self._now

    async def _pass(self, ms_max: int) -> None:
        next_at = self.network.next_event_at()
        self._now = min(
            self._now + ms_max, max(self._now, next_at if next_at is not None else self._now + ms_max)
        )
        self.network.advance(self._now)
        taken = self.pbx.take()
        self.told += taken
        if not taken and next_at is not None and next_at <= self._now:
            # Another PBX's event, which this test ignores.
            for pbx_id, pbx in self.network.pbxs.items():
                if pbx_id != PBX:
                    pbx.events(self._now)


class TcpBench(BenchBase):
    """Real time, SPEED times as fast, over a socket on loopback."""

    def __init__(self, network: SimulatedNetwork) -> None:
        super().__init__()
        self.network = network
        self.server = PhonesServer(network, speed=SPEED)
        self._woken = asyncio.Event()

    def now(self) -> int:
        return self.server.now()

    async def start(self) -> asyncio.Task[None]:
        self.port = await self.server.start(0)
        self.server.begin()
        self.adapter = TcpPbx(PBX, f"tcp://127.0.0.1:{self.port}", self._woken.set)
        self.pbx = self.adapter
        return asyncio.create_task(self.adapter.run())

    def call_in(self, **fields: Any) -> LegId:
        leg_id = super().call_in(**fields)
        self.server._changed.set()
        return leg_id

    def vanish(self, **fields: Any) -> None:
        super().vanish(**fields)
        self.server._changed.set()

    async def _pass(self, ms_max: int) -> None:
        deadline = time.monotonic() + ms_max / 1000 / SPEED
        with_timeout = max(0.001, min(0.05, deadline - time.monotonic()))
        self._woken.clear()
        self.told += self.pbx.take()
        try:
            async with asyncio.timeout(with_timeout):
                await self._woken.wait()
        except TimeoutError:
            pass
        self.told += self.pbx.take()


@asynccontextmanager
async def a_bench(kind: str, **network: Any) -> AsyncIterator[MemoryBench | TcpBench]:
    """A bench of one kind: `memory` or `tcp`."""
    if kind == "memory":
        yield MemoryBench(a_network(**network))
        return
    bench = TcpBench(a_network(**network))
    running = await bench.start()
    try:
        yield bench
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await bench.server.stop()


AnyBench = MemoryBench | TcpBench


def dial(address: str, leg_id: LegId = L1) -> telephony.DialLeg:
    return telephony.DialLeg(
        pbx_id=PBX, leg_id=leg_id, address=Address(address), caller_id=LINE, ring_ms_max=20_000
    )


def play(
    *keys: str,
    play_id: str = "play-1",
    leg_id: LegId = L1,
    barge_in: bool = False,
    interrupts: bool = False,
) -> telephony.Play:
    return telephony.Play(
        pbx_id=PBX,
        leg_id=leg_id,
        play_id=PlayId(play_id),
        media=tuple(MediaKey(key) for key in keys),
        barge_in=barge_in,
        interrupts=interrupts,
    )


async def answered(bench: AnyBench, address: str, leg_id: LegId = L1) -> None:
    bench.ask(dial(address, leg_id))
    await bench.until(port.PickedUp, leg_id=leg_id)
