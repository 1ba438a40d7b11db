"""One customer who ordered callbacks in two departments (EC-30): two places, one conversation at a time."""

from typing import Any

import pytest

from contracts import callback, queue
from contracts.callback import Origin
from contracts.gateway import Bridged, DeviceState, Outcome
from contracts.ids import AgentId, BridgeId, CallbackId, Instant, LegId, PlaceId
from contracts.queue import TalkedBefore
from tests.unit.queue.callback_stories import OTHER, end
from tests.unit.queue.stories import (
    ANNA,
    BORIS,
    CUSTOMER,
    MINUTE,
    MOSCOW,
    SALES,
    SALES_LINE,
    SERVICE_DESK,
    SERVICE_LINE,
    Office,
    an_office,
)

CUSTOMERS_LEG = LegId("customer")


def two_departments(**settings: Any) -> Office:
    """Anna is in Sales, Boris in Service; both are on other calls."""
    office = an_office(ANNA, no_answer_ms=20 * MINUTE, **settings)
    office.saves(
        office.agent(BORIS),
        office.department(BORIS, department_id=SERVICE_DESK, no_answer_ms=20 * MINUTE),
    )
    for agent_id in (ANNA, BORIS):
        office.phone_is(agent_id, DeviceState.IN_USE)
    return office


def ordered_in_both(**settings: Any) -> tuple[Office, CallbackId, CallbackId]:
    """One customer orders a callback in Sales, then one in Service."""
    office = two_departments(**settings)
    office.calls("c1")
    sales = office.orders("c1")
    office.calls("c2", line=SERVICE_LINE)
    service = office.orders("c2")
    return office, sales, service


def is_free(office: Office, agent_id: AgentId) -> None:
    """An agent's other call has ended."""
    office.phone_is(agent_id, DeviceState.IDLE)


def connected(office: Office, callback_id: CallbackId, agent_id: AgentId) -> None:
    """Callback dials the customer, bridges both, and says *connected* after a minute."""
    leg_id = office.state.activity(agent_id).leg_id
    assert leg_id is not None
    dialled = callback.CustomerDialled(
        callback_id=callback_id,
        place_id=PlaceId(callback_id.removeprefix("cb.")),
        attempt=1,
        leg_id=CUSTOMERS_LEG,
        agent_id=agent_id,
        agent_leg_id=leg_id,
    )
    bridged = Bridged(pbx_id=MOSCOW, bridge_id=BridgeId("b"), legs=(leg_id, CUSTOMERS_LEG))
    office.hears(dialled, bridged)
    office.waits(MINUTE)
    more = {"agent_id": agent_id, "agent_leg_id": leg_id, "leg_id": CUSTOMERS_LEG, "waited_ms": 1}
    office.hears(end(office, callback.CallbackConnected, callback_id, **more))


def hang_up(office: Office, agent_id: AgentId) -> None:
    """Both legs of an agent's conversation end."""
    office.finishes(agent_id)
    office.hears(office.leg_ended(CUSTOMERS_LEG, Outcome.COMPLETED))


@pytest.mark.rule("C8", "C3")
def test_while_one_agent_has_the_customer_the_other_department_rings_nobody() -> None:
    """Otherwise Boris would dial a busy number."""
    office, sales, _ = ordered_in_both()
    is_free(office, ANNA)
    office.answers(ANNA)
    is_free(office, BORIS)
    assert office.ringing("c2") == []
    connected(office, sales, ANNA)
    office.waits(5 * MINUTE)
    assert office.ringing("c2") == []


@pytest.mark.rule("C8", "H7")
@pytest.mark.parametrize("wrap_up_ms", [0, MINUTE])
def test_afterwards_the_offer_says_with_which_department_the_customer_has_talked(wrap_up_ms: int) -> None:
    """«Already talked to Sales at 12:04»: Boris knows before he says hello."""
    office, sales, service = ordered_in_both(wrap_up_ms=wrap_up_ms)
    is_free(office, ANNA)
    office.answers(ANNA)
    is_free(office, BORIS)
    talked = TalkedBefore(department_id=SALES, at=office.at)
    connected(office, sales, ANNA)
    office.waits(2 * MINUTE)
    hang_up(office, ANNA)
    assert office.ringing("c2") == [BORIS]
    assert office.last(queue.OfferMade).talked_before == talked
    office.answers(BORIS)
    assert office.last(queue.AgentReady).callback_id == service
    assert office.last(queue.AgentReady).talked_before == talked


@pytest.mark.rule("C8", "Q9")
def test_the_others_offers_are_withdrawn_when_one_is_taken_and_do_not_count() -> None:
    """Both departments ring; the first agent to answer gets the customer."""
    office, sales, _ = ordered_in_both()
    is_free(office, ANNA)
    is_free(office, BORIS)
    assert office.ringing("c2") == [BORIS]
    office.answers(ANNA)
    assert office.end_of(BORIS) is queue.OfferWithdrawn
    office.hears(end(office, callback.CallbackUnreached, sales))
    office.finishes(ANNA)
    assert office.ringing("c2") == [BORIS]
    assert office.last(queue.OfferMade).talked_before is None


@pytest.mark.rule("C8")
def test_a_customer_who_calls_and_talks_is_not_called_meanwhile() -> None:
    """Service's callback waits for the end of the call to Sales, however the number is written."""
    office = two_departments()
    office.calls("c2", line=SERVICE_LINE)
    office.orders("c2")
    office.calls("live", caller="89123456789")
    is_free(office, ANNA)
    office.answers(ANNA)
    is_free(office, BORIS)
    assert office.ringing("c2") == []
    talked_at = office.at
    office.waits(MINUTE)
    office.hangs_up("live")
    office.waits(0)
    assert office.ringing("c2") == [BORIS]
    assert office.last(queue.OfferMade).talked_before == TalkedBefore(department_id=SALES, at=talked_at)


@pytest.mark.rule("C8", "C4")
def test_a_deadline_that_comes_while_they_talk_waits_for_the_end() -> None:
    """No apology call interrupts a conversation with another department."""
    office, sales, service = ordered_in_both()
    is_free(office, ANNA)
    office.answers(ANNA)
    connected(office, sales, ANNA)
    office.waits_until(Instant(office.place("c2").deadline_at + 10 * MINUTE))
    assert not office.said(queue.DeadlinePassed)
    hang_up(office, ANNA)
    office.waits(MINUTE - 1)
    assert not office.said(queue.DeadlinePassed)
    office.waits(1)
    assert office.last(queue.DeadlinePassed).callback_id == service
    assert office.last(queue.DeadlinePassed).reason == ""


@pytest.mark.rule("C15")
def test_a_conversation_that_lasts_too_long_after_the_deadline_leaves_no_apology() -> None:
    """Fifteen minutes late an apology is worse than none: the callback ends and has the reason."""
    office, sales, service = ordered_in_both()
    is_free(office, ANNA)
    office.answers(ANNA)
    connected(office, sales, ANNA)
    deadline_at = office.place("c2").deadline_at
    office.waits_until(Instant(deadline_at + 15 * MINUTE - 1))
    assert not office.said(queue.DeadlinePassed)
    office.waits(1)
    assert office.last(queue.DeadlinePassed).callback_id == service
    assert office.last(queue.DeadlinePassed).reason == "customer_on_line"


@pytest.mark.rule("C8", "C11")
def test_an_order_on_the_web_during_a_conversation_notes_it_too() -> None:
    """The customer orders Service's callback while talking to Sales."""
    office = two_departments()
    is_free(office, ANNA)
    office.calls("live")
    office.answers(ANNA)
    talked_at = office.at
    is_free(office, BORIS)
    office.waits(MINUTE)
    office.hears(
        callback.CallbackOrdered(
            callback_id=CallbackId("web"),
            place_id=PlaceId("p.web"),
            department_id=SERVICE_DESK,
            pbx_id=MOSCOW,
            number=CUSTOMER,
            caller_id=SERVICE_LINE,
            joined_at=office.at,
            deadline_at=Instant(office.at + 10 * MINUTE),
            leg_id=None,
            origin=Origin.API,
        )
    )
    assert not office.has_offer(BORIS)
    office.finishes(ANNA)
    assert office.last(queue.OfferMade).talked_before == TalkedBefore(department_id=SALES, at=talked_at)


@pytest.mark.rule("C8")
def test_conversations_of_others_hold_no_callback_back() -> None:
    """A withheld number and an extension match no other customer."""
    office, _, _ = ordered_in_both()
    office.saves(office.department(ANNA, department_id=SALES, lines=(SALES_LINE,)))
    office.calls("c3", caller=OTHER)
    is_free(office, BORIS)
    assert office.ringing("c2") == [BORIS]


@pytest.mark.rule("C8", "Q12")
def test_another_process_holds_it_back_too() -> None:
    """The agent's record keeps which customer the agent talks to."""
    office, sales, _ = ordered_in_both()
    is_free(office, ANNA)
    office.answers(ANNA)
    connected(office, sales, ANNA)
    office.restarts()
    is_free(office, BORIS)
    assert office.ringing("c2") == []
    hang_up(office, ANNA)
    assert office.ringing("c2") == [BORIS]
