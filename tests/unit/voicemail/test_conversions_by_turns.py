"""One organization's recordings leave a converter to the others (O1)."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import SecretStr

from contracts.message import Fact
from runtime.edge import EdgePorts
from runtime.memory import MemoryBlobs, MemoryClock
from services.voicemail.activities import conversion
from services.voicemail.activities.conversion import Conversion, Mp3Converter
from services.voicemail.service import EDGE
from services.voicemail.settings import Settings
from tests.unit.voicemail.sounds import spoken

NOTHING = Conversion(mp3=b"", voiced_ms=0, speech_ms=0)


@pytest.mark.rule("O1")
async def test_a_neighbours_recording_is_converted_beside_a_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two converters one organization has one, however many recordings it brings."""
    under_way = 0
    go_on = asyncio.Event()

    async def slow(_original: bytes, _source: object, _folder: Path, **_limits: int) -> Conversion:
        nonlocal under_way
        under_way += 1
        await go_on.wait()
        return NOTHING

    monkeypatch.setattr(conversion, "_converted", slow)
    converter = Mp3Converter(at_once_max=2)

    def begin(organization_id: str) -> asyncio.Task[Conversion]:
        asked = converter.convert(
            spoken(), speech_ms_min=1, duration_ms_max=60_000, organization_id=organization_id
        )
        return asyncio.create_task(asked)

    flood = [begin("flood") for _ in range(5)]
    await asyncio.sleep(0.01)
    assert under_way == 1
    neighbour = begin("neighbour")
    await asyncio.sleep(0.01)
    assert under_way == 2
    go_on.set()
    assert await asyncio.gather(*flood, neighbour) == [NOTHING] * 6


@pytest.mark.rule("O1")
def test_recordings_and_letters_are_taken_by_turns() -> None:
    """One organization has half of what is under way at once."""
    clock = MemoryClock()

    async def say(facts: Sequence[Fact], **_: object) -> tuple[()]:
        return ()

    ports = EdgePorts(say=say, blobs=MemoryBlobs(), clock=clock, log_time=clock.now)
    settings = Settings(
        smtp=SecretStr("smtp://127.0.0.1:2525"), mail_from="ringback@volga.example", deliveries_at_once_max=8
    )
    subscription, _ = EDGE.build(ports, settings).subscriptions
    assert subscription.per_organization_max == 4
