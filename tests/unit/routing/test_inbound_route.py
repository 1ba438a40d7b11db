"""Whom a call is for: the CRM's entry first, then where the line or the extension leads (D5, Q11)."""

import pytest

from contracts import directory, routing
from contracts.gateway import Outcome
from contracts.routing import Hop, Rule
from contracts.scenario import ScenarioSaved
from tests import offices
from tests.unit.routing.directory_facts import (
    ANNA,
    ANNAS_LINE,
    BORIS,
    CUSTOMER,
    GLEB,
    MENU,
    MENU_LINE,
    MINUTE,
    MOSCOW,
    SALES,
    SALES_LINE,
    VERA,
    a_department,
    element,
    to_colleague,
    to_voicemail,
)
from tests.unit.routing.harness import an_office


@pytest.mark.rule("D5")
def test_the_responsible_manager_wins_over_whatever_the_line_leads_to() -> None:
    """EC-87: the CRM says Gleb, Anna's own settings say Boris: Gleb rings, and the trace says why."""
    office = an_office()
    office.responsible(GLEB)
    office.rules(ANNA, no_answer=to_colleague(BORIS))
    for number, line in enumerate((ANNAS_LINE, MENU_LINE, "+74951110001"), start=1):
        office.calls(line, f"c{number}")
        assert office.ringing(f"c{number}") == GLEB
        assert office.last(routing.CallTaken).rule is Rule.RESPONSIBLE
        office.hangs_up(f"c{number}")


@pytest.mark.rule("D5")
def test_the_number_is_compared_as_people_dial_it() -> None:
    """8 912 … and +7 912 … are one customer."""
    office = an_office()
    office.responsible(GLEB)
    office.calls(caller="89123456789")
    assert office.ringing() == GLEB


@pytest.mark.rule("C8")
def test_p7_a_call_is_passed_on_under_the_number_that_everybody_keeps() -> None:
    """Queue, voicemail and the agent's ear get one form, whatever the trunk wrote."""
    office = an_office()
    office.calls(SALES_LINE, caller="8 912 345-67-89")
    assert office.last(routing.DepartmentReached).caller == "+79123456789"
    office.calls("201", "c2", caller="84951234567", is_internal=True)
    assert office.last(routing.CallTaken).caller == "84951234567"


@pytest.mark.rule("D5")
def test_a_call_from_inside_is_nobodys_customer() -> None:
    """The table holds for calls from outside only."""
    office = an_office()
    office.responsible(GLEB)
    office.calls("201", caller="+79123456789", is_internal=True)
    assert office.ringing() == ANNA


@pytest.mark.rule("D5")
def test_a_responsible_manager_who_is_absent_is_not_rung_the_second_person_is() -> None:
    """At once and without a notice: the customer does not care who keeps the table."""
    office = an_office()
    office.responsible(GLEB, VERA)
    office.rules(GLEB, absence=to_voicemail())
    office.is_absent(GLEB)
    office.calls()
    assert office.ringing() == VERA
    assert office.heard() == []
    assert office.last(routing.CallForwarded).to == Hop(rule=Rule.RESPONSIBLE, agent_id=VERA)


@pytest.mark.rule("D5", "D3")
def test_a_responsible_manager_who_does_not_answer_hands_over_to_the_second_after_a_notice() -> None:
    """After two minutes of ringing the customer hears why another voice will answer."""
    office = an_office()
    office.responsible(GLEB, VERA)
    office.calls()
    office.waits(2 * MINUTE)
    assert office.heard() == ["forward"]
    assert office.ringing() == VERA
    office.rules(VERA, no_answer=to_voicemail())
    office.waits(2 * MINUTE)
    assert office.last(routing.VoicemailReached).agent_id == VERA


@pytest.mark.rule("D5")
def test_a_responsible_manager_without_a_second_follows_the_own_rules() -> None:
    """The CRM chooses the manager; the manager's own rule says what follows."""
    office = an_office()
    office.responsible(GLEB)
    office.rules(GLEB, no_answer=to_colleague(BORIS))
    office.calls()
    office.phone_ends(Outcome.BUSY)
    assert office.ringing() == BORIS


@pytest.mark.rule("D5", "E8")
def test_a_responsible_manager_who_has_left_gives_way_to_the_second_or_to_the_line() -> None:
    """A CRM is never quite up to date."""
    office = an_office()
    office.responsible(GLEB, VERA)
    office.saves_person(GLEB, is_removed=True)
    office.calls()
    assert office.ringing() == VERA
    office.hangs_up()
    office.responsible(GLEB)
    office.calls(name="c2")
    assert office.ringing("c2") == ANNA
    office.hangs_up("c2")
    office.responsible(None)
    office.calls(name="c3")
    assert office.last(routing.CallTaken).rule is Rule.PERSONAL_NUMBER


@pytest.mark.rule("Q11")
def test_an_internal_call_to_a_departments_extension_joins_its_queue() -> None:
    """A colleague waits like a customer, and the queue knows that it is a colleague."""
    office = an_office()
    office.dials("400")
    reached = office.last(routing.DepartmentReached)
    assert (reached.department_id, reached.is_internal, reached.rule) == (SALES, True, Rule.EXTENSION)
    assert office.commands == []


@pytest.mark.rule("Q11")
def test_a_call_on_a_departments_line_is_the_queues_at_once() -> None:
    """Routing answers nothing and plays nothing: the queue greets its callers itself."""
    office = an_office()
    office.calls("+74951110001")
    assert office.last(routing.DepartmentReached).department_id == SALES
    assert office.commands == []
    assert not office.is_here()


def test_what_the_directory_says_twice_or_too_late_changes_nothing() -> None:
    """The directory may repeat itself: the newest version of a card is the card."""
    office = an_office()
    office.rules(ANNA, no_answer=to_voicemail())
    office.scenario(element("boris", "internal_subscriber", agent_id=BORIS))
    office.responsible(None)
    office.hears(
        directory.DirectRulesSaved(agent_id=ANNA, version=1, numbers=("+74950000000",)),
        offices.agent(ANNA, MOSCOW, "999", name="Old", devices=(), is_removed=True),
        directory.ResponsibleSaved(number=CUSTOMER, version=1, agent_id=GLEB),
        ScenarioSaved(
            scenario_id=MENU,
            version=1,
            pbx_id=MOSCOW,
            name="Old",
            lines=(MENU_LINE,),
            elements=(element("end", "hang_up"),),
        ),
        a_department(SALES, "400", is_removed=True, version=0),
    )
    office.calls(ANNAS_LINE)
    assert office.ringing() == ANNA
    office.calls(MENU_LINE, "c2")
    assert office.ringing("c2") == BORIS
    office.calls(SALES_LINE, "c3")
    assert office.last(routing.DepartmentReached).leg_id == "c3"
