"""The order of places: joining time decides, for callers and callbacks alike."""

from typing import Any

import pytest

from contracts import callback, gateway, queue
from contracts.gateway import DeviceState, Outcome
from contracts.ids import AgentId, Instant, LegId
from services.queue.service import is_urgent
from tests.unit.queue.stories import (
    ANNA,
    BORIS,
    CUSTOMER,
    MINUTE,
    MOSCOW,
    SALES,
    SECOND,
    SERVICE_DESK,
    SERVICE_LINE,
    Office,
    an_office,
    by,
)


def with_both_busy(**settings: Any) -> Office:
    """Two agents are on calls, so that callers wait."""
    office = an_office(ANNA, BORIS, **settings)
    office.calls("busy1")
    office.answers(ANNA)
    office.calls("busy2")
    office.answers(BORIS)
    return office


@pytest.mark.rule("Q3")
def test_the_earliest_caller_gets_the_agent_who_comes_free() -> None:
    """No later caller overtakes an earlier one."""
    office = with_both_busy()
    for name in ("c1", "c2", "c3"):
        office.waits(SECOND)
        office.calls(name)
    office.finishes(BORIS)
    assert office.ringing("c1") == [BORIS]
    office.finishes(ANNA)
    assert office.ringing("c1") == [BORIS, ANNA]


@pytest.mark.rule("Q3")
def test_there_is_a_hurry_while_somebody_waits_for_an_agent() -> None:
    """Not before the agents are busy, nor once the last who waits rings at one of them."""
    office = an_office(ANNA, strategy=by("longest_idle"))
    office.calls("busy")
    assert not is_urgent(office.state)
    office.answers(ANNA)
    office.calls("c1")
    assert is_urgent(office.state)
    office.finishes(ANNA)
    assert office.ringing("c1") == [ANNA]
    assert not is_urgent(office.state)


@pytest.mark.rule("Q3", "C2")
def test_two_callbacks_and_three_callers_are_served_by_joining_time() -> None:
    """EC-47: the two earliest are served, callers or callbacks; an order does not move a place."""
    office = with_both_busy(strategy=by("longest_idle"))
    names = ("c1", "c2", "c3", "c4", "c5")
    for at, name in enumerate(names):
        office.waits(SECOND)
        office.calls(name, caller=f"+7912345678{at}")
    office.orders("c1", number="+79123456780")
    office.orders("c3", number="+79123456782")
    assert [rank[2] for rank in office.state.order[SALES]] == [f"p.{name}" for name in names]
    office.finishes(ANNA)
    office.finishes(BORIS)
    assert office.ringing("c1") == [ANNA]
    assert office.ringing("c2") == [BORIS]


@pytest.mark.rule("Q3")
def test_a_place_that_was_offered_and_not_taken_keeps_its_own_time() -> None:
    """A miss is not the customer's fault."""
    office = an_office(ANNA, strategy=by("longest_idle"))
    office.calls("c1")
    joined_at = office.place("c1").joined_at
    office.waits(10 * SECOND)
    office.calls("c2")
    office.waits(30 * SECOND)
    assert office.place("c1").joined_at == joined_at
    assert [rank[2] for rank in office.state.order[SALES]] == ["p.c1", "p.c2"]


@pytest.mark.rule("Q3", "C6")
def test_others_are_served_while_a_callback_waits_for_its_next_attempt_and_then_it_is_first() -> None:
    """In the gap the place could not take an agent; afterwards its joining time counts again."""
    office = an_office(ANNA, strategy=by("longest_idle"))
    office.calls("busy", caller="+79123456781")
    office.answers(ANNA)
    office.calls("c1", caller=CUSTOMER)
    office.waits(SECOND)
    office.calls("c2", caller="+79123456780")
    callback_id = office.orders("c1")
    office.finishes(ANNA)
    office.answers(ANNA)
    leg_id = office.last(queue.AgentReady).leg_id
    office.hears(
        callback.AttemptFailed(
            callback_id=callback_id,
            place_id=office.place("c1").place_id,
            attempt=1,
            agent_id=ANNA,
            agent_leg_id=leg_id,
            outcome=Outcome.BUSY,
            next_attempt_at=Instant(office.at + MINUTE),
            give_up_at=office.place("c1").deadline_at,
        )
    )
    office.hears(office.leg_ended(leg_id, Outcome.COMPLETED))
    assert office.ringing("c2") == [ANNA]
    office.answers(ANNA)
    office.calls("c3", caller="+79123456781")
    office.waits(MINUTE)
    office.finishes(ANNA)
    assert office.ringing("c1") == [ANNA]
    assert office.ringing("c3") == []


@pytest.mark.rule("Q2", "Q3")
def test_an_agent_of_two_departments_gets_the_earlier_place_and_only_that_one() -> None:
    """No agent has two offers; the earlier place wins, in whichever department it waits."""
    office = an_office(ANNA)
    office.saves(office.department(ANNA, department_id=SERVICE_DESK))
    office.phone_is(ANNA, DeviceState.IN_USE)
    office.calls("c1", line=SERVICE_LINE)
    office.waits(SECOND)
    office.calls("c2")
    office.phone_is(ANNA, DeviceState.IDLE)
    assert office.ringing("c1") == [ANNA]
    assert office.ringing("c2") == []


@pytest.mark.rule("Q3", "O5")
def test_a_place_whose_ring_is_withdrawn_is_offered_again_before_later_ones() -> None:
    """One agent is suspended and another resumed by the same change: the earliest place gets the other."""
    office = an_office(ANNA, BORIS, strategy=by("longest_idle"))
    office.saves(office.department(ANNA, BORIS, suspended=(BORIS,)))
    office.calls("c1")
    office.calls("c2", caller=None)
    assert office.ringing("c1") == [ANNA]
    office.saves(office.department(ANNA, BORIS, suspended=(ANNA,)))
    assert office.ringing("c1") == [BORIS]
    assert office.ringing("c2") == []


@pytest.mark.rule("Q3", "O9")
def test_every_department_is_served_when_a_pbx_returns() -> None:
    """In no department does an agent stay free beside a place that the agent could take."""
    office = an_office(ANNA)
    office.saves(office.agent(BORIS), office.department(BORIS, department_id=SERVICE_DESK))
    office.hears(gateway.PbxLost(pbx_id=MOSCOW))
    office.calls("c1")
    office.calls("c2", line=SERVICE_LINE)
    office.hears(gateway.PbxReturned(pbx_id=MOSCOW, live_legs=(LegId("c1"), LegId("c2"))))
    assert office.ringing("c1") == [ANNA]
    assert office.ringing("c2") == [BORIS]


@pytest.mark.rule("Q2", "Q3")
def test_a_busy_phone_is_not_dialled_for_one_place_after_the_other() -> None:
    """An agent whom no phone reached rests for the pause between rounds, however long the queue is."""
    office = an_office(ANNA, strategy=by("longest_idle"))
    for name in ("c1", "c2", "c3"):
        office.calls(name)
    office.phone_ends(ANNA, Outcome.BUSY)
    assert not office.has_offer(ANNA)
    office.waits(4_999)
    assert len(office.said(queue.OfferMade)) == 1
    office.waits(1)
    assert office.ringing("c1") == [ANNA]


def test_a_step_makes_a_bounded_number_of_offers_and_goes_on_in_the_next() -> None:
    """When all agents become free at once, each step still fits into one batch on the log."""
    agents = tuple(AgentId(f"a{n:03}") for n in range(100))
    office = an_office(*agents, strategy=by("longest_idle"), auto=False)
    office.hears(gateway.PbxLost(pbx_id=MOSCOW))
    for n in range(100):
        office.calls(f"c{n:03}", caller=None)
    returned = office.hears(gateway.PbxReturned(pbx_id=MOSCOW, live_legs=()))
    assert len([fact for fact in returned.facts if isinstance(fact, queue.OfferMade)]) == 40
    office.waits(0)
    assert len(office.said(queue.OfferMade)) == 100
