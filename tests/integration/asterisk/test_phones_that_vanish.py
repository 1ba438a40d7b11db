"""A phone that is no Asterisk talks with somebody outside, who is none either, and is gone without BYE."""

import asyncio
import audioop
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from contracts import telephony
from contracts.ids import BridgeId
from devtools.chaos.lone_phone import LonePhone
from ringback.pbx_files.pjsip import RTP_TIMEOUT_S
from ringback.pbx_files.plan import PbxPlan, PlannedPhone, PlannedTrunk
from ringback.stack.asterisk import Instance, Root, free_address
from ringback.stack.asterisk.instance import texts
from services.gateway import port
from tests.integration.asterisk import ears
from tests.integration.asterisk.network import Says, a_network
from tests.integration.asterisk.office import CLOUD, Gateway, Office

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("asterisk-vanish")]
ANNA = "+79161234567"
PHONE_HZ, ANNA_HZ = 400, 610
NUMBER_OF_ALAW = 8
SOON_S = 3
"""In place of the exported time, so that nobody waits for it."""


@dataclass(frozen=True)
class Place:
    """A PBX as it is exported, but for that time; its phone; where its trunk is."""

    pbx: Instance
    phone: LonePhone
    trunk: str


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, asterisk_root: Root) -> Iterator[Place]:
    trunk = free_address()
    phones = (PlannedPhone(extension="201", password="of-201"),)
    plan = PbxPlan(pbx_id=CLOUD, phones=phones, trunks=(PlannedTrunk(host=trunk),))
    made = texts(plan)
    exported = made["pjsip"]
    wanted = f"rtp_timeout = {RTP_TIMEOUT_S}\n"
    made["pjsip"] = lambda address: exported(address).replace(wanted, f"rtp_timeout = {SOON_S}\n")
    folder = tmp_path_factory.mktemp("vanish")
    pbx = Instance(folder, name=CLOUD, root=asterisk_root, dies_with_parent=True, **made)
    pbx.start()
    phone = LonePhone("201", "of-201", free_address(), pbx.address)
    phone.begin()
    assert phone.is_registered.wait(10)
    yield Place(pbx, phone, trunk)
    phone.stop()
    pbx.stop()


async def test_a_phone_that_is_gone_without_a_word_frees_whoever_it_talked_to(place: Place) -> None:
    """Both heard each other, and nobody else; then silence ends the phone's leg, and Anna's stays ours."""
    gateway = Gateway(place.pbx.ari_address())
    gateway.begin()
    await gateway.until(port.PbxThere)
    async with a_network(place.trunk, place.pbx.address, codec=NUMBER_OF_ALAW) as network:
        network.script[ANNA] = (Says(180), Says(200, has_sound=True))
        agent, anna = Office.a_leg(), Office.a_leg()
        gateway.dial("sip:201", agent, caller_id=ANNA, display_name='Продажи "Восток"; отдел')
        gateway.dial(f"tel:{ANNA}", anna)
        await gateway.until(port.PickedUp, leg_id=agent)
        await gateway.until(port.PickedUp, leg_id=anna)
        bridge = BridgeId(f"b-{agent}")
        gateway.ask(telephony.Bridge(pbx_id=CLOUD, bridge_id=bridge, legs=(agent, anna)))
        await gateway.until(port.LegsBridged, bridge_id=bridge)
        voice = audioop.lin2alaw(ears.samples(ANNA_HZ, ms=60_000), 2)
        speaking = asyncio.create_task(network.says(network.call_of(ANNA), voice))
        await asyncio.sleep(2)
        talk = place.phone.talk
        assert talk is not None
        assert talk.invite is not None
        sender = talk.invite.get("From")
        place.phone.vanish()
        await gateway.until(port.LegsUnbridged, bridge_id=bridge)
        ended = await gateway.until(port.Ended, leg_id=agent)
        assert not ended.by_party
        assert not gateway.heard(port.Ended, leg_id=anna)
        speaking.cancel()
        gateway.hang_up(anna)
        await gateway.until(port.Ended, leg_id=anna)
        heard = bytes(network.ear.heard[NUMBER_OF_ALAW])
    place.phone.rise()
    await gateway.die()
    assert sender.startswith(r'"Продажи \"Восток\"; отдел" <sip:+79161234567@')
    assert sum(until - since for since, until in talk.heard) >= 1.5
    assert ears.tone_ms(heard, PHONE_HZ) >= 1_500
    assert ears.tone_ms(heard, ANNA_HZ) == 0
