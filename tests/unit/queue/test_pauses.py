"""Auto-pause: when misses in a row pause an agent, and what ends a pause (Q8)."""

from typing import Any

import pytest

from contracts import queue, routing
from contracts.gateway import DeviceState, Outcome
from contracts.ids import AgentId, LegId, TryId
from contracts.message import Interval
from contracts.queue import SkipReason
from tests.unit.queue.stories import (
    ANNA,
    BORIS,
    MINUTE,
    SALES,
    SERVICE_DESK,
    VERA,
    Office,
    action,
    an_office,
    by,
)

RING = 20_000


def a_forgetful_office(*agents: AgentId, misses: int | None = 3, **settings: Any) -> Office:
    """Sales uses longest idle, pauses after three misses, and has other agents who are on calls."""
    office = an_office(
        *(agents or (ANNA, BORIS)),
        **{"strategy": by("longest_idle"), "auto_pause_misses": misses, "no_answer_ms": 60 * MINUTE}
        | settings,
    )
    for other in (agents or (ANNA, BORIS))[1:]:
        office.phone_is(other, DeviceState.IN_USE)
    return office


def misses(office: Office, *names: str, agent_id: AgentId = ANNA) -> None:
    """Customers call one after the other; the agent misses each, who then hangs up."""
    for name in names:
        office.calls(name, caller=None)
        while not office.has_offer(agent_id):
            office.waits(1_000)
        assert office.offer_to(agent_id).place_id == f"p.{name}"
        office.waits(RING)
        assert office.end_of(agent_id) is queue.OfferMissed
        office.hangs_up(name)


def is_paused(office: Office, agent_id: AgentId = ANNA) -> bool:
    """Whether the department skips an agent because of a pause."""
    return office.state.skip(SALES, agent_id) is SkipReason.PAUSED


@pytest.mark.rule("Q8")
@pytest.mark.parametrize("strategy", ["longest_idle", "linear"])
def test_an_agent_who_misses_three_customers_in_a_row_is_paused(strategy: str) -> None:
    """An agent who has left unnoticed would cost every customer a whole ring."""
    office = a_forgetful_office(strategy=by(strategy))
    misses(office, "c1", "c2")
    assert not office.said(queue.AgentPaused)
    misses(office, "c3")
    paused = office.last(queue.AgentPaused)
    assert (paused.agent_id, paused.department_id, paused.misses) == (ANNA, SALES, 3)
    office.calls("c4")
    office.waits(MINUTE)
    assert office.ringing("c4") == []
    assert is_paused(office)


@pytest.mark.rule("Q8")
def test_by_default_misses_do_not_pause() -> None:
    """The department must switch it on."""
    office = a_forgetful_office(misses=None)
    misses(office, "c1", "c2", "c3", "c4")
    assert not office.said(queue.AgentPaused)


@pytest.mark.rule("Q8")
@pytest.mark.parametrize("strategy", ["ring_all", "cumulative"])
def test_where_several_agents_ring_a_miss_does_not_count(strategy: str) -> None:
    """A colleague may just have been quicker."""
    office = a_forgetful_office(strategy=by(strategy))
    misses(office, "c1", "c2", "c3", "c4")
    assert not office.said(queue.AgentPaused)


@pytest.mark.rule("Q8")
def test_one_customer_who_is_missed_again_and_again_counts_once() -> None:
    """One patient customer during a long lunch is one miss."""
    office = a_forgetful_office()
    office.calls("c1")
    office.waits(5 * MINUTE)
    assert len(office.said(queue.OfferMissed)) > 5
    assert not office.said(queue.AgentPaused)
    office.hangs_up("c1")
    misses(office, "c2")
    assert not office.said(queue.AgentPaused)
    misses(office, "c3")
    assert office.said(queue.AgentPaused)


@pytest.mark.rule("Q8")
@pytest.mark.parametrize("how", ["answers", "declines", "talks outside"])
def test_a_sign_of_life_resets_the_misses(how: str) -> None:
    """An agent who declines, answers or talks is present: earlier misses no longer count."""
    office = a_forgetful_office()
    misses(office, "c1", "c2")
    if how == "talks outside":
        office.phone_is(ANNA, DeviceState.IN_USE)
        office.phone_is(ANNA, DeviceState.IDLE)
    else:
        office.calls("c3", caller=None)
        if how == "answers":
            office.answers(ANNA)
            office.finishes(ANNA)
        else:
            office.declines(ANNA)
            office.hangs_up("c3")
    misses(office, "c4", "c5")
    assert not office.said(queue.AgentPaused)
    misses(office, "c6")
    assert office.said(queue.AgentPaused)


@pytest.mark.rule("Q8")
def test_a_busy_or_dead_phone_is_no_miss() -> None:
    """No phone rang, so the agent missed nothing."""
    office = a_forgetful_office()
    for name in ("c1", "c2", "c3", "c4"):
        office.calls(name, caller=None)
        while not office.has_offer(ANNA):
            office.waits(1_000)
        office.phone_ends(ANNA, Outcome.BUSY)
        office.hangs_up(name)
    assert not office.said(queue.AgentPaused)


@pytest.mark.rule("Q8")
def test_the_last_agent_who_could_come_is_never_paused() -> None:
    """A single agent is better than none; once another can come, the next miss pauses."""
    office = a_forgetful_office(ANNA)
    misses(office, "c1", "c2", "c3", "c4")
    assert not office.said(queue.AgentPaused)
    office.saves(office.agent(BORIS), office.department(ANNA, BORIS))
    office.phone_is(BORIS, DeviceState.IN_USE)
    misses(office, "c5")
    assert office.said(queue.AgentPaused)


@pytest.mark.rule("Q8")
@pytest.mark.parametrize("how", ["paused", "unreachable", "absent", "suspended"])
def test_a_colleague_who_cannot_come_does_not_count(how: str) -> None:
    """A colleague who is on the list but can't come answers no call."""
    office = a_forgetful_office(ANNA)
    office.saves(office.agent(BORIS), office.department(ANNA, BORIS))
    match how:
        case "paused":
            office.saves(office.pause(BORIS))
        case "unreachable":
            office.phone_is(BORIS, DeviceState.UNREACHABLE)
        case "absent":
            always = Interval(from_at=office.at)
            office.saves(office.hours(BORIS, absences=(always,)))
        case _:
            office.saves(office.department(ANNA, BORIS, suspended=(BORIS,)))
    misses(office, "c1", "c2", "c3", "c4")
    assert not office.said(queue.AgentPaused)


@pytest.mark.rule("Q8")
def test_the_last_agent_of_another_department_is_not_paused_either() -> None:
    """The only agent of Service stays available for its customers, too."""
    office = a_forgetful_office()
    office.saves(office.department(ANNA, department_id=SERVICE_DESK))
    misses(office, "c1", "c2", "c3")
    assert not office.said(queue.AgentPaused)
    office.saves(office.agent(VERA), office.department(ANNA, VERA, department_id=SERVICE_DESK))
    misses(office, "c4")
    assert office.said(queue.AgentPaused)


def a_paused_anna() -> Office:
    """Anna has missed three customers."""
    office = a_forgetful_office()
    misses(office, "c1", "c2", "c3")
    assert is_paused(office)
    return office


@pytest.mark.rule("Q8")
def test_the_head_or_the_agent_resumes_and_waiting_callers_are_served_at_once() -> None:
    """The next customer rings at once after the agent resumes; three new misses pause again."""
    office = a_paused_anna()
    office.calls("c4", caller=None)
    office.saves(office.pause(ANNA, False))
    assert office.ringing("c4") == [ANNA]
    office.hangs_up("c4")
    misses(office, "c5", "c6")
    assert len(office.said(queue.AgentPaused)) == 1
    misses(office, "c7")
    assert len(office.said(queue.AgentPaused)) == 2


@pytest.mark.rule("Q8")
def test_any_call_that_the_agent_makes_or_answers_ends_the_pause_and_is_published() -> None:
    """An agent who calls is present; the fact says why the pause ended."""
    office = a_paused_anna()
    office.phone_is(ANNA, DeviceState.IN_USE)
    assert office.last(queue.AgentResumed).agent_id == ANNA
    office.phone_is(ANNA, DeviceState.IDLE)
    office.calls("c4", caller=None)
    assert office.ringing("c4") == [ANNA]


@pytest.mark.rule("Q8")
def test_answering_as_the_fallback_employee_ends_the_pause() -> None:
    """A fallback call counts like any other call."""
    office = a_forgetful_office(no_answer_action=action("fallback_employee", agent_id=ANNA))
    misses(office, "c1", "c2", "c3")
    office.calls("c4", caller=None)
    office.waits(60 * MINUTE)
    office.answers(ANNA)
    assert office.last(queue.AgentResumed).agent_id == ANNA
    office.finishes(ANNA)
    assert not is_paused(office)


@pytest.mark.rule("Q8", "D1")
def test_a_direct_call_answered_on_a_mobile_ends_the_pause() -> None:
    """No PBX reports what a mobile does; routing's fact does."""
    office = a_paused_anna()
    office.calls("c4", caller=None)
    answered = routing.PersonAnswered(
        leg_id=LegId("direct"), try_id=TryId("t"), agent_id=ANNA, agent_leg_id=LegId("direct.a")
    )
    office.hears(answered)
    assert office.last(queue.AgentResumed).cause == "answered"
    assert office.ringing("c4") == []
    office.hears(office.leg_ended(answered.agent_leg_id, Outcome.COMPLETED))
    assert office.ringing("c4") == [ANNA]


@pytest.mark.rule("Q2", "Q1", "G3")
@pytest.mark.parametrize("ends", [True, False])
def test_an_agent_on_a_direct_call_is_offered_nothing_and_is_idle_since_its_end(ends: bool) -> None:
    """This holds on a mobile, too; the lease ends a leg whose end is never reported."""
    office = an_office(ANNA, no_answer_ms=600 * MINUTE)
    answered = routing.PersonAnswered(
        leg_id=LegId("direct"), try_id=TryId("t"), agent_id=ANNA, agent_leg_id=LegId("direct.a")
    )
    office.hears(answered)
    office.calls("c1")
    assert office.state.skip(SALES, ANNA) is SkipReason.ON_CALL
    if ends:
        office.waits(MINUTE)
        office.hears(office.leg_ended(answered.agent_leg_id, Outcome.COMPLETED))
    else:
        office.waits(240 * MINUTE)
    assert office.ringing("c1") == [ANNA]
    assert office.state.activity(ANNA).idle_since_at == office.at


@pytest.mark.rule("Q8", "Q12")
def test_a_pause_and_its_count_outlive_the_process() -> None:
    """A new process pauses after the third miss, and keeps the pause."""
    office = a_forgetful_office()
    misses(office, "c1", "c2")
    office.restarts()
    misses(office, "c3")
    assert office.said(queue.AgentPaused)
    office.restarts()
    assert is_paused(office)


@pytest.mark.rule("Q8", "Q6")
def test_a_caller_waits_on_for_a_paused_agent() -> None:
    """A paused agent may come back, so the caller is not sent to the no-answer action."""
    office = a_paused_anna()
    office.saves(office.department(ANNA, BORIS, suspended=(BORIS,)))
    office.calls("c4", caller=None)
    office.waits(MINUTE)
    assert office.waits_for("c4")
    assert not office.said(queue.NoAnswerReached)
