"""A phone that is no Asterisk registers with an exported password, and is dialled by the gateway.

It proves exact SIP codes, which no dialplan can send, and the sound of both directions by its tones.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from contracts import telephony
from contracts.ids import LegId, MediaKey, PlayId, RecordingId
from ringback.pbx_files.plan import PbxPlan, PlannedPhone
from ringback.stack.asterisk import Instance, Root, free_address
from ringback.stack.asterisk.sounds import tone
from runtime.memory import MemoryBlobs
from services.gateway import port
from tests.integration.asterisk import ears
from tests.integration.asterisk.office import CLOUD, Gateway
from tests.integration.asterisk.wire_phone import TALK, WirePhone

pytestmark = [pytest.mark.xdist_group("asterisk"), pytest.mark.timeout(180)]

SAID_HZ, PLAYED_HZ = 440, 610


@pytest.fixture(scope="module")
def pbx(tmp_path_factory: pytest.TempPathFactory, asterisk_root: Root) -> Iterator[Instance]:
    """A PBX as it is exported, with one phone."""
    plan = PbxPlan(pbx_id=CLOUD, phones=(PlannedPhone(extension="201", password="generated"),))
    folder = tmp_path_factory.mktemp("wire")
    instance = Instance.of_plan(folder, plan, root=asterisk_root, dies_with_parent=True)
    instance.start()
    yield instance
    instance.stop()


@pytest.fixture
async def gateway(pbx: Instance) -> AsyncIterator[Gateway]:
    """Connected, with one prompt."""
    blobs = MemoryBlobs()
    await blobs.put("prompt.wav", ears.wav(PLAYED_HZ, ms=1_500))
    gateway = Gateway(pbx.ari_address(), blobs)
    gateway.begin()
    await gateway.until(port.PbxThere)
    yield gateway
    await gateway.die()


@asynccontextmanager
async def a_phone(pbx: Instance, folder: Path, word: str) -> AsyncIterator[WirePhone]:
    """A registered phone, which says a tone if it talks."""
    phone = WirePhone(free_address(), pbx.address, "201", "generated", word)
    await phone.start(folder, tone(SAID_HZ, duration_ms=20_000))
    try:
        yield phone
    finally:
        phone.stop()


@pytest.mark.rule("G1")
@pytest.mark.parametrize("code", [404, 480, 486, 488, 503, 603])
async def test_the_very_code_of_a_phone_that_refuses_is_told(
    pbx: Instance, gateway: Gateway, tmp_path: Path, code: int
) -> None:
    """Busy, declined and out of reach are different ends for an agent and for a customer."""
    async with a_phone(pbx, tmp_path, str(code)):
        leg_id = LegId(f"refused-{code}")
        gateway.dial("sip:201", leg_id)
        ended = await gateway.until(port.Ended, leg_id=leg_id)
        assert ended.code == code
        assert gateway.heard(port.Progressed, leg_id=leg_id)


async def test_sound_is_heard_both_ways(pbx: Instance, gateway: Gateway, tmp_path: Path) -> None:
    """The phone hears a prompt, and what it says is recorded: nothing else is in either."""
    leg_id, recording_id = LegId("talks"), RecordingId("said")
    async with a_phone(pbx, tmp_path, TALK) as phone:
        gateway.dial("sip:201", leg_id)
        await gateway.until(port.PickedUp, leg_id=leg_id)
        media = (MediaKey("prompt.wav"),)
        gateway.ask(telephony.Play(pbx_id=CLOUD, leg_id=leg_id, play_id=PlayId("prompt"), media=media))
        assert (await gateway.until(port.PlayEnded, leg_id=leg_id)).ok
        gateway.ask(
            telephony.Record(
                pbx_id=CLOUD,
                leg_id=leg_id,
                recording_id=recording_id,
                duration_ms_max=2_000,
                silence_ms_max=60_000,
                tone=False,
            )
        )
        await gateway.until(port.RecordingClosed, recording_id=recording_id)
        gateway.hang_up(leg_id)
        await phone.ended.wait()
    said = b"".join(each.data for each in gateway.heard(port.Sound, recording_id=recording_id))
    assert ears.tone_ms(said, SAID_HZ) >= 1_500
    assert ears.tone_ms(said, PLAYED_HZ) == 0
    heard = (tmp_path / "heard.alaw").read_bytes()
    assert 1_300 <= ears.tone_ms(heard, PLAYED_HZ) <= 1_700
    assert ears.tone_ms(heard, SAID_HZ) == 0
