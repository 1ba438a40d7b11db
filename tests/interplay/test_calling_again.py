"""A customer who calls again while a callback stands (C8, C14, C15)."""

from typing import Any

import pytest

from contracts import callback, queue, telephony
from contracts.callback import Origin
from contracts.directory import CallbackCancelAsked
from contracts.gateway import Outcome
from contracts.ids import CallbackId, Instant
from tests.interplay.company import Company
from tests.unit.queue.stories import (
    ANNA,
    BORIS,
    MINUTE,
    NINE,
    SECOND,
    SERVICE_DESK,
    SERVICE_LINE,
    an_office,
    by,
)

WHISPER = 17 * SECOND
"""After this the whisper has ended and the customer is dialled."""
CUSTOMER, OTHER, THIRD = "+79120000001", "+79120000002", "+79120000003"
FOURTH = "+79120000004"


def sales(*agents: Any, at: Instant = NINE, **settings: Any) -> Company:
    """A company with the department Sales, these agents and settings."""
    settings.setdefault("strategy", by("longest_idle"))
    company = Company(an_office(*agents, **settings))
    company.at = at
    return company


def busy(company: Company, agent: Any = ANNA, number: str = OTHER) -> None:
    """An agent is on another call."""
    company.calls("busy", number)
    company.waits(SECOND)
    company.answers(agent)
    company.waits(SECOND)


def whispering(company: Company) -> CallbackId:
    """A callback was ordered; its agent has answered and hears the whisper."""
    busy(company)
    callback_id = company.orders("c1", CUSTOMER)
    company.drops(ANNA)
    company.waits(SECOND)
    company.answers(ANNA)
    company.waits(100)
    return callback_id


def ringing(company: Company) -> CallbackId:
    """The customer's phone rings, and the agent hears the ringing tone."""
    callback_id = whispering(company)
    company.waits(WHISPER)
    assert company.customer_legs()
    return callback_id


@pytest.mark.rule("C8", "C12")
def test_m4_quiet_hours_do_not_hold_a_callback_merged_with_the_customers_own_call() -> None:
    """At 21:00 a customer on the line also orders on the web, then presses «1», and is called."""
    company = sales(ANNA, at=Instant(NINE + 12 * 60 * MINUTE), no_answer_ms=3 * MINUTE)
    busy(company)
    company.calls("c1", CUSTOMER)
    company.waits(SECOND)
    callback_id = company.asks("web", CUSTOMER)
    company.waits(31 * SECOND)
    company.presses("c1")
    company.waits(SECOND)
    company.ends("c1")
    company.drops(ANNA)
    company.waits(SECOND)
    company.answers(ANNA)
    company.waits(WHISPER)
    assert company.last(callback.CustomerDialled).callback_id == callback_id
    assert company.callback.callbacks[callback_id].origin is Origin.QUEUE


@pytest.mark.rule("C8", "Q3")
def test_m5_two_orders_of_one_customer_keep_the_earlier_joining_time_and_its_deadline() -> None:
    """Joined at 1 s, ordered on the web at 6 s, then «1»: the place goes before one that joined at 5 s."""
    company = sales(ANNA)
    busy(company, number=THIRD)
    company.calls("c1", CUSTOMER)
    joined_at, deadline_at = company.at, company.queue.places["p.c1"].deadline_at
    company.waits(4 * SECOND)
    company.calls("later", OTHER)
    company.waits(SECOND)
    callback_id = company.asks("web", CUSTOMER)
    company.waits(31 * SECOND)
    company.presses("c1")
    company.waits(SECOND)
    company.ends("c1")
    place = company.queue.places[company.callback.callbacks[callback_id].place_id]
    assert (place.joined_at, place.deadline_at) == (joined_at, deadline_at)
    company.drops(ANNA)
    company.waits(SECOND)
    assert company.rung_for(ANNA) == place.place_id


@pytest.mark.rule("C8")
def test_m5_a_caller_who_takes_a_callbacks_place_has_the_later_deadline() -> None:
    """«1» twelve seconds before the callback's deadline: the caller on the line is not sent away by it."""
    company = sales(ANNA, no_answer_ms=2 * MINUTE)
    busy(company)
    callback_id = company.orders("c1", CUSTOMER)
    deadline_at = company.queue.places["p.c1"].deadline_at
    company.waits(deadline_at - company.at - 20 * SECOND)
    company.calls("again", CUSTOMER)
    company.waits(8 * SECOND)
    company.presses("again")
    company.waits(MINUTE)
    assert not company.said(queue.DeadlinePassed)
    place = company.queue.places["p.c1"]
    assert (place.leg_id, place.callback_id) == ("again", callback_id)
    assert place.deadline_at > deadline_at


@pytest.mark.rule("C8")
def test_two_live_callers_of_one_number_are_never_merged() -> None:
    """Two callers of one switchboard: one has taken the callback's place, the other orders, too."""
    company = sales(ANNA)
    busy(company)
    callback_id = company.orders("c1", CUSTOMER)
    company.calls("second", CUSTOMER)
    company.waits(10 * SECOND)
    company.calls("first", CUSTOMER)
    company.waits(5 * SECOND)
    company.presses("first")
    company.waits(20 * SECOND)
    company.presses("second")
    company.waits(SECOND)
    assert company.last(callback.CallbackConfirmed).leg_id == "second"
    place = company.queue.places["p.c1"]
    assert (place.leg_id, company.queue.legs["first"].place_id) == ("first", "p.c1")
    company.ends("second")
    company.drops(ANNA)
    company.waits(SECOND)
    company.answers(ANNA)
    company.waits(SECOND)
    assert company.last(queue.PlaceConnected).leg_id == "first"
    assert callback_id not in company.callback.callbacks


@pytest.mark.rule("C8", "C15")
def test_m6_during_the_whisper_the_key_connects_the_agent_and_the_live_caller() -> None:
    """The customer is on the line already and is not dialled."""
    company = sales(ANNA)
    callback_id = whispering(company)
    company.calls("again", CUSTOMER)
    company.waits(2 * SECOND)
    company.presses("again")
    company.waits(SECOND)
    bridge = company.last(telephony.Bridge)
    assert set(bridge.legs) == {"again", company.agent_leg(ANNA)}
    assert not company.said(callback.CustomerDialled)
    company.waits(MINUTE)
    connected = company.last(callback.CallbackConnected)
    assert (connected.callback_id, connected.leg_id, connected.attempts) == (callback_id, "again", 0)


@pytest.mark.rule("C8", "C15")
def test_m6_while_the_customers_phone_rings_the_key_cancels_that_call_uncounted() -> None:
    """The customer's phone is busy with this very call; the agent still gets the customer."""
    company = sales(ANNA)
    callback_id = ringing(company)
    (dialled,) = company.customer_legs()
    company.calls("again", CUSTOMER)
    company.waits(2 * SECOND)
    company.presses("again")
    company.waits(SECOND)
    assert dialled not in company.phones
    assert set(company.last(telephony.Bridge).legs) == {"again", company.agent_leg(ANNA)}
    company.waits(MINUTE)
    assert company.last(callback.CallbackConnected).callback_id == callback_id
    assert company.last(callback.CallbackConnected).attempts == 0


@pytest.mark.rule("C15")
@pytest.mark.parametrize("hangs_up", [True, False])
def test_m6_a_customer_who_calls_in_and_presses_nothing_is_not_dialled_meanwhile(hangs_up: bool) -> None:
    """The agent stays during the announcement; after the customer's own call the customer is dialled."""
    company = sales(ANNA)
    whispering(company)
    company.calls("again", CUSTOMER)
    company.waits(14 * SECOND)
    assert not company.said(callback.CustomerDialled)
    if hangs_up:
        company.ends("again")
        company.waits(SECOND)
        assert company.last(callback.CustomerDialled).attempt == 1
        return
    company.waits(20 * SECOND)
    failed = company.last(callback.AttemptFailed)
    assert failed.is_uncounted
    assert company.offers_of(company.queue.places["p.again"].place_id) or company.is_rung(ANNA)


@pytest.mark.rule("C8", "C6")
def test_m6_in_the_gap_between_attempts_the_key_ends_the_gap() -> None:
    """A free agent gets the customer at once and not 53 seconds later."""
    company = sales(ANNA)
    ringing(company)
    (dialled,) = company.customer_legs()
    company.ends(dialled, Outcome.BUSY)
    company.waits(5 * SECOND)
    assert company.queue.places["p.c1"].held_until_at is not None
    company.calls("again", CUSTOMER)
    company.waits(3 * SECOND)
    company.presses("again")
    company.waits(SECOND)
    assert company.rung_for(ANNA) == "p.c1"
    company.answers(ANNA)
    company.waits(3 * SECOND)
    assert company.last(queue.PlaceConnected).leg_id == "again"


@pytest.mark.rule("C8", "C15")
def test_m6_with_an_apology_due_the_caller_is_not_told_and_the_apology_waits() -> None:
    """The caller gets a new place; the apology comes a minute after the call, not during it."""
    company = sales(ANNA, no_answer_ms=90 * SECOND)
    busy(company)
    callback_id = company.orders("c1", CUSTOMER)
    company.waits(company.queue.places["p.c1"].deadline_at - company.at)
    company.waits(SECOND)
    (apology,) = company.customer_legs()
    company.calls("again", CUSTOMER)
    company.waits(3 * SECOND)
    assert apology not in company.phones, "an apology that still rings gives way"
    assert company.queue.places["p.again"].existing_place_id is None
    company.waits(20 * SECOND)
    assert not company.customer_legs()
    company.ends("again")
    company.waits(59 * SECOND)
    assert not company.customer_legs()
    company.waits(2 * SECOND)
    assert len(company.customer_legs()) == 1
    failed = company.said(callback.ApologyFailed)[0]
    assert (failed.callback_id, failed.is_uncounted) == (callback_id, True)


@pytest.mark.rule("C14", "C15")
def test_m7_a_customer_who_has_talked_with_the_department_is_not_called_back() -> None:
    """There is no attempt, apology or letter «nobody came»: the callback ends as connected by that call."""
    company = sales(ANNA)
    busy(company)
    callback_id = company.orders("c1", CUSTOMER)
    company.calls("again", CUSTOMER)
    company.waits(2 * SECOND)
    company.drops(ANNA)
    company.waits(SECOND)
    assert company.rung_for(ANNA) == "p.again", "while a leg of his is up nobody dials the customer"
    company.answers(ANNA)
    company.waits(20 * SECOND)
    company.ends("again")
    company.waits(30 * MINUTE)
    connected = company.last(callback.CallbackConnected)
    assert (connected.callback_id, connected.by_other_call, connected.agent_id) == (callback_id, True, ANNA)
    assert not company.said(callback.CustomerDialled)
    assert not company.said(callback.ApologyDialled)


@pytest.mark.rule("C14")
def test_c14_a_shorter_conversation_ends_nothing_and_the_agent_may_keep_the_callback() -> None:
    """A misdialled call is not a conversation, and a colleague may have called from that number."""
    company = sales(ANNA)
    busy(company)
    callback_id = company.orders("c1", CUSTOMER)
    company.calls("again", CUSTOMER)
    company.waits(2 * SECOND)
    company.drops(ANNA)
    company.waits(SECOND)
    company.answers(ANNA)
    company.waits(10 * SECOND)
    company.ends("again")
    company.waits(SECOND)
    assert not company.said(callback.CallbackConnected)
    assert company.rung_for(ANNA) == "p.c1"
    assert callback_id in company.callback.callbacks


@pytest.mark.rule("C8", "Q13")
@pytest.mark.parametrize("presses", [True, False])
def test_m8_a_full_queue_tells_of_a_callback_before_it_sends_the_customer_away(presses: bool) -> None:
    """With the key the customer takes the place; without it the overflow action follows."""
    company = sales(ANNA, waiting_max=1)
    busy(company)
    callback_id = company.orders("c1", CUSTOMER)
    company.calls("other", THIRD)
    company.waits(SECOND)
    company.calls("again", CUSTOMER)
    company.waits(5 * SECOND)
    told = [fact.kind for fact in company.said(queue.AnnouncementMade) if fact.place_id == "p.again"]
    assert told == [queue.AnnouncementKind.CALLBACK_EXISTS]
    if presses:
        company.presses("again")
        company.waits(SECOND)
        assert company.queue.places["p.c1"].leg_id == "again"
        return
    company.waits(MINUTE)
    assert company.last(queue.PlaceDiverted).place_id == "p.again"
    assert callback_id in company.callback.callbacks


@pytest.mark.rule("C8", "Q13")
def test_m28_who_has_a_callback_is_told_of_it_also_where_more_wait_than_the_limit_allows() -> None:
    """Who took a callback's place on the line, which no limit holds back, has cancelled it and waits."""
    company = sales(ANNA, waiting_max=1)
    busy(company)
    first_id = company.orders("c1", CUSTOMER)
    callback_id = company.orders("c2", FOURTH)
    company.calls("other", THIRD)
    company.calls("again", CUSTOMER)
    company.waits(2 * SECOND)
    company.presses("again")
    company.waits(SECOND)
    company.hears(CallbackCancelAsked(callback_id=first_id))
    company.waits(SECOND)
    assert company.queue.places["p.c1"].leg_id == "again"
    company.calls("late", FOURTH)
    company.waits(5 * SECOND)
    told = [fact.kind for fact in company.said(queue.AnnouncementMade) if fact.place_id == "p.late"]
    assert told == [queue.AnnouncementKind.CALLBACK_EXISTS]
    assert not [fact for fact in company.said(queue.NoAnswerReached) if fact.place_id == "p.late"]
    company.waits(MINUTE)
    assert company.last(queue.PlaceDiverted).place_id == "p.late"
    assert callback_id in company.callback.callbacks


@pytest.mark.rule("C8", "Q13")
def test_m18_two_of_one_switchboard_press_1_and_the_later_one_is_answered_too() -> None:
    """Seed 316: a full queue, the place was offered to both, and the later key was met with silence."""
    company = sales(ANNA, waiting_max=1)
    busy(company)
    callback_id = company.orders("c1", CUSTOMER)
    company.calls("other", THIRD)
    company.calls("first", CUSTOMER)
    company.waits(SECOND)
    company.calls("second", CUSTOMER)
    company.waits(2 * SECOND)
    company.presses("first")
    company.waits(SECOND)
    pressed_at = company.at
    company.presses("second")
    reached = company.last(queue.NoAnswerReached)
    assert (reached.place_id, reached.reason) == ("p.second", queue.DivertReason.QUEUE_FULL)
    assert company.at == pressed_at
    company.waits(MINUTE)
    assert company.last(queue.PlaceDiverted).place_id == "p.second"
    assert company.queue.places["p.c1"].leg_id == "first"
    assert callback_id in company.callback.callbacks


@pytest.mark.rule("C15", "C4")
def test_m9_while_one_department_dials_the_customer_the_others_apology_waits() -> None:
    """Two departments must not call one customer at once."""
    office = an_office(ANNA, strategy=by("longest_idle"), no_answer_ms=20 * MINUTE)
    office.saves(
        office.agent(BORIS), office.department(BORIS, department_id=SERVICE_DESK, no_answer_ms=3 * MINUTE)
    )
    company = Company(office)
    busy(company)
    company.calls("boris", THIRD, line=SERVICE_LINE, department_id=SERVICE_DESK)
    company.waits(SECOND)
    company.answers(BORIS)
    company.orders("c1", CUSTOMER)
    company.orders("c2", CUSTOMER, line=SERVICE_LINE, department_id=SERVICE_DESK)
    company.waits(company.queue.places["p.c2"].deadline_at - company.at - 30 * SECOND)
    company.drops(ANNA)
    company.waits(SECOND)
    company.answers(ANNA)
    company.waits(WHISPER)
    (dialled,) = company.customer_legs()
    company.picks_up(dialled)
    company.waits(5 * MINUTE)
    assert company.customer_legs() == [dialled]
    company.ends(dialled)
    company.waits(59 * SECOND)
    assert not company.customer_legs()
    company.waits(2 * SECOND)
    assert company.last(callback.ApologyDialled).callback_id == "cb.p.c2"


@pytest.mark.rule("C15", "C4")
def test_an_apology_that_gave_way_keeps_its_minute_also_when_the_call_ended_at_once() -> None:
    """Seed 45: the customer's own call ends before callback says that its apology was cancelled."""
    company = sales(ANNA, no_answer_ms=90 * SECOND)
    busy(company)
    company.orders("c1", CUSTOMER)
    company.waits(company.queue.places["p.c1"].deadline_at - company.at)
    company.waits(SECOND)
    assert len(company.customer_legs()) == 1
    company.calls("again", CUSTOMER)
    company.ends("again")
    company.waits(59 * SECOND)
    assert not company.customer_legs()
    company.waits(2 * SECOND)
    assert len(company.customer_legs()) == 1
