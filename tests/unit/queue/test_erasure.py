"""An erased customer is nobody here, whoever is still on the line (V6)."""

import pytest

from contracts import callback, queue, routing
from contracts.dialling import DiallingPolicy
from contracts.gateway import CallArrived
from contracts.history import CustomerErased
from contracts.ids import CallbackId, LegId
from contracts.queue import PlaceTaken
from services.queue.state import QueueState
from tests import offices
from tests.unit.queue.stories import (
    ANNA,
    BORIS,
    CUSTOMER,
    MINUTE,
    MOSCOW,
    SALES,
    SALES_LINE,
    SECOND,
    SERVICE_LINE,
    Office,
    an_office,
)


def erased(number: str) -> CustomerErased:
    return CustomerErased(number=number, erasure_id="e", actor="agent/admin")


@pytest.mark.rule("V6", "C15")
def test_the_line_of_a_caller_who_was_erased_engages_the_number_no_longer() -> None:
    """An index that kept the leg held callbacks to that number back until the next restart, and no longer."""
    office: Office = an_office()
    office.calls("first", caller=CUSTOMER)
    assert office.state.customers.of(CUSTOMER).legs
    office.hears(erased(CUSTOMER))
    assert not office.state.customers.of(CUSTOMER).is_known()
    live: QueueState = office.state
    office.restarts()
    assert dict(office.state.customers.known()).keys() == dict(live.customers.known()).keys()


def a_callback_that_waits(*, policy: DiallingPolicy | None = None) -> tuple[Office, CallbackId]:
    """Anna is paused until the story lets her work."""
    office = an_office(ANNA, no_answer_ms=2 * MINUTE)
    office.saves(office.pause(ANNA))
    office.calls("c1")
    callback_id = office.orders("c1")
    if policy is not None:
        office.saves(offices.organization(version=2, dialling_policy=policy))
    return office, callback_id


def ended(office: Office, callback_id: CallbackId) -> callback.CallbackCancelled:
    """Callback's word about the erasure."""
    place = office.place("c1")
    return callback.CallbackCancelled(
        callback_id=callback_id,
        place_id=place.place_id,
        department_id=place.department_id,
        pbx_id=place.pbx_id,
        number="",
        joined_at=place.joined_at,
        ordered_at=place.joined_at,
        attempts=0,
        reason="erased",
        story=(),
    )


@pytest.mark.rule("V6", "C10")
@pytest.mark.parametrize(
    "policy", [DiallingPolicy(denied_numbers=(CUSTOMER,)), DiallingPolicy(is_on=False)], ids=["denied", "off"]
)
def test_m19_nobody_is_rung_for_an_erased_customer_who_was_not_to_be_dialled(
    policy: DiallingPolicy,
) -> None:
    """Without the number nothing stood against dialling any more, and an agent was rung for nobody."""
    office, callback_id = a_callback_that_waits(policy=policy)
    office.saves(office.pause(ANNA, is_paused=False))
    assert office.ringing("c1") == []
    office.hears(erased(CUSTOMER))
    assert office.ringing("c1") == []
    office.hears(ended(office, callback_id))
    assert not office.waits_for("c1")
    assert not office.said(queue.OfferMade)


@pytest.mark.rule("V6", "C15")
def test_m19_no_agent_is_rung_for_an_erased_customer_who_is_on_another_line() -> None:
    """The call in another department holds the callback back, also when neither has its number any more."""
    office, callback_id = a_callback_that_waits()
    office.calls("c2", line=SERVICE_LINE)
    office.saves(office.pause(ANNA, is_paused=False))
    assert office.ringing("c1") == []
    office.hears(erased(CUSTOMER))
    assert office.ringing("c1") == []
    office.hears(ended(office, callback_id))
    assert not office.waits_for("c1")


@pytest.mark.rule("V6", "Q1")
def test_m19_no_further_agent_is_rung_for_a_customer_who_was_erased() -> None:
    """The phones that ring stop at callback's word, a moment later; nobody joins them until then."""
    office, callback_id = a_callback_that_waits()
    office.saves(office.agent(BORIS), office.pause(BORIS), office.department(ANNA, BORIS))
    office.saves(office.pause(ANNA, is_paused=False))
    assert office.ringing("c1") == [ANNA]
    office.hears(erased(CUSTOMER))
    office.saves(office.pause(BORIS, is_paused=False))
    assert office.ringing("c1") == [ANNA]
    office.hears(ended(office, callback_id))
    assert not office.has_offer(ANNA)


@pytest.mark.rule("V6", "C15")
def test_m19_the_deadline_of_an_erased_callback_leads_to_nothing() -> None:
    """It waited for the customer's other call; callback has cancelled the order, and makes no apology."""
    office, callback_id = a_callback_that_waits()
    office.calls("c2", line=SERVICE_LINE)
    office.waits_until(office.place("c1").deadline_at)
    office.waits(SECOND)
    office.hears(erased(CUSTOMER))
    office.hears(ended(office, callback_id))
    assert not office.said(queue.DeadlinePassed)
    assert not office.waits_for("c1")


@pytest.mark.rule("V6", "C4", "C15")
def test_m19_an_apology_to_an_erased_customer_is_not_granted() -> None:
    """It waited for the customer's other call."""
    office, callback_id = a_callback_that_waits()
    place_id = office.place("c1").place_id
    office.waits_until(office.place("c1").deadline_at)
    office.calls("c2", line=SERVICE_LINE)
    office.hears(callback.ApologyQueued(callback_id=callback_id, place_id=place_id, due_at=office.at))
    office.hears(erased(CUSTOMER))
    office.hears(ended(office, callback_id))
    assert not office.said(queue.ApologyGranted)
    assert not office.state.apologies


@pytest.mark.rule("V6", "C8")
def test_an_erased_customer_who_has_taken_the_callbacks_place_waits_on() -> None:
    """Whoever is on the line is served, with or without a number."""
    office, _ = a_callback_that_waits()
    office.calls("c2")
    office.presses("c2")
    assert office.place("c1").leg_id == "c2"
    office.hears(erased(CUSTOMER))
    office.saves(office.pause(ANNA, is_paused=False))
    assert office.ringing("c1") == [ANNA]


@pytest.mark.rule("V6")
@pytest.mark.parametrize(("number", "shown"), [(CUSTOMER, None), ("+79160000099", CUSTOMER)])
def test_a_caller_who_was_erased_before_routing_knew_of_it_joins_without_a_number(
    number: str, shown: str | None
) -> None:
    """Routing hands the call over late, with the number that it still has; another's erasure is another's."""
    office: Office = an_office()
    office.hears(CallArrived(pbx_id=MOSCOW, leg_id=LegId("c1"), caller=CUSTOMER, line=SALES_LINE))
    office.hears(erased(number))
    reached = routing.DepartmentReached(
        leg_id=LegId("c1"),
        pbx_id=MOSCOW,
        department_id=SALES,
        caller=CUSTOMER,
        line=SALES_LINE,
        rule=routing.Rule.DEPARTMENT_LINE,
    )
    decision = office.hears(reached)
    (taken,) = (each for each in decision.facts if isinstance(each, PlaceTaken))
    assert taken.caller == shown
    assert (CUSTOMER in repr([list(table) for table in office.state.tables.values()])) is (shown is not None)
