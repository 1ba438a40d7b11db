"""A PBX that takes its time to give a recording: it is fetched to its end, and freed there when S3 has it."""

from typing import Any

import pytest

from contracts.directory import Language
from contracts.gateway import LegEnded, RecordingFinished, RecordingSpooled
from contracts.ids import RecordingId
from services.gateway import port
from services.gateway.simulated import MemoryPbx, Step
from services.gateway.simulated.script import Until
from tests.contract.gateway.benches import voice
from tests.unit.gateway.harness import PBX, GatewayHarness, answer, record

WORDS = "please call me back tomorrow"
SILENCE = 0xD5
"""A-law's zero."""
SPOKEN_BYTES = sum(byte != SILENCE for byte in voice(WORDS, Language.RUSSIAN))
SLOW = {"sound_bytes_per_s": 2_000}
"""Seven seconds for what WORDS come to."""
REC = RecordingId("rec-1")
SAYS = (Step(until=Until.ANSWERED), Step(until=Until.RECORDING), Step(say=WORDS), Step(hang_up=True))


def a_message(**network: Any) -> GatewayHarness:
    """A caller has left a voice message and hung up this very moment."""
    office = GatewayHarness(network={**SLOW, **network})
    leg_id = office.calls_in(then=SAYS)
    office.tell(answer(leg_id))
    office.tell(record(leg_id))
    leg = office.network.pbxs[PBX].legs[leg_id]
    while not leg.is_over:
        office.run(10)
    return office


def spoken(office: GatewayHarness) -> int:
    return sum(byte != SILENCE for byte in office.files[REC])


def assert_whole(office: GatewayHarness) -> None:
    (finished,) = office.facts(RecordingFinished)
    assert (finished.ok, finished.is_cut_off) == (True, False)
    assert spoken(office) == SPOKEN_BYTES
    assert len(office.facts(RecordingSpooled)) == 1
    assert len(office.facts(LegEnded)) == 1


@pytest.mark.rule("V7", "V8")
def test_a_recording_that_takes_long_to_fetch_is_fetched_to_its_end() -> None:
    """The leg's end is said after two seconds; the download is not the recording's death."""
    office = a_message()
    office.run(2_500)
    assert office.facts(LegEnded)
    assert not office.facts(RecordingSpooled)
    office.run(10_000)
    assert_whole(office)


@pytest.mark.rule("V7", "V8")
@pytest.mark.parametrize("after_ms", [500, 1_900, 2_100, 4_000])
def test_a_gateway_that_dies_while_it_fetches_goes_on_afterwards(after_ms: int) -> None:
    """Whether the leg's end was said before or not."""
    office = a_message()
    office.run(after_ms)
    office.crash()
    office.run(15_000)
    assert_whole(office)


@pytest.mark.rule("V7", "V8")
@pytest.mark.parametrize("away_ms", [1_000, 30_000, 90_000])
@pytest.mark.parametrize("after_ms", [100, 4_000])
def test_a_pbx_that_starts_again_still_has_the_recording(away_ms: int, after_ms: int) -> None:
    """Its calls are gone, its disk is not."""
    office = a_message()
    office.run(after_ms)
    office.network.pbxs[PBX].vanish(office.now, for_ms=away_ms, drops=1.0)
    office.run(away_ms + 15_000)
    assert_whole(office)


@pytest.mark.rule("V7", "V8")
def test_a_message_in_which_the_pbx_starts_again_is_kept_up_to_there() -> None:
    """Nothing of it was sent before: a PBX may give a recording only when it is closed."""
    office = GatewayHarness(network=SLOW)
    leg_id = office.calls_in(then=SAYS)
    office.tell(answer(leg_id))
    office.tell(record(leg_id))
    office.run(1_500)
    office.network.pbxs[PBX].vanish(office.now, for_ms=30_000, drops=1.0)
    office.run(50_000)
    assert office.facts(RecordingFinished)[0].ok
    assert 0 < spoken(office) < SPOKEN_BYTES


@pytest.mark.rule("V7", "V8")
def test_lost_words_between_gateway_and_pbx_keep_no_recording_back() -> None:
    """Fetching is asked for again until the PBX has sent it."""
    office = a_message(replies_lost=0.5, replies_late=0.3)
    pbx = office.network.pbxs[PBX]
    pbx.recorder.interrupt()
    office.run(30_000)
    assert_whole(office)


@pytest.mark.rule("V7", "V8")
def test_m24_a_recording_that_was_begun_while_the_gateway_was_cut_off_is_fetched() -> None:
    """The PBX's reply was lost, and the caller has hung up: the leg is gone, the sound is not."""
    office = GatewayHarness(network={**SLOW, "latency_ms_min": 200, "latency_ms_max": 300})
    leg_id = office.calls_in(then=SAYS)
    office.run(1_000)
    office.tell(answer(leg_id))
    office.run(1_000)
    office.tell(record(leg_id))
    assert not office.network.pbxs[PBX].recorder.tapes
    leg = office.network.pbxs[PBX].legs[leg_id]
    while not leg.is_over:
        office.now += 10
        office.network.advance(office.now)
    office.pbx = MemoryPbx(office.network.pbxs[PBX], lambda: office.now)
    office.run(15_000)
    assert_whole(office)


@pytest.mark.rule("V7", "V8")
@pytest.mark.parametrize("is_restarted", [False, True], ids=["same gateway", "next gateway"])
def test_m25_a_recording_that_was_under_way_when_the_pbx_listed_what_it_has_is_not_lost(
    is_restarted: bool,
) -> None:
    """Whoever connects meanwhile does not see it in the list, and the PBX begins it all the same."""
    office = GatewayHarness(network={"latency_ms_min": 200, "latency_ms_max": 300})
    leg_id = office.calls_in(then=SAYS)
    office.run(1_000)
    office.tell(answer(leg_id))
    office.run(1_000)
    office.tell(record(leg_id))
    if is_restarted:
        office.crash()
    else:
        office.pbx = MemoryPbx(office.network.pbxs[PBX], lambda: office.now)
        office.turn()
    assert not office.network.pbxs[PBX].recorder.tapes
    office.run(15_000)
    assert_whole(office)


@pytest.mark.rule("V8")
def test_a_recording_that_a_gateway_died_before_asking_for_is_told_as_lost() -> None:
    """The PBX does not list it and has not begun it: it says so when it is asked for the sound."""
    office = GatewayHarness()
    leg_id = office.calls_in(then=(Step(until=Until.ANSWERED),))
    office.tell(answer(leg_id))
    office.run(1_000)
    office.is_log_slow = True
    office.tell(record(leg_id))
    office.is_log_slow = False
    office.crash()
    office.run(1_000)
    assert not office.network.pbxs[PBX].legs[leg_id].is_over
    (finished,) = office.facts(RecordingFinished)
    assert (finished.ok, finished.cause) == (False, "lost")


@pytest.mark.rule("V7")
def test_the_pbx_keeps_a_recording_until_s3_has_it() -> None:
    """A gateway's disk may be lost as well; the PBX's copy is the second one."""
    office = a_message()
    office.is_s3_up = False
    office.run(12_000)
    assert office.facts(RecordingSpooled)
    tapes = office.network.pbxs[PBX].recorder.tapes
    assert REC in tapes
    office.is_s3_up = True
    office.upload()
    office.run(100)
    assert office.facts(RecordingFinished)
    assert REC not in tapes


@pytest.mark.rule("V7")
@pytest.mark.parametrize("is_restarted", [False, True], ids=["same gateway", "next gateway"])
def test_a_pbx_that_did_not_hear_that_a_recording_is_stored_is_told_when_it_is_back(
    is_restarted: bool,
) -> None:
    """Its disk would fill."""
    office = a_message()
    office.is_s3_up = False
    office.run(12_000)
    office.network.pbxs[PBX].vanish(office.now, for_ms=20_000)
    office.is_s3_up = True
    office.upload()
    office.run(1_000)
    assert office.facts(RecordingFinished)
    if is_restarted:
        office.crash()
    office.run(25_000)
    assert REC not in office.network.pbxs[PBX].recorder.tapes


@pytest.mark.rule("V8")
def test_a_recording_that_was_said_to_be_lost_is_left_with_the_pbx_and_counted() -> None:
    """It came back too late for the message, and is the only copy."""
    office = a_message()
    pbx = office.network.pbxs[PBX]
    pbx.vanish(office.now, for_ms=400_000, drops=1.0)
    office.run(420_000)
    (finished,) = office.facts(RecordingFinished)
    assert not finished.ok
    assert REC in pbx.recorder.tapes
    assert "lost_recording_left_with_pbx" in office.counted


@pytest.mark.rule("V8")
def test_a_pbx_that_never_returns_to_the_next_gateway_keeps_no_message_back_either() -> None:
    """The limit counts for whoever finds the PBX away."""
    office = GatewayHarness()
    leg_id = office.calls_in(then=SAYS)
    office.tell(answer(leg_id))
    office.tell(record(leg_id))
    office.run(1_500)
    office.network.pbxs[PBX].vanish(office.now, for_ms=10_000_000)
    office.run(1_000)
    office.crash()
    office.machine.handle(office.now, port.PbxGone())
    office.run(301_000)
    assert office.facts(RecordingFinished)[0].is_cut_off


@pytest.mark.rule("V8")
def test_a_recording_that_was_given_up_while_its_pbx_was_away_is_not_begun_when_it_is_back() -> None:
    """Nobody would ever end it, fetch it, or free it."""
    office = GatewayHarness()
    leg_id = office.calls_in(then=(Step(until=Until.ANSWERED),))
    office.tell(answer(leg_id))
    office.run(1_000)
    pbx = office.network.pbxs[PBX]
    pbx.vanish(office.now, for_ms=400_000)
    office.run(1_000)
    office.tell(record(leg_id))
    office.run(310_000)
    assert not office.facts(RecordingFinished)[0].ok
    office.run(100_000)
    assert pbx.is_there
    assert not pbx.legs[leg_id].is_over
    assert REC not in pbx.recorder.tapes
