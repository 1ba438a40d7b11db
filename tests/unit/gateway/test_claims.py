"""One owner, rebuilt from the log: after a crash, a newer claim, and an absence of the PBX."""

import pytest

from contracts.directory import Language
from contracts.gateway import (
    CallArrived,
    CommandDone,
    CommandRefused,
    DeviceChanged,
    EndedBy,
    LegAnswered,
    LegEnded,
    LegRequested,
    Outcome,
    PbxLost,
    PbxReturned,
    PlayFinished,
    RecordingFinished,
    RecordingSpooled,
)
from contracts.ids import Address, LegId, RecordingId
from contracts.telephony import StartHoldMusic
from services.gateway.simulated import Call, Step
from services.gateway.simulated.script import Until
from tests.contract.gateway.benches import voice
from tests.unit.gateway.harness import (
    ANSWERS,
    CUSTOMER,
    LINE,
    PBX,
    RINGS,
    GatewayHarness,
    answer,
    cancel,
    dial,
    hang_up,
    play,
    record,
)

SAYS = (Step(until=Until.RECORDING), Step(say="please call me back tomorrow"), Step(hang_up=True))


@pytest.mark.rule("G2")
def test_a_restarted_gateway_adopts_its_calls_and_dials_nobody_again() -> None:
    """kill -9 in mid-traffic: the talk goes on, the ringing phone rings on, and both end as usual."""
    office = GatewayHarness({"sip:201": ANSWERS, "sip:202": RINGS})
    office.tell(dial("sip:201", "talking"))
    office.tell(dial("sip:202", "ringing", ring_ms=10_000))
    office.run(3_000)
    office.crash()
    office.run(1_000)
    assert not office.facts(LegEnded)
    assert office.facts(PbxReturned)[-1].live_legs == ("talking", "ringing")
    office.tell(hang_up("talking"))
    office.run(8_000)
    assert office.facts(LegEnded, leg_id="talking")[0].outcome is Outcome.COMPLETED
    assert office.facts(LegEnded, leg_id="ringing")[0].outcome is Outcome.NO_ANSWER
    assert (office.dials("sip:201"), office.dials("sip:202")) == (1, 1)


@pytest.mark.rule("G2")
def test_a_leg_that_was_requested_and_is_not_there_ended_as_lost_and_is_never_dialled() -> None:
    """The predecessor died between saying and dialling, or after: nobody knows, so nobody rings again."""
    office = GatewayHarness({"sip:201": RINGS})
    office.is_log_slow = True
    office.tell(dial("sip:201"))
    office.run(100)
    office.is_log_slow = False
    office.crash()
    office.run(2_000)
    end = office.facts(LegEnded)[0]
    assert (end.outcome, end.by, end.cause) == (Outcome.FAILED, EndedBy.NETWORK, "lost")
    office.tell(dial("sip:201"))
    office.run(1_000)
    assert office.dials("sip:201") == 0
    assert office.facts(CommandDone)


@pytest.mark.rule("G2")
def test_a_command_that_was_not_answered_before_the_crash_is_done_after_it() -> None:
    """Its offset was not committed, so it is read again; what was answered is not done again."""
    office = GatewayHarness()
    leg_id = office.calls_in()
    office.tell(answer(leg_id))
    office.run(300)
    long = office.tell(play(leg_id, "long.wav"))
    office.run(500)
    office.crash()
    office.run(6_000)
    assert [each.ok for each in office.facts(PlayFinished)] == [True]
    assert long in office.settled
    assert office.network.pbxs[PBX].legs[leg_id].heard == ["long.wav"]


@pytest.mark.rule("G2")
def test_numbers_go_on_after_a_crash() -> None:
    """The last number per source is rebuilt from our own facts: repeats stay repeats."""
    office = GatewayHarness({"sip:201": RINGS, "sip:202": RINGS})
    office.tell(dial("sip:201"))
    office.run(500)
    office.crash()
    office.tell(dial("sip:201"), seq=1)
    office.tell(dial("sip:202", "leg-2"), seq=2)
    office.run(1_000)
    assert "repeat_dropped" in office.counted
    assert [each.leg_id for each in office.facts(LegRequested)] == ["leg-1", "leg-2"]


@pytest.mark.rule("G2")
def test_a_gateway_that_reads_a_newer_claim_says_and_dials_nothing_any_more() -> None:
    """Two gateways never act for one PBX: the log decides whose it is."""
    office = GatewayHarness({"sip:201": RINGS})
    office.is_log_slow = True
    office.tell(dial("sip:201"))
    # The newer claim comes before the request on the log; a request after it is void for every reader.
    request = office.log.pop()
    office.claim("theirs")
    office.log.append(request)
    office.is_log_slow = False
    office.run(1_000)
    assert office.superseded == [request.offset]
    said = len(office.log)
    office.tell(cancel())
    office.run(10_000)
    assert office.dials("sip:201") == 0
    assert len(office.log) == said


@pytest.mark.rule("G2")
def test_facts_of_an_older_incarnation_are_not_believed() -> None:
    """A frozen gateway that wakes and speaks late changes nothing for its successor."""
    office = GatewayHarness({"sip:201": RINGS})
    old = office.machine.incarnation or 0
    office.claim("theirs")
    office.append(
        LegRequested(pbx_id=PBX, leg_id=LegId("ghost"), address=Address("sip:201")), seq=9, incarnation=old
    )
    office.crash()
    office.run(1_000)
    assert not office.facts(LegEnded, leg_id="ghost")


@pytest.mark.rule("G3")
def test_a_lost_pbx_is_told_and_its_return_says_what_is_left() -> None:
    """EC-51: calls that are gone are reported ended; nobody stays busy for them."""
    office = GatewayHarness({"sip:201": ANSWERS}, public={CUSTOMER: ANSWERS})
    office.tell(dial("sip:201"))
    office.run(2_000)
    office.network.pbxs[PBX].vanish(office.now, for_ms=20_000, drops=1.0)
    office.run(1_000)
    assert len(office.facts(PbxLost)) == 1
    assert not office.facts(LegEnded)
    office.run(25_000)
    assert office.facts(PbxReturned)[-1].live_legs == ()
    end = office.facts(LegEnded)[0]
    assert (end.outcome, end.cause) == (Outcome.FAILED, "lost")


@pytest.mark.rule("G3")
def test_calls_that_survived_the_absence_are_adopted() -> None:
    """Calls go on while the PBX is away."""
    office = GatewayHarness({"sip:201": ANSWERS})
    office.tell(dial("sip:201"))
    office.run(2_000)
    office.network.pbxs[PBX].vanish(office.now, for_ms=20_000)
    office.run(25_000)
    assert not office.facts(LegEnded)
    assert office.facts(PbxReturned)[-1].live_legs == ("leg-1",)


@pytest.mark.rule("G3")
def test_an_answer_while_the_pbx_was_away_is_said_on_its_return() -> None:
    """A PBX does not repeat missed events; the comparison finds the answer."""
    office = GatewayHarness({"sip:201": {"behaviours": [{"answer_after_s": 5}]}})
    office.tell(dial("sip:201", ring_ms=60_000))
    office.run(1_000)
    office.network.pbxs[PBX].vanish(office.now, for_ms=10_000)
    office.run(12_000)
    assert len(office.facts(LegAnswered)) == 1


@pytest.mark.rule("G3")
def test_a_call_that_came_while_the_pbx_was_away_and_still_rings_has_arrived() -> None:
    """A customer who called meanwhile is not lost."""
    office = GatewayHarness()
    office.network.pbxs[PBX].vanish(office.now, for_ms=5_000)
    office.run(1_000)
    office.network.pbxs[PBX].call_in(office.now, Call(line=LINE, caller=CUSTOMER))
    office.run(6_000)
    assert [each.caller for each in office.facts(CallArrived)] == [CUSTOMER]


@pytest.mark.rule("G3")
def test_a_leg_that_nobody_knows_is_hung_up_and_counted() -> None:
    """A leg that no log knows: nobody would ever end it."""
    office = GatewayHarness({"sip:201": ANSWERS})
    office.tell(dial("sip:201"))
    office.run(2_000)
    del office.log[:]
    office.crash()
    office.run(2_000)
    assert "unknown_leg_hung_up" in office.counted
    assert office.network.pbxs[PBX].legs[LegId("leg-1")].is_over


@pytest.mark.rule("G3")
def test_nobody_is_dialled_while_the_pbx_is_away_and_it_is_said_why() -> None:
    """EC-51, O9: one refusal, no attempt counted, no burst afterwards."""
    office = GatewayHarness({"sip:201": RINGS})
    office.network.pbxs[PBX].vanish(office.now, for_ms=30_000)
    office.run(100)
    office.tell(dial("sip:201"))
    office.run(40_000)
    assert [each.reason for each in office.facts(CommandRefused)] == ["pbx_lost"]
    assert office.dials("sip:201") == 0


@pytest.mark.rule("G3")
def test_a_hang_up_while_the_pbx_is_away_is_done_on_its_return() -> None:
    """Nobody is left on the line because the command came at the wrong moment."""
    office = GatewayHarness({"sip:201": ANSWERS})
    office.tell(dial("sip:201"))
    office.run(2_000)
    office.network.pbxs[PBX].vanish(office.now, for_ms=10_000)
    office.run(100)
    office.tell(hang_up())
    office.run(15_000)
    assert office.facts(LegEnded)[0].outcome is Outcome.COMPLETED
    assert office.facts(CommandDone)


def test_a_play_that_ended_while_the_pbx_was_away_is_finished_on_its_return() -> None:
    """The service that waits for its end can go on."""
    office = GatewayHarness()
    leg_id = office.calls_in()
    office.tell(answer(leg_id))
    office.run(300)
    office.tell(play(leg_id, "long.wav"))
    office.run(500)
    office.network.pbxs[PBX].vanish(office.now, for_ms=10_000)
    office.run(12_000)
    assert [each.ok for each in office.facts(PlayFinished)] == [True]


def test_a_play_that_died_with_the_gateway_is_played_again_and_counted() -> None:
    """Nobody knows what was heard of it; silence would be worse than hearing it twice."""
    office = GatewayHarness()
    leg_id = office.calls_in()
    office.tell(answer(leg_id))
    office.run(300)
    office.tell(play(leg_id, "short.wav"))
    office.run(100)
    pbx = office.network.pbxs[PBX]
    leg = pbx.legs[leg_id]
    assert "play_of_a_predecessor" not in office.counted
    leg.queue.clear()
    office.crash()
    office.run(2_000)
    assert office.counted.count("play_of_a_predecessor") == 1
    assert leg.heard == ["short.wav", "short.wav"]
    assert [each.ok for each in office.facts(PlayFinished)] == [True]


@pytest.mark.rule("V7")
def test_a_gateway_that_dies_in_a_recording_has_all_of_it_afterwards() -> None:
    """EC-63 without loss: the PBX went on recording, and what the file lacks is fetched."""
    office = GatewayHarness()
    leg_id = office.calls_in(then=SAYS)
    office.tell(answer(leg_id))
    office.tell(record(leg_id))
    office.run(1_500)
    office.crash()
    office.run(8_000)
    finished = office.facts(RecordingFinished)[0]
    assert (finished.ok, finished.is_cut_off) == (True, False)
    spoken = sum(byte != 0xD5 for byte in office.files[RecordingId("rec-1")])
    said = voice("please call me back tomorrow", Language.RUSSIAN)
    assert spoken == sum(byte != 0xD5 for byte in said)


@pytest.mark.rule("V8")
def test_a_recorder_that_dies_leaves_a_playable_file_that_is_flagged() -> None:
    """EC-63: what is on disk is closed, marked «cut off», and delivered."""
    office = GatewayHarness()
    leg_id = office.calls_in(then=SAYS)
    office.tell(answer(leg_id))
    office.tell(record(leg_id))
    office.run(1_500)
    pbx = office.network.pbxs[PBX]
    pbx.vanish(office.now, for_ms=5_000, drops=1.0)
    pbx.recorder.tapes.clear()
    office.run(8_000)
    spooled = office.facts(RecordingSpooled)[0]
    assert spooled.is_cut_off
    assert 500 <= spooled.duration_ms <= 1_500
    assert office.facts(RecordingFinished)[0].ok
    assert office.facts(LegEnded)[0].cause == "lost"


@pytest.mark.rule("V8")
def test_a_pbx_that_never_returns_does_not_keep_a_message_from_its_readers() -> None:
    """EC-63: after five minutes the file is closed as it is."""
    office = GatewayHarness()
    leg_id = office.calls_in(then=SAYS)
    office.tell(answer(leg_id))
    office.tell(record(leg_id))
    office.run(1_500)
    office.network.pbxs[PBX].vanish(office.now, for_ms=10_000_000)
    office.run(301_000)
    assert office.facts(RecordingFinished)[0].is_cut_off


def test_phones_are_told_when_they_change_and_not_again_after_a_restart() -> None:
    """An agent on any call counts as busy (EC-7), and a restart says nothing again."""
    office = GatewayHarness({"sip:201": ANSWERS})
    office.tell(dial("sip:201"))
    office.run(2_000)
    office.crash()
    office.run(500)
    office.tell(hang_up())
    office.run(500)
    assert [str(each.state) for each in office.facts(DeviceChanged)] == ["idle", "in_use", "idle"]


@pytest.mark.rule("G2")
def test_an_answer_that_overtook_an_earlier_one_does_not_hide_it() -> None:
    """The first command of a service is a long play, its second is answered first; then the gateway dies."""
    office = GatewayHarness()
    leg_id = office.calls_in()
    office.tell(answer(leg_id))
    office.run(300)
    long = office.tell(play(leg_id, "long.wav"), source="callback")
    office.tell(StartHoldMusic(pbx_id=PBX, leg_id=leg_id), source="callback")
    office.run(500)
    office.crash()
    office.run(6_000)
    assert long in office.settled
    assert office.facts(PlayFinished)[0].source == "callback"
