"""Test benches for adapters: each has a network of phones, and lets time pass until an event comes."""

import array
import asyncio
import audioop
import math
import struct
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

import pytest

from contracts import telephony
from contracts.directory import Language
from contracts.ids import Address, LegId, MediaKey, PbxId, PlayId
from devtools.town.recognition import tone_share
from ringback.phones import PhonesServer
from ringback.stack.asterisk.sounds import tone
from services.gateway import port
from services.gateway.port import AnyPbxEvent, Pbx, Request
from services.gateway.simulated import AudioLibrary, Call, MemoryPbx, SimulatedNetwork
from services.gateway.simulated import script as scripts
from services.gateway.simulated.audio import SAMPLES_PER_MS
from services.gateway.simulated.handsets import HandsetRegistry
from services.gateway.simulated.tcp import TcpPbx

PBX = PbxId("cloud")
LINE = "+74951230001"
CUSTOMER = "+79161234567"
L1, L2 = LegId("leg-1"), LegId("leg-2")
SPEED = 8
"""How much faster the network's clock runs over TCP, where real latencies count that much more."""

VOICE_HZ = 440
LOUD = 500
"""The amplitude above which somebody speaks, of 32,768."""
LETTER_MS = 60
"""How long people take for a letter of what they say."""

H = TypeVar("H")


def wav(duration_ms: int, *, hertz: int = 500, rate: int = 8000, bits: int = 16) -> bytes:
    """A tone in a WAV, canonical by default: nobody could recognize silence."""
    samples = array.array(
        "h",
        (round(8_000 * math.sin(math.tau * hertz * at / rate)) for at in range(duration_ms * rate // 1000)),
    )
    data = samples.tobytes() if bits == 16 else bytes(len(samples))
    form = struct.pack("<HHIIHH", 1, 1, rate, rate * bits // 8, bits // 8, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


MEDIA = {
    "short.wav": wav(400, hertz=450),
    "long.wav": wav(3_000, hertz=610),
    "invitation.wav": wav(800, hertz=370),
    "wide.wav": wav(400, rate=16_000),
    "broken.wav": b"RIFF????WAVE",
    "picture.wav": b"\x89PNG\r\n\x1a\n",
}


def voice(text: str, language: Language) -> bytes:
    """A tone in place of speech."""
    return tone(VOICE_HZ, duration_ms=len(text) * LETTER_MS)


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
                            {"until": "bridged"},
                            # By then the bridge is recorded, which has no tone that says so.
                            {"wait_s": 2},
                            {"say": "hello"},
                            {"press": "#"},
                            {"wait_s": 0.5},
                            {"hang_up": True},
                        )
                    ]
                },
                "sip:212": {"behaviours": [picks_up({"wait_s": 0.5}, {"loses_sound": True})]},
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
        "+79160000005": {
            "behaviours": [{"ring_after_s": 0.5, "is_progress_only": True, "answer_after_s": 0.5}]
        },
        "+79160000006": {
            "behaviours": [{"ring_after_s": 0.5, "is_progress_only": True, "gives_up_after_s": 0.5}]
        },
        CUSTOMER: {"behaviours": [{"answer_after_s": 0.5}]},
    },
}


def a_network(**network: Any) -> SimulatedNetwork:
    """The network of all contract tests."""
    script = {**SCRIPT, "pbxs": {**SCRIPT["pbxs"], "cloud": {**SCRIPT["pbxs"]["cloud"], "network": network}}}
    sounds = AudioLibrary(lambda key: MEDIA.get(key), voice)
    return SimulatedNetwork(scripts.read(script), sounds, seed=7)


class PhoneNetwork(Protocol):
    """Phones, whoever plays them: what happened to each is counted."""

    counts: Counter[str]
    handsets: HandsetRegistry


class Bench(Protocol):
    """An adapter with a network behind it."""

    told: list[AnyPbxEvent]

    @property
    def network(self) -> PhoneNetwork:
        """The phones."""

    @property
    def pbx(self) -> Pbx:
        """The adapter."""

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

    def call_in(self, **fields: Any) -> None:
        """Let a customer call."""

    def vanish(self, *, for_ms: int, drops: float = 0.0) -> None:
        """Take the PBX away, and a share of its legs from it."""

    async def leave(self) -> None:
        """The gateway goes away, and the PBX is without one."""

    async def come_back(self) -> None:
        """A new gateway connects to the PBX."""

    def shown(self, address: str) -> tuple[str, str]:
        """The number and the name that a phone has shown, of its newest call."""

    def missed(self, address: str) -> int:
        """How many missed calls a phone has noted."""


class BenchBase:
    """The common part of all benches: numbers of requests, and a search in the events."""

    network: PhoneNetwork
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

    def shown(self, address: str) -> tuple[str, str]:
        handset = self.network.handsets.of(PBX, Address(address))
        assert handset is not None
        return handset.shown

    def missed(self, address: str) -> int:
        return self.network.counts[f"missed {address}"]

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


def a_call(**fields: Any) -> Call:
    """The customer's call to our line, unless said otherwise."""
    return Call(**{"line": LINE, "caller": CUSTOMER, **fields})


class SimulatedBench(BenchBase):
    """A bench whose network is simulated."""

    network: SimulatedNetwork

    def call_in(self, **fields: Any) -> None:
        self.network.pbxs[PBX].call_in(self.now(), a_call(**fields))

    def vanish(self, *, for_ms: int, drops: float = 0.0) -> None:
        self.network.pbxs[PBX].vanish(self.now(), for_ms=for_ms, drops=drops)


class MemoryBench(SimulatedBench):
    """Virtual time."""

    def __init__(self, network: SimulatedNetwork) -> None:
        super().__init__()
        self.network = network
        self._now = 1_000
        network.begin(self._now)
        self.pbx = MemoryPbx(network.pbxs[PBX], self.now)
        self._is_away = False

    def now(self) -> int:
        return self._now

    async def leave(self) -> None:
        self._is_away = True

    async def come_back(self) -> None:
        self.pbx, self._is_away = MemoryPbx(self.network.pbxs[PBX], self.now), False

    async def _pass(self, ms_max: int) -> None:
        next_at = self.network.next_event_at(after=self._now if self._is_away else 0)
        self._now = min(
            self._now + ms_max, max(self._now, next_at if next_at is not None else self._now + ms_max)
        )
        self.network.advance(self._now)
        taken = () if self._is_away else self.pbx.take()
        self.told += taken
        if not taken and next_at is not None and next_at <= self._now:
            # Another PBX's event, which this test ignores.
            for pbx_id, pbx in self.network.pbxs.items():
                if pbx_id != PBX:
                    pbx.events(self._now)


class TcpBench(SimulatedBench):
    """Real time, SPEED times as fast, over a socket on loopback."""

    def __init__(self, network: SimulatedNetwork) -> None:
        super().__init__()
        self.network = network
        self.server = PhonesServer(network, speed=SPEED)
        self._woken = asyncio.Event()

    def now(self) -> int:
        return self.server.now()

    async def start(self) -> None:
        self.port = await self.server.start(0)
        self.server.begin()
        await self.come_back()

    async def come_back(self) -> None:
        self.adapter = self.pbx = TcpPbx(PBX, f"tcp://127.0.0.1:{self.port}", self._woken.set)
        self._running = asyncio.create_task(self.adapter.run())

    async def leave(self) -> None:
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)

    def call_in(self, **fields: Any) -> None:
        super().call_in(**fields)
        self.server._changed.set()

    def vanish(self, *, for_ms: int, drops: float = 0.0) -> None:
        super().vanish(for_ms=for_ms, drops=drops)
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
    await bench.start()
    try:
        yield bench
    finally:
        await bench.leave()
        await bench.server.stop()


def assert_said(text: str, recording: bytes) -> None:
    """Assert that a recording has a text from its first to its last letter, and nothing else that is loud.

    The first and the last 20 ms may be cut by whoever encodes; noise and what fills silence are far below.
    """
    samples = memoryview(audioop.alaw2lin(recording, 2)).cast("h")
    loud = [at for at, sample in enumerate(samples) if abs(sample) > LOUD]
    assert loud, "nothing was said"
    said_ms = (loud[-1] - loud[0]) / SAMPLES_PER_MS
    assert said_ms == pytest.approx(len(text) * LETTER_MS, abs=20)
    said = samples[loud[0] : loud[-1]]
    share = tone_share(audioop.lin2alaw(said.tobytes(), 2), VOICE_HZ)
    assert share > 0.9, "what was said is not the tone that was spoken"


def dial(
    address: str, leg_id: LegId = L1, *, caller_id: str = LINE, display_name: str = ""
) -> telephony.DialLeg:
    return telephony.DialLeg(
        pbx_id=PBX,
        leg_id=leg_id,
        address=Address(address),
        caller_id=caller_id,
        ring_ms_max=20_000,
        display_name=display_name,
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


async def answered(bench: Bench, address: str, leg_id: LegId = L1) -> None:
    bench.ask(dial(address, leg_id))
    await bench.until(port.PickedUp, leg_id=leg_id)
