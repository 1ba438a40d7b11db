"""Direct calls: which phones ring, for how long, and what follows when nobody answers (D1, D2, D4, D7)."""

import pytest

from contracts import gateway, routing, telephony
from contracts.gateway import DeviceState, Outcome
from contracts.ids import Instant, LegId
from contracts.message import Interval
from contracts.routing import EndReason, Rule
from contracts.telephony import RejectReason
from tests.offices import desk
from tests.unit.routing.directory_facts import (
    ANNA,
    ANNAS_LINE,
    BORIS,
    BORISS_LINE,
    CUSTOMER,
    FAR,
    GLEB,
    MINUTE,
    MOSCOW,
    SECOND,
    STANDARD,
    VOLGA,
    drop,
    mobile,
    sim,
    to_colleague,
    to_voicemail,
)
from tests.unit.routing.harness import an_office


@pytest.mark.rule("D1")
@pytest.mark.parametrize("line", [ANNAS_LINE, "+79161112233"])
def test_a_call_to_a_personal_number_or_a_company_sim_rings_the_employee(line: str) -> None:
    """Only the phones of the called employee ring."""
    office = an_office()
    office.rules(ANNA, numbers=(ANNAS_LINE, "+79161112233"))
    office.calls(line)
    assert office.last(routing.CallTaken).rule is Rule.PERSONAL_NUMBER
    assert office.dialled() == ["sip:201"]
    assert office.ringing() == ANNA


@pytest.mark.rule("D1")
def test_a_colleague_who_dials_the_extension_rings_the_employee() -> None:
    """A colleague dials the extension, and history knows who called."""
    office = an_office()
    office.dials("201", caller="204")
    taken = office.last(routing.CallTaken)
    assert (taken.rule, taken.caller_agent_id, taken.is_internal) == (Rule.EXTENSION, GLEB, True)
    assert office.dialled() == ["sip:201"]


@pytest.mark.rule("D1")
def test_an_extension_is_looked_for_on_the_pbx_where_it_was_dialled() -> None:
    """Two PBXs may both have a 201: only the caller's own PBX's one rings."""
    office = an_office()
    office.dials("205")
    assert office.last(routing.CallEnded).reason is EndReason.UNKNOWN_NUMBER
    assert office.dialled() == []
    office.calls("205", "c2", caller="206", is_internal=True, pbx_id=VOLGA)
    assert (office.ringing("c2"), office.dialled()) == (FAR, ["sip:205"])


@pytest.mark.rule("D1")
def test_a_call_to_a_number_that_is_nobodys_is_rejected() -> None:
    """The caller is rejected at once, and history has the call."""
    office = an_office()
    office.calls("+74959999999")
    assert office.last(routing.CallEnded).reason is EndReason.UNKNOWN_NUMBER
    assert office.last(telephony.RejectLeg).reason is RejectReason.UNAVAILABLE
    assert not office.is_here()


@pytest.mark.rule("D1", "D2")
def test_after_two_minutes_without_an_answer_the_call_is_dropped_with_busy_tones() -> None:
    """EC-76: nothing is configured, nobody answers; the caller never paid, and Anna sees the missed call."""
    office = an_office()
    office.calls()
    office.waits(120 * SECOND - 1)
    assert office.ringing() == ANNA
    office.waits(1)
    ended = office.last(routing.CallEnded)
    assert (ended.reason, ended.missed_by, ended.waited_ms) == (EndReason.DROPPED, ANNA, 120 * SECOND)
    assert office.missed() == [(ANNA, "no_answer")]
    assert office.last(telephony.RejectLeg).reason is RejectReason.BUSY
    assert office.said(telephony.AnswerLeg) == []
    assert len(office.said(telephony.CancelLeg)) == 1


@pytest.mark.rule("D1", "E4")
def test_the_no_answer_time_starts_at_the_first_ringing() -> None:
    """Two seconds to set the call up are not taken from the employee's time."""
    office = an_office(auto=False)
    office.calls()
    office.hears(gateway.LegRinging(pbx_id=MOSCOW, leg_id=office.leg()), after_ms=2 * SECOND)
    office.waits(120 * SECOND - 1)
    assert office.ringing() == ANNA
    office.waits(1)
    assert office.missed() == [(ANNA, "no_answer")]


@pytest.mark.rule("D1", "E4")
def test_a_mobile_whose_network_is_slow_rings_as_long_as_any_phone() -> None:
    """Eighteen seconds of silence before the first ringing are the network's, not the employee's."""
    office = an_office(auto=False)
    office.saves_person(ANNA, mobile())
    office.calls()
    office.hears(gateway.LegRinging(pbx_id=MOSCOW, leg_id=office.leg()), after_ms=18 * SECOND)
    office.waits(120 * SECOND - 1)
    assert office.ringing() == ANNA
    office.waits(1)
    assert office.missed() == [(ANNA, "no_answer")]


@pytest.mark.rule("D1")
def test_phones_that_never_ring_are_unreachable_and_not_a_miss_of_two_minutes_and_more() -> None:
    """Whatever the network does, the caller waits no longer than the no-answer time."""
    office = an_office(auto=False)
    office.calls()
    office.waits(125 * SECOND)
    assert office.missed() == [(ANNA, "unreachable")]


@pytest.mark.rule("D1")
def test_an_employee_who_answers_talks_and_the_call_ends_with_the_talk() -> None:
    """Answered is answered: bridge, talk, and the time of both in history."""
    office = an_office()
    office.calls()
    office.waits(7 * SECOND)
    office.answers()
    connected = office.last(routing.CallConnected)
    assert (connected.agent_id, connected.waited_ms) == (ANNA, 7 * SECOND)
    office.waits(MINUTE)
    office.hangs_up()
    ended = office.last(routing.CallEnded)
    assert (ended.reason, ended.talk_ms, ended.waited_ms) == (EndReason.TALKED, MINUTE, 7 * SECOND)
    assert ended.missed_by is None
    assert office.last(telephony.HangUp).leg_id == connected.with_leg_id


@pytest.mark.rule("D1")
def test_an_employee_who_hangs_up_ends_the_callers_leg_too() -> None:
    """When one party hangs up, the other is hung up, too."""
    office = an_office()
    office.calls()
    office.answers()
    office.hangs_up(office.last(routing.CallConnected).with_leg_id)
    assert office.last(telephony.HangUp).leg_id == "c1"
    assert office.last(routing.CallEnded).reason is EndReason.TALKED


def test_the_callers_leg_is_answered_only_when_there_is_somebody_to_talk_to() -> None:
    """Until then the caller pays nothing; the bridge waits until the answer is confirmed."""
    office = an_office(auto=False)
    office.calls()
    assert office.said(telephony.AnswerLeg) == []
    office.answers()
    assert office.last(telephony.AnswerLeg).leg_id == "c1"
    assert office.said(telephony.Bridge) == []
    office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=LegId("c1")))
    assert office.last(telephony.Bridge).legs == ("c1", "c1.t1.0")


@pytest.mark.rule("D2")
def test_an_employee_who_wants_it_has_the_caller_told_before_the_call_is_dropped() -> None:
    """«…cannot answer at the moment», then the end: the caller knows that calling on is no use."""
    office = an_office()
    office.rules(ANNA, no_answer=drop(STANDARD))
    office.calls()
    office.waits(2 * MINUTE)
    assert office.heard() == ["employee_cannot_answer"]
    assert office.last(routing.CallEnded).reason is EndReason.DROPPED
    assert office.last(telephony.HangUp).leg_id == "c1"


@pytest.mark.rule("D2")
def test_voicemail_takes_the_call_over_unanswered_and_with_whose_machine_it_is() -> None:
    """Voicemail answers and greets: not a word and not a second of it is routing's."""
    office = an_office()
    office.rules(ANNA, no_answer=to_voicemail(), no_answer_ms=30 * SECOND)
    office.calls()
    office.waits(30 * SECOND)
    reached = office.last(routing.VoicemailReached)
    assert (reached.agent_id, reached.is_answered, reached.caller) == (ANNA, False, CUSTOMER)
    assert (reached.rule, reached.missed_by) == (Rule.NO_ANSWER, ANNA)
    assert not office.is_here()
    assert office.said(routing.CallEnded) == []


@pytest.mark.rule("D4", "E5")
def test_out_of_hours_the_call_goes_straight_to_its_action_without_ringing() -> None:
    """EC-83: the phone on an empty desk rings for nobody, and no caller waits for it."""
    office = an_office()
    office.rules(ANNA, out_of_hours=to_colleague(BORIS))
    office.is_out_of_hours(ANNA)
    office.calls()
    assert office.dialled() == ["sip:202"]
    assert office.missed() == [(ANNA, "out_of_hours")]
    assert office.last(routing.CallForwarded).to.rule is Rule.OUT_OF_HOURS


@pytest.mark.rule("E5")
def test_beyond_what_is_known_of_the_hours_an_employee_counts_as_at_work() -> None:
    """Hours that were not rolled on for months must not lock the office."""
    office = an_office()
    yesterday = Interval(from_at=Instant(0), until_at=Instant(office.at - MINUTE))
    office.hours(ANNA, hours=(yesterday,), known_until_at=office.at)
    office.calls()
    assert office.dialled() == ["sip:201"]


@pytest.mark.rule("D4", "E6")
def test_absence_wins_over_working_hours_and_both_over_the_no_answer_rule() -> None:
    """An employee on holiday chose the colleague for that, whatever the hour."""
    office = an_office()
    office.rules(ANNA, absence=to_colleague(BORIS), out_of_hours=to_voicemail(), no_answer=to_colleague(GLEB))
    tomorrow = Interval(from_at=Instant(office.at + 24 * 60 * MINUTE))
    office.hours(ANNA, hours=(tomorrow,), absences=(Interval(from_at=office.at),))
    office.calls()
    assert office.missed() == [(ANNA, "absent")]
    assert office.ringing() == BORIS


@pytest.mark.rule("E6")
def test_an_absence_ends_by_itself() -> None:
    """Nobody has to remember to switch it off on the first morning back."""
    office = an_office()
    office.rules(ANNA, absence=to_voicemail())
    office.is_absent(ANNA, for_ms=MINUTE)
    office.calls()
    assert office.said(routing.VoicemailReached)
    office.waits(MINUTE)
    office.calls(name="c2")
    assert office.ringing("c2") == ANNA


@pytest.mark.rule("E6")
def test_who_calls_somebody_absent_is_told_so_with_the_employees_own_notice() -> None:
    """The notice of the absence, not the one for a phone that is not answered."""
    office = an_office()
    office.rules(ANNA, absence=drop(office.notice("holiday")))
    office.is_absent(ANNA)
    office.calls()
    assert office.heard() == ["holiday"]
    office.rules(ANNA, absence=to_voicemail(STANDARD))
    office.calls(name="c2")
    assert office.heard("c2") == ["employee_absent"]
    reached = office.last(routing.VoicemailReached)
    assert (reached.is_answered, reached.rule) == (True, Rule.ABSENCE)


def test_an_absence_that_begins_while_the_phone_rings_lets_the_ring_run_out() -> None:
    """An employee who is beside the phone at that minute may still answer."""
    office = an_office()
    office.calls()
    office.is_absent(ANNA)
    office.answers()
    assert office.last(routing.CallConnected).agent_id == ANNA


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome.DECLINED, "declined"),
        (Outcome.BUSY, "busy"),
        (Outcome.UNREACHABLE, "unreachable"),
        (Outcome.NO_ANSWER, "no_answer"),
    ],
)
def test_with_the_last_phone_out_the_rule_follows_at_once(outcome: Outcome, reason: str) -> None:
    """No phone rings any more, so the caller does not wait for the rest of the two minutes."""
    office = an_office()
    office.rules(ANNA, no_answer=to_colleague(BORIS))
    office.calls()
    office.phone_ends(outcome)
    assert office.missed() == [(ANNA, reason)]
    assert office.ringing() == BORIS


def test_an_employee_without_a_reachable_phone_is_not_waited_for() -> None:
    """A desk phone that is not registered cannot ring."""
    office = an_office()
    office.phone_is(ANNA, DeviceState.UNREACHABLE)
    office.calls()
    assert office.missed() == [(ANNA, "unreachable")]
    assert office.last(routing.CallEnded).missed_by == ANNA


def test_a_caller_who_hangs_up_stops_the_ringing_and_has_called_this_employee_in_vain() -> None:
    """History shows Anna whom to call back; her phone is silent in the same moment."""
    office = an_office()
    office.calls()
    office.waits(9 * SECOND)
    leg_id = office.leg()
    office.hangs_up()
    ended = office.last(routing.CallEnded)
    assert (ended.reason, ended.missed_by, ended.waited_ms) == (EndReason.ABANDONED, ANNA, 9 * SECOND)
    assert office.missed() == [(ANNA, "caller_gone")]
    [cancelled] = office.said(telephony.CancelLeg)
    assert (cancelled.leg_id, cancelled.is_answered_elsewhere) == (leg_id, False)


def test_of_an_answer_and_a_hang_up_at_once_the_first_on_the_log_counts() -> None:
    """One outcome, never both: the loser is let go."""
    office = an_office(auto=False)
    office.calls()
    leg_id = office.leg()
    office.hangs_up()
    office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=leg_id))
    assert office.said(routing.PersonAnswered) == []

    office = an_office(auto=False)
    office.calls()
    office.answers()
    office.hangs_up()
    assert office.last(routing.CallEnded).reason is EndReason.ABANDONED
    assert office.last(telephony.HangUp).leg_id == "c1.t1.0"
    assert not office.is_here()


def test_an_employee_who_picks_up_and_drops_before_the_bridge_has_declined() -> None:
    """The caller still rings: the rule goes on as if nobody had touched the phone."""
    office = an_office(auto=False)
    office.rules(ANNA, no_answer=to_colleague(BORIS))
    office.calls()
    office.answers()
    office.hangs_up("c1.t1.0")
    assert office.missed() == [(ANNA, "declined")]
    assert office.ringing() == BORIS


def test_a_bridge_that_is_never_reported_does_not_hold_caller_and_employee() -> None:
    """Half a minute of silence is enough: the employee is let go, and the rule follows."""
    office = an_office(auto=False)
    office.rules(ANNA, no_answer=to_voicemail())
    office.calls()
    office.answers()
    office.waits(30 * SECOND)
    assert office.last(telephony.HangUp).leg_id == "c1.t1.0"
    assert office.last(routing.VoicemailReached).agent_id == ANNA


def test_the_first_device_to_answer_stops_the_others() -> None:
    """One employee, one call; the mobile that has not rung yet never does."""
    office = an_office()
    office.saves_person(ANNA, desk("201"), sim(), mobile())
    office.calls()
    office.waits(2 * SECOND)
    office.answers()
    assert [cancel.leg_id for cancel in office.said(telephony.CancelLeg)] == ["c1.t1.1"]
    office.waits(10 * SECOND)
    assert office.dialled() == ["sip:201", "tel:+79161112233"]


def test_two_direct_calls_to_different_employees_know_nothing_of_each_other() -> None:
    """Each talk ends with its own parties."""
    office = an_office()
    office.calls()
    office.calls(BORISS_LINE, "c2")
    office.answers(name="c2")
    office.hangs_up("c1")
    assert office.is_here("c2")
    assert office.last(routing.CallConnected).agent_id == BORIS
