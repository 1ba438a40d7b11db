"""Attempts of a callback, as queue and callback make them together (C6, C7, C10)."""

import pytest
from msgspec.structs import replace

from contracts import callback, queue
from contracts.directory import CallbackNotReachedAsked
from contracts.gateway import Outcome
from contracts.history import CustomerErased
from contracts.ids import PlaceId
from contracts.queue import SkipReason
from tests.interplay.company import Company
from tests.interplay.test_calling_again import (
    CUSTOMER,
    OTHER,
    THIRD,
    WHISPER,
    busy,
    ringing,
    sales,
    whispering,
)
from tests.unit.queue.stories import ANNA, BORIS, MINUTE, SALES, SECOND


def policy(company: Company, **changes: object) -> None:
    """Save the organization's dialling policy."""
    card = next(iter(company.queue.organizations)).saved
    changed = replace(card.dialling_policy, **changes)
    company.hears(replace(card, version=card.version + 1, dialling_policy=changed))


@pytest.mark.rule("C7", "Q3")
def test_m1_an_agent_who_drops_is_offered_nothing_before_callback_says_how_the_attempt_ended() -> None:
    """The only agent drops while the customer's phone rings: the C7 place goes before another caller."""
    company = sales(ANNA)
    ringing(company)
    company.calls("waits", THIRD)
    company.waits(SECOND)
    company.drops(ANNA)
    company.waits(100)
    assert [fact.place_id for fact in company.said(queue.OfferMade)][-1] == "p.c1"
    assert not company.offers_of(PlaceId("p.waits"))


@pytest.mark.rule("C7")
def test_m1_without_callbacks_fact_the_agent_is_free_after_two_seconds() -> None:
    """If callback is down, the agent can still serve other callers."""
    company = sales(ANNA)
    whispering(company)
    company.calls("waits", THIRD)
    company._services.pop()  # callback is down
    company.drops(ANNA)
    assert company.queue.blocked(SALES, ANNA) is SkipReason.CALLBACK_PENDING
    company.waits(2 * SECOND)
    assert company.rung_for(ANNA) == "p.waits"


@pytest.mark.rule("C7", "Q8")
def test_m1_a_lone_agent_who_drops_is_rung_again_once_at_once_and_then_after_pauses() -> None:
    """Others are served meanwhile, and after three drops the place ranks by its joining time."""
    company = sales(ANNA)
    whispering(company)
    company.calls("waits", THIRD)
    company.waits(SECOND)
    company.drops(ANNA)
    company.waits(100)
    assert company.rung_for(ANNA) == "p.c1", "once at once"
    company.answers(ANNA)
    company.waits(100)
    company.drops(ANNA)
    company.waits(100)
    assert company.rung_for(ANNA) == "p.waits", "then others are served"
    company.answers(ANNA)
    company.waits(SECOND)
    company.drops(ANNA)
    company.waits(12 * SECOND)
    assert company.rung_for(ANNA) == "p.c1"
    company.answers(ANNA)
    company.waits(100)
    company.drops(ANNA)
    company.waits(100)
    place = company.queue.places["p.c1"]
    assert (place.drops, place.is_first) == (3, False)


@pytest.mark.rule("C7")
def test_m1_an_agent_who_dropped_comes_after_the_others() -> None:
    """Boris is free and has not dropped."""
    company = sales(ANNA, BORIS)
    company.calls("boris", THIRD)
    company.waits(SECOND)
    first, second = (ANNA, BORIS) if company.is_rung(ANNA) else (BORIS, ANNA)
    company.answers(first)
    company.waits(SECOND)
    company.calls("busy", OTHER)
    company.waits(SECOND)
    company.answers(second)
    company.waits(SECOND)
    company.orders("c1", CUSTOMER)
    company.drops(second)
    company.waits(SECOND)
    company.answers(second)
    company.waits(SECOND)
    company.drops(first)
    company.waits(SECOND)
    company.drops(second)
    company.waits(100)
    assert (company.rung_for(first), company.is_rung(second)) == ("p.c1", False)


@pytest.mark.rule("C7", "C6", "Q3")
def test_m3_a_place_is_first_for_one_attempt_only() -> None:
    """The customer was busy in that attempt: the place ranks by its joining time again."""
    company = sales(ANNA)
    whispering(company)
    company.drops(ANNA)
    company.waits(SECOND)
    company.answers(ANNA)
    company.waits(WHISPER)
    assert company.queue.places["p.c1"].is_first
    (dialled,) = company.customer_legs()
    company.ends(dialled, Outcome.BUSY)
    company.waits(SECOND)
    assert not company.queue.places["p.c1"].is_first


@pytest.mark.rule("C7", "C6")
@pytest.mark.parametrize("has_answered", [False, True])
def test_m3_a_held_customer_who_hangs_up_is_dialled_again_only_after_the_gap(has_answered: bool) -> None:
    """The agents' phones stop, and an agent who has just answered hears that the customer has gone."""
    company = sales(ANNA)
    ringing(company)
    (dialled,) = company.customer_legs()
    company.drops(ANNA)
    company.picks_up(dialled)
    company.waits(SECOND)
    assert company.said(callback.CustomerHeld)
    assert company.rung_for(ANNA) == "p.c1"
    if has_answered:
        company.answers(ANNA)
    company.ends(dialled)
    company.waits(5 * SECOND)
    assert company.is_free(ANNA)
    assert not company.is_rung(ANNA)
    company.waits(50 * SECOND)
    assert len(company.said(callback.CustomerDialled)) == 1
    company.waits(6 * SECOND)
    assert company.rung_for(ANNA) == "p.c1"


@pytest.mark.rule("C10")
def test_m10_with_the_kill_switch_on_no_agent_is_rung_for_a_callback() -> None:
    """No agent is rung while nobody may be dialled; afterwards the callback goes on."""
    company = sales(ANNA)
    busy(company)
    company.orders("c1", CUSTOMER)
    policy(company, is_on=False)
    company.drops(ANNA)
    company.waits(MINUTE)
    assert not company.offers_of(company.queue.places["p.c1"].place_id)
    policy(company, is_on=True)
    company.waits(SECOND)
    assert company.rung_for(ANNA) == "p.c1"


@pytest.mark.rule("C10", "C13")
def test_m10_with_the_kill_switch_still_on_at_the_deadline_it_ends_expired() -> None:
    """No apology call is made either."""
    company = sales(ANNA)
    busy(company)
    callback_id = company.orders("c1", CUSTOMER)
    policy(company, is_on=False)
    company.waits(11 * MINUTE)
    expired = company.last(callback.CallbackExpired)
    assert (expired.callback_id, expired.reason, expired.was_told) == (callback_id, "switched_off", False)
    assert not company.said(callback.ApologyDialled)


@pytest.mark.rule("C10", "C13")
def test_m10_a_number_that_is_barred_for_good_ends_its_callback_at_once() -> None:
    """Denied, or of a region that is no longer allowed: the callback does not wait for its deadline."""
    company = sales(ANNA)
    busy(company)
    callback_id = company.orders("c1", CUSTOMER)
    policy(company, denied_numbers=(CUSTOMER,))
    company.waits(SECOND)
    barred = company.last(callback.CallbackBarred)
    assert (barred.callback_id, barred.reason) == (callback_id, "denied")
    assert company.queue.places.get("p.c1") is None


@pytest.mark.rule("C10", "C8")
def test_m10_a_customer_who_is_on_the_line_is_served_whatever_policy_says_of_dialling() -> None:
    """The agent is offered the customer's leg, and nothing is dialled."""
    company = sales(ANNA)
    busy(company)
    company.orders("c1", CUSTOMER)
    policy(company, is_on=False)
    company.calls("again", CUSTOMER)
    company.waits(3 * SECOND)
    company.presses("again")
    company.drops(ANNA)
    company.waits(SECOND)
    assert company.rung_for(ANNA) == "p.c1"
    company.answers(ANNA)
    company.waits(SECOND)
    assert company.last(queue.PlaceConnected).leg_id == "again"


@pytest.mark.rule("V6", "C13")
def test_an_agent_who_talks_with_a_machine_after_an_erasure_is_free_and_the_callback_is_over() -> None:
    """The number has gone while they talked: no attempt follows, and nobody stays on the line."""
    company = sales(ANNA)
    ringing(company)
    (leg_id,) = company.customer_legs()
    company.picks_up(leg_id)
    company.waits(10 * SECOND)
    company.hears(CustomerErased(number=CUSTOMER, erasure_id="e1"))
    (open_one,) = company.callback.callbacks
    company.hears(CallbackNotReachedAsked(callback_id=open_one.callback_id, by=ANNA))
    company.waits(20 * MINUTE)
    assert company.last(callback.CallbackCancelled).reason == "erased"
    assert len(company.said(callback.CustomerDialled)) == 1
    assert company.is_free(ANNA)
    assert not company.phones
    assert not company.queue.places
