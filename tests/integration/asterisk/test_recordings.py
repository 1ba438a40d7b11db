"""Recordings on a real Asterisk: what is in them, why they end, and that none is lost over restarts."""

import asyncio

import pytest

from contracts import telephony
from contracts.ids import BridgeId, LegId, MediaKey, PlayId, RecordingId
from services.gateway import port
from services.gateway.asterisk.ari import Channel
from services.gateway.port import Cause, Result
from tests.integration.asterisk.ears import heard_for, loud_ms, says, tone_ms, wav
from tests.integration.asterisk.office import CLOUD, Gateway, Office

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("asterisk-office")]
VOICE, OTHER, TONE = 700, 1_500, 1_000


def rec(leg_id: LegId) -> RecordingId:
    return RecordingId(f"rec.{leg_id}")


def record(
    gateway: Gateway,
    leg_id: LegId,
    *,
    max_ms: int = 60_000,
    silence_ms: int = 30_000,
    terminators: str = "#",
    tone: bool = True,
    bridge_id: BridgeId | None = None,
) -> int:
    return gateway.ask(
        telephony.Record(
            pbx_id=CLOUD,
            leg_id=leg_id,
            recording_id=rec(leg_id),
            duration_ms_max=max_ms,
            silence_ms_max=silence_ms,
            terminators=terminators,
            tone=tone,
            bridge_id=bridge_id,
        )
    )


def stop(gateway: Gateway, leg_id: LegId) -> int:
    return gateway.ask(telephony.StopRecording(pbx_id=CLOUD, leg_id=leg_id, recording_id=rec(leg_id)))


def sound(gateway: Gateway, leg_id: LegId) -> bytes:
    """What was told of a recording, in order."""
    found = bytearray()
    for each in gateway.heard(port.Sound, recording_id=rec(leg_id)):
        found[each.from_byte :] = each.data
    return bytes(found)


async def closed(gateway: Gateway, leg_id: LegId) -> port.RecordingClosed:
    found = await gateway.until(port.RecordingClosed, recording_id=rec(leg_id))
    assert found.bytes == len(sound(gateway, leg_id))
    return found


async def a_speaker(office: Office, gateway: Gateway, extension: str = "201") -> tuple[LegId, Channel]:
    """A phone that says a tone until it hangs up."""
    leg_id, phone = await office.answered(gateway, f"sip:{extension}", extension)
    await says(office, phone, VOICE if extension == "201" else OTHER)
    return leg_id, phone


@pytest.mark.rule("V1")
async def test_what_is_said_is_recorded_and_the_tone_before_it_is_not(office: Office) -> None:
    """The caller hears the tone, whoever reads the message does not."""
    gateway = await office.gateway()
    leg_id, phone = await a_speaker(office, gateway)
    number = record(gateway, leg_id)
    heard = await heard_for(office, phone, 3)
    assert await gateway.result(number) is Result.DONE
    assert 100 <= tone_ms(heard, TONE) <= 300
    await gateway.result(stop(gateway, leg_id))
    found = await closed(gateway, leg_id)
    assert (found.leg_id, found.cause) == (leg_id, Cause.STOPPED)
    recorded = sound(gateway, leg_id)
    assert tone_ms(recorded, VOICE) >= 1_500
    assert tone_ms(recorded, TONE) == 0
    assert tone_ms(recorded, VOICE) >= loud_ms(recorded) - 200


@pytest.mark.rule("V1")
async def test_a_recording_ends_when_the_phone_hangs_up_with_all_that_was_said(office: Office) -> None:
    """The usual end of a voice message."""
    gateway = await office.gateway()
    leg_id, phone = await a_speaker(office, gateway)
    record(gateway, leg_id)
    await asyncio.sleep(2)
    await office.end(phone)
    assert (await closed(gateway, leg_id)).cause is Cause.HANG_UP
    assert tone_ms(sound(gateway, leg_id), VOICE) >= 1_000


@pytest.mark.rule("V1")
@pytest.mark.parametrize(("terminators", "key"), [("#", "#"), ("*", "*"), ("12#", "2")])
async def test_a_recording_ends_with_a_key(office: Office, terminators: str, key: str) -> None:
    """Asterisk knows two of them, the others are ours; a key that is none of them ends nothing."""
    gateway = await office.gateway()
    leg_id, phone = await office.answered(gateway, "sip:201", "201")
    await gateway.result(record(gateway, leg_id, terminators=terminators))
    await says(office, phone, VOICE, ms=1_500)
    await office.press(phone, "7")
    await gateway.until(port.Pressed, leg_id=leg_id, digit="7")
    assert not gateway.heard(port.RecordingClosed)
    await office.press(phone, key)
    assert (await closed(gateway, leg_id)).cause is Cause.TERMINATOR
    assert sound(gateway, leg_id)


@pytest.mark.rule("V1")
async def test_a_recording_ends_with_silence_after_speech(office: Office) -> None:
    """Somebody has put the phone beside the cradle."""
    gateway = await office.gateway()
    leg_id, phone = await office.answered(gateway, "sip:201", "201")
    await says(office, phone, VOICE, ms=2_500)
    await says(office, phone)
    record(gateway, leg_id, silence_ms=2_000)
    assert (await closed(gateway, leg_id)).cause is Cause.SILENCE
    assert tone_ms(sound(gateway, leg_id), VOICE) >= 500


@pytest.mark.rule("V1")
@pytest.mark.parametrize("is_mute", [False, True], ids=["speaks on", "sends nothing"])
async def test_a_recording_ends_at_its_maximum(office: Office, is_mute: bool) -> None:
    """A phone that sends nothing would keep its leg for ever: Asterisk counts what it receives."""
    gateway = await office.gateway()
    leg_id, phone = await office.answered(gateway, "sip:201", "201")
    if not is_mute:
        await says(office, phone, VOICE)
    record(gateway, leg_id, max_ms=2_000)
    assert (await closed(gateway, leg_id)).cause is Cause.MAXIMUM
    assert len(sound(gateway, leg_id)) <= 8 * 4_000


@pytest.mark.rule("R1")
async def test_a_bridge_is_recorded_on_both_sides_until_one_hangs_up(office: Office) -> None:
    """Both are in it, and its end is told although the bridge goes with it."""
    gateway = await office.gateway()
    leg_id, _ = await a_speaker(office, gateway, "201")
    other, other_phone = await a_speaker(office, gateway, "202")
    bridge_id = BridgeId(f"b.{leg_id}")
    gateway.ask(telephony.Bridge(pbx_id=CLOUD, bridge_id=bridge_id, legs=(leg_id, other)))
    await gateway.until(port.LegsBridged)
    record(gateway, leg_id, terminators="", tone=False, silence_ms=100_000, bridge_id=bridge_id)
    await asyncio.sleep(3)
    await office.end(other_phone)
    found = await closed(gateway, leg_id)
    assert (found.leg_id, found.cause) == (leg_id, Cause.HANG_UP)
    recorded = sound(gateway, leg_id)
    assert tone_ms(recorded, VOICE, 0.3) >= 1_000
    assert tone_ms(recorded, OTHER, 0.3) >= 1_000


@pytest.mark.rule("R1")
async def test_a_bridge_that_is_over_has_nothing_to_record(office: Office) -> None:
    """Both hung up while the command was on its way."""
    gateway = await office.gateway()
    leg_id, _ = await office.answered(gateway, "sip:201", "201")
    number = record(gateway, leg_id, bridge_id=BridgeId("b.never"))
    assert await gateway.result(number) is Result.GONE


async def test_a_leg_that_is_recorded_can_be_bridged(office: Office) -> None:
    """Its own recording ends by that, and is kept."""
    gateway = await office.gateway()
    leg_id, _ = await a_speaker(office, gateway, "201")
    other, _ = await a_speaker(office, gateway, "202")
    record(gateway, leg_id)
    await asyncio.sleep(1)
    gateway.ask(telephony.Bridge(pbx_id=CLOUD, bridge_id=BridgeId(f"b.{leg_id}"), legs=(leg_id, other)))
    await gateway.until(port.LegsBridged)
    await closed(gateway, leg_id)
    assert sound(gateway, leg_id)


async def test_a_play_waits_until_the_recording_of_its_leg_has_ended(office: Office) -> None:
    """Asterisk does one thing after the other on a channel; nothing is said to have failed by that."""
    gateway = await office.gateway()
    leg_id, _ = await a_speaker(office, gateway)
    await office.blobs.put("speech/after.wav", wav(OTHER, ms=500))
    record(gateway, leg_id, max_ms=4_000)
    play_id = PlayId(f"{leg_id}/after")
    media = (MediaKey("speech/after.wav"),)
    gateway.ask(telephony.Play(pbx_id=CLOUD, leg_id=leg_id, play_id=play_id, media=media))
    assert (await gateway.until(port.PlayEnded, play_id=play_id)).ok
    assert gateway.heard(port.RecordingClosed)


@pytest.mark.rule("V7")
async def test_a_recording_is_fetched_by_the_next_gateway_and_freed_when_it_says_so(office: Office) -> None:
    """It ended while no gateway was there."""
    first = await office.gateway()
    leg_id, phone = await a_speaker(office, first)
    await first.result(record(first, leg_id))
    await asyncio.sleep(1)
    await first.die()
    await asyncio.sleep(1)
    await office.end(phone)
    await office.ended(phone)
    second = await office.gateway()
    there = await second.until(port.PbxThere)
    assert rec(leg_id) in [each.recording_id for each in there.recordings]
    second.ask(port.FetchSound(recording_id=rec(leg_id), from_byte=4_000))
    found = await second.until(port.RecordingClosed, recording_id=rec(leg_id))
    assert min(each.from_byte for each in second.heard(port.Sound)) == 4_000
    assert found.bytes >= 8_000
    file = office.instances.pbxs[CLOUD].recordings_folder / f"rb.{rec(leg_id)}.alaw"
    assert file.stat().st_size == found.bytes
    await second.result(second.ask(port.ReleaseRecording(recording_id=rec(leg_id))))
    assert not file.exists()
    number = second.ask(port.FetchSound(recording_id=rec(leg_id), from_byte=0))
    assert await second.result(number) is Result.GONE


@pytest.mark.rule("V7")
async def test_an_open_recording_goes_on_while_the_gateway_starts_again(office: Office) -> None:
    """Of an open one nothing is told yet; it ends, later, with all of it."""
    first = await office.gateway()
    leg_id, phone = await a_speaker(office, first)
    await first.result(record(first, leg_id))
    await first.die()
    second = await office.gateway()
    number = second.ask(port.FetchSound(recording_id=rec(leg_id), from_byte=0))
    assert await second.result(number) is Result.DONE
    assert not second.heard(port.RecordingClosed)
    await asyncio.sleep(1)
    await office.end(phone)
    await second.until(port.Ended, leg_id=leg_id)
    second.ask(port.FetchSound(recording_id=rec(leg_id), from_byte=0))
    assert (await second.until(port.RecordingClosed, recording_id=rec(leg_id))).bytes >= 4_000


@pytest.mark.rule("V8")
async def test_an_asterisk_that_is_killed_has_what_was_said_until_then(office: Office) -> None:
    """It is marked as cut off; a file of raw A-law needs no repair."""
    gateway = await office.gateway()
    leg_id, _ = await a_speaker(office, gateway)
    await gateway.result(record(gateway, leg_id))
    await asyncio.sleep(6)
    instance = office.instances.pbxs[CLOUD]
    instance.kill()
    await gateway.until(port.PbxGone)
    gateway.told.clear()
    instance.start()
    there = await gateway.until(port.PbxThere)
    assert rec(leg_id) in [each.recording_id for each in there.recordings]
    gateway.ask(port.FetchSound(recording_id=rec(leg_id), from_byte=0))
    found = await closed(gateway, leg_id)
    assert found.cause is Cause.CUT_OFF
    assert tone_ms(sound(gateway, leg_id), VOICE) >= 2_000
