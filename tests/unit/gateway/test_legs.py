"""Legs: dialled once, limited by us, ended once and last, with one outcome."""

import pytest

from contracts.gateway import (
    CallArrived,
    CommandDone,
    CommandRefused,
    EndedBy,
    LegAnswered,
    LegEnded,
    LegRequested,
    LegRinging,
    MediaLost,
    Outcome,
)
from contracts.ids import LegId
from contracts.telephony import CancelLeg, RejectLeg, RejectReason
from services.gateway.simulated import Step
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
)


def ended(office: GatewayHarness, leg_id: str = "leg-1") -> LegEnded:
    found = office.facts(LegEnded, leg_id=leg_id)
    assert len(found) == 1
    return found[0]


@pytest.mark.rule("G1")
def test_a_dialled_leg_is_requested_rings_is_answered_and_ends() -> None:
    """The whole life of an agent's phone, as the services hear it; the first fact answers the command."""
    office = GatewayHarness(
        {"sip:201": {"behaviours": [{"answer_after_s": 2, "then": [{"wait_s": 3}, {"hang_up": True}]}]}}
    )
    since = len(office.log)
    ref = office.tell(dial("sip:201"))
    office.run(10_000)
    story = [name for name in office.told(since) if name != "device_changed"]
    assert story == ["leg_requested", "leg_ringing", "leg_answered", "leg_ended"]
    requested = office.facts(LegRequested)[0]
    assert (requested.source, requested.seq) == ("queue", 1)
    assert ref in office.settled
    end = ended(office)
    assert (end.outcome, end.by) == (Outcome.COMPLETED, EndedBy.PARTY)
    assert 1_900 <= end.ring_ms <= 2_100
    assert 2_900 <= end.talk_ms <= 3_100


@pytest.mark.rule("G2")
def test_nobody_is_dialled_before_the_request_is_read_back() -> None:
    """A gateway that dies between saying and dialling has not dialled, and one that dials has said so."""
    office = GatewayHarness({"sip:201": RINGS})
    office.is_log_slow = True
    office.tell(dial("sip:201"))
    office.run(3_000)
    assert office.facts(LegRequested)
    assert office.dials("sip:201") == 0
    office.is_log_slow = False
    office.run(100)
    assert office.dials("sip:201") == 1


@pytest.mark.rule("G2")
def test_the_same_leg_is_dialled_once() -> None:
    """EC-50: a sender without an answer repeats the same id: «already», and the phone rings once."""
    office = GatewayHarness({"sip:201": RINGS})
    office.tell(dial("sip:201"))
    office.run(1_000)
    office.tell(dial("sip:201"))
    office.run(1_000)
    assert office.dials("sip:201") == 1
    assert len(office.facts(LegRequested)) == 1
    assert office.facts(CommandDone)[0].seq == 2


@pytest.mark.rule("G2")
def test_a_lost_reply_is_asked_for_again_and_rings_once() -> None:
    """EC-50: the PBX has accepted and its reply is lost; asking again changes nothing for the person."""
    office = GatewayHarness({"sip:201": ANSWERS}, network={"replies_lost": 1.0})
    office.tell(dial("sip:201"))
    office.run(4_500)
    assert "asked_again" in office.counted
    assert office.dials("sip:201") == 1
    assert office.facts(LegAnswered, leg_id="leg-1")


@pytest.mark.rule("G2")
def test_a_reply_that_comes_twice_or_late_changes_nothing() -> None:
    """Real PBXs reply twice or late."""
    office = GatewayHarness({"sip:201": ANSWERS}, network={"replies_doubled": 1.0, "replies_late": 0.5})
    office.tell(dial("sip:201"))
    office.run(5_000)
    office.tell(hang_up())
    office.run(10_000)
    assert len(office.facts(LegAnswered)) == len(office.facts(LegEnded)) == 1
    assert "reply_late_or_doubled" in office.counted


@pytest.mark.rule("G2")
def test_a_repeated_command_is_dropped_and_an_early_one_waits_for_its_predecessor() -> None:
    """The order of a stream decides, and numbers say it: only the successor is accepted."""
    office = GatewayHarness({"sip:201": RINGS, "sip:202": RINGS})
    office.tell(dial("sip:201"), seq=1)
    office.tell(dial("sip:201"), seq=1)
    office.tell(dial("sip:202", "leg-3"), seq=3)
    office.run(1_000)
    assert office.dials("sip:202") == 0
    assert "repeat_dropped" in office.counted
    assert "command_too_early" in office.counted
    office.tell(dial("sip:202", "leg-2"), seq=2)
    office.tell(dial("sip:202", "leg-3"), seq=3)
    office.run(1_000)
    assert len(office.facts(LegRequested)) == 3


@pytest.mark.rule("G2")
def test_a_dial_that_comes_too_late_is_refused() -> None:
    """A phone must not ring for a customer who has been served meanwhile; lateness is judged by the log."""
    office = GatewayHarness({"sip:201": RINGS})
    office.tell(dial("sip:201", not_after=office.now - 1))
    office.run(1_000)
    assert office.dials("sip:201") == 0
    refused = office.facts(CommandRefused)[0]
    assert (refused.reason, refused.leg_id, refused.source, refused.seq) == ("too_late", "leg-1", "queue", 1)


@pytest.mark.rule("G2")
def test_cancel_and_hang_up_are_never_too_late() -> None:
    """Stopping a phone is right at any time; a leg that is over is done, one nobody knows is refused."""
    office = GatewayHarness({"sip:201": RINGS})
    office.tell(dial("sip:201"))
    office.run(500)
    office.tell(cancel())
    office.run(500)
    office.tell(cancel())
    office.tell(hang_up("nobody"))
    assert ended(office).outcome is Outcome.CANCELLED
    assert len(office.facts(CommandDone)) == 2
    assert office.facts(CommandRefused)[0].reason == "unknown_leg"


@pytest.mark.rule("G4")
@pytest.mark.parametrize(
    "address",
    [
        "tel:112",
        "tel:+112",
        "sip:103",
        "pbx:second/102",
        "tel:01",
        "sip:112@cloud",
        "tel:１１２",
        "tel:9 1 1",
        "112",
    ],
)
def test_an_emergency_number_is_never_dialled_whatever_the_command_says(address: str) -> None:
    """Nobody's mistake in a directory or a decider may ever call out a fire engine."""
    office = GatewayHarness()
    office.tell(dial(address))
    office.run(1_000)
    assert office.network.counts["dials"] == 0
    assert office.facts(CommandRefused)[0].reason == "emergency"
    assert not office.facts(LegRequested)


def test_a_ringing_phone_is_given_up_at_our_own_limit() -> None:
    """Public networks ring for three minutes; the ring time is the department's, from the first ringing."""
    office = GatewayHarness({"sip:201": {"behaviours": [{"ring_after_s": 3}]}})
    office.tell(dial("sip:201", ring_ms=10_000))
    office.run(12_500)
    assert not office.facts(LegEnded)
    office.run(1_000)
    end = ended(office)
    assert end.outcome is Outcome.NO_ANSWER
    assert 9_900 <= end.ring_ms <= 10_300


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        ({"condition": "busy"}, Outcome.BUSY),
        ({"decline_after_s": 1}, Outcome.DECLINED),
        ({"condition": "unavailable"}, Outcome.UNAVAILABLE),
        ({"condition": "unknown"}, Outcome.BAD_NUMBER),
        ({"condition": "blocked"}, Outcome.BAD_NUMBER),
        ({"condition": "no_codec"}, Outcome.NO_CODEC),
    ],
)
def test_how_a_leg_ended_is_one_of_a_closed_set(behaviour: dict[str, object], outcome: Outcome) -> None:
    """Declined is not missed, busy is not unreachable, and a bad number is not tried again (EC-42)."""
    office = GatewayHarness({"sip:201": {"behaviours": [behaviour]}})
    office.tell(dial("sip:201"))
    office.run(5_000)
    assert ended(office).outcome is outcome


def test_a_leg_cancelled_before_anybody_was_dialled_ends_without_a_ring() -> None:
    """EC-4: the customer left while the phones were being set up."""
    office = GatewayHarness({"sip:201": RINGS})
    office.is_log_slow = True
    office.tell(dial("sip:201"))
    office.tell(cancel())
    office.is_log_slow = False
    office.run(2_000)
    assert office.dials("sip:201") == 0
    assert ended(office).outcome is Outcome.CANCELLED


def test_an_answer_that_races_a_cancel_is_released_and_not_told() -> None:
    """EC-4: the agent who picked up in that instant is hung up at once, and nobody thinks they talk."""
    office = GatewayHarness(
        {"sip:201": {"behaviours": [{"answer_after_s": 1.0}]}},
        network={"latency_ms_min": 300, "latency_ms_max": 300},
    )
    office.tell(dial("sip:201"))
    office.run(1_500)
    office.tell(cancel())
    office.run(3_000)
    assert office.network.pbxs[PBX].legs[LegId("leg-1")].is_answered
    assert not office.facts(LegAnswered)
    assert ended(office).outcome is Outcome.CANCELLED


@pytest.mark.rule("C7")
def test_a_customer_who_answers_while_being_cancelled_is_kept_when_asked_for() -> None:
    """The agent left at that moment: the customer hears «one moment» and is not cut off."""
    slow = {"latency_ms_min": 300, "latency_ms_max": 300}
    office = GatewayHarness({"sip:201": {"behaviours": [{"answer_after_s": 1.0}]}}, network=slow)
    office.tell(dial("sip:201"))
    office.run(1_500)
    ref = office.tell(CancelLeg(pbx_id=PBX, leg_id=LegId("leg-1"), keeps_answered=True))
    office.run(8_000)
    assert office.facts(LegAnswered)
    assert not office.facts(LegEnded)
    assert ref in office.settled
    office.tell(cancel())
    office.run(1_000)
    assert ended(office).outcome is Outcome.COMPLETED


@pytest.mark.rule("C7")
def test_a_customer_who_does_not_answer_is_cancelled_all_the_same() -> None:
    """Keeping the answered does not keep the ringing."""
    office = GatewayHarness({"sip:201": RINGS})
    office.tell(dial("sip:201"))
    office.run(1_000)
    office.tell(CancelLeg(pbx_id=PBX, leg_id=LegId("leg-1"), keeps_answered=True))
    office.run(1_000)
    assert ended(office).outcome is Outcome.CANCELLED


@pytest.mark.rule("G1")
def test_a_call_arrives_once_and_is_answered_at_our_command() -> None:
    """A customer is on the line."""
    office = GatewayHarness()
    leg_id = office.calls_in()
    office.tell(answer(leg_id))
    office.run(500)
    arrived = office.facts(CallArrived)
    assert [(each.caller, each.line) for each in arrived] == [(CUSTOMER, LINE)]
    answered = office.facts(LegAnswered)[0]
    assert (answered.source, answered.seq) == ("queue", 1)


@pytest.mark.rule("G5")
def test_a_withheld_number_stays_withheld() -> None:
    """Nothing invents one."""
    office = GatewayHarness()
    office.calls_in(caller=None)
    assert office.facts(CallArrived)[0].caller is None


def test_a_caller_who_hangs_up_before_the_answer_has_abandoned() -> None:
    """By themselves, and unanswered."""
    office = GatewayHarness()
    leg_id = office.calls_in(then=(Step(wait_s=1), Step(hang_up=True)))
    office.run(2_000)
    assert ended(office, leg_id).outcome is Outcome.ABANDONED


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        (RejectReason.BUSY, Outcome.BUSY),
        (RejectReason.DECLINED, Outcome.DECLINED),
        (RejectReason.UNAVAILABLE, Outcome.UNAVAILABLE),
    ],
)
def test_a_rejected_call_ends_as_it_was_rejected(reason: RejectReason, outcome: Outcome) -> None:
    """The caller hears what history says."""
    office = GatewayHarness()
    leg_id = office.calls_in()
    office.tell(RejectLeg(pbx_id=PBX, leg_id=leg_id, reason=reason))
    office.run(1_000)
    assert ended(office, leg_id).outcome is outcome


@pytest.mark.rule("G5")
def test_over_the_public_network_only_our_own_number_is_shown_and_nothing_of_the_customer() -> None:
    """An agent's mobile shows the organization's line; the carrier learns nothing of the customer."""
    office = GatewayHarness(public={CUSTOMER: RINGS})
    office.tell(
        dial(
            "tel:" + CUSTOMER,
            caller_id="+79990000000",
            headers={"customer": "+79990000000"},
            display_name="Sales",
        )
    )
    office.run(1_000)
    line = office.network.pbxs[PBX].legs[LegId("leg-1")]
    assert (line.caller_id, line.display_name, line.headers) == (LINE, "", {})


@pytest.mark.rule("G5")
def test_an_office_phone_shows_the_customer_and_the_department() -> None:
    """The agent sees who calls and for whom before picking up."""
    office = GatewayHarness({"sip:201": RINGS})
    office.tell(
        dial("sip:201", caller_id=CUSTOMER, headers={"purpose": "callback"}, display_name="Отдел продаж")
    )
    office.run(1_000)
    line = office.network.pbxs[PBX].legs[LegId("leg-1")]
    assert (line.caller_id, line.display_name) == (CUSTOMER, "Отдел продаж")
    assert line.headers == {"purpose": "callback"}


@pytest.mark.rule("G5")
def test_the_line_that_the_customer_called_is_shown_to_him() -> None:
    """A callback comes from the number that was called."""
    office = GatewayHarness(public={CUSTOMER: RINGS})
    office.tell(dial("tel:" + CUSTOMER, caller_id="+74951230002"))
    office.run(1_000)
    assert office.network.pbxs[PBX].legs[LegId("leg-1")].caller_id == "+74951230002"


def test_a_phone_that_went_without_a_word_is_told_of() -> None:
    """Its person can't hang up; a leg that only the network has lost may come back."""
    office = GatewayHarness(
        {"sip:201": {"behaviours": [{"answer_after_s": 1, "then": [{"loses_sound": True}]}]}}
    )
    office.tell(dial("sip:201"))
    office.run(20_000)
    assert [each.leg_id for each in office.facts(MediaLost)] == ["leg-1"]
    assert not office.facts(LegEnded)


def test_ringing_is_told_once() -> None:
    """The ring time starts at the first ringing."""
    office = GatewayHarness({"sip:201": RINGS})
    office.tell(dial("sip:201"))
    office.run(3_000)
    assert len(office.facts(LegRinging)) == 1
