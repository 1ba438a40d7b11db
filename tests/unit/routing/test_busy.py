"""A second call to a busy employee: the no-answer rule at once, or call waiting (D7)."""

import pytest

from contracts import queue, routing
from contracts.gateway import DeviceState
from contracts.ids import Instant, LegId
from tests.unit.routing.directory_facts import (
    ANNA,
    MINUTE,
    to_voicemail,
)
from tests.unit.routing.harness import an_office


@pytest.mark.rule("D7")
def test_a_second_call_to_a_busy_employee_follows_the_rule_at_once() -> None:
    """Two minutes of ringing help nobody while the employee talks."""
    office = an_office()
    office.rules(ANNA, no_answer=to_voicemail())
    office.calls()
    office.answers()
    office.calls(name="c2")
    assert office.missed() == [(ANNA, "busy")]
    assert office.last(routing.VoicemailReached).leg_id == "c2"
    assert office.is_here("c1")


@pytest.mark.rule("D7")
def test_with_call_waiting_a_second_call_rings_as_well() -> None:
    """Some people want to see who calls, and choose."""
    office = an_office()
    office.rules(ANNA, has_call_waiting=True)
    office.calls()
    office.answers()
    office.calls(name="c2")
    assert office.ringing("c2") == ANNA
    office.answers(name="c2")
    assert office.last(routing.CallConnected).leg_id == "c2"


@pytest.mark.rule("D7")
def test_any_call_makes_an_employee_busy_as_far_as_the_network_tells() -> None:
    """A call that the employee made, or one for a department on a mobile, is a call."""
    office = an_office()
    office.phone_is(ANNA, DeviceState.IN_USE)
    office.calls()
    office.phone_is(ANNA, DeviceState.IDLE)
    office.hears(
        queue.AgentBusy(agent_id=ANNA, leg_id=LegId("q"), lease_until_at=Instant(office.at + MINUTE))
    )
    office.calls(name="c2")
    assert office.missed() == [(ANNA, "busy"), (ANNA, "busy")]
    office.hears(queue.AgentFreed(agent_id=ANNA, cause="leg_ended", idle_since_at=office.at))
    office.calls(name="c3")
    assert office.ringing("c3") == ANNA


@pytest.mark.rule("D7")
def test_an_employee_who_writes_notes_after_a_department_call_can_be_called_directly() -> None:
    """Wrap-up keeps department calls away, not a customer who wants this very person."""
    office = an_office()
    until_at = Instant(office.at + MINUTE)
    office.hears(
        queue.AgentBusy(agent_id=ANNA, leg_id=LegId("q"), lease_until_at=until_at),
        queue.WrapUpStarted(agent_id=ANNA, until_at=until_at),
    )
    office.calls()
    assert office.ringing() == ANNA


@pytest.mark.rule("D7")
def test_a_phone_that_a_pbx_forgot_to_call_idle_is_not_busy_for_ever() -> None:
    """No call lasts four hours: the PBX's silence must not cost the employee every call."""
    office = an_office()
    office.phone_is(ANNA, DeviceState.IN_USE)
    office.waits(4 * 60 * MINUTE)
    office.calls()
    assert office.ringing() == ANNA
