"""Orders whose leg has ended before queue's request: a caller pressed 1 and hung up at once."""

import pytest

from contracts import callback, telephony
from contracts.gateway import PlayFinished
from tests.unit.callback.stories import (
    Office,
    an_office,
    answered,
    deadline_passed,
    dialling,
    ended,
    place,
    played,
    pressed_one,
    refused,
    requested,
)


@pytest.fixture(params=["not heard", "refused"])
def office(request: pytest.FixtureRequest) -> Office:
    """The order stands, and could not be read back to a leg that was gone."""
    made = an_office()
    made.hears(ended("c1"), pressed_one("c1"))
    play = made.last(telephony.Play)
    answer: PlayFinished = played(play, ok=False)
    made.hears(answer if request.param == "not heard" else refused("c1", "telephony.play"))
    return made


@pytest.mark.rule("C1", "C4", "Q12")
def test_an_order_whose_leg_had_ended_before_it_was_asked_for_gets_its_apology_call(office: Office) -> None:
    """Hanging up at once loses nothing: at the deadline the customer is called, not the dead leg."""
    office.hears(deadline_passed("c1"))
    assert office.said(callback.ApologyMade) == []
    leg_id = office.last(callback.ApologyDialled).leg_id
    office.hears(requested(leg_id), answered(leg_id))
    assert office.last(callback.ApologyMade).leg_id == leg_id


@pytest.mark.rule("C3")
def test_an_order_whose_leg_had_ended_before_it_was_asked_for_is_called_back(office: Office) -> None:
    """An agent comes in time: an attempt like any other."""
    _, leg_id = dialling("c1", office=office)
    assert office.last(telephony.DialLeg).leg_id == leg_id


def test_nothing_of_such_a_conversation_is_left(office: Office) -> None:
    """No timer comes due for ever for a leg of which nothing will be heard."""
    assert office.last(telephony.HangUp).leg_id == "c1"
    office.waits(200_000)
    assert len(office.state.orders) == 0


def test_a_conversation_ends_when_an_agent_is_ready_for_the_callback() -> None:
    """Queue says so only when it has heard the leg's end, which may have come too early for us."""
    made = an_office()
    made.hears(ended("c1"), pressed_one("c1"))
    dialling("c1", office=made)
    assert len(made.state.orders) == 0


@pytest.mark.rule("C8")
def test_a_later_call_about_that_place_is_the_only_one(office: Office) -> None:
    """What becomes of the place ends that conversation, in a state that was loaded anew as well."""
    office.hears(pressed_one("c2"))
    assert [(each.leg_id, each.place_id) for each in office.state.orders] == [("c2", place("c1"))]
    office.hears(ended("c2"))
    assert len(office.state.orders) == 0
