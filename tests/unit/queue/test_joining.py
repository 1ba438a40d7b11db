"""How a call joins the queue: routing hands it over, wherever it came from (Q11)."""

from typing import Any

import pytest

from contracts import gateway, queue, routing, telephony
from contracts.ids import DepartmentId, LegId
from contracts.queue import AnnouncementKind
from contracts.routing import Rule
from tests.unit.queue.stories import (
    ANNA,
    CUSTOMER,
    MINUTE,
    MOSCOW,
    NINE,
    SALES,
    Office,
    action,
    an_office,
    played,
)


def reached(name: str = "c1", **more: Any) -> routing.DepartmentReached:
    """Routing hands a call to Sales."""
    values: dict[str, Any] = {
        "pbx_id": MOSCOW,
        "leg_id": LegId(name),
        "department_id": SALES,
        "caller": CUSTOMER,
        "line": "+74951119999",
        "rule": Rule.NO_ANSWER,
        **more,
    }
    return routing.DepartmentReached(**values)


def arrived(name: str = "c1", line: str = "+74951119999") -> gateway.CallArrived:
    """The PBX reports a call, by default on a line of no department."""
    return gateway.CallArrived(pbx_id=MOSCOW, leg_id=LegId(name), caller=CUSTOMER, line=line)


@pytest.mark.rule("Q11", "S1")
def test_a_call_that_routing_hands_over_joins_wherever_it_came_from() -> None:
    """A call from a scenario, an extension or a forward joins now, with the line that was called."""
    office = an_office(ANNA)
    office.hears(arrived())
    assert not office.said(queue.PlaceTaken)
    office.hears(reached())
    taken = office.last(queue.PlaceTaken)
    assert (taken.place_id, taken.department_id, taken.line) == ("p.c1", SALES, "+74951119999")
    assert (taken.joined_at, taken.is_internal, taken.position) == (NINE, False, 1)
    assert office.last(telephony.AnswerLeg).leg_id == "c1"
    assert office.ringing("c1") == [ANNA]


@pytest.mark.rule("Q11", "C1")
def test_an_internal_call_joins_the_same_queue_and_is_never_invited() -> None:
    """A colleague who calls the department's extension waits like everybody, and needs no callback."""
    office = an_office()
    office.saves(office.agent(ANNA), office.department(ANNA, no_answer_ms=20 * MINUTE))
    office.saves(office.pause(ANNA))
    office.hears(arrived("outside"), reached("outside", rule=Rule.DEPARTMENT_LINE))
    office.waits(1_000)
    office.hears(arrived("inside"), reached("inside", caller="204", rule=Rule.EXTENSION, is_internal=True))
    assert office.last(queue.PlaceTaken).position == 2
    office.waits(5 * MINUTE)
    assert {each.place_id for each in played(office, AnnouncementKind.INVITATION)} == {"p.outside"}
    office.presses("inside")
    assert not office.said(queue.CallbackRequested)


@pytest.mark.rule("D3", "Q4")
def test_a_caller_whose_call_is_answered_already_hears_music_and_the_welcome_at_once() -> None:
    """After the notice of a forward the call is already answered."""
    office = an_office(ANNA, auto=False)
    office.hears(arrived(), reached(is_answered=True))
    assert not office.said(telephony.AnswerLeg)
    assert office.said(telephony.StartHoldMusic)
    assert len(played(office, AnnouncementKind.WELCOME)) == 1
    office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=LegId("c1")))
    assert len(played(office, AnnouncementKind.WELCOME)) == 1


@pytest.mark.rule("Q6")
def test_a_caller_whose_call_is_answered_and_whom_nobody_can_serve_goes_to_the_action() -> None:
    """The notice plays at once on the answered leg."""
    office = an_office(ANNA, no_answer_action=action("voicemail"))
    office.saves(office.department(ANNA, suspended=(ANNA,)))
    office.hears(arrived(), reached(is_answered=True))
    assert office.last(queue.PlaceDiverted).leg_id == "c1"


@pytest.mark.rule("Q7")
@pytest.mark.parametrize("is_answered", [True, False])
def test_a_caller_who_hung_up_before_the_hand_over_holds_no_place(is_answered: bool) -> None:
    """Routing had not heard of it: the leg's end is on the log before the hand-over."""
    office = an_office(ANNA)
    office.hears(arrived(), office.leg_ended(LegId("c1"), gateway.Outcome.ABANDONED))
    office.hears(reached(is_answered=is_answered))
    assert not office.said(queue.PlaceTaken)
    assert not office.has_offer(ANNA)
    assert len(office.state.legs) == 0


@pytest.mark.rule("Q7")
def test_an_answer_that_a_pbx_refuses_and_gives_all_the_same_loses_no_caller() -> None:
    """Found by the simulation: a refused command, and an answered leg. Only its end ends the wait."""
    office = an_office(ANNA, auto=False)
    office.hears(arrived(), reached())
    gone = gateway.CommandRefused(
        pbx_id=MOSCOW, command="telephony.answer_leg", reason="gone", leg_id=LegId("c1")
    )
    office.hears(gone, gateway.LegAnswered(pbx_id=MOSCOW, leg_id=LegId("c1")))
    assert not office.said(queue.PlaceAbandoned)
    assert played(office, AnnouncementKind.WELCOME)


@pytest.mark.rule("Q11")
def test_an_unknown_department_takes_no_caller() -> None:
    """A missing card must not stop the decider."""
    office = Office()
    office.hears(arrived(), reached(department_id=DepartmentId("nobody's")))
    assert not office.said(queue.PlaceTaken)


@pytest.mark.rule("Q9")
def test_a_call_has_one_place_however_often_it_is_handed_over() -> None:
    """This holds even when the first place has ended and voicemail has the leg."""
    office = an_office(ANNA, no_answer_action=action("voicemail"))
    office.saves(office.department(ANNA, suspended=(ANNA,)))
    office.hears(arrived(), reached())
    assert office.said(queue.PlaceDiverted)
    office.hears(reached(), arrived(), reached())
    assert len(office.said(queue.PlaceTaken)) == 1
