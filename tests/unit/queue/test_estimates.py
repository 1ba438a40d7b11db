"""The wait that a caller is told: it follows from the department's own calls only."""

from collections.abc import Callable

import pytest

from contracts import directory, queue, telephony
from contracts.gateway import DeviceState, Outcome
from contracts.prompts import Prompt, prompt_key
from services.queue.rules import waiting
from tests.unit.queue.stories import (
    ANNA,
    BORIS,
    MINUTE,
    SALES,
    SECOND,
    SERVICE_DESK,
    SERVICE_LINE,
    VERA,
    Office,
    an_office,
    by,
    played,
)

RU = directory.Language.RUSSIAN


def after(calls: int, *, for_ms: int = MINUTE) -> Office:
    """Three agents are on calls; the first has had calls of this length for the department."""
    office = an_office(ANNA, BORIS, VERA, strategy=by("linear"))
    for number in range(calls):
        office.talks(ANNA, f"before{number}", for_ms=for_ms)
    for agent_id in (ANNA, BORIS, VERA):
        office.phone_is(agent_id, DeviceState.IN_USE)
    return office


def welcome(office: Office) -> queue.AnnouncementMade:
    """The announcement to the next caller on joining."""
    office.calls("c1", caller=None)
    return played(office, queue.AnnouncementKind.WELCOME)[-1]


@pytest.mark.rule("Q4")
@pytest.mark.parametrize("calls", range(waiting.CALLS_MIN))
def test_n4_without_enough_calls_of_its_own_a_department_announces_no_wait(calls: int) -> None:
    """The first caller of a new department once heard «45 seconds», which nobody had measured."""
    office = after(calls)
    told = welcome(office)
    assert (told.position, told.wait_estimate_ms) == (1, None)
    assert office.last(telephony.Play).media[-1] == prompt_key(RU, Prompt.WAIT_UNKNOWN)
    office.waits(10 * MINUTE)
    assert {fact.wait_estimate_ms for fact in office.said(queue.AnnouncementMade)[calls:]} == {None}


@pytest.mark.rule("Q4")
def test_n4_with_enough_calls_the_estimate_follows_from_their_length() -> None:
    """Three calls of a minute and three agents: the first in the queue waits for twenty seconds."""
    assert welcome(after(waiting.CALLS_MIN)).wait_estimate_ms == 20 * SECOND


@pytest.mark.rule("Q4")
def test_n4_another_departments_calls_do_not_count() -> None:
    """The service desk's calls take an hour; that says nothing of sales."""
    office = after(waiting.CALLS_MIN)
    office.saves(office.department(ANNA, BORIS, VERA, department_id=SERVICE_DESK))
    office.calls("other", line=SERVICE_LINE)
    assert played(office, queue.AnnouncementKind.WELCOME)[-1].wait_estimate_ms is None


@pytest.mark.rule("Q4", "Q12")
def test_n4_the_length_of_a_departments_calls_survives_a_restart() -> None:
    """A new process has it from the records."""
    office = after(waiting.CALLS_MIN)
    office.restarts()
    assert welcome(office).wait_estimate_ms == 20 * SECOND


@pytest.mark.rule("Q4")
def test_n4_one_odd_call_among_the_first_does_not_decide_alone() -> None:
    """A wrong number of ten seconds, then two calls of three minutes: the average of all three counts."""
    office = an_office(ANNA)
    for number, for_ms in enumerate((10 * SECOND, 180 * SECOND, 180 * SECOND)):
        office.talks(ANNA, f"before{number}", for_ms=for_ms)
    office.phone_is(ANNA, DeviceState.IN_USE)
    told = welcome(office).wait_estimate_ms
    assert told is not None
    assert abs(told - 370 * SECOND // 3) < SECOND


Change = Callable[[Office], object]


def busy_phone(office: Office) -> None:
    """Boris's phone is busy for a caller, who then leaves."""
    office.phone_is(BORIS, DeviceState.IDLE)
    office.calls("other", caller=None)
    office.phone_ends(BORIS, Outcome.BUSY)
    office.hangs_up("other")


@pytest.mark.rule("Q4", "Q2")
@pytest.mark.parametrize(
    "change",
    [
        lambda office: office.hears(office.pause(BORIS)),
        lambda office: office.phone_is(BORIS, DeviceState.UNREACHABLE),
        lambda office: office.hears(office.hours(BORIS, hours=())),
        lambda office: office.saves(office.department(ANNA, BORIS, VERA, suspended=(BORIS,))),
        lambda office: office.saves(office.department(ANNA, VERA)),
        busy_phone,
    ],
    ids=["paused", "not registered", "out of hours", "suspended", "removed", "answers busy"],
)
def test_n4_only_agents_who_can_take_calls_shorten_the_wait(change: Change) -> None:
    """One of three agents can't come: two share the calls."""
    office = after(waiting.CALLS_MIN)
    change(office)
    assert welcome(office).wait_estimate_ms == 30 * SECOND


@pytest.mark.rule("Q4")
def test_n4_an_agent_who_comes_back_counts_again() -> None:
    """The agent's pause has ended."""
    office = after(waiting.CALLS_MIN)
    office.hears(office.pause(BORIS))
    office.hears(office.pause(BORIS, is_paused=False))
    assert welcome(office).wait_estimate_ms == 20 * SECOND


@pytest.mark.rule("Q4")
def test_n4_agents_who_are_on_calls_or_write_notes_count() -> None:
    """They will take the caller: usually all agents of a queue are busy."""
    office = after(waiting.CALLS_MIN)
    for agent_id in (ANNA, BORIS, VERA):
        office.phone_is(agent_id, DeviceState.IDLE)
    office.saves(office.department(ANNA, BORIS, VERA, wrap_up_ms=5 * MINUTE))
    office.talks(ANNA, "noted")
    office.calls("talks")
    office.answers(BORIS)
    assert waiting.wait_estimate_ms(office.state, SALES, 1) == 20 * SECOND


@pytest.mark.rule("Q4")
def test_n4_with_no_agent_who_can_take_calls_no_wait_is_announced() -> None:
    """All agents are paused: nobody knows when they come back."""
    office = after(waiting.CALLS_MIN)
    for agent_id in (ANNA, BORIS, VERA):
        office.hears(office.pause(agent_id))
    assert welcome(office).wait_estimate_ms is None
