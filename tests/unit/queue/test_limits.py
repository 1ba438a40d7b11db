"""Wrap-up, the limit of waiting callers, and leases (Q13, G3)."""

import pytest

from contracts import directory, gateway, queue, telephony
from contracts.directory import ActionKind
from contracts.gateway import DeviceState
from contracts.ids import Address, Instant
from contracts.queue import DivertReason
from tests.unit.queue.stories import (
    ANNA,
    BORIS,
    MINUTE,
    MOSCOW,
    SECOND,
    VERA,
    action,
    an_office,
)

HOUR = 60 * MINUTE


@pytest.mark.rule("Q13")
def test_after_a_bridged_department_call_the_agent_is_in_wrap_up() -> None:
    """The agent is not rung until wrap-up ends; then the next caller is served."""
    office = an_office(ANNA, wrap_up_ms=30 * SECOND)
    office.talks(ANNA, "c1")
    assert office.last(queue.WrapUpStarted).until_at == office.at + 30 * SECOND
    office.calls("c2")
    office.waits(29_999)
    assert office.ringing("c2") == []
    office.waits(1)
    assert office.ringing("c2") == [ANNA]


@pytest.mark.rule("Q13")
def test_the_agent_can_end_the_wrap_up() -> None:
    """The next caller is served at once; a second request ends nothing else."""
    office = an_office(ANNA, wrap_up_ms=MINUTE)
    office.talks(ANNA, "c1")
    office.calls("c2")
    done = directory.AgentWrapUpSaved(agent_id=ANNA, version=1)
    office.hears(done)
    office.waits(0)
    assert office.ringing("c2") == [ANNA]
    office.answers(ANNA)
    office.finishes(ANNA)
    office.hears(done)
    office.calls("c3")
    office.waits(MINUTE - 1)
    assert office.ringing("c3") == []


@pytest.mark.rule("Q13")
def test_the_agent_can_extend_the_wrap_up() -> None:
    """The agent is not rung before the longer time has passed."""
    office = an_office(ANNA, wrap_up_ms=MINUTE)
    office.talks(ANNA, "c1")
    longer = Instant(office.at + 3 * MINUTE)
    office.hears(directory.AgentWrapUpSaved(agent_id=ANNA, version=1, until_at=longer))
    office.calls("c2")
    office.waits_until(Instant(longer - 1))
    assert office.ringing("c2") == []
    office.waits(1)
    assert office.ringing("c2") == [ANNA]


@pytest.mark.rule("Q13")
def test_there_is_no_wrap_up_by_default() -> None:
    """The agent is free at once."""
    office = an_office(ANNA)
    office.talks(ANNA, "c1")
    assert not office.said(queue.WrapUpStarted)
    office.calls("c2")
    assert office.ringing("c2") == [ANNA]


@pytest.mark.rule("Q13")
def test_a_call_that_was_never_bridged_has_no_wrap_up() -> None:
    """There is nothing to note about a caller who left before the bridge."""
    office = an_office(ANNA, auto=False, wrap_up_ms=30 * SECOND)
    office.calls("c1")
    office.answers(ANNA)
    office.finishes(ANNA)
    assert not office.said(queue.WrapUpStarted)
    assert office.last(queue.AgentFreed).agent_id == ANNA


@pytest.mark.rule("Q13")
def test_idle_time_counts_from_the_end_of_the_call_and_not_of_the_wrap_up() -> None:
    """EC-16: idle time is ordered by the ends of the calls."""
    office = an_office(ANNA, wrap_up_ms=30 * SECOND)
    office.talks(ANNA, "c1")
    ended_at = office.at
    office.waits(MINUTE)
    assert office.state.activity(ANNA).idle_since_at == ended_at


@pytest.mark.rule("Q13", "Q5")
def test_a_fallback_employee_in_wrap_up_may_be_rung_and_stays_on_that_call() -> None:
    """The end of wrap-up does not end the call that came meanwhile."""
    office = an_office(
        ANNA,
        BORIS,
        wrap_up_ms=10 * MINUTE,
        no_answer_ms=MINUTE,
        no_answer_action=action("fallback_employee", agent_id=BORIS),
    )
    office.phone_is(ANNA, DeviceState.IN_USE)
    office.talks(BORIS, "c1")
    office.calls("c2")
    office.waits(MINUTE)
    office.answers(BORIS)
    office.waits(20 * MINUTE)
    assert office.state.activity(BORIS).leg_id is not None
    office.finishes(BORIS)
    assert office.last(queue.WrapUpStarted).agent_id == BORIS


@pytest.mark.rule("Q13")
def test_a_caller_beyond_the_limit_gets_the_overflow_action() -> None:
    """EC-19: the overflow has its own action and notice; earlier callers are not touched."""
    office = an_office(ANNA, waiting_max=2, overflow_action=action("hang_up"))
    office.phone_is(ANNA, DeviceState.IN_USE)
    for name in ("c1", "c2", "c3"):
        office.calls(name)
    diverted = office.last(queue.PlaceDiverted)
    assert (diverted.place_id, diverted.reason) == ("p.c3", DivertReason.QUEUE_FULL)
    assert diverted.action is ActionKind.HANG_UP
    assert office.last(telephony.HangUp).leg_id == "c3"
    assert office.waits_for("c1")
    assert office.waits_for("c2")


@pytest.mark.rule("Q13")
def test_callbacks_and_callers_who_talk_do_not_fill_the_queue() -> None:
    """The limit counts callers who wait on the line."""
    office = an_office(ANNA, waiting_max=1)
    office.calls("talking")
    office.answers(ANNA)
    office.calls("c1")
    office.orders("c1")
    office.calls("c2", caller=None)
    assert office.waits_for("c2")
    office.calls("c3", caller=None)
    assert not office.waits_for("c3")


@pytest.mark.rule("Q13")
def test_without_a_limit_nobody_is_turned_away() -> None:
    """By default there is no limit."""
    office = an_office(ANNA)
    office.phone_is(ANNA, DeviceState.IN_USE)
    for n in range(30):
        office.calls(f"c{n:02}", caller=None)
    assert not office.said(queue.NoAnswerReached)


@pytest.mark.rule("Q13", "Q5")
def test_an_overflow_may_ring_a_fallback_employee_or_pass_on() -> None:
    """Every action is possible for an overflow."""
    office = an_office(ANNA, waiting_max=0, overflow_action=action("fallback_employee", agent_id=VERA))
    office.saves(office.agent(VERA))
    office.phone_is(ANNA, DeviceState.IN_USE)
    office.calls("c1")
    assert office.last(queue.FallbackRung).reason is DivertReason.QUEUE_FULL
    office.answers(VERA)
    assert office.last(queue.PlaceConnected).agent_id == VERA


@pytest.mark.rule("G3")
def test_a_lease_older_than_any_call_frees_the_agent_and_says_why() -> None:
    """EC-108: no agent is busy for ever; the rest of the call is hung up."""
    office = an_office(ANNA, auto=False)
    office.calls("c1")
    office.answers(ANNA)
    office.hears(office.replies(office.last(telephony.Bridge))[0])
    office.waits(4 * HOUR)
    assert office.last(queue.AgentFreed).cause == "lease_ended"
    assert office.last(telephony.HangUp).reason == "lease_ended"
    office.calls("c2")
    assert office.ringing("c2") == [ANNA]


@pytest.mark.rule("G3")
def test_a_phone_that_is_never_reported_idle_does_not_keep_its_agent_for_ever() -> None:
    """EC-108: the PBX lost the report; the fact has the cause, and the next caller is served."""
    office = an_office(ANNA, BORIS, no_answer_ms=8 * HOUR)
    office.saves(office.department(ANNA))
    office.phone_is(ANNA, DeviceState.IN_USE)
    office.calls("c1")
    office.waits(4 * HOUR)
    assert office.last(queue.AgentFreed).cause == "phone_lease_ended"
    assert office.ringing("c1") == [ANNA]


@pytest.mark.rule("G3")
def test_the_end_of_an_agents_lease_is_published_when_it_begins() -> None:
    """A reader of the fact sees when the lease ends."""
    office = an_office(ANNA)
    office.calls("c1")
    office.answers(ANNA)
    assert office.last(queue.AgentBusy).lease_until_at == office.at + 4 * HOUR


@pytest.mark.rule("G3")
def test_an_unknown_phone_belongs_to_no_agent() -> None:
    """Facts about a device that is on no agent's card change nothing."""
    office = an_office(ANNA)
    address = Address("sip:nobody")
    office.hears(gateway.DeviceChanged(pbx_id=MOSCOW, address=address, state=DeviceState.IN_USE))
    office.calls("c1")
    assert office.ringing("c1") == [ANNA]
