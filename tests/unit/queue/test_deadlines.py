"""The deadline of a place, and what happens to a caller whom nobody answers (Q5, Q6, Q10)."""

from typing import Any

import pytest

from contracts import callback, directory, queue, telephony
from contracts.dialling import Refusal
from contracts.directory import ActionKind
from contracts.gateway import DeviceState, Outcome
from contracts.ids import LegId, PlayId
from contracts.message import Interval
from contracts.queue import DivertReason
from tests.unit.queue.stories import (
    ANNA,
    BORIS,
    MINUTE,
    NINE,
    SALES,
    SECOND,
    SERVICE_DESK,
    VERA,
    Office,
    action,
    an_office,
    silence,
)

QUIET = silence()


def an_empty_desk(**settings: Any) -> Office:
    """Anna is on another call and may come back, so callers wait."""
    office = an_office(ANNA, **settings)
    office.phone_is(ANNA, DeviceState.IN_USE)
    return office


@pytest.mark.rule("Q5")
def test_at_the_deadline_the_notice_plays_and_the_action_follows() -> None:
    """Ten minutes after joining, not before; the caller is told before being passed to voicemail."""
    office = an_empty_desk(auto=False)
    office.calls("c1")
    office.hears(office.replies(office.last(telephony.AnswerLeg))[0])
    office.waits(10 * MINUTE - 1)
    assert not office.said(queue.NoAnswerReached)
    office.waits(1)
    assert office.last(queue.NoAnswerReached).reason is DivertReason.DEADLINE
    assert office.said(queue.PlaceDiverted) == []
    notice = office.last(telephony.Play)
    assert "nobody_available" in notice.media[0]
    office.hears(office.replies(notice)[0])
    diverted = office.last(queue.PlaceDiverted)
    assert (diverted.action, diverted.waited_ms) == (ActionKind.VOICEMAIL, 10 * MINUTE)
    assert diverted.leg_id == "c1"


@pytest.mark.rule("Q5")
@pytest.mark.parametrize("notice", [directory.NoticeChoice(), QUIET])
def test_m2_at_the_deadline_nothing_more_is_announced(notice: directory.NoticeChoice) -> None:
    """An office's own announcement may be a minute long: the action does not wait for its end."""
    voicemail = action("voicemail", notice=notice)
    office = an_empty_desk(auto=False, no_answer_ms=MINUTE, no_answer_action=voicemail)
    office.calls("c1")
    office.hears(office.replies(office.last(telephony.AnswerLeg))[0])
    office.waits(MINUTE)
    announced = [each.play_id for each in office.said(queue.AnnouncementMade)]
    stopped = [each.play_id for each in office.said(telephony.StopPlay)]
    assert stopped == announced[:-3:-1]
    if notice is not QUIET:
        assert office.commands.index(office.last(telephony.Play)) > office.commands.index(
            office.last(telephony.StopPlay)
        )


@pytest.mark.rule("C10", "Q5")
def test_m2_why_there_is_no_callback_is_heard_to_its_end() -> None:
    """When an order is refused at the deadline, the notice follows after callback's reason."""
    office = an_empty_desk(auto=False, no_answer_ms=MINUTE)
    office.calls("c1")
    office.hears(office.replies(office.last(telephony.AnswerLeg))[0])
    office.waits(30 * SECOND)
    office.presses("c1")
    office.waits(40 * SECOND)
    office.hears(
        callback.CallbackRefused(
            place_id=office.place("c1").place_id,
            department_id=office.place("c1").department_id,
            leg_id=LegId("c1"),
            reason=Refusal.NO_TIME_LEFT,
            play_id=PlayId("refusal"),
        )
    )
    notice = office.last(telephony.Play)
    assert "nobody_available" in notice.media[0]
    assert not notice.interrupts
    assert "refusal" not in [each.play_id for each in office.said(telephony.StopPlay)]


@pytest.mark.rule("Q5")
def test_an_action_without_a_notice_follows_at_once() -> None:
    """«Без сообщения» means silence, not waiting."""
    office = an_empty_desk(no_answer_action=action("hang_up", notice=QUIET))
    office.calls("c1")
    office.waits(9 * MINUTE)
    plays = len(office.said(telephony.Play))
    office.waits(MINUTE)
    assert office.last(queue.PlaceDiverted).action is ActionKind.HANG_UP
    assert office.last(telephony.HangUp).leg_id == "c1"
    assert len(office.said(telephony.Play)) == plays


@pytest.mark.rule("Q5")
def test_a_phone_that_rings_at_the_deadline_may_finish_its_ring() -> None:
    """EC-13: an answer in that time counts; no new offer is made in it."""
    office = an_office(ANNA, BORIS, no_answer_ms=70 * SECOND)
    office.phone_is(BORIS, DeviceState.IN_USE)
    office.calls("c1")
    office.waits(65 * SECOND)
    assert office.ringing("c1") == [ANNA], "the third round began at 50 s"
    office.declines(ANNA)
    assert office.ringing("c1") == []
    office.phone_is(BORIS, DeviceState.IDLE)
    assert office.ringing("c1") == [BORIS]
    office.waits(19 * SECOND)
    assert office.ringing("c1") == [BORIS], (
        "nothing new after the deadline, though Anna's ten seconds are over"
    )
    office.answers(BORIS)
    assert office.last(queue.PlaceConnected).waited_ms == 84 * SECOND


@pytest.mark.rule("Q5")
def test_when_the_last_ring_after_the_deadline_is_over_the_action_follows() -> None:
    """EC-13: within one ring time, and only once."""
    office = an_office(ANNA, no_answer_ms=30 * SECOND)
    office.calls("c1")
    office.waits(30 * SECOND)
    assert office.ringing("c1") == [ANNA], "the second round began at 25 s"
    office.waits(14_999)
    assert office.waits_for("c1")
    office.waits(1)
    assert len(office.said(queue.PlaceDiverted)) == 1
    assert office.last(queue.PlaceDiverted).waited_ms == 30 * SECOND, "nobody came: it ended at the deadline"


@pytest.mark.rule("Q5")
def test_a_later_change_of_the_timeout_does_not_move_a_stored_deadline() -> None:
    """What a customer was promised on joining stands."""
    office = an_empty_desk()
    office.calls("c1")
    office.saves(office.department(ANNA, no_answer_ms=30 * MINUTE))
    assert office.place("c1").deadline_at == NINE + 10 * MINUTE
    office.waits(10 * MINUTE)
    assert not office.waits_for("c1")


@pytest.mark.rule("Q5")
def test_a_timeout_below_two_minutes_is_a_timeout() -> None:
    """EC-33: it is saved with a warning, and it counts."""
    office = an_empty_desk(no_answer_ms=MINUTE)
    office.calls("c1")
    office.waits(MINUTE)
    assert office.last(queue.PlaceDiverted).waited_ms == MINUTE


def with_fallback(**settings: Any) -> Office:
    """Vera, who is in no department, is rung when nobody answers."""
    office = an_empty_desk(no_answer_action=action("fallback_employee", agent_id=VERA), **settings)
    office.saves(office.agent(VERA))
    return office


@pytest.mark.rule("Q5")
def test_the_fallback_employee_rings_for_thirty_seconds_and_may_answer() -> None:
    """The caller hears that the call is passed on."""
    office = with_fallback()
    office.calls("c1")
    office.waits(10 * MINUTE)
    rung = office.last(queue.FallbackRung)
    assert (rung.agent_id, rung.ring_ms_max) == (VERA, 30 * SECOND)
    assert any("forward" in play.media[0] for play in office.said(telephony.Play))
    office.waits(29 * SECOND)
    office.answers(VERA)
    assert office.last(queue.PlaceConnected).agent_id == VERA
    office.finishes(VERA)
    assert office.last(queue.AgentFreed).agent_id == VERA


@pytest.mark.rule("Q5")
def test_an_unanswered_fallback_leads_to_the_first_departments_voicemail() -> None:
    """After thirty seconds, with the fallback kept as a try; the employee's own rule is not used."""
    office = with_fallback()
    office.calls("c1")
    office.waits(10 * MINUTE + 30 * SECOND)
    diverted = office.last(queue.PlaceDiverted)
    assert (diverted.action, diverted.department_id) == (ActionKind.VOICEMAIL, SALES)
    assert (diverted.reason, diverted.agent_id) == (DivertReason.FALLBACK_UNANSWERED, VERA)


@pytest.mark.rule("Q5")
@pytest.mark.parametrize("why", ["absent", "out_of_hours", "busy", "unknown"])
def test_a_fallback_employee_who_cannot_take_it_is_not_rung(why: str) -> None:
    """Absent, out of hours, busy: voicemail at once."""
    office = with_fallback()
    match why:
        case "absent":
            office.saves(office.hours(VERA, absences=(Interval(from_at=NINE),)))
        case "out_of_hours":
            office.saves(office.hours(VERA, hours=()))
        case "busy":
            office.phone_is(VERA, DeviceState.IN_USE)
        case _:
            office.saves(office.agent(VERA, is_removed=True))
    office.calls("c1")
    office.waits(10 * MINUTE)
    assert not office.said(queue.FallbackRung)
    assert office.last(queue.PlaceDiverted).action is ActionKind.VOICEMAIL


@pytest.mark.rule("Q5")
@pytest.mark.parametrize("outcome", [Outcome.DECLINED, Outcome.BUSY, Outcome.UNAVAILABLE])
def test_a_fallback_that_ends_early_leads_to_voicemail_at_once(outcome: Outcome) -> None:
    """The caller does not listen to thirty seconds of ringing after a refusal."""
    office = with_fallback()
    office.calls("c1")
    office.waits(10 * MINUTE)
    office.phone_ends(VERA, outcome)
    assert office.last(queue.PlaceDiverted).action is ActionKind.VOICEMAIL


@pytest.mark.rule("Q5", "Q7")
def test_a_caller_who_hangs_up_while_the_fallback_rings_is_abandoned_once() -> None:
    """The fallback employee's phone stops, and nothing else follows."""
    office = with_fallback()
    office.calls("c1")
    office.waits(10 * MINUTE)
    office.hangs_up("c1")
    assert len(office.said(queue.PlaceAbandoned)) == 1
    assert not office.said(queue.PlaceDiverted)
    assert office.end_of(VERA) is queue.OfferWithdrawn


@pytest.mark.rule("Q5", "Q9")
def test_a_fallback_employee_who_drops_before_the_bridge_leads_to_voicemail() -> None:
    """The place has had its time: it does not go back into the queue."""
    office = with_fallback(auto=False)
    office.calls("c1")
    office.hears(office.replies(office.last(telephony.AnswerLeg))[0])
    office.waits(10 * MINUTE)
    office.hears(office.replies(office.last(telephony.Play))[0])
    office.answers(VERA)
    office.finishes(VERA)
    assert office.last(queue.PlaceDiverted).action is ActionKind.VOICEMAIL


@pytest.mark.rule("Q5")
def test_a_paused_fallback_employee_is_rung() -> None:
    """A pause stops the department's calls, not those of a fallback employee."""
    office = with_fallback()
    office.saves(office.pause(VERA))
    office.calls("c1")
    office.waits(10 * MINUTE)
    assert office.has_offer(VERA)


@pytest.mark.rule("Q10")
def test_a_place_that_passes_on_gets_the_other_departments_timeout_from_then_on() -> None:
    """The new deadline counts from joining there; the caller stays on the line and is told the position."""
    office = an_empty_desk(no_answer_action=action("other_department", department_id=SERVICE_DESK))
    office.saves(
        office.agent(BORIS), office.department(BORIS, department_id=SERVICE_DESK, no_answer_ms=3 * MINUTE)
    )
    office.phone_is(BORIS, DeviceState.IN_USE)
    office.calls("c1")
    office.waits(10 * MINUTE)
    diverted, taken = office.last(queue.PlaceDiverted), office.last(queue.PlaceTaken)
    assert diverted.to_department_id == SERVICE_DESK
    assert (taken.passed_from, taken.leg_id) == (diverted.place_id, "c1")
    assert (taken.joined_at, taken.deadline_at) == (NINE + 10 * MINUTE, NINE + 13 * MINUTE)
    assert len(office.said(telephony.AnswerLeg)) == 1
    office.phone_is(BORIS, DeviceState.IDLE)
    office.answers(BORIS)
    assert office.last(queue.PlaceConnected).place_id == taken.place_id
    office.finishes(BORIS)
    assert office.last(telephony.HangUp).leg_id == "c1"


@pytest.mark.rule("Q10", "Q3")
def test_a_place_may_keep_its_old_joining_time_for_its_order_but_not_for_its_deadline() -> None:
    """A setting keeps the joining time; the timeout is always the new department's."""
    passed = action("other_department", department_id=SERVICE_DESK, keeps_joining_time=True)
    office = an_empty_desk(no_answer_action=passed, no_answer_ms=2 * MINUTE)
    office.saves(office.agent(BORIS), office.department(BORIS, department_id=SERVICE_DESK))
    office.phone_is(BORIS, DeviceState.IN_USE)
    office.calls("c1")
    office.waits(MINUTE)
    office.calls("c2", line="+74951110002", caller="+79123456780")
    office.waits(MINUTE)
    taken = office.last(queue.PlaceTaken)
    assert taken.position == 1
    assert (taken.joined_at, taken.deadline_at) == (NINE, NINE + 12 * MINUTE)


def test_departments_that_pass_to_each_other_end_in_voicemail() -> None:
    """A caller is passed on five times at most."""
    office = an_empty_desk(
        no_answer_action=action("other_department", department_id=SALES, notice=QUIET), no_answer_ms=MINUTE
    )
    office.calls("c1")
    office.waits(7 * MINUTE)
    assert office.last(queue.PlaceDiverted).action is ActionKind.VOICEMAIL
    assert len(office.said(queue.PlaceTaken)) == 6


@pytest.mark.rule("Q5")
def test_an_action_waits_for_a_caller_whose_leg_is_not_answered_yet() -> None:
    """Nobody is passed to voicemail on a leg that can't hear it."""
    office = an_office(auto=False, no_answer_action=action("voicemail", notice=QUIET))
    office.calls("c1")
    assert office.last(queue.NoAnswerReached).reason is DivertReason.NOBODY_CAN_COME
    assert not office.said(queue.PlaceDiverted)
    office.hears(office.replies(office.last(telephony.AnswerLeg))[0])
    assert office.last(queue.PlaceDiverted).action is ActionKind.VOICEMAIL


def test_a_notice_whose_end_is_never_reported_does_not_hold_the_caller_for_ever() -> None:
    """A minute later the action follows anyway."""
    office = an_empty_desk(auto=False)
    office.calls("c1")
    office.hears(office.replies(office.last(telephony.AnswerLeg))[0])
    office.waits(11 * MINUTE)
    assert office.last(queue.PlaceDiverted).action is ActionKind.VOICEMAIL
