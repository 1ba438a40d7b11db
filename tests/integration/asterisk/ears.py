"""Sound on the phones of an office: tones that they say, and what of it is heard, judged by frequency."""

import array
import asyncio
import audioop
import math
import struct
import time
from pathlib import Path
from typing import Final

from runtime.wav import canonical
from services.gateway.asterisk.ari import Channel
from services.gateway.asterisk.client import path
from tests.integration.asterisk.office import WORLD, Office

RATE_HZ: Final = 8_000
WINDOW_MS: Final = 100
BYTES_PER_MS: Final = 8
AMPLITUDE: Final = 8_000
SHARE_MIN: Final = 0.5
"""Of a window's energy at one frequency: a lone tone has nearly all of it, one of two at once about half."""
LOUD: Final = 1_000.0
"""The mean square of a window that is not silence."""


def samples(*tones_hz: int, ms: int) -> bytes:
    """Tones at once, or silence, as PCM."""
    each = AMPLITUDE / max(1, len(tones_hz))
    return array.array(
        "h",
        (
            round(sum(each * math.sin(math.tau * hz * at / RATE_HZ) for hz in tones_hz))
            for at in range(ms * RATE_HZ // 1_000)
        ),
    ).tobytes()


def wav(*tones_hz: int, ms: int) -> bytes:
    """The same in the canonical form (T2)."""
    return canonical(samples(*tones_hz, ms=ms))


def _share(pcm: tuple[int, ...], hz: int) -> float:
    """The share of a window's energy at a frequency (Goertzel)."""
    energy = sum(each * each for each in pcm)
    if energy / len(pcm) < LOUD:
        return 0.0
    factor = 2 * math.cos(math.tau * hz / RATE_HZ)
    before = last = 0.0
    for each in pcm:
        before, last = last, each + factor * last - before
    power = before * before + last * last - factor * before * last
    return 2 * power / (len(pcm) * energy)


def tone_ms(a_law: bytes, hz: int, share_min: float = SHARE_MIN) -> int:
    """For how long a tone is heard."""
    return WINDOW_MS * sum(share >= share_min for share in _shares(a_law, hz))


def first_ms(a_law: bytes, hz: int) -> int:
    """When it is first heard."""
    return WINDOW_MS * [share >= SHARE_MIN for share in _shares(a_law, hz)].index(True)


def _shares(a_law: bytes, hz: int) -> list[float]:
    size = WINDOW_MS * BYTES_PER_MS
    windows = (a_law[at : at + size] for at in range(0, len(a_law) - size + 1, size))
    return [_share(struct.unpack(f"<{size}h", audioop.alaw2lin(each, 2)), hz) for each in windows]


def loud_ms(a_law: bytes) -> int:
    """For how long anything is heard."""
    size = WINDOW_MS * BYTES_PER_MS
    windows = (a_law[at : at + size] for at in range(0, len(a_law) - size + 1, size))
    return WINDOW_MS * sum(audioop.rms(audioop.alaw2lin(each, 2), 2) ** 2 >= LOUD for each in windows)


class Ear:
    """Listens to what a phone receives, from now on."""

    def __init__(self, office: Office, name: str) -> None:
        self._office = office
        self._name = name

    async def stop(self) -> bytes:
        """Everything that was heard, A-law."""
        world = self._office.world
        await world.request("POST", path("recordings", "live", self._name, "stop"))
        # Asterisk writes four seconds at once, and the rest when it closes the file, after its reply.
        while not self._is_closed():
            await self._office.pause()
        await world.request("DELETE", path("channels", self._name))
        return (self._office.instances.world.recordings_folder / f"{self._name}.alaw").read_bytes()

    def _is_closed(self) -> bool:
        closed = (e for e in self._office.events if e.type in ("RecordingFinished", "RecordingFailed"))
        return any(e.recording is not None and e.recording.name == self._name for e in closed)


async def an_ear(office: Office, channel: Channel) -> Ear:
    """Begin to listen at a phone."""
    name = f"ear-{time.time_ns()}"
    world = office.world
    snoop = {"spy": "in", "app": WORLD, "appArgs": "calling", "snoopId": name}
    assert (await world.request("POST", path("channels", channel.id, "snoop"), query=snoop)).is_ok
    while not [e for e in office.events if e.type == "StasisStart" and e.channel and e.channel.id == name]:
        await office.pause()
    query = {"name": name, "format": "alaw"}
    assert (await world.request("POST", path("channels", name, "record"), query=query)).is_ok
    return Ear(office, name)


async def heard_for(office: Office, channel: Channel, seconds: float) -> bytes:
    """What a phone receives from now on."""
    ear = await an_ear(office, channel)
    await asyncio.sleep(seconds)
    return await ear.stop()


async def says(office: Office, channel: Channel, *tones_hz: int, ms: int = 60_000) -> None:
    """Let a phone send a tone, or silence: a phone that sends nothing is another thing."""
    folder: Path = office.instances.world.media_folder
    name = folder / f"{'-'.join(map(str, tones_hz)) or 'silence'}-{ms}"
    name.with_suffix(".wav").write_bytes(wav(*tones_hz, ms=ms))
    body = {"media": [f"sound:{name}"]}
    played = await office.world.request("POST", path("channels", channel.id, "play"), body=body)
    assert played.is_ok
