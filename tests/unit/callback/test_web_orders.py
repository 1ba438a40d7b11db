"""Callbacks that were not ordered in a call (C11): through the API, or after an abandoned call."""

import pytest
from msgspec import structs

from contracts import callback, dialling, directory, queue, telephony
from contracts.callback import Origin
from contracts.dialling import DiallingPolicy, Refusal
from contracts.gateway import Outcome
from contracts.ids import AgentId, CallbackId, DepartmentId, Instant, PlaceId
from tests.unit.callback.stories import (
    CUSTOMER,
    LINE,
    NINE,
    PBX,
    SALES,
    TEN_MINUTES_MS,
    a_department,
    an_office,
    answered,
    apologizing,
    ended,
    fails,
    ordered,
    played,
    requested,
)
from tests.unit.callback.web_order_stories import (
    FROM_ABANDONED,
    HOUR_MS,
    MINUTE_MS,
    WEB,
    after_hanging_up,
    asked,
    calls_again,
    deadline_passed,
    hung_up,
    ready,
)

# By the API


@pytest.mark.rule("C11")
def test_an_order_of_the_api_joins_now_and_has_the_departments_timeout() -> None:
    """Its place is queue's to take; the customer will see the department's number."""
    office = an_office()
    office.hears(asked(number="8 (912) 345-67-89"))
    order = office.last(callback.CallbackOrdered)
    assert (order.callback_id, order.origin, order.number) == (WEB, Origin.API, CUSTOMER)
    assert (order.joined_at, order.deadline_at) == (NINE, NINE + TEN_MINUTES_MS)
    assert (order.pbx_id, order.caller_id, order.leg_id) == (PBX, LINE, None)


@pytest.mark.rule("C2", "C10")
def test_what_was_promised_on_a_lost_log_keeps_its_joining_time_and_its_place() -> None:
    """Its deadline is new; no limit of orders and no switch of the department takes the promise back."""
    office = an_office(settings=directory.CallbackSettings(is_on=False))
    joined_at, place_id = Instant(NINE - HOUR_MS), PlaceId("p.before")
    for number in range(50):
        promised = asked(CallbackId(f"cb.{number}"), number=f"+79123450{number:03}")
        office.hears(structs.replace(promised, joined_at=joined_at, place_id=PlaceId(f"p.{number}")))
    office.hears(structs.replace(asked(), joined_at=joined_at, place_id=place_id))
    order = office.last(callback.CallbackOrdered)
    assert (order.callback_id, order.place_id, order.joined_at) == (WEB, place_id, joined_at)
    assert order.deadline_at == NINE + TEN_MINUTES_MS
    assert not office.said(callback.CallbackRefused)


@pytest.mark.rule("C11", "C3", "C13")
def test_it_is_served_as_every_callback() -> None:
    """First the agent, then the customer; the end says where the order came from."""
    office = an_office()
    office.hears(asked())
    office.hears(ready(office.last(callback.CallbackOrdered)))
    office.hears(played(office.last(telephony.Play)))
    dialled = office.last(callback.CustomerDialled)
    office.hears(requested(dialled.leg_id), answered(dialled.leg_id))
    bridge = office.last(telephony.Bridge)
    assert bridge.legs == ("anna.leg", dialled.leg_id)
    office.hears(directory.CallbackCancelAsked(callback_id=WEB), ended(dialled.leg_id))
    assert office.last(callback.CallbackCancelled).origin is Origin.API


@pytest.mark.rule("C11", "C10")
@pytest.mark.parametrize(
    ("number", "policy", "reason"),
    [
        ("112", DiallingPolicy(), Refusal.EMERGENCY),
        ("12345", DiallingPolicy(), Refusal.INVALID),
        ("", DiallingPolicy(), Refusal.WITHHELD),
        ("9" * 500, DiallingPolicy(), Refusal.INVALID),
        ("+14155552671", DiallingPolicy(), Refusal.REGION),
        (LINE, DiallingPolicy(), Refusal.OWN_NUMBER),
        (CUSTOMER, DiallingPolicy(denied_numbers=(CUSTOMER,)), Refusal.DENIED),
        (CUSTOMER, DiallingPolicy(is_on=False), Refusal.SWITCHED_OFF),
        (CUSTOMER, DiallingPolicy(orders_per_hour_per_number_max=0), Refusal.TOO_MANY_FOR_NUMBER),
        (CUSTOMER, DiallingPolicy(orders_per_minute_max=0), Refusal.TOO_MANY_FOR_ORGANIZATION),
    ],
)
def test_the_api_meets_the_same_refusals_with_the_reason(
    number: str, policy: DiallingPolicy, reason: Refusal
) -> None:
    """A web form is where toll fraud comes from."""
    office = an_office(policy=policy)
    office.hears(asked(number=number))
    refused = office.last(callback.CallbackRefused)
    assert (refused.reason, refused.callback_id, refused.leg_id) == (reason, WEB, None)
    assert (refused.pbx_id, refused.caller_id) == (PBX, LINE)
    assert refused.number == (dialling.e164(number, policy) or number[:32])
    assert not office.said(callback.CallbackOrdered)


@pytest.mark.rule("C11", "C10")
@pytest.mark.parametrize("is_known", [True, False])
def test_a_department_without_callbacks_or_an_unknown_one_refuses(is_known: bool) -> None:
    """The answer comes, and says why."""
    office = an_office(settings=directory.CallbackSettings(is_on=False))
    office.hears(asked(department_id=SALES if is_known else DepartmentId("nobody's")))
    refused = office.last(callback.CallbackRefused)
    assert (refused.reason, refused.number) == (Refusal.CALLBACKS_OFF, CUSTOMER)
    assert refused.pbx_id == (PBX if is_known else None)


@pytest.mark.rule("C11", "C10")
def test_orders_of_the_api_and_of_callers_count_together() -> None:
    """Three an hour to one number, wherever they come from (EC-115)."""
    office = an_office()
    for name in ("c1", "c2"):
        ordered(name, office=office)
        office.hears(directory.CallbackCancelAsked(callback_id=CallbackId(f"cb.p.{name}")))
    office.hears(asked(CallbackId("w1")), directory.CallbackCancelAsked(callback_id=CallbackId("w1")))
    assert len(office.said(callback.CallbackOrdered)) == 3
    office.hears(asked(CallbackId("w2")))
    assert office.last(callback.CallbackRefused).reason is Refusal.TOO_MANY_FOR_NUMBER


@pytest.mark.rule("C11", "C8")
def test_a_number_that_has_a_callback_there_keeps_the_first() -> None:
    """One callback per number and department; the API learns which."""
    office = ordered()
    office.hears(asked(number="89123456789"))
    confirmed = office.last(callback.CallbackConfirmed)
    assert (confirmed.callback_id, confirmed.asked_id, confirmed.leg_id) == ("cb.p.c1", WEB, None)
    assert len(office.said(callback.CallbackOrdered)) == 1


@pytest.mark.rule("C11", "C8")
def test_ordering_again_while_an_apology_is_owed_is_a_new_order() -> None:
    """The same holds for callers: a customer who wants to be called is called."""
    office, _ = apologizing()
    office.hears(asked())
    assert office.last(callback.CallbackOrdered).callback_id == WEB


@pytest.mark.rule("C11", "C13")
@pytest.mark.parametrize("number", [CUSTOMER, "112"])
def test_an_order_that_is_said_twice_is_one(number: str) -> None:
    """The directory repeats it after a crash, even when the first callback has ended meanwhile."""
    office = an_office()
    office.hears(asked(number=number), asked(number=number))
    office.hears(directory.CallbackCancelAsked(callback_id=WEB), asked(number=number))
    assert len(office.said(callback.CallbackOrdered)) + len(office.said(callback.CallbackRefused)) == 1


@pytest.mark.rule("C11")
def test_what_the_api_asked_is_not_kept_for_ever() -> None:
    """The same id within an hour is a repetition; the state does not grow with history."""
    office = an_office(policy=DiallingPolicy(orders_per_hour_per_number_max=0))
    for number in range(30):
        office.hears(asked(CallbackId(f"w{number}")))
        office.at = Instant(office.at + 10 * MINUTE_MS)
    assert len(office.state.web_orders) <= 7


@pytest.mark.rule("C11", "C4")
def test_nobody_in_time_in_the_daytime_is_an_apology_call() -> None:
    """The form promised a call within ten minutes."""
    office = an_office()
    office.hears(asked())
    office.hears(deadline_passed(office.last(callback.CallbackOrdered)))
    assert office.said(callback.ApologyDialled)


# After an abandoned call


@pytest.mark.rule("C11")
def test_a_caller_who_hung_up_after_fifteen_seconds_is_called_where_that_is_switched_on() -> None:
    """EC-26: a callback with origin abandoned, which joins now on the PBX and line of that call."""
    _, order = after_hanging_up()
    assert (order.origin, order.number, order.caller_id) == (Origin.ABANDONED, CUSTOMER, LINE)
    assert order.abandoned_place_id == "p.c1"
    assert (order.joined_at, order.deadline_at) == (NINE, NINE + TEN_MINUTES_MS)
    assert order.place_id != "p.c1"


@pytest.mark.rule("C11")
@pytest.mark.parametrize(
    "fact",
    [
        hung_up(waited_ms=14_999),
        hung_up(caller=None),
        hung_up(caller="112"),
        hung_up(caller="100", is_internal=True),
        queue.PlaceAbandoned(place_id=PlaceId("p.c1"), waited_ms=20_000),
    ],
    ids=["too soon", "withheld", "emergency", "internal", "an older fact"],
)
def test_others_who_hang_up_are_abandoned_and_no_more(fact: queue.PlaceAbandoned) -> None:
    """A caller who thought better of it, or cannot be called, is not called."""
    office = an_office(settings=FROM_ABANDONED)
    office.hears(fact)
    assert not office.said(callback.CallbackOrdered)
    assert not office.said(callback.CallbackRefused)


@pytest.mark.rule("C11")
def test_by_default_nobody_is_called_who_has_not_asked() -> None:
    """It is a switch."""
    office = an_office()
    office.hears(hung_up())
    assert not office.said(callback.CallbackOrdered)


@pytest.mark.rule("C11")
@pytest.mark.parametrize("phase", ["waiting", "whispering", "dialling"])
def test_a_customer_who_calls_again_is_not_called(phase: str) -> None:
    """The customer is on the line: the callback is void, an agent who waits is told."""
    office, order = after_hanging_up()
    if phase != "waiting":
        office.hears(ready(order))
    if phase == "dialling":
        office.hears(played(office.last(telephony.Play)))
    office.hears(calls_again())
    cancelled = office.last(callback.CallbackCancelled)
    assert (cancelled.reason, cancelled.origin) == ("called_again", Origin.ABANDONED)
    if phase == "dialling":
        assert office.said(telephony.HangUp)[0].leg_id == office.last(callback.CustomerDialled).leg_id


@pytest.mark.rule("C11", "C8")
def test_a_callback_that_somebody_ordered_stands_when_that_number_calls() -> None:
    """C8 applies: the caller is told of the callback and may take over its place."""
    office = ordered()
    office.hears(calls_again())
    assert not office.said(callback.CallbackCancelled)


@pytest.mark.rule("C11", "C8")
def test_an_order_replaces_the_callback_that_nobody_asked_for() -> None:
    """A customer who then asks has all attempts and the apology."""
    office, order = after_hanging_up()
    office.hears(asked())
    assert office.last(callback.CallbackCancelled).callback_id == order.callback_id
    assert office.last(callback.CallbackOrdered).callback_id == WEB


@pytest.mark.rule("C11")
def test_there_is_one_attempt_with_an_agent() -> None:
    """A customer who does not answer is not called again; the recipients are told."""
    office, order = after_hanging_up()
    office.hears(ready(order))
    office.hears(played(office.last(telephony.Play)))
    leg_id = office.last(callback.CustomerDialled).leg_id
    office.hears(requested(leg_id))
    fails(office, leg_id, Outcome.NO_ANSWER)
    assert office.last(callback.AttemptFailed).next_attempt_at is None
    assert office.last(callback.CallbackUnreached).origin is Origin.ABANDONED


@pytest.mark.rule("C11")
def test_there_is_never_an_apology_call() -> None:
    """Nothing was promised: the callback expires, and the recipients get a letter."""
    office, order = after_hanging_up()
    office.hears(deadline_passed(order))
    expired = office.last(callback.CallbackExpired)
    assert (expired.reason, expired.was_told) == ("nobody_came", False)
    office.waits(HOUR_MS)
    assert not office.said(telephony.DialLeg)


@pytest.mark.rule("C11", "C9")
def test_an_agent_can_withdraw_it() -> None:
    """Somebody has called the customer by hand."""
    office, order = after_hanging_up()
    office.hears(directory.CallbackCancelAsked(callback_id=order.callback_id, by=AgentId("anna")))
    assert office.last(callback.CallbackCancelled).reason == "by_agent"


@pytest.mark.rule("C11", "C8")
def test_a_customer_with_a_callback_gets_no_second_one_for_hanging_up() -> None:
    """One per number and department."""
    office = an_office(settings=FROM_ABANDONED)
    ordered(office=office)
    office.hears(hung_up("c2"))
    assert len(office.said(callback.CallbackOrdered)) == 1


@pytest.mark.rule("C11")
def test_a_removed_department_calls_nobody() -> None:
    """Its callbacks are off with it."""
    office = an_office(settings=FROM_ABANDONED)
    removed = a_department(version=2, settings=FROM_ABANDONED)
    office.hears(structs.replace(removed, is_removed=True))
    office.hears(hung_up(), asked())
    assert not office.said(callback.CallbackOrdered)
