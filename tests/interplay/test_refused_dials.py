"""Dials that the gateway refuses, for whatever reason: nobody is left waiting, and nothing goes on for ever.

An organization that has used up its minutes or its calls, that was suspended, or whose PBX or ceilings the
operator has taken back meanwhile, still has customers and agents.
"""

import pytest

from contracts import callback, queue
from contracts.addresses import is_public
from contracts.dialling import Refusal
from contracts.gateway import TOO_MANY_CALLS
from contracts.telephony import DialLeg
from services.callback import rules
from tests.interplay.company import Company
from tests.interplay.test_calling_again import CUSTOMER, WHISPER, busy, sales
from tests.unit.queue.stories import ANNA, BORIS, MINUTE, SECOND

pytestmark = pytest.mark.rule("C10", "O1", "Q1")
REASONS = (
    TOO_MANY_CALLS,
    "suspended",
    "pbx_removed",
    "pbx_lost",
    *(Refusal.MINUTES_USED_UP, Refusal.REGION, Refusal.NOT_ORDINARY, Refusal.INVALID),
)
"""Why a gateway refuses what deciders took for allowed."""
every_reason = pytest.mark.parametrize("reason", REASONS)


def refuses(company: Company, reason: str, *, public_only: bool = False) -> list[DialLeg]:
    """From now on the gateway refuses dials; returns those that it refuses."""
    refused: list[DialLeg] = []

    def refusal(command: DialLeg) -> str:
        if public_only and not is_public(command.address):
            return ""
        refused.append(command)
        return reason

    company.refusal = refusal
    return refused


def goes_on(company: Company, minutes: int) -> None:
    """Time passes; Anna answers whenever her phone rings."""
    for _ in range(minutes * 60):
        company.waits(SECOND)
        if company.is_rung(ANNA) and company.agent_leg(ANNA) in company.phones:
            company.answers(ANNA)


def is_at_rest(company: Company) -> bool:
    """Whether nothing waits, nobody is engaged, and no timer will do anything."""
    left = {each.kind for each in company.callback.timers} - {"numbers"}
    return not (left or company.queue.places or company.queue.offers or company.callback.callbacks)


@every_reason
def test_a_caller_for_whom_no_phone_is_dialled_goes_where_the_department_says(reason: str) -> None:
    """The call does not wait behind agents whom nobody can ring, and they are not dialled without a pause."""
    company = sales(ANNA, BORIS)
    refused = refuses(company, reason)
    company.calls("c1", CUSTOMER)
    company.waits(60 * MINUTE)
    assert company.said(queue.PlaceDiverted)
    assert len(refused) <= 60
    assert company.is_free(ANNA)
    assert company.is_free(BORIS)


@every_reason
def test_a_callback_whose_customer_is_refused_ends_and_its_agent_is_free(reason: str) -> None:
    """Each time the agent is told; the attempts end, and nobody is sent the same customer for ever."""
    company = sales(ANNA)
    busy(company)
    company.orders("c1", CUSTOMER)
    refused = refuses(company, reason, public_only=True)
    company.drops(ANNA)
    goes_on(company, 60)
    assert len(refused) <= rules.REFUSALS_MAX + 2
    assert len(company.said(callback.CallbackEnd)) == 1
    assert company.is_free(ANNA)
    assert is_at_rest(company)


@every_reason
def test_an_apology_that_is_refused_ends_and_its_line_is_free(reason: str) -> None:
    """The recipients are told instead."""
    company = sales(ANNA, no_answer_ms=90 * SECOND)
    busy(company)
    company.orders("c1", CUSTOMER)
    refused = refuses(company, reason, public_only=True)
    company.waits(120 * MINUTE)
    company.drops(ANNA)
    company.waits(MINUTE)
    assert len(refused) <= rules.REFUSALS_MAX + rules.APOLOGY_TRIES_MAX
    assert len(company.said(callback.CallbackExpired)) == 1
    assert not company.callback.lines
    assert is_at_rest(company)


@every_reason
def test_a_callback_whose_agents_cannot_be_rung_ends_too(reason: str) -> None:
    """Neither agents nor the apology are dialled: the callback is over when its time is."""
    company = sales(ANNA)
    busy(company)
    company.orders("c1", CUSTOMER)
    refused = refuses(company, reason)
    company.drops(ANNA)
    company.waits(180 * MINUTE)
    assert len(refused) <= 60
    assert len(company.said(callback.CallbackExpired)) == 1
    assert company.is_free(ANNA)
    assert is_at_rest(company)


@every_reason
def test_when_the_gateway_dials_again_the_customer_is_reached(reason: str) -> None:
    """One refusal costs the customer neither the place nor an attempt."""
    company = sales(ANNA)
    busy(company)
    company.orders("c1", CUSTOMER)
    refused = refuses(company, reason, public_only=True)
    company.drops(ANNA)
    company.waits(SECOND)
    company.answers(ANNA)
    company.waits(WHISPER)
    assert len(refused) == 1
    company.refusal = lambda _: ""
    goes_on(company, 2)
    (leg_id,) = company.customer_legs()
    company.picks_up(leg_id)
    company.waits(10 * SECOND)
    company.ends(leg_id)
    company.waits(SECOND)
    connected = company.last(callback.CallbackConnected)
    assert (connected.attempts, connected.number) == (1, CUSTOMER)
