"""A customer who talks with the department by another call while an agent is with the callback (C14)."""

import pytest

from contracts import callback, directory, queue, telephony
from contracts.ids import CallbackId, LegId
from tests.interplay.company import Company
from tests.unit.queue.stories import ANNA, BORIS, MINUTE, SECOND, SERVICE_DESK, SERVICE_LINE, an_office, by

CUSTOMER, OTHER, THIRD = "+79120000001", "+79120000002", "+79120000003"
WHISPER = 17 * SECOND
"""After this the whisper has ended and the customer would be dialled."""


def while_anna_is_with_the_callback(talk_ms_min: int = 15 * SECOND) -> tuple[Company, CallbackId]:
    """Anna hears the whisper; Boris, of the same department and of the service desk, has become free."""
    settings = directory.CallbackSettings(talk_ms_min=talk_ms_min)
    office = an_office(ANNA, BORIS, strategy=by("longest_idle"), callback=settings)
    office.saves(office.department(BORIS, department_id=SERVICE_DESK))
    company = Company(office)
    for name, number, agent in (("busy", OTHER, ANNA), ("too", THIRD, BORIS)):
        company.calls(name, number)
        company.waits(SECOND)
        company.answers(agent)
        company.waits(SECOND)
    callback_id = company.orders("c1", CUSTOMER)
    company.drops(ANNA)
    company.waits(SECOND)
    company.answers(ANNA)
    company.waits(100)
    company.drops(BORIS)
    return company, callback_id


def calls_boris(company: Company) -> None:
    """The customer calls by himself, and Boris takes the call."""
    company.calls("again", CUSTOMER)
    company.waits(SECOND)
    assert company.rung_for(BORIS) == "p.again"
    company.answers(BORIS)
    company.waits(100)


def nobody_calls(company: Company, callback_id: CallbackId) -> None:
    """The callback has ended by the other call, Anna is free, and there is neither call nor apology."""
    company.waits(3 * SECOND)
    [connected] = company.said(callback.CallbackConnected)
    assert (connected.callback_id, connected.by_other_call, connected.agent_id) == (callback_id, True, BORIS)
    assert connected.leg_id == LegId("again")
    assert company.is_free(ANNA)
    company.waits(30 * MINUTE)
    assert not company.said(callback.ApologyDialled)
    assert not company.said(callback.CallbackUnreached)
    assert not [each for each in company.queue.places if each.callback_id is not None]


@pytest.mark.rule("C14", "C15")
@pytest.mark.parametrize("first", ["customer", "agent"])
def test_a_talk_that_ends_while_the_agent_waits_for_the_key_ends_the_callback(first: str) -> None:
    """The customer was expected on the own call; nobody is dialled when that call, a talk, is over."""
    company, callback_id = while_anna_is_with_the_callback()
    calls_boris(company)
    company.waits(WHISPER)
    assert company.said(callback.CustomerExpected)
    tone = company.last(telephony.Play)
    assert (tone.leg_id, "ringing" in tone.media[0]) == (company.agent_leg(ANNA), True)
    company.waits(3 * SECOND)
    if first == "customer":
        company.ends("again")
    else:
        company.drops(BORIS)
    nobody_calls(company, callback_id)
    assert not company.said(callback.CustomerDialled)
    assert company.said(callback.AttemptFailed)[0].is_uncounted


@pytest.mark.rule("C14")
def test_a_talk_that_ends_during_the_whisper_ends_the_callback() -> None:
    """Anna is told so and is free; the number is not dialled at the whisper's end."""
    company, callback_id = while_anna_is_with_the_callback(talk_ms_min=5 * SECOND)
    calls_boris(company)
    company.waits(6 * SECOND)
    assert not company.said(callback.CustomerExpected)
    company.ends("again")
    farewell = company.last(telephony.Play)
    assert (farewell.leg_id, "callback_cancelled" in farewell.media[0]) == (company.agent_leg(ANNA), True)
    nobody_calls(company, callback_id)
    assert not company.said(callback.CustomerDialled)


@pytest.mark.rule("C14")
def test_a_talk_that_ends_while_the_customers_other_phone_rings_stops_it() -> None:
    """A switchboard: one of its phones rings for the callback, at another one somebody has talked with us."""
    company, callback_id = while_anna_is_with_the_callback()
    company.waits(WHISPER)
    [rings] = company.customer_legs()
    calls_boris(company)
    company.waits(20 * SECOND)
    assert rings in company.phones
    company.ends("again")
    company.waits(100)
    assert rings not in company.phones
    nobody_calls(company, callback_id)
    assert len(company.said(callback.CustomerDialled)) == 1


@pytest.mark.rule("C14", "C13")
@pytest.mark.parametrize("talks", [True, False])
def test_whom_the_attempt_has_reached_meanwhile_is_left_to_it(*, talks: bool) -> None:
    """A talk with Anna is the callback's own; a machine leaves it to end by the other call."""
    company, callback_id = while_anna_is_with_the_callback()
    company.waits(WHISPER)
    [rings] = company.customer_legs()
    calls_boris(company)
    company.waits(20 * SECOND)
    company.picks_up(rings)
    company.waits(100)
    company.ends("again")
    assert not company.said(callback.CallbackConnected)
    if talks:
        company.waits(2 * MINUTE)
        [connected] = company.said(callback.CallbackConnected)
        assert (connected.by_other_call, connected.agent_id) == (False, ANNA)
        return
    company.hears(directory.CallbackNotReachedAsked(callback_id=callback_id, by=ANNA))
    nobody_calls(company, callback_id)


@pytest.mark.rule("C14", "C15")
def test_after_a_short_talk_the_customer_is_dialled_at_once() -> None:
    """«She is at lunch»: the callback is still wanted, and Anna waits for it."""
    company, _ = while_anna_is_with_the_callback()
    company.waits(10 * SECOND)
    calls_boris(company)
    company.waits(WHISPER - 10 * SECOND)
    assert company.said(callback.CustomerExpected)
    company.ends("again")
    company.waits(100)
    assert company.said(callback.CustomerDialled)


@pytest.mark.rule("C14")
def test_after_a_talk_with_another_department_the_customer_is_dialled_a_moment_later() -> None:
    """Only queue knows with whom the customer has talked; without its word the callback goes on."""
    company, _ = while_anna_is_with_the_callback()
    company.calls("again", CUSTOMER, line=SERVICE_LINE, department_id=SERVICE_DESK)
    company.waits(SECOND)
    company.answers(BORIS)
    company.waits(WHISPER + 3 * SECOND)
    assert company.said(callback.CustomerExpected)
    company.ends("again")
    company.waits(SECOND)
    assert not company.said(callback.CustomerDialled)
    company.waits(2 * SECOND)
    assert company.said(callback.CustomerDialled)
    assert not company.said(queue.CustomerTalked)


@pytest.mark.rule("C14")
@pytest.mark.parametrize("after", [WHISPER, 6 * SECOND], ids=["expected", "during the whisper"])
def test_m22_who_has_talked_with_the_department_is_not_dialled_while_queue_is_away(after: int) -> None:
    """Anna is told and let go of; when queue is back the callback ends by the other call."""
    company, callback_id = while_anna_is_with_the_callback(talk_ms_min=5 * SECOND)
    calls_boris(company)
    company.falls_behind("queue")
    company.waits(after)
    company.ends("again")
    company.waits(WHISPER)
    assert not company.said(callback.CustomerDialled)
    assert [each.is_uncounted for each in company.said(callback.AttemptFailed)] == [True]
    company.catches_up("queue")
    nobody_calls(company, callback_id)
    assert not company.said(callback.CustomerDialled)


@pytest.mark.rule("C15")
@pytest.mark.parametrize("second_after", [SECOND, WHISPER], ids=["in the whisper", "when expected"])
@pytest.mark.parametrize("first_to_end", ["again", "once more"])
def test_m23_nobody_dials_before_the_last_of_a_customers_own_calls_has_ended(
    second_after: int, first_to_end: str
) -> None:
    """Two people share a number, and call while Anna is with its callback."""
    company, _ = while_anna_is_with_the_callback()
    company.calls("again", CUSTOMER)
    company.waits(second_after)
    company.calls("once more", CUSTOMER)
    company.waits(SECOND)
    company.ends(first_to_end)
    company.waits(WHISPER - second_after)
    assert company.said(callback.CustomerExpected)
    assert not company.said(callback.CustomerDialled)
    company.ends("again" if first_to_end == "once more" else "once more")
    company.waits(100)
    assert company.said(callback.CustomerDialled)


@pytest.mark.rule("C14", "C15")
def test_m23_a_talk_counts_also_if_another_call_of_the_number_came_after_it() -> None:
    """Boris talks on the first of two calls; the second one ends before."""
    company, callback_id = while_anna_is_with_the_callback(talk_ms_min=5 * SECOND)
    company.calls("again", CUSTOMER)
    company.waits(SECOND)
    company.calls("once more", CUSTOMER)
    company.answers(BORIS)
    company.waits(WHISPER)
    company.ends("once more")
    company.waits(SECOND)
    company.falls_behind("queue")
    company.ends("again")
    company.waits(SECOND)
    assert not company.said(callback.CustomerDialled)
    company.catches_up("queue")
    nobody_calls(company, callback_id)
    assert not company.said(callback.CustomerDialled)


@pytest.mark.rule("C14")
def test_m22_whose_callback_the_agent_kept_is_dialled_also_while_queue_is_away() -> None:
    """It has no word to say: a colleague of the customer called from that number."""
    company, callback_id = while_anna_is_with_the_callback()
    calls_boris(company)
    company.falls_behind("queue")
    company.waits(WHISPER)
    company.hears(directory.CallbackKeepAsked(callback_id=callback_id, by=BORIS))
    company.ends("again")
    company.waits(3 * SECOND)
    assert company.said(callback.CustomerDialled)
    assert not company.said(callback.AttemptFailed)


@pytest.mark.rule("C15")
@pytest.mark.parametrize("leaves", [True, False])
def test_m27_a_talk_during_one_attempt_hides_no_call_during_the_next(*, leaves: bool) -> None:
    """Anna left, or her attempt was over, while the customer talked with Boris on another call."""
    company, _ = while_anna_is_with_the_callback(talk_ms_min=5 * MINUTE)
    calls_boris(company)
    if leaves:
        company.waits(WHISPER)
        company.drops(ANNA)
    else:
        company.waits(2 * MINUTE)
        assert company.said(callback.AttemptFailed)
    company.ends("again")
    company.waits(20 * SECOND)
    agent = next(each for each in (ANNA, BORIS) if company.is_rung(each))
    company.answers(agent)
    company.waits(SECOND)
    company.calls("third", CUSTOMER)
    company.waits(WHISPER)
    assert company.said(callback.CustomerExpected)[-1].leg_id == LegId("third")
    assert not company.said(callback.CustomerDialled)
