"""An Asterisk that another operator has set up: other names, all modules, TLS with a certificate of its own.

Its endpoints are not called as we export them, it has no `systemname`, ARI is under a prefix and only by TLS,
and its trunk knows no A-law.
"""

import asyncio
import audioop
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
import trustme

from contracts import telephony
from contracts.ids import Address, LegId, MediaKey, PlayId, RecordingId
from ringback.stack.asterisk import Instance, Root, free_address
from ringback.stack.asterisk.configuration import transport
from runtime import private_files
from runtime.memory import MemoryBlobs
from services.gateway import port
from tests.integration.asterisk import ears
from tests.integration.asterisk.network import Network, Says, a_network
from tests.integration.asterisk.office import CLOUD, Gateway

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("asterisk-other")]
ANNA = "+79161234567"
PROMPT_HZ, VOICE_HZ = 610, 440
NUMBER_OF_ULAW, NUMBER_OF_G722 = 0, 9

SIP = """\
[phone-201]
type = endpoint
context = inside
disallow = all
allow = g722
direct_media = no
aors = phone-201
media_address = {address}
bind_rtp_to_media_address = yes
[phone-201]
type = aor
contact = sip:201@{phone}
[operator]
type = endpoint
context = inside
disallow = all
allow = ulaw
direct_media = no
aors = operator
media_address = {address}
bind_rtp_to_media_address = yes
[operator]
type = aor
contact = sip:{network}
[operator]
type = identify
endpoint = operator
match = {network}
"""
DIALPLAN = "[inside]\nexten => 300,1,Stasis(calls,internal,300)\nexten => 900,1,Wait(1)\n"


class AnotherInstance(Instance):
    """Set up by hand; ready when its console knows the user of ARI."""

    def _lay_out(self) -> None:
        super()._lay_out()
        etc = self.folder / "etc"
        private_files.write(etc / "modules.conf", "[modules]\nautoload = yes\n")
        named = (etc / "asterisk.conf").read_text()
        private_files.write(
            etc / "asterisk.conf",
            "".join(each for each in named.splitlines(keepends=True) if not each.startswith("systemname")),
        )
        certificate = trustme.CA()
        certificate.cert_pem.write_to_path(self.ca)
        own = certificate.issue_cert(self.address)
        own.private_key_and_cert_chain_pem.write_to_path(etc / "own.pem")
        private_files.write(
            etc / "http.conf",
            "[general]\nenabled = yes\nbindaddr = 127.0.0.1\nbindport = 0\nprefix = telephony\n"
            f"tlsenable = yes\ntlsbindaddr = {self.address}:8089\ntlscertfile = {etc / 'own.pem'}\n"
            f"tlsprivatekey = {etc / 'own.pem'}\n",
        )

    def _is_answering(self) -> bool:
        return "ringback" in self.cli("ari", "show", "users")

    @property
    def ca(self) -> Path:
        """The certificate that its own one is verified with."""
        return self.folder / "ca.pem"

    def address_of(self, **words: str) -> str:
        """In RINGBACK_PBXS."""
        found = urlsplit(self.ari_address(app="calls", context="inside", **words))
        return urlunsplit(
            found._replace(
                scheme="ari+https", netloc=found.netloc.replace(":8088", ":8089"), path="/telephony/ari"
            )
        )


@pytest.fixture(scope="module")
def pbx(
    tmp_path_factory: pytest.TempPathFactory, asterisk_root: Root
) -> Iterator[tuple[AnotherInstance, str, str]]:
    network, phone = free_address(), free_address()
    instance = AnotherInstance(
        tmp_path_factory.mktemp("other"),
        name="unnamed",
        pjsip=lambda address: transport(address) + SIP.format(address=address, network=network, phone=phone),
        extensions=DIALPLAN,
        root=asterisk_root,
        dies_with_parent=True,
    )
    instance.start()
    yield instance, network, phone
    instance.stop()


@pytest.fixture
async def network(pbx: tuple[AnotherInstance, str, str]) -> AsyncIterator[Network]:
    async with a_network(pbx[1], pbx[0].address, codec=NUMBER_OF_ULAW) as made:
        yield made


@pytest.fixture
async def gateway(pbx: tuple[AnotherInstance, str, str]) -> AsyncIterator[Gateway]:
    blobs = MemoryBlobs()
    await blobs.put("prompt.wav", ears.wav(PROMPT_HZ, ms=1_500))
    names = {"phone": "PJSIP/phone-{extension}", "outside": "PJSIP/{number}@operator"}
    made = Gateway(pbx[0].address_of(ca=str(pbx[0].ca), **names), blobs)
    made.begin()
    await made.until(port.PbxThere)
    yield made
    await made.die()


async def test_a_trunk_without_a_law_is_heard_hears_and_its_voice_is_fetched(
    network: Network, gateway: Gateway
) -> None:
    """All of it over TLS: the sound of a recording comes by another way than events."""
    leg_id, recording_id = LegId("other"), RecordingId("voice")
    network.script[ANNA] = (Says(180), Says(200, 0.2, has_sound=True))
    gateway.dial(f"tel:{ANNA}", leg_id)
    await gateway.until(port.PickedUp, leg_id=leg_id)
    voice = audioop.lin2ulaw(ears.samples(VOICE_HZ, ms=8_000), 2)
    speaking = asyncio.create_task(network.says(network.call_of(ANNA), voice))
    media = (MediaKey("prompt.wav"),)
    gateway.ask(telephony.Play(pbx_id=CLOUD, leg_id=leg_id, play_id=PlayId("prompt"), media=media))
    assert (await gateway.until(port.PlayEnded, leg_id=leg_id)).ok
    record = telephony.Record(
        pbx_id=CLOUD,
        leg_id=leg_id,
        recording_id=recording_id,
        duration_ms_max=2_000,
        silence_ms_max=60_000,
        tone=False,
    )
    gateway.ask(record)
    await gateway.until(port.RecordingClosed, recording_id=recording_id)
    gateway.hang_up(leg_id)
    await gateway.until(port.Ended, leg_id=leg_id)
    speaking.cancel()
    said = b"".join(each.data for each in gateway.heard(port.Sound, recording_id=recording_id))
    assert ears.tone_ms(said, VOICE_HZ) >= 1_500
    assert ears.tone_ms(said, PROMPT_HZ) == 0
    assert set(network.ear.heard) == {NUMBER_OF_ULAW}
    heard = audioop.lin2alaw(audioop.ulaw2lin(bytes(network.ear.heard[NUMBER_OF_ULAW]), 2), 2)
    assert 1_300 <= ears.tone_ms(heard, PROMPT_HZ) <= 1_700
    assert ears.tone_ms(heard, VOICE_HZ) == 0


async def test_a_phone_of_wide_sound_alone_hears_a_prompt_in_its_own_codec(
    pbx: tuple[AnotherInstance, str, str], gateway: Gateway
) -> None:
    """What we send is A-law; Asterisk turns it into what the phone has."""
    leg_id = LegId("wide")
    async with a_network(pbx[2], pbx[0].address, codec=NUMBER_OF_G722) as phone:
        phone.script["201"] = (Says(180), Says(200, has_sound=True))
        gateway.dial("sip:201", leg_id)
        await gateway.until(port.PickedUp, leg_id=leg_id)
        media = (MediaKey("prompt.wav"),)
        gateway.ask(telephony.Play(pbx_id=CLOUD, leg_id=leg_id, play_id=PlayId("wide"), media=media))
        assert (await gateway.until(port.PlayEnded, leg_id=leg_id)).ok
        gateway.hang_up(leg_id)
        await gateway.until(port.Ended, leg_id=leg_id)
        heard = phone.ear.heard
    assert set(heard) == {NUMBER_OF_G722}
    assert len(heard[NUMBER_OF_G722]) >= 1_300 * ears.BYTES_PER_MS


async def test_phones_are_seen_and_extensions_found_by_their_names_there(gateway: Gateway) -> None:
    """A phone is told by its extension, whatever its endpoint is called; the trunk is no phone."""
    devices = gateway.heard(port.PbxThere)[0].devices
    assert [each.address for each in devices] == [Address("sip:201")]
    for extension, exists in (
        ("201", True),
        ("300", True),
        ("900", True),
        ("202", False),
        ("operator", False),
    ):
        gateway.ask(telephony.CheckExtension(pbx_id=CLOUD, extension=extension))
        assert (await gateway.until(port.ExtensionFound, extension=extension)).exists is exists


async def test_a_certificate_of_nobody_known_is_not_believed(pbx: tuple[AnotherInstance, str, str]) -> None:
    """The password is for the Asterisk that the operator means, and for no other."""
    gateway = Gateway(pbx[0].address_of())
    gateway.begin()
    await gateway.until(port.PbxGone)
    assert not gateway.adapter.is_connected
    await gateway.die()
