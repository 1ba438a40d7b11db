"""The contract of every adapter to a PBX: what a gateway may rely on with any PBX (G1)."""

import msgspec
import pytest

from contracts import telephony
from contracts.gateway import DeviceState
from contracts.ids import BridgeId, LegId, RecordingId
from services.gateway import port
from services.gateway.port import Cause, Result
from tests.contract.gateway.benches import (
    CUSTOMER,
    L1,
    L2,
    LINE,
    PBX,
    Bench,
    answered,
    assert_said,
    dial,
    play,
)


def record(leg_id: LegId = L1, *, silence_ms: int = 2_000, max_ms: int = 10_000) -> telephony.Record:
    return telephony.Record(
        pbx_id=PBX,
        leg_id=leg_id,
        recording_id=RecordingId("rec-1"),
        duration_ms_max=max_ms,
        silence_ms_max=silence_ms,
    )


@pytest.mark.rule("G1")
async def test_a_call_arrives_and_is_answered(bench: Bench) -> None:
    """A customer's call arrives with number and line, and rings until we answer."""
    bench.call_in()
    arrived = await bench.until(port.Arrived)
    assert (arrived.caller, arrived.line) == (CUSTOMER, LINE)
    bench.ask(telephony.AnswerLeg(pbx_id=PBX, leg_id=arrived.leg_id))
    await bench.until(port.PickedUp, leg_id=arrived.leg_id)


@pytest.mark.rule("G1")
async def test_a_dialled_phone_rings_and_is_answered(bench: Bench) -> None:
    """Ringing is reported before the answer: an agent's ring time starts there."""
    await answered(bench, "sip:201")
    kinds = [type(each) for each in bench.told if getattr(each, "leg_id", None) == L1]
    assert kinds == [port.Progressed, port.PickedUp]


@pytest.mark.rule("G2")
async def test_a_leg_is_dialled_once_however_often_it_is_asked_for(bench: Bench) -> None:
    """EC-50: after a lost reply the same leg is dialled again: the answer is «already», and it rings once."""
    first = bench.ask(dial("sip:205"))
    await bench.until(port.Progressed, leg_id=L1)
    second = bench.ask(dial("sip:205"))
    assert (await bench.until(port.Replied, request=first)).result is Result.DONE
    assert (await bench.until(port.Replied, request=second)).result is Result.ALREADY
    assert bench.network.counts["dialled sip:205"] == 1


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("tel:+79160000001", 486),
        ("tel:+79160000002", 404),
        ("tel:+79160000003", 403),
        ("sip:202", 603),
        ("sip:203", 480),
        ("sip:204", 488),
        ("sip:999", 404),
        ("pbx:nowhere/205", 404),
    ],
)
async def test_a_phone_that_does_not_answer_says_why(bench: Bench, address: str, code: int) -> None:
    """Busy, declined, gone, unknown and blocked are different ends for an agent and for a customer."""
    bench.ask(dial(address))
    assert (await bench.until(port.Ended, leg_id=L1)).code == code


async def test_a_phone_of_another_pbx_is_dialled_from_here(bench: Bench) -> None:
    """O2: an agent of another PBX is reached by an inter-PBX address."""
    await answered(bench, "pbx:second/205")


async def test_a_dead_phone_gives_no_sign_of_life(bench: Bench) -> None:
    """Nothing at all for longer than the gateway's own limit: the limit has to be the gateway's."""
    bench.ask(dial("tel:+79160000004"))
    await bench.run(6_000)
    assert not bench.heard(port.Progressed)
    assert not bench.heard(port.Ended)


async def test_a_ringing_phone_is_cancelled(bench: Bench) -> None:
    """The agent's phone stops ringing when another agent has answered."""
    bench.ask(dial("sip:205"))
    await bench.until(port.Progressed, leg_id=L1)
    bench.ask(telephony.CancelLeg(pbx_id=PBX, leg_id=L1))
    ended = await bench.until(port.Ended, leg_id=L1)
    assert (ended.by_party, ended.code) == (False, 487)


async def test_gone_is_a_normal_answer(bench: Bench) -> None:
    """A hang-up races every command: a late command gets a reply, not an error."""
    number = bench.ask(telephony.HangUp(pbx_id=PBX, leg_id=LegId("never-was")))
    assert (await bench.until(port.Replied, request=number)).result is Result.GONE


async def test_a_bridge_ends_plays_and_is_over_when_one_hangs_up(bench: Bench) -> None:
    """Both hear only each other; after one hangs up, the other leg stays."""
    await answered(bench, "sip:201", L1)
    await answered(bench, "sip:210", L2)
    bench.ask(play("long.wav"))
    await bench.run(200)
    bench.ask(telephony.Bridge(pbx_id=PBX, bridge_id=BridgeId("b1"), legs=(L1, L2)))
    await bench.until(port.LegsBridged, bridge_id="b1")
    assert bench.heard(port.PlayEnded, play_id="play-1")[0].was_interrupted
    assert (await bench.until(port.Ended, leg_id=L2)).by_party
    await bench.until(port.LegsUnbridged, bridge_id="b1")
    assert not bench.heard(port.Ended, leg_id=L1)


async def test_a_bridge_is_undone_and_both_stay(bench: Bench) -> None:
    """Unbridge keeps the legs."""
    await answered(bench, "sip:201", L1)
    await answered(bench, "tel:" + CUSTOMER, L2)
    bench.ask(telephony.Bridge(pbx_id=PBX, bridge_id=BridgeId("b1"), legs=(L1, L2)))
    await bench.until(port.LegsBridged)
    bench.ask(telephony.Unbridge(pbx_id=PBX, bridge_id=BridgeId("b1")))
    await bench.until(port.LegsUnbridged)
    assert not bench.heard(port.Ended)


async def test_a_bridge_is_told_again_and_once_over_never_made_again(bench: Bench) -> None:
    """Whoever asks for it a second time learns how it stands, and waits for nothing."""
    await answered(bench, "sip:201", L1)
    await answered(bench, "tel:" + CUSTOMER, L2)
    request = telephony.Bridge(pbx_id=PBX, bridge_id=BridgeId("b1"), legs=(L1, L2))
    bench.ask(request)
    await bench.until(port.LegsBridged)
    number = bench.ask(request)
    assert (await bench.until(port.Replied, request=number)).result is Result.ALREADY
    assert len(bench.heard(port.LegsBridged)) == 2
    bench.ask(telephony.Unbridge(pbx_id=PBX, bridge_id=BridgeId("b1")))
    await bench.until(port.LegsUnbridged)
    number = bench.ask(request)
    assert (await bench.until(port.Replied, request=number)).result is Result.GONE


async def test_who_is_gone_is_not_bridged(bench: Bench) -> None:
    """The customer hung up while the bridge was on its way."""
    await answered(bench, "sip:201", L1)
    number = bench.ask(telephony.Bridge(pbx_id=PBX, bridge_id=BridgeId("b1"), legs=(L1, L2)))
    assert (await bench.until(port.Replied, request=number)).result is Result.GONE


def _sound(bench: Bench) -> bytes:
    """The recording put together from its pieces."""
    sound = bytearray()
    for piece in bench.heard(port.Sound):
        sound[piece.from_byte :] = piece.data
    return bytes(sound)


@pytest.mark.rule("V1")
@pytest.mark.parametrize(
    ("address", "silence_ms", "max_ms", "cause"),
    [
        ("sip:207", 2_000, 10_000, Cause.HANG_UP),
        ("sip:208", 2_000, 10_000, Cause.TERMINATOR),
        ("sip:201", 1_000, 10_000, Cause.SILENCE),
        ("sip:201", 9_000, 1_500, Cause.MAXIMUM),
    ],
)
async def test_a_recording_ends_by_itself_with_all_of_its_sound(
    bench: Bench, address: str, silence_ms: int, max_ms: int, cause: Cause
) -> None:
    """A voice message ends on hang-up, key, silence or the maximum, and every byte of it is sent before."""
    await answered(bench, address)
    bench.ask(record(silence_ms=silence_ms, max_ms=max_ms))
    closed = await bench.until(port.RecordingClosed, ms_max=9_000)
    assert closed.cause is cause
    assert len(_sound(bench)) == closed.bytes > 0


async def test_what_was_said_is_in_the_recording(bench: Bench) -> None:
    """The recording has the real sound, not silence of the right length."""
    await answered(bench, "sip:208")
    bench.ask(record())
    await bench.until(port.RecordingClosed)
    assert_said("hello", _sound(bench))


async def a_bridge(bench: Bench) -> None:
    """An agent and a caller who says five letters, then five more, and hangs up after a while."""
    await answered(bench, "sip:201", L1)
    await answered(bench, "sip:211", L2)
    bench.ask(telephony.Bridge(pbx_id=PBX, bridge_id=BridgeId("b1"), legs=(L1, L2)))
    await bench.until(port.LegsBridged)


def record_bridge() -> telephony.Record:
    return msgspec.structs.replace(
        record(L1, silence_ms=100_000, max_ms=100_000), tone=False, terminators="", bridge_id=BridgeId("b1")
    )


@pytest.mark.rule("R1")
async def test_a_bridge_is_recorded_on_both_sides_and_to_its_end(bench: Bench) -> None:
    """The recorded leg has the other side's speech; the bridge's end, not a key, ends the recording."""
    await a_bridge(bench)
    bench.ask(record_bridge())
    closed = await bench.until(port.RecordingClosed, ms_max=9_000)
    assert (closed.leg_id, closed.recording_id, closed.cause) == (L1, "rec-1", Cause.HANG_UP)
    assert_said("hello", _sound(bench))
    assert len(_sound(bench)) == closed.bytes


@pytest.mark.rule("R1")
async def test_a_bridge_that_is_over_has_nothing_to_record(bench: Bench) -> None:
    """Both hung up while the command was on its way."""
    await a_bridge(bench)
    bench.ask(telephony.Unbridge(pbx_id=PBX, bridge_id=BridgeId("b1")))
    await bench.until(port.LegsUnbridged)
    number = bench.ask(record_bridge())
    assert (await bench.until(port.Replied, request=number)).result is Result.GONE


async def test_a_recording_is_stopped_fetched_again_and_released(bench: Bench) -> None:
    """A gateway that lost a piece fetches it; the PBX forgets a complete recording."""
    await answered(bench, "sip:201")
    bench.ask(record(silence_ms=9_000))
    await bench.run(2_500)
    bench.ask(telephony.StopRecording(pbx_id=PBX, leg_id=L1, recording_id=RecordingId("rec-1")))
    closed = await bench.until(port.RecordingClosed)
    bench.told.clear()
    bench.ask(port.FetchSound(recording_id=RecordingId("rec-1"), from_byte=8_000))
    assert (await bench.until(port.RecordingClosed)).bytes == closed.bytes
    assert min(each.from_byte for each in bench.heard(port.Sound)) == 8_000
    bench.ask(port.ReleaseRecording(recording_id=RecordingId("rec-1")))
    number = bench.ask(port.FetchSound(recording_id=RecordingId("rec-1"), from_byte=0))
    assert (await bench.until(port.Replied, request=number)).result is Result.GONE


@pytest.mark.parametrize(("extension", "exists"), [("201", True), ("300", True), ("999", False)])
async def test_an_extension_is_looked_up(bench: Bench, extension: str, exists: bool) -> None:
    """An agent that does not exist is not added (O3)."""
    bench.ask(telephony.CheckExtension(pbx_id=PBX, extension=extension))
    assert (await bench.until(port.ExtensionFound, extension=extension)).exists is exists


async def test_a_phone_in_use_is_told_and_busy_for_others(bench: Bench) -> None:
    """An agent on any call is not offered another (Q2, EC-7)."""
    await answered(bench, "sip:201")
    seen = await bench.until(port.DeviceSeen, address="sip:201")
    assert seen.state is DeviceState.IN_USE
    bench.ask(dial("sip:201", L2))
    assert (await bench.until(port.Ended, leg_id=L2)).code == 486
    bench.ask(telephony.HangUp(pbx_id=PBX, leg_id=L1))
    await bench.until(port.DeviceSeen, address="sip:201", state=DeviceState.IDLE)


@pytest.mark.rule("G3")
async def test_a_pbx_that_vanishes_returns_with_what_it_still_has(bench: Bench) -> None:
    """Its calls continued; the first event says what it has now, and missed events are not repeated."""
    await answered(bench, "sip:201", L1)
    bench.ask(dial("sip:206", L2))
    await bench.until(port.Pressed, leg_id=L2)
    bench.told.clear()
    bench.vanish(for_ms=3_000)
    await bench.until(port.PbxGone)
    there = await bench.until(port.PbxThere, ms_max=20_000)
    assert [(leg.leg_id, leg.is_answered) for leg in there.legs] == [(L1, True), (L2, True)]


@pytest.mark.rule("G3")
async def test_a_pbx_that_loses_its_calls_says_nothing_of_them(bench: Bench) -> None:
    """The gateway must find out by comparing."""
    await answered(bench, "sip:201")
    bench.told.clear()
    bench.vanish(for_ms=1_000, drops=1.0)
    there = await bench.until(port.PbxThere, ms_max=20_000)
    assert there.legs == ()
    assert not bench.heard(port.Ended)
