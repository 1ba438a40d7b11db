"""Plays, keys, bridges and recordings of one leg."""

import msgspec
import pytest

from contracts.gateway import (
    Bridged,
    CommandDone,
    CommandRefused,
    DigitsEntered,
    ExtensionChecked,
    LegEnded,
    PlayFinished,
    RecordingFinished,
    RecordingRequested,
    RecordingSpooled,
    Unbridged,
)
from contracts.ids import Instant, LegId, PlayId, RecordingId
from contracts.telephony import (
    CheckExtension,
    CollectDigits,
    StartHoldMusic,
    StopHoldMusic,
    StopPlay,
    StopRecording,
)
from services.gateway.decider import gateway_state
from services.gateway.simulated import Step
from services.gateway.simulated.script import Until
from tests.unit.gateway.harness import (
    ANSWERS,
    PBX,
    GatewayHarness,
    answer,
    bridge,
    dial,
    hang_up,
    play,
    record,
)


def a_caller(office: GatewayHarness, *steps: Step) -> LegId:
    """A customer on the line, answered."""
    leg_id = office.calls_in(then=(Step(until=Until.ANSWERED), *steps))
    office.tell(answer(leg_id))
    office.run(300)
    return leg_id


def collect(
    leg_id: LegId, *, digits_max: int = 11, first_ms: int = 3_000, between_ms: int = 1_000
) -> CollectDigits:
    return CollectDigits(
        pbx_id=PBX, leg_id=leg_id, digits_max=digits_max, first_ms_max=first_ms, between_ms_max=1_000
    )


def test_a_play_ends_after_its_real_length_and_answers_its_command() -> None:
    """The sender learns that it was heard."""
    office = GatewayHarness()
    leg_id = a_caller(office)
    started = office.now
    ref = office.tell(play(leg_id, "short.wav", "invitation.wav"))
    office.run(1_000)
    assert not office.facts(PlayFinished)
    assert ref not in office.settled
    office.run(1_000)
    finished = office.facts(PlayFinished)[0]
    assert finished.ok
    assert (finished.source, finished.seq) == ("queue", 2)
    assert ref in office.settled
    assert started + 1_200 <= next(e.at for e in office.log if e.fact is finished) <= started + 1_400


@pytest.mark.parametrize("key", ["missing.wav", "wide.wav", "picture.wav"])
def test_what_is_missing_or_unfit_is_not_played(key: str) -> None:
    """Silence is never taken for a notice."""
    office = GatewayHarness()
    leg_id = a_caller(office)
    office.tell(play(leg_id, key))
    office.run(500)
    assert [each.ok for each in office.facts(PlayFinished)] == [False]


def test_a_play_on_a_leg_that_is_gone_is_finished_and_not_ok() -> None:
    """Hang-up races every command; «gone» is a normal answer and nobody waits for ever."""
    office = GatewayHarness()
    leg_id = a_caller(office, Step(hang_up=True))
    office.run(2_000)
    office.tell(play(leg_id, "short.wav"))
    office.run(100)
    assert [each.ok for each in office.facts(PlayFinished)] == [False]


def test_a_caller_who_hangs_up_in_a_play_ends_it_before_the_leg_ends() -> None:
    """`leg_ended` is the last word about a leg."""
    office = GatewayHarness()
    leg_id = a_caller(office, Step(wait_s=1), Step(hang_up=True))
    office.tell(play(leg_id, "long.wav"))
    office.run(5_000)
    assert office.told()[-2:] == ["play_finished", "leg_ended"]


@pytest.mark.rule("G2")
def test_the_same_play_is_heard_once() -> None:
    """A repeated command with another number does not make the caller hear it twice."""
    office = GatewayHarness()
    leg_id = a_caller(office)
    office.tell(play(leg_id, "short.wav"))
    office.run(1_000)
    office.tell(play(leg_id, "short.wav"))
    office.run(1_000)
    assert len(office.facts(PlayFinished)) == 1
    assert office.network.pbxs[PBX].legs[leg_id].heard == ["short.wav"]


def test_music_goes_on_after_a_play_and_not_after_a_bridge() -> None:
    """A waiting caller never hears silence; two who talk hear no music."""
    office = GatewayHarness({"sip:201": ANSWERS})
    leg_id = a_caller(office)
    line = office.network.pbxs[PBX].legs[leg_id]
    office.tell(StartHoldMusic(pbx_id=PBX, leg_id=leg_id))
    office.run(200)
    assert line.listening == "music"
    office.tell(play(leg_id, "short.wav"))
    office.run(200)
    assert line.listening == "play-1"
    office.run(1_000)
    assert line.listening == "music"
    office.tell(dial("sip:201"))
    office.run(2_000)
    office.tell(bridge(leg_id, "leg-1"))
    office.run(200)
    assert line.listening == "bridge-1"
    office.tell(hang_up("leg-1"))
    office.run(500)
    assert line.listening == "silence"


@pytest.mark.rule("C6")
def test_m2_a_play_that_interrupts_is_heard_at_once_and_every_other_is_answered_for() -> None:
    """The tone and what waits behind it are over, as interrupted; each command has its own answer."""
    office = GatewayHarness()
    leg_id = a_caller(office)
    refs = [office.tell(play(leg_id, "long.wav", play_id=name)) for name in ("tone", "waits")]
    office.run(500)
    refs.append(office.tell(play(leg_id, "short.wav", play_id="word", interrupts=True)))
    office.run(100)
    assert office.network.pbxs[PBX].legs[leg_id].listening == "word"
    over = office.facts(PlayFinished)
    assert sorted((each.play_id, each.ok, each.was_interrupted) for each in over) == [
        ("tone", True, True),
        ("waits", True, True),
    ]
    office.run(1_000)
    word = office.facts(PlayFinished)[-1]
    assert (word.play_id, word.ok, word.was_interrupted) == ("word", True, False)
    assert office.settled >= set(refs)


@pytest.mark.rule("C6", "G2")
def test_m2_a_gateway_that_dies_in_between_interrupts_once_and_nothing_is_heard_again() -> None:
    """Unanswered commands come again, in their order; the tone does not."""
    office = GatewayHarness()
    leg_id = a_caller(office)
    office.tell(play(leg_id, "long.wav", play_id="tone"))
    office.run(500)
    office.is_log_slow = True
    office.tell(play(leg_id, "short.wav", play_id="word", interrupts=True))
    office.crash()
    office.is_log_slow = False
    office.run(2_000)
    assert office.network.pbxs[PBX].legs[leg_id].heard == ["long.wav", "short.wav"]
    assert {(each.play_id, each.was_interrupted) for each in office.facts(PlayFinished)} == {
        ("tone", True),
        ("word", False),
    }


@pytest.mark.rule("C6")
def test_m2_what_comes_too_late_interrupts_nothing() -> None:
    """A word that is refused must not leave a caller in silence."""
    office = GatewayHarness()
    leg_id = a_caller(office)
    office.tell(play(leg_id, "long.wav", play_id="tone"))
    office.run(500)
    late = play(leg_id, "short.wav", play_id="word", interrupts=True)
    office.tell(msgspec.structs.replace(late, not_after=Instant(office.now - 1)))
    office.run(100)
    assert office.network.pbxs[PBX].legs[leg_id].listening == "tone"


def test_m2_music_goes_on_after_a_play_that_interrupted_another() -> None:
    """Only plays are ended, not the music behind them."""
    office = GatewayHarness()
    leg_id = a_caller(office)
    office.tell(StartHoldMusic(pbx_id=PBX, leg_id=leg_id))
    office.tell(play(leg_id, "long.wav", play_id="position"))
    office.run(500)
    office.tell(play(leg_id, "short.wav", play_id="word", interrupts=True))
    office.run(1_000)
    assert office.network.pbxs[PBX].legs[leg_id].listening == "music"


def test_commands_without_a_fact_of_their_own_are_answered_all_the_same() -> None:
    """Every command is answered by a fact that names its source and number."""
    office = GatewayHarness()
    leg_id = a_caller(office)
    office.tell(StartHoldMusic(pbx_id=PBX, leg_id=leg_id), source="callback")
    office.tell(StopHoldMusic(pbx_id=PBX, leg_id=leg_id), source="callback")
    office.tell(StopPlay(pbx_id=PBX, leg_id=leg_id, play_id=PlayId("never")), source="callback")
    office.run(500)
    done = office.facts(CommandDone, source="callback")
    assert [each.seq for each in done] == [1, 2, 3]
    assert office.settled >= {1, 2, 3}


def test_a_key_in_the_middle_of_a_prompt_is_told_at_once_and_may_end_it() -> None:
    """The customer who presses 1 need not hear the invitation to its end (C1)."""
    office = GatewayHarness()
    leg_id = a_caller(office, Step(during="long"), Step(wait_s=0.5), Step(press="1"))
    office.tell(play(leg_id, "long.wav", barge_in=True))
    office.run(1_500)
    assert [each.digits for each in office.facts(DigitsEntered)] == ["1"]
    assert [(each.ok, each.was_interrupted) for each in office.facts(PlayFinished)] == [(True, True)]


@pytest.mark.parametrize(
    ("pressed", "digits_max", "expected"),
    [("89161234567", 11, "89161234567"), ("8916#", 11, "8916"), ("89", 11, "89"), ("", 11, "")],
)
def test_keys_are_collected_into_one_string(pressed: str, digits_max: int, expected: str) -> None:
    """A typed number comes whole: at its length, at the terminator, or when no further key comes."""
    office = GatewayHarness()
    steps = (Step(wait_s=0.5), Step(press=pressed)) if pressed else ()
    leg_id = a_caller(office, *steps)
    ref = office.tell(collect(leg_id, digits_max=digits_max))
    office.run(6_000)
    assert [(each.digits, each.is_complete) for each in office.facts(DigitsEntered)] == [(expected, True)]
    assert ref in office.settled


def test_who_is_still_told_what_to_type_has_the_whole_time_afterwards() -> None:
    """The prompt's length does not eat the time for the first key."""
    office = GatewayHarness()
    leg_id = a_caller(office, Step(after="long"), Step(wait_s=1.5), Step(press="5"))
    office.tell(play(leg_id, "long.wav"))
    office.tell(collect(leg_id, digits_max=1, first_ms=2_000))
    office.run(8_000)
    assert [each.digits for each in office.facts(DigitsEntered)] == ["5"]


def test_a_bridge_is_told_and_undone_by_a_hang_up_before_the_leg_ends() -> None:
    """The sender learns that the two talk, and then that they don't."""
    office = GatewayHarness({"sip:201": ANSWERS})
    leg_id = a_caller(office, Step(until=Until.BRIDGED), Step(wait_s=2), Step(hang_up=True))
    office.tell(dial("sip:201"))
    office.run(2_000)
    office.tell(bridge(leg_id, "leg-1"))
    office.run(4_000)
    assert [each.legs for each in office.facts(Bridged)] == [(leg_id, "leg-1")]
    names = office.told()
    assert names.index("unbridged") < names.index("leg_ended")
    assert len(office.facts(Unbridged)) == 1


@pytest.mark.parametrize("is_up", [False, True], ids=["about_to_talk", "talking"])
def test_nothing_is_played_to_somebody_who_talks(is_up: bool) -> None:
    """A service that is behind confirms the callback of a customer whom an agent has just answered.

    On a real PBX the prompt would take the customer out of the talk, and the agent would hear nothing.
    """
    office = GatewayHarness({"sip:201": ANSWERS})
    leg_id = a_caller(office)
    office.tell(dial("sip:201"))
    office.run(2_000)
    office.tell(bridge(leg_id, "leg-1"))
    if is_up:
        office.run(1_000)
    ref = office.tell(play(leg_id, "invitation.wav"))
    office.run(1_000)
    [finished] = office.facts(PlayFinished)
    assert (finished.ok, finished.was_interrupted) == (False, True)
    assert ref in office.settled
    office.tell(hang_up("leg-1"))
    office.run(1_000)
    office.tell(play(leg_id, "invitation.wav", play_id="play-2"))
    office.run(3_000)
    assert [each.ok for each in office.facts(PlayFinished)] == [False, True]


def test_a_bridge_with_somebody_who_has_gone_is_refused_and_names_the_leg() -> None:
    """The other party is not left in silence by a bridge that was never made."""
    office = GatewayHarness({"sip:201": ANSWERS})
    leg_id = a_caller(office, Step(hang_up=True))
    office.tell(dial("sip:201"))
    office.run(3_000)
    office.tell(bridge(leg_id, "leg-1"))
    office.run(100)
    refused = office.facts(CommandRefused)[0]
    assert (refused.command, refused.reason, refused.leg_id) == ("telephony.bridge", "gone", leg_id)


def test_a_call_outlasts_the_memory_of_whom_it_was_bridged_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ended legs are forgotten at last, with their bridges; the other one ends as any other leg."""
    monkeypatch.setattr(gateway_state, "LEGS_MAX", 10)
    office = GatewayHarness({"sip:201": ANSWERS})
    leg_id = a_caller(office)
    office.tell(dial("sip:201"))
    office.run(2_000)
    office.tell(bridge(leg_id, "leg-1"))
    office.run(1_000)
    office.tell(hang_up("leg-1"))
    office.run(1_000)
    for number in range(2, 12):
        office.tell(dial("sip:201", f"leg-{number}"))
        office.run(2_000)
        office.tell(hang_up(f"leg-{number}"))
        office.run(1_000)
    office.tell(hang_up(leg_id))
    office.run(1_000)
    assert office.facts(LegEnded)[-1].leg_id == leg_id


@pytest.mark.rule("V1")
def test_a_recording_is_requested_spooled_and_finished_before_the_leg_ends() -> None:
    """The voice message is safe before anybody hears that the caller has gone."""
    office = GatewayHarness()
    leg_id = a_caller(
        office, Step(until=Until.RECORDING), Step(say="call me back please"), Step(hang_up=True)
    )
    since = len(office.log)
    office.tell(record(leg_id))
    office.run(6_000)
    assert office.told(since) == [
        "recording_requested",
        "recording_spooled",
        "recording_finished",
        "leg_ended",
    ]
    requested = office.facts(RecordingRequested)[0]
    assert (requested.source, requested.seq) == ("queue", 2)
    finished = office.facts(RecordingFinished)[0]
    assert finished.ok
    assert finished.duration_ms >= len("call me back please") * 60
    assert finished.bytes == len(office.files[RecordingId("rec-1")])


def test_nothing_is_recorded_before_the_request_is_read_back() -> None:
    """As with dialling: a new owner knows every recording that may run."""
    office = GatewayHarness()
    leg_id = a_caller(office)
    office.is_log_slow = True
    office.tell(record(leg_id))
    office.run(2_000)
    assert not office.network.pbxs[PBX].recorder.tapes
    office.is_log_slow = False
    office.run(500)
    assert office.network.pbxs[PBX].recorder.tapes


@pytest.mark.rule("V7")
def test_the_end_of_a_leg_waits_two_seconds_for_s3_and_no_longer() -> None:
    """EC-62: S3 is down. The recording is spooled and told of; the leg's end is not held up for ever."""
    office = GatewayHarness()
    office.is_s3_up = False
    leg_id = a_caller(office, Step(until=Until.RECORDING), Step(say="hello there"), Step(hang_up=True))
    office.tell(record(leg_id))
    office.run(2_500)
    assert office.facts(RecordingSpooled)
    assert not office.facts(LegEnded)
    office.run(2_000)
    assert office.facts(LegEnded)
    office.is_s3_up = True
    office.upload()
    office.run(100)
    assert office.facts(RecordingFinished)[0].ok


def test_a_recording_is_stopped_and_kept() -> None:
    """What was said is kept."""
    office = GatewayHarness()
    leg_id = a_caller(office, Step(until=Until.RECORDING), Step(say="hello there"))
    office.tell(record(leg_id))
    office.run(1_500)
    office.tell(StopRecording(pbx_id=PBX, leg_id=leg_id, recording_id=RecordingId("rec-1")))
    office.run(500)
    assert office.facts(RecordingFinished)[0].cause == "stopped"


def test_a_recording_on_a_leg_that_is_gone_is_told_to_be_missing() -> None:
    """EC-59: the caller hung up in the greeting."""
    office = GatewayHarness()
    leg_id = a_caller(office, Step(hang_up=True))
    office.run(2_000)
    office.tell(record(leg_id))
    finished = office.facts(RecordingFinished)[0]
    assert (finished.ok, finished.cause, finished.source) == (False, "gone", "queue")


def test_an_extension_is_checked_and_a_silent_pbx_is_another_answer() -> None:
    """O3: «does not exist» and «can't check now» are different errors."""
    office = GatewayHarness({"sip:201": ANSWERS})
    office.tell(CheckExtension(pbx_id=PBX, extension="201"))
    office.tell(CheckExtension(pbx_id=PBX, extension="999"))
    office.run(500)
    assert [(e.extension, e.exists) for e in office.facts(ExtensionChecked)] == [
        ("201", True),
        ("999", False),
    ]
    silent = GatewayHarness(network={"checks_answered": False})
    silent.tell(CheckExtension(pbx_id=PBX, extension="201"))
    silent.run(3_100)
    assert silent.facts(CommandRefused)[0].reason == "pbx_silent"
