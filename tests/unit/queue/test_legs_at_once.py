"""The limit of phones that a department rings at once, and the agents it leaves out (Q13, EC-18)."""

import pytest

from contracts import queue, telephony
from contracts.gateway import DeviceState, Outcome
from contracts.ids import AgentId
from contracts.queue import SkipReason
from tests.offices import desk
from tests.unit.queue.stories import (
    ANNA,
    BORIS,
    GLEB,
    SECOND,
    SERVICE_DESK,
    SERVICE_LINE,
    VERA,
    Office,
    an_office,
    by,
    mobile,
)

EVERYBODY = (ANNA, BORIS, VERA, GLEB)
FORTY = tuple(AgentId(f"a{number:02}") for number in range(40))


def left_out(office: Office, place_id: str) -> list[AgentId]:
    """The agents whom a place's offers name as left out because too many phones ring."""
    return [
        skip.agent_id
        for made in office.said(queue.OfferMade)
        for skip in made.skipped
        if made.place_id == place_id and skip.reason is SkipReason.LIMIT_OF_LEGS
    ]


def ringing_phones(office: Office) -> int:
    """How many phones ring or will ring."""
    return sum(len(offer.open_legs) for offer in office.state.offers)


@pytest.mark.rule("Q13", "Q1")
def test_forty_agents_ring_ten_at_a_time_and_the_others_are_named() -> None:
    """EC-18: forty mobiles at once cost money and block lines; the fact names agents who were left out."""
    office = an_office(*FORTY, legs_max=10)
    for number, agent_id in enumerate(FORTY[2:]):
        office.saves(office.agent(agent_id, mobile(f"+7916000{number:04}")))
    office.calls("c1")
    assert len(office.ringing("c1")) == 10
    assert len(left_out(office, "p.c1")) == 30
    assert len(office.said(telephony.DialLeg)) == 10


@pytest.mark.rule("Q13", "Q1")
def test_in_a_limited_round_everybody_gets_a_turn() -> None:
    """The agents who were left out are rung as soon as the first ones have missed."""
    office = an_office(*EVERYBODY, legs_max=2)
    office.calls("c1")
    assert office.ringing("c1") == [ANNA, BORIS]
    office.waits(20 * SECOND)
    assert office.ringing("c1") == [VERA, GLEB]


@pytest.mark.rule("Q13")
@pytest.mark.parametrize("how", ["declines", "busy", "one phone of two", "answers"])
def test_a_phone_that_rings_no_more_lets_another_ring_at_once(how: str) -> None:
    """No customer waits while the limit is not reached."""
    office = an_office(*EVERYBODY, legs_max=2)
    if how == "one phone of two":
        office.saves(office.agent(ANNA, desk(ANNA), mobile(delay_ms=0)))
    office.calls("c1")
    office.calls("c2", caller=None)
    assert ringing_phones(office) == 2
    match how:
        case "declines":
            office.declines(ANNA)
        case "busy" | "one phone of two":
            office.phone_ends(ANNA, Outcome.BUSY)
        case _:
            office.answers(ANNA)
            assert office.ringing("c2") == [BORIS, VERA]
    assert ringing_phones(office) == 2


@pytest.mark.rule("Q13", "Q3")
def test_phones_within_the_limit_go_to_the_earlier_place() -> None:
    """A later caller whose agents have fewer phones does not overtake."""
    office = an_office(ANNA, BORIS, VERA, legs_max=3, strategy=by("longest_idle"))
    office.saves(office.agent(BORIS, desk(BORIS), mobile(delay_ms=0)))
    office.saves(office.agent(VERA, desk(VERA), mobile("+79160000002"), mobile("+79160000003")))
    for agent_id in EVERYBODY[:3]:
        office.phone_is(agent_id, DeviceState.IN_USE)
    for name in ("c1", "c2", "c3"):
        office.calls(name, caller=None)
    office.phone_is(BORIS, DeviceState.IDLE)
    assert office.ringing("c1") == [BORIS]
    office.phone_is(VERA, DeviceState.IDLE)
    assert office.ringing("c2") == []
    office.phone_is(ANNA, DeviceState.IDLE)
    assert office.ringing("c2") == [ANNA]
    office.answers(BORIS)
    assert office.ringing("c3") == []
    office.answers(ANNA)
    assert office.ringing("c3") == [VERA]


@pytest.mark.rule("Q13", "E4")
def test_an_agent_with_more_phones_than_may_ring_is_rung_on_the_first_ones() -> None:
    """A limit of one phone must not stop all offers."""
    office = an_office(ANNA, legs_max=1)
    office.saves(office.agent(ANNA, mobile(delay_ms=5 * SECOND), desk(ANNA)))
    office.calls("c1")
    assert [leg.address for leg in office.offer_to(ANNA).legs] == ["sip:anna"]


@pytest.mark.rule("Q13")
def test_phones_that_will_ring_later_count() -> None:
    """A mobile that follows after five seconds must still be within the limit."""
    office = an_office(ANNA, BORIS, legs_max=2)
    office.saves(office.agent(ANNA, desk(ANNA), mobile(delay_ms=5 * SECOND)))
    office.calls("c1")
    assert office.ringing("c1") == [ANNA]
    assert left_out(office, "p.c1") == [BORIS]


@pytest.mark.rule("Q13", "O1")
def test_the_limit_of_one_department_is_not_anothers() -> None:
    """Sales reaches its limit; Service rings on."""
    office = an_office(ANNA, BORIS, legs_max=1)
    office.saves(office.department(BORIS, VERA, department_id=SERVICE_DESK), office.agent(VERA))
    office.calls("c1")
    office.calls("c2", caller=None, line=SERVICE_LINE)
    assert office.ringing("c1") == [ANNA]
    assert office.ringing("c2") == [BORIS, VERA]


@pytest.mark.rule("Q13")
def test_a_higher_limit_is_used_at_once_and_without_one_all_agents_ring() -> None:
    """A new limit takes effect when it is saved."""
    office = an_office(*EVERYBODY, legs_max=1)
    office.calls("c1")
    office.saves(office.department(*EVERYBODY, legs_max=2))
    assert office.ringing("c1") == [ANNA, BORIS]
    office.saves(office.department(*EVERYBODY, legs_max=None))
    assert office.ringing("c1") == list(EVERYBODY)


@pytest.mark.rule("Q13", "Q12")
def test_the_limit_outlives_the_process() -> None:
    """A new process counts ringing phones from the records."""
    office = an_office(*EVERYBODY, legs_max=2)
    office.calls("c1")
    office.restarts()
    office.calls("c2", caller=None)
    assert ringing_phones(office) == 2
