"""Forwards to the own mobile: a key answers, and the own voicemail is the end (D2, P5, G4)."""

import pytest

from contracts import routing
from contracts.gateway import Outcome
from tests.offices import desk
from tests.unit.routing.directory_facts import (
    ANNA,
    mobile,
    to_mobile,
)
from tests.unit.routing.harness import an_office


@pytest.mark.rule("D2", "P5")
def test_a_forward_to_the_own_mobile_needs_a_key_and_ends_at_the_own_voicemail() -> None:
    """It is Anna who answers, wherever she is; her mobile's voicemail is not her."""
    office = an_office()
    office.rules(ANNA, no_answer=to_mobile(), mobile="+79160000001")
    office.calls()
    office.phone_ends(Outcome.BUSY)
    assert office.dialled() == ["sip:201", "tel:+79160000001"]
    mobile_leg = office.leg()
    office.answers()
    office.presses("1", mobile_leg)
    assert office.last(routing.CallConnected).agent_id == ANNA
    office.hangs_up()

    office.calls(name="c2")
    office.phone_ends(Outcome.BUSY, name="c2")
    office.phone_ends(Outcome.NO_ANSWER, name="c2")
    reached = office.last(routing.VoicemailReached)
    assert (reached.leg_id, reached.agent_id) == ("c2", ANNA)


@pytest.mark.rule("D2", "P5")
def test_somebody_absent_may_have_the_calls_on_the_own_mobile() -> None:
    """The employee chose it; without a number of its own the rule uses the device plan's mobile."""
    office = an_office()
    office.saves_person(ANNA, desk("201"), mobile("+79160000002"))
    office.rules(ANNA, absence=to_mobile())
    office.is_absent(ANNA)
    office.calls()
    assert office.dialled() == ["tel:+79160000002"]


@pytest.mark.rule("G4", "C10")
def test_an_own_mobile_that_may_not_be_dialled_is_unreachable() -> None:
    """An emergency number, or an expensive one, as own mobile."""
    office = an_office()
    office.rules(ANNA, no_answer=to_mobile(), mobile="112")
    office.calls()
    office.phone_ends(Outcome.BUSY)
    assert office.dialled() == ["sip:201"]
    assert office.last(routing.VoicemailReached).agent_id == ANNA
