"""Each promise to a customer has a fabricated log that breaks it, and a similar log that keeps it."""

import re
from pathlib import Path

import msgspec
import pytest

from contracts import callback, voicemail
from contracts.callback import CallbackBarred, CallbackExpired
from contracts.directory import Recipient
from contracts.gateway import EndedBy, Outcome
from contracts.history import CustomerErased
from contracts.ids import CallbackId, LegId
from contracts.message import Fact
from contracts.queue import AnnouncementKind, DivertReason
from devtools.invariants import no_number_is_dialled_more_often_than_its_attempts
from tests.sim import customer_invariants as promises
from tests.sim.fabricated_logs import (
    NUMBER,
    OTHER,
    Log,
    a_department,
    an_office,
    apology,
    apology_due,
    arrived,
    at,
    bridged,
    callback_ended,
    dialled,
    ended,
    failed,
    first,
    found,
    given_up,
    granted,
    held,
    lost,
    offered,
    ordered,
    passed,
    pressed,
    ready,
    requested,
    taken,
    taken_over,
    talked,
    told,
)


@pytest.mark.rule("C15")
def test_m6_m9_a_number_that_is_dialled_while_a_leg_of_it_is_up_is_found() -> None:
    """Whether the customer waits, talks, or is called by another department."""
    log = Log().say(1, ordered("p1"), arrived("in1")).say(9, dialled("p1", "out1"))
    assert "while in1" in first(promises.a_number_is_called_once_at_a_time, log)
    other = Log().say(1, ordered("p1"), ordered("p2")).say(9, dialled("p1", "out1"), requested("out1"))
    other.say(10, apology("p2", "out2"))
    assert "while out1" in first(promises.a_number_is_called_once_at_a_time, other)


@pytest.mark.rule("C15")
def test_a_number_whose_leg_has_ended_or_just_arrives_may_be_dialled() -> None:
    """A decision could not know of a call that crossed it."""
    over = Log().say(1, ordered("p1"), arrived("in1")).say(8, ended("in1")).say(9, dialled("p1", "out1"))
    assert found(promises.a_number_is_called_once_at_a_time, over) == []
    crossing = Log().say(1, ordered("p1")).say(9, arrived("in1"), dialled("p1", "out1"))
    assert found(promises.a_number_is_called_once_at_a_time, crossing) == []


@pytest.mark.rule("C8")
def test_m6_a_key_that_was_offered_and_does_nothing_is_found() -> None:
    """The customer was told to press it."""
    log = Log().say(1, ordered("p1")).say(5, arrived("in2"), taken("p2", 5, leg="in2"))
    log.say(6, told("p2", AnnouncementKind.CALLBACK_EXISTS)).say(9, pressed("in2"))
    assert found(promises.who_is_told_press_one_is_heard, log)
    right = Log().say(1, ordered("p1")).say(5, arrived("in2"), taken("p2", 5, leg="in2"))
    right.say(6, told("p2", AnnouncementKind.CALLBACK_EXISTS))
    right.say(9, pressed("in2"), taken_over("p1", "p2", "in2"))
    assert found(promises.who_is_told_press_one_is_heard, right) == []


@pytest.mark.rule("C8")
def test_m18_a_key_for_a_callback_that_has_ended_meanwhile_and_does_nothing_is_found() -> None:
    """There is nothing left to take over, and the caller is told where he stands."""

    def ended_too_early() -> Log:
        log = Log().say(1, ordered("p1")).say(5, arrived("in2"), taken("p2", 5, leg="in2"))
        log.say(6, told("p2", AnnouncementKind.CALLBACK_EXISTS))
        return log.say(8, callback_ended(CallbackExpired, "p1", has_voice_message=False, was_told=True))

    log = ended_too_early().say(9, pressed("in2"))
    assert found(promises.who_is_told_press_one_is_heard, log)
    right = ended_too_early().say(9, pressed("in2"), told("p2", AnnouncementKind.POSITION))
    assert found(promises.who_is_told_press_one_is_heard, right) == []


@pytest.mark.rule("C8")
def test_m18_a_key_for_a_place_that_another_caller_of_the_number_has_and_does_nothing_is_found() -> None:
    """Live callers are never merged, and the later one is told where he stands, or that too many wait."""

    def taken_by_another() -> Log:
        log = Log().say(1, ordered("p1")).say(5, arrived("in2"), taken("p2", 5, leg="in2"))
        log.say(6, told("p2", AnnouncementKind.CALLBACK_EXISTS))
        log.say(7, arrived("in3"), taken("p3", 7, leg="in3"), told("p3", AnnouncementKind.CALLBACK_EXISTS))
        return log.say(8, pressed("in2"), taken_over("p1", "p2", "in2"))

    log = taken_by_another().say(9, pressed("in3"))
    assert "p3 pressed 1" in first(promises.who_is_told_press_one_is_heard, log)
    for answer in (told("p3", AnnouncementKind.POSITION), given_up("p3", DivertReason.QUEUE_FULL)):
        right = taken_by_another().say(9, pressed("in3"), answer)
        assert found(promises.who_is_told_press_one_is_heard, right) == []


@pytest.mark.rule("C4")
@pytest.mark.parametrize(
    ("zone", "late_s", "is_wrong"),
    [
        ("America/New_York", 16 * 60, True),
        ("America/New_York", 14 * 60, False),
        ("Europe/Moscow", 16 * 60, False),
        ("Europe/Moscow", 61 * 60, True),
    ],
)
def test_m11_an_apology_that_comes_hours_late_is_found(zone: str, late_s: int, *, is_wrong: bool) -> None:
    """In New York it is three in the morning."""
    log = Log().say(0, an_office(), a_department(timezone=zone), ordered("p1", deadline_s=60))
    log.say(61, apology_due("p1", 61)).say(60 + late_s, apology("p1", "out1"))
    assert bool(found(promises.no_apology_comes_hours_late, log)) is is_wrong


@pytest.mark.rule("C4")
def test_m12_a_second_try_before_somebodys_first_call_is_found() -> None:
    """The last of five hundred would hear of it an hour and a half later."""
    log = Log().say(0, ordered("p1", deadline_s=60), ordered("p2", deadline_s=61, number=OTHER))
    log.say(61, apology_due("p1", 61), apology_due("p2", 61), granted("p1"), granted("p2"))
    log.say(62, apology("p1", "out1"), requested("out1")).say(92, ended("out1"))
    log.say(152, apology("p1", "out2", 2))
    assert "a second try" in first(promises.first_apologies_go_before_second_tries, log)


@pytest.mark.rule("C4")
def test_m12_a_later_deadline_that_is_served_first_is_found() -> None:
    """The customer who has waited longest hears first."""
    log = Log().say(0, ordered("p1", deadline_s=60), ordered("p2", deadline_s=61, number=OTHER))
    log.say(61, apology_due("p1", 61), apology_due("p2", 61), granted("p1"), granted("p2"))
    log.say(70, apology("p2", "out1"))
    assert "a later one" in first(promises.first_apologies_go_before_second_tries, log)


@pytest.mark.rule("C4", "C8")
@pytest.mark.parametrize(("later", "is_wrong"), [("p1", False), ("p2", True)])
def test_m12_a_deadline_that_a_caller_has_moved_counts_as_it_is_then(later: str, *, is_wrong: bool) -> None:
    """Who takes the callback's place and hangs up has the later one of the two deadlines."""
    log = Log().say(0, ordered("p1", deadline_s=60), ordered("p2", deadline_s=61, number=OTHER))
    moved = msgspec.structs.replace(taken_over(later, "p3", "in3"), deadline_at=at(65))
    log.say(50, moved).say(61, apology_due("p1", 61), apology_due("p2", 61), granted("p1"), granted("p2"))
    log.say(70, apology("p2", "out1"))
    assert bool(found(promises.first_apologies_go_before_second_tries, log)) is is_wrong


@pytest.mark.rule("C15")
def test_an_apology_that_gave_way_to_the_customers_call_is_no_dialling_too_many() -> None:
    """It was cancelled while it rang; two tries are still owed."""
    log = Log().say(0, ordered("p1"))
    for number in range(3):
        leg = f"out{number}"
        log.say(60 + 60 * number, apology("p1", leg), requested(leg), ended(leg))
    name = "dialled the customer 3 times"
    assert name in first(no_number_is_dialled_more_often_than_its_attempts, log)
    gave_way = callback.ApologyFailed(
        callback_id=CallbackId("cb.p1"),
        leg_id=LegId("out0"),
        outcome=Outcome.CANCELLED,
        next_attempt_at=at(300),
        is_uncounted=True,
    )
    assert first(no_number_is_dialled_more_often_than_its_attempts, log.say(300, gave_way)) == ""


@pytest.mark.rule("C10")
def test_m10_an_agent_who_is_rung_for_a_barred_number_is_found() -> None:
    """The agent would hear of a customer who is then not called."""
    log = Log().say(0, an_office(), a_department("a0"), ordered("p1"))
    log.say(5, an_office(version=2, is_on=False), offered("o1", "p1"))
    assert "switched_off" in first(promises.no_agent_is_rung_for_a_number_that_may_not_be_dialled, log)
    live = Log().say(0, an_office(), a_department("a0"), ordered("p1"))
    live.say(5, an_office(version=2, is_on=False), arrived("in1"), offered("o1", "p1"))
    assert found(promises.no_agent_is_rung_for_a_number_that_may_not_be_dialled, live) == []


@pytest.mark.rule("C10")
def test_m10_a_switch_that_ends_a_callback_is_found() -> None:
    """It may be thrown back before the deadline."""
    log = Log().say(0, ordered("p1")).say(9, callback_ended(CallbackBarred, "p1", "switched_off"))
    assert "thrown back" in first(promises.no_agent_is_rung_for_a_number_that_may_not_be_dialled, log)
    denied = Log().say(0, ordered("p1")).say(9, callback_ended(CallbackBarred, "p1", "denied"))
    assert found(promises.no_agent_is_rung_for_a_number_that_may_not_be_dialled, denied) == []


@pytest.mark.rule("V6")
def test_m19_an_agent_who_is_rung_for_an_erased_customer_is_found() -> None:
    """The callback is about to end; only who is on the line is served."""
    sentence = promises.no_agent_is_rung_for_a_customer_who_was_erased
    gone = CustomerErased(number=NUMBER, erasure_id="e1")
    log = Log().say(0, ordered("p1"), taken("p1", 0, leg=None)).say(5, gone).say(6, offered("o1", "p1"))
    assert "after its customer was erased" in first(sentence, log)
    over = Log().say(0, ordered("p1"), taken("p1", 0, leg=None)).say(5, gone)
    over.say(6, callback_ended(callback.CallbackCancelled, "p1", "erased"), offered("o1", "p1"))
    assert found(sentence, over) == []
    live = Log().say(0, ordered("p1"), taken("p1", 0, leg=None))
    live.say(3, arrived("in2"), taken("p2", 3, leg="in2")).say(4, taken_over("p1", "p2", "in2"))
    live.say(5, gone).say(6, offered("o1", "p1"))
    assert found(sentence, live) == []


@pytest.mark.rule("V6")
def test_m20_a_number_that_is_taken_up_again_after_its_erasure_is_found() -> None:
    """Callback heard of the erasure first; whoever calls after it is a customer as any other."""
    sentence = promises.nobody_erased_is_taken_up_again
    gone = CustomerErased(number=NUMBER, erasure_id="e1")
    assert "was erased" in first(sentence, Log().say(5, gone).say(6, arrived("in1")).say(7, ordered("p1")))
    earlier = Log().say(-5, gone).say(6, arrived("in1")).say(7, ordered("p1"))
    assert found(sentence, earlier) == []


@pytest.mark.rule("C14")
@pytest.mark.parametrize(("talked_s", "is_wrong"), [(20, True), (9, False)])
def test_m7_a_customer_who_is_called_after_a_talk_is_found(talked_s: int, *, is_wrong: bool) -> None:
    """The customer waited in a new place, talked with the department, and is called back nevertheless."""
    log = Log().say(1, ordered("p1")).say(5, arrived("in2"), taken("p2", 5, leg="in2"))
    log.say(6, offered("o2", "p2")).say(8, bridged("in2", "agent"))
    log.say(8 + talked_s, ended("in2"), ended("agent")).say(60, dialled("p1", "out1"))
    assert bool(found(promises.nobody_is_called_about_what_they_have_talked_about, log)) is is_wrong


@pytest.mark.rule("C6")
def test_m3_a_customer_who_is_tried_again_too_soon_is_found() -> None:
    """After an attempt that failed there is a gap."""
    log = Log().say(1, ordered("p1")).say(5, dialled("p1", "out1")).say(9, failed("p1", again_s=69))
    log.say(30, dialled("p1", "out2"))
    assert "before the gap" in first(promises.a_customer_who_was_tried_has_the_gap, log)


@pytest.mark.rule("C7")
def test_m3_a_held_customer_who_hung_up_and_is_dialled_at_once_is_found() -> None:
    """The customer heard «one moment» and hung up."""
    log = Log().say(0, a_department("a0")).say(1, ordered("p1")).say(5, dialled("p1", "out1"))
    log.say(9, held("p1", "out1")).say(15, ended("out1", by=EndedBy.PARTY)).say(27, dialled("p1", "out2"))
    assert "48000 ms before the gap" in first(promises.a_customer_who_was_tried_has_the_gap, log)


@pytest.mark.rule("C12")
def test_m4_quiet_hours_that_hold_back_who_was_on_the_line_are_found() -> None:
    """The customer was awake, and heard «we will call you»."""
    expired = callback_ended(CallbackExpired, "p1", "quiet_hours", has_voice_message=False, was_told=False)
    log = Log().say(1, ordered("p1", origin=callback.Origin.API), arrived("in2"), taken("p2", 1, leg="in2"))
    assert found(promises.quiet_hours_hold_back_nobody_who_was_on_the_line, log.say(9, expired)) == []
    merged = Log().say(
        1, ordered("p1", origin=callback.Origin.API), arrived("in2"), taken("p2", 1, leg="in2")
    )
    merged.say(8, taken_over("p1", "p2", "in2"), expired)
    assert found(promises.quiet_hours_hold_back_nobody_who_was_on_the_line, merged)


@pytest.mark.rule("C4", "C12")
@pytest.mark.parametrize(("late_s", "is_wrong"), [(899.999, True), (900.0, False)])
def test_quiet_hours_hold_back_who_was_on_the_line_from_a_quarter_of_an_hour_after_the_deadline(
    late_s: float, *, is_wrong: bool
) -> None:
    """A callback whose PBX was away for that long ends in the very millisecond in which it is too late."""
    expired = callback_ended(CallbackExpired, "p1", "quiet_hours", has_voice_message=False, was_told=False)
    log = Log().say(1, ordered("p1", deadline_s=600)).say(600 + late_s, expired)
    sentence = promises.quiet_hours_hold_back_nobody_who_was_on_the_line
    assert bool(found(sentence, log)) is is_wrong


@pytest.mark.rule("C8")
def test_m5_a_caller_who_is_given_up_at_the_callbacks_deadline_is_found() -> None:
    """On the line the later of the two counts."""
    log = Log().say(
        1, taken("p1", 1, deadline_s=41), arrived("in2"), taken("p2", 1, leg="in2", deadline_s=90)
    )
    log.say(29, taken_over("p1", "p2", "in2")).say(41, given_up("p1", DivertReason.DEADLINE))
    assert "49000 ms before" in first(promises.who_takes_his_place_over_has_the_later_deadline, log)


@pytest.mark.rule("C8")
def test_m5_a_deadline_that_passes_for_who_has_hung_up_again_is_right() -> None:
    """Then it is a callback's place once more."""
    log = Log().say(
        1, taken("p1", 1, deadline_s=41), arrived("in2"), taken("p2", 1, leg="in2", deadline_s=90)
    )
    log.say(29, taken_over("p1", "p2", "in2")).say(35, ended("in2", by=EndedBy.PARTY))
    log.say(41, passed("p1", 41))
    assert found(promises.who_takes_his_place_over_has_the_later_deadline, log) == []


@pytest.mark.rule("C8")
def test_m8_a_customer_who_is_sent_away_from_his_own_callback_is_found() -> None:
    """The queue is full, and the customer did not hear of the place."""
    log = Log().say(1, ordered("p1")).say(5, arrived("in2"), taken("p2", 5, leg="in2"))
    full = given_up("p2", DivertReason.QUEUE_FULL)
    assert found(promises.who_has_a_callback_is_told_before_he_is_sent_away, log.say(6, full))
    right = Log().say(1, ordered("p1")).say(5, arrived("in2"), taken("p2", 5, leg="in2"))
    right.say(6, told("p2", AnnouncementKind.CALLBACK_EXISTS)).say(16, full)
    assert found(promises.who_has_a_callback_is_told_before_he_is_sent_away, right) == []


def a_callback_whose_customer_talks() -> Log:
    """The customer ordered on the web, called nevertheless, and is with an agent."""
    log = Log().say(1, ordered("p1", origin=callback.Origin.API))
    return log.say(5, arrived("in1"), taken("p0", 5, leg="in1"), bridged("in1", "agent"))


@pytest.mark.rule("C8", "C14")
def test_m8_who_calls_again_before_callback_has_heard_of_the_talk_may_be_sent_away() -> None:
    """The queue has noted that no call is owed any more; its word and callback's come late."""
    log = a_callback_whose_customer_talks().say(30, ended("in1"), arrived("in2"))
    full = given_up("p2", DivertReason.QUEUE_FULL)
    log.say(31, talked("p1", "in1"), taken("p2", 30, leg="in2"), full, behind=2)
    assert found(promises.who_has_a_callback_is_told_before_he_is_sent_away, log) == []


@pytest.mark.rule("C8", "C14")
def test_m8_a_caller_who_is_sent_away_before_the_talk_counts_is_found() -> None:
    """The talk that ends his callback is noted only afterwards, or is another customer's."""
    full = given_up("p2", DivertReason.QUEUE_FULL)
    early = a_callback_whose_customer_talks().say(30, ended("in1"), arrived("in2"))
    early.say(31, taken("p2", 30, leg="in2"), full, talked("p1", "in1"), behind=1)
    assert "p2 was sent away" in first(promises.who_has_a_callback_is_told_before_he_is_sent_away, early)
    other = a_callback_whose_customer_talks().say(6, ordered("p3", number=OTHER))
    other.say(30, ended("in1"), arrived("in2")).say(31, talked("p3", "in3"), taken("p2", 30, leg="in2"), full)
    assert "p2 was sent away" in first(promises.who_has_a_callback_is_told_before_he_is_sent_away, other)


@pytest.mark.rule("C8", "C14")
@pytest.mark.parametrize(
    ("word", "is_wrong"),
    [
        ([], True),
        ([lost("p1")], True),
        ([failed("p1", again_s=90)], True),
        ([failed("p1", again_s=None)], False),
    ],
)
def test_m8_a_caller_who_is_sent_away_from_an_attempt_that_a_talk_has_not_ended_is_found(
    word: list[Fact], *, is_wrong: bool
) -> None:
    """The attempt goes on after the talk, and its place is offered until callback says that none follows."""
    log = a_callback_whose_customer_talks().say(20, ready("p1"))
    log.say(30, ended("in1")).say(31, talked("p1", "in1")).say(32, *word)
    log.say(33, arrived("in2"), taken("p2", 33, leg="in2"), given_up("p2", DivertReason.QUEUE_FULL))
    assert bool(found(promises.who_has_a_callback_is_told_before_he_is_sent_away, log)) is is_wrong


@pytest.mark.rule("C4", "C8")
@pytest.mark.parametrize("is_due", [True, False])
def test_m8_a_caller_may_be_sent_away_from_when_the_queue_gave_his_callback_up(*, is_due: bool) -> None:
    """Its word comes late on the log, after the fact from which the caller's call followed."""
    log = Log().say(1, ordered("p1", deadline_s=30)).say(29, ended("in1"), arrived("in2"))
    words = [passed("p1", 30), taken("p2", 30, leg="in2"), given_up("p2", DivertReason.QUEUE_FULL)]
    log.say(31, *(words if is_due else [*words[1:], words[0]]), behind=2)
    assert bool(found(promises.who_has_a_callback_is_told_before_he_is_sent_away, log)) is not is_due


def test_every_promise_is_broken_here() -> None:
    """A new promise must come with its own log."""
    words = set(re.findall(r"promises\.(\w+)", Path(__file__).read_text()))
    assert {each.__name__ for each in promises.PROMISES} <= words


@pytest.mark.rule("C10", "C4")
def test_m10_a_callback_that_ends_without_a_letter_is_found() -> None:
    """Else no employee would know that a customer waits for a call, for example after the kill switch."""
    log = Log().say(0, an_office(), a_department("a0"), ordered("p1"))
    expired = callback_ended(CallbackExpired, "p1", "switched_off", has_voice_message=False, was_told=False)
    log.say(9, expired)
    assert "callback.expired" in first(promises.whoever_is_not_called_back_is_written_about, log)
    letter = voicemail.LetterDue(
        letter_id="l1",
        kind=voicemail.LetterKind.EXPIRED,
        recipient=Recipient(name="admin", email="admin@north.example"),
        callback_id=CallbackId("cb.p1"),
    )
    assert found(promises.whoever_is_not_called_back_is_written_about, log.say(9, letter)) == []
