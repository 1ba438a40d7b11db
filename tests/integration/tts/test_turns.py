"""One organization's notices leave an engine to the others (O1)."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from contracts.codec import Envelope
from contracts.ids import OrganizationId
from contracts.message import Fact
from runtime.edge import EdgePorts
from runtime.memory import MemoryBlobs, MemoryClock
from services.tts.activities.engine import EspeakNg, Sound
from services.tts.activities.notice_handler import NoticeHandler
from services.tts.activities.renderer import Renderer
from services.tts.rules.content_address import Voice
from services.tts.service import EDGE
from services.tts.settings import Settings
from tests.integration.tts.sounds import VOICES
from tests.unit.tts.stories import asked


class HeldEngine:
    """Speaks when the test lets it, and tells what it was asked."""

    name = "espeak-ng"

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.go_on = asyncio.Event()

    async def speak(self, text: str, voice: Voice) -> Sound:
        """Wait, and speak."""
        self.begun.append(text)
        await self.go_on.wait()
        return await EspeakNg().speak(text, voice)

    async def speak_all(self, texts: Sequence[str], voice: Voice) -> list[Sound]:
        """Nobody asks for standard prompts here."""
        raise AssertionError(texts)


@pytest.mark.rule("O1", "T5")
async def test_a_neighbours_notice_is_rendered_beside_a_flood() -> None:
    """Of two engines one organization has one, however many notices it saves."""
    engine = HeldEngine()
    renderer = Renderer(blobs=MemoryBlobs(), engine=engine, voices=VOICES)
    said: list[Fact] = []

    async def say(facts: Sequence[Fact], **_: object) -> tuple[()]:
        said.extend(facts)
        return ()

    notices = NoticeHandler(renderer=renderer, say=say, clock=MemoryClock())

    def begin(organization: str, number: int) -> asyncio.Task[None]:
        heard = asked(f"Объявление {organization} {number}.", notice=f"n{number}")
        envelope: Envelope = msgspec.structs.replace(
            heard.envelope, organization_id=OrganizationId(organization)
        )
        return asyncio.create_task(notices.render(msgspec.structs.replace(heard, envelope=envelope)))

    flood = [begin("flood", number) for number in range(5)]
    await asyncio.sleep(0.05)
    assert len(engine.begun) == 1
    neighbour = begin("neighbour", 1)
    await asyncio.sleep(0.05)
    assert len(engine.begun) == 2
    assert "neighbour" in engine.begun[1]
    engine.go_on.set()
    await asyncio.gather(*flood, neighbour)
    assert len(said) == 6


@pytest.mark.rule("O1")
def test_the_topic_is_read_by_turns() -> None:
    """One organization has a part of the notices that are in work at once."""
    clock = MemoryClock()

    async def say(facts: Sequence[Fact], **_: object) -> tuple[()]:
        return ()

    ports = EdgePorts(say=say, blobs=MemoryBlobs(), clock=clock, log_time=clock.now)
    [subscription] = EDGE.build(ports, Settings(tts_notices_max=256)).subscriptions
    assert subscription.per_organization_max == 64
