"""Attempts: first the agent, then the customer, and what becomes of each when the other goes."""

import msgspec
import pytest

from contracts import callback, directory, queue, telephony
from contracts.gateway import EndedBy, Outcome
from contracts.ids import Address, BridgeId, DepartmentId, Instant, LegId
from tests.unit.callback.stories import (
    CUSTOMER,
    LINE,
    NINE,
    PBX,
    TEN_MINUTES_MS,
    a_department,
    an_office,
    answered,
    bridged,
    deadline_passed,
    dialling,
    ended,
    fails,
    ordered,
    played,
    ready,
    refused,
    talked,
    whispering,
)

GAP_MS = 60_000
GIVE_UP_AT = NINE + TEN_MINUTES_MS + GAP_MS


def media_names(play: telephony.Play) -> list[str]:
    """The prompts of a play."""
    return [key.rpartition("/")[2].removesuffix(".wav") for key in play.media]


@pytest.mark.rule("C3")
def test_the_agent_hears_whom_before_the_customer_is_dialled() -> None:
    """EC-37: «callback, the number, has waited for seven minutes»; no customer's leg before that."""
    office = whispering()
    started = office.last(callback.AttemptStarted)
    assert (started.attempt, started.agent_id, started.agent_leg_id) == (1, "anna", "anna.leg")
    whisper = office.last(telephony.Play)
    assert whisper.leg_id == "anna.leg"
    names = media_names(whisper)
    assert names[0] == "whisper_callback"
    assert names[-1] == "waited_7"
    assert "hundred_9" in names
    assert office.said(telephony.DialLeg) == []


@pytest.mark.rule("C3")
def test_the_agent_hears_that_another_department_has_talked_to_the_customer_meanwhile() -> None:
    """EC-30: an agent who knows it does not ask everything anew; the offer says which department and when."""
    office = ordered()
    talked = queue.TalkedBefore(department_id=DepartmentId("service"), at=NINE)
    office.hears(msgspec.structs.replace(ready(), talked_before=talked))
    assert media_names(office.last(telephony.Play))[-2:] == ["waited_7", "whisper_talked_before"]
    assert "whisper_talked_before" not in media_names(whispering().last(telephony.Play))


@pytest.mark.rule("C3", "G5")
def test_then_the_customer_is_dialled_and_the_agent_hears_ringing() -> None:
    """The phone rings for thirty seconds, with the line that the customer called on the display."""
    office = whispering()
    decision = office.hears(played(office.last(telephony.Play)))
    dial, tone = decision.commands
    assert dial == telephony.DialLeg(
        pbx_id=PBX,
        leg_id=LegId("cb.p.c1.dial1"),
        address=Address(f"tel:{CUSTOMER}"),
        caller_id=LINE,
        ring_ms_max=30_000,
        not_after=Instant(office.at + 10_000),
    )
    assert isinstance(tone, telephony.Play)
    assert tone.leg_id == "anna.leg"
    assert set(media_names(tone)) == {"ringing_tone"}


@pytest.mark.rule("C3")
def test_a_whisper_that_fails_or_is_never_heard_of_does_not_stop_the_callback() -> None:
    """The agent sees the number on the phone; the customer's call matters more."""
    failed = whispering()
    failed.hears(played(failed.last(telephony.Play), ok=False))
    assert failed.said(telephony.DialLeg) == [], "the agent may be gone: that would be known in a moment"
    failed.waits(2_000)
    assert len(failed.said(telephony.DialLeg)) == 1
    unanswered = whispering()
    unanswered.waits(60_000)
    assert len(unanswered.said(telephony.DialLeg)) == 1
    late = whispering()
    late.hears(refused("anna.leg", "telephony.play"))
    late.waits(2_000)
    assert len(late.said(telephony.DialLeg)) == 1


@pytest.mark.rule("C3", "C13")
def test_the_customer_answers_and_both_are_bridged() -> None:
    """The way it should go, with its story in one record."""
    office, leg_id = dialling()
    decision = office.hears(answered(leg_id), after_ms=8_000)
    bridge = telephony.Bridge(
        pbx_id=PBX, bridge_id=BridgeId(f"{leg_id}.bridge"), legs=(LegId("anna.leg"), leg_id)
    )
    assert decision.commands == (bridge,)
    bridged_at = office.at
    connected = talked(office)
    assert (connected.agent_id, connected.agent_leg_id, connected.leg_id) == ("anna", "anna.leg", leg_id)
    assert (connected.bridged_at, connected.waited_ms) == (bridged_at, bridged_at - NINE)
    assert [line.what for line in connected.story] == [
        "ordered",
        "attempt_started",
        "customer_dialled",
        "customer_answered",
        "bridged",
        "connected",
    ]
    assert len(office.state.callbacks) == len(office.waiting_for()) == 0


@pytest.mark.rule("C3")
@pytest.mark.parametrize("first", ["customer", "agent"])
def test_when_one_of_them_hangs_up_the_other_is_hung_up(first: str) -> None:
    """Callback bridged them and hangs up the other; the agent is free when the agent's leg has ended."""
    office, leg_id = dialling()
    office.hears(answered(leg_id))
    office.hears(bridged(office.last(telephony.Bridge)))
    gone, other = (leg_id, "anna.leg") if first == "customer" else ("anna.leg", leg_id)
    decision = office.hears(ended(gone))
    assert decision.commands == (telephony.HangUp(pbx_id=PBX, leg_id=LegId(other), reason="other_gone"),)
    assert office.hears(ended(gone)).commands[1:] == ()
    assert office.hears(ended(other)).commands == ()
    assert len(office.state.pairs) == 0


@pytest.mark.rule("C6")
@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Outcome.NO_ANSWER, "customer_no_answer"),
        (Outcome.BUSY, "customer_busy"),
        (Outcome.DECLINED, "customer_declined"),
        (Outcome.UNAVAILABLE, "customer_unavailable"),
        (Outcome.UNREACHABLE, "customer_unreached"),
    ],
)
def test_m2_a_customer_who_is_not_reached_is_tried_again_after_a_gap(outcome: Outcome, told: str) -> None:
    """EC-41: the agent is told and freed; the place keeps its time; the deadline is one gap later now."""
    office, leg_id = dialling()
    decision = office.hears(ended(leg_id, outcome, EndedBy.NETWORK))
    (failed,) = decision.facts
    assert isinstance(failed, callback.AttemptFailed)
    assert (failed.attempt, failed.agent_leg_id, failed.outcome) == (1, "anna.leg", outcome)
    assert failed.next_attempt_at == office.at + GAP_MS
    assert failed.give_up_at == GIVE_UP_AT
    (play,) = decision.commands
    assert isinstance(play, telephony.Play)
    assert media_names(play) == [told]
    assert play.interrupts
    assert office.hears(played(play)).commands == (
        telephony.HangUp(pbx_id=PBX, leg_id=LegId("anna.leg"), reason="told"),
    )


@pytest.mark.rule("C6", "C13")
def test_after_two_attempts_the_callback_ends_unreached() -> None:
    """The recipients are told; a customer who did not answer twice gets no apology call."""
    office, leg_id = dialling()
    fails(office, leg_id)
    office.waits(120_000)
    office, leg_id = dialling(office=office)
    assert leg_id == "cb.p.c1.dial2"
    decision = fails(office, leg_id, Outcome.BUSY)
    failed, unreached = decision.facts
    assert isinstance(failed, callback.AttemptFailed)
    assert failed.next_attempt_at is None
    assert isinstance(unreached, callback.CallbackUnreached)
    assert (unreached.reason, unreached.attempts) == ("busy", 2)
    assert len(office.state.callbacks) == len(office.waiting_for()) == 0


@pytest.mark.rule("C6")
def test_a_number_that_does_not_exist_is_not_tried_again() -> None:
    """EC-42: it will not exist in a minute, either."""
    office, leg_id = dialling()
    failed, unreached = office.hears(ended(leg_id, Outcome.BAD_NUMBER, EndedBy.NETWORK)).facts
    assert isinstance(failed, callback.AttemptFailed)
    assert failed.next_attempt_at is None
    assert isinstance(unreached, callback.CallbackUnreached)
    assert unreached.reason == "bad_number"


@pytest.mark.rule("C6", "C4")
def test_after_a_first_attempt_the_deadline_is_unreached_and_no_apology() -> None:
    """The customer's phone has rung once: an apology call would be one more."""
    office, leg_id = dialling()
    fails(office, leg_id)
    office.waits(GIVE_UP_AT - NINE)
    (unreached,) = office.hears(deadline_passed()).facts
    assert isinstance(unreached, callback.CallbackUnreached)
    assert unreached.reason == "deadline_passed"
    assert office.said(callback.ApologyQueued) == []


@pytest.mark.rule("C5", "C6")
def test_an_attempt_that_fails_after_the_deadline_was_the_last() -> None:
    """The remaining attempt may start up to one gap after the deadline: with a gap from now it can't."""
    office = ordered()
    office.waits(TEN_MINUTES_MS - 5_000)
    office, leg_id = dialling(office=office)
    office.waits(TEN_MINUTES_MS + 25_000)
    failed, unreached = office.hears(ended(leg_id, Outcome.NO_ANSWER)).facts
    assert isinstance(failed, callback.AttemptFailed)
    assert failed.next_attempt_at is None
    assert isinstance(unreached, callback.CallbackUnreached)


@pytest.mark.rule("C6")
def test_an_attempt_that_fails_at_the_deadline_may_be_followed_by_one_at_its_gap() -> None:
    """To the millisecond: one gap after the deadline is still in time."""
    office = ordered()
    office.waits(TEN_MINUTES_MS)
    office, leg_id = dialling(office=office)
    (failed,) = office.hears(ended(leg_id, Outcome.NO_ANSWER)).facts
    assert isinstance(failed, callback.AttemptFailed)
    assert failed.next_attempt_at == failed.give_up_at == GIVE_UP_AT


@pytest.mark.rule("C5")
def test_a_deadline_that_passes_after_an_agent_has_answered_changes_nothing() -> None:
    """In every phase of the attempt."""
    office = whispering()
    assert office.hears(deadline_passed()).facts == ()
    office.hears(played(office.last(telephony.Play)))
    assert office.hears(deadline_passed()).facts == ()
    office.hears(answered("cb.p.c1.dial1"))
    assert office.hears(deadline_passed()).facts == ()
    assert talked(office).agent_id == "anna"


@pytest.mark.rule("C3")
def test_a_customer_who_hangs_up_before_the_bridge_was_not_reached() -> None:
    """EC-3: one outcome; the agent is told and freed."""
    office, leg_id = dialling()
    office.hears(answered(leg_id))
    decision = office.hears(ended(leg_id))
    assert isinstance(decision.facts[0], callback.AttemptFailed)
    assert isinstance(decision.commands[0], telephony.Play)
    assert office.hears(bridged(office.last(telephony.Bridge))).facts == ()


@pytest.mark.rule("C6")
def test_a_department_decides_how_often_and_how_long() -> None:
    """The settings of the time of the order count."""
    office = an_office(settings=directory.CallbackSettings(ring_ms=15_000, attempts_max=1, attempt_gap_ms=1))
    office = ordered(office=office)
    office.hears(a_department(version=2))
    office, leg_id = dialling(office=office)
    assert office.last(telephony.DialLeg).ring_ms_max == 15_000
    fails(office, leg_id)
    assert len(office.said(callback.CallbackUnreached)) == 1
