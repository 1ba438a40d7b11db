"""A customer whose data were erased: open callbacks end, and nobody is rung any more (V6)."""

import pytest

from contracts import callback, telephony
from contracts.directory import CallbackNotReachedAsked
from contracts.erasure import ErasedPart
from contracts.history import CustomerErased
from contracts.ids import AgentId, Instant
from contracts.prompts import Prompt
from tests.unit.callback.stories import (
    CUSTOMER,
    NINE,
    PBX,
    Office,
    an_office,
    answered,
    apologizing,
    bridged,
    cb,
    dialling,
    ended,
    ordered,
    pressed,
    pressed_one,
    talked,
    typed,
    whispering,
)
from tests.unit.callback.web_order_stories import FROM_ABANDONED, hung_up

DAY_MS = 24 * 3_600_000
GONE = CustomerErased(number=CUSTOMER, erasure_id="e1")


def numbers(office: Office) -> str:
    """Every record of the office, as text."""
    return repr([list(table) for table in office.state.tables.values()])


@pytest.mark.rule("V6")
def test_an_open_callback_of_an_erased_customer_ends_with_that_reason() -> None:
    """Nobody rings somebody who asked to be forgotten."""
    office = ordered()
    office.hears(ended("c1"), GONE)
    cancelled = office.last(callback.CallbackCancelled)
    assert (cancelled.callback_id, cancelled.reason, cancelled.number) == (cb(), "erased", "")
    assert office.last(callback.NumberErased) == callback.NumberErased(
        erasure_id="e1",
        erased=(ErasedPart(what="callbacks", count=1), ErasedPart(what="order_counts", count=1)),
    )
    assert CUSTOMER not in numbers(office)
    office.waits(DAY_MS)
    assert not office.said(telephony.DialLeg)
    assert not office.waiting_for()


@pytest.mark.rule("V6")
def test_a_phone_that_rings_stops_and_the_agent_is_told() -> None:
    """The attempt ends as with any other cancellation."""
    office, leg_id = dialling()
    office.hears(GONE)
    assert telephony.HangUp(pbx_id=PBX, leg_id=leg_id, reason="callback_ended") in office.commands
    told = office.last(telephony.Play)
    assert any(str(Prompt.CALLBACK_CANCELLED) in key for key in told.media)


@pytest.mark.rule("V6")
def test_two_who_are_talking_are_not_cut_off_and_the_end_does_not_name_the_number() -> None:
    """The erasure must not put the number onto the log again a minute later."""
    office, leg_id = dialling()
    office.hears(answered(leg_id))
    office.hears(bridged(office.last(telephony.Bridge)))
    office.hears(GONE)
    assert not office.said(callback.CallbackCancelled)
    assert not [each for each in office.said(telephony.HangUp) if each.leg_id == leg_id]
    assert talked(office).number == ""
    assert CUSTOMER not in numbers(office)


@pytest.mark.rule("V6")
def test_an_apology_that_is_being_dialled_stops() -> None:
    """An apology is a call, too."""
    office, leg_id = apologizing()
    office.hears(GONE)
    assert office.last(callback.CallbackCancelled).reason == "erased"
    assert leg_id in {each.leg_id for each in office.said(telephony.HangUp)}


@pytest.mark.rule("V6")
def test_another_customers_callback_goes_on() -> None:
    """Only the number that was asked for is erased."""
    office = whispering()
    office.hears(CustomerErased(number="+79160000099", erasure_id="e1"))
    assert not office.said(callback.CallbackEnd)
    assert office.last(callback.NumberErased).erased == ()


@pytest.mark.rule("V6", "C10")
def test_counts_per_number_end_by_themselves_after_their_day() -> None:
    """Redis holds no number of a customer who never calls again, without anybody erasing it."""
    office = ordered()
    office.hears(ended("c1"), pressed_one("c2", caller="+79160000099", joined=office.at), ended("c2"))
    held = [count.key for count in office.state.counts if count.key.startswith("number/")]
    assert len(held) == 2
    office.waits_until(office.at)
    office.waits(DAY_MS + 2 * 3_600_000)
    assert not [count.key for count in office.state.counts if count.key.startswith("number/")]
    assert not office.state.timers


@pytest.mark.rule("V6", "C13")
def test_an_erased_customer_who_was_not_reached_is_not_offered_to_agents_again() -> None:
    """The agent says that a machine answered, after the number has gone: nothing is left to dial."""
    office, leg_id = dialling()
    office.hears(answered(leg_id))
    office.hears(bridged(office.last(telephony.Bridge)))
    office.hears(GONE)
    office.hears(CallbackNotReachedAsked(callback_id=cb(), by=AgentId("anna")))
    assert office.last(callback.CallbackCancelled).reason == "erased"
    assert not office.said(callback.AttemptFailed)
    assert not office.state.callbacks.get(cb())


@pytest.mark.rule("V6", "C1")
def test_m20_a_one_that_queue_tells_of_late_orders_nothing_for_an_erased_number() -> None:
    """The caller had pressed it before the erasure, which queue heard later: the number is nobody's here."""
    office = an_office()
    office.hears(GONE, after_ms=20_000)
    office.hears(pressed_one("c1", joined=NINE), after_ms=2_000)
    assert not office.said(callback.CallbackOrdered)
    assert office.last(callback.NumberWanted).leg_id == "c1"
    assert CUSTOMER not in numbers(office)
    office.hears(ended("c1"))
    assert not office.waiting_for()


@pytest.mark.rule("V6", "C1")
def test_an_erased_customer_who_is_asked_for_a_number_may_order_with_the_same() -> None:
    """Who types a number after the erasure gives it anew, and is called back."""
    office = an_office()
    office.hears(GONE, after_ms=20_000)
    office.hears(pressed_one("c1", joined=NINE), typed("c1", "89123456789"), pressed("c1", "1"))
    assert office.last(callback.CallbackOrdered).number == CUSTOMER


@pytest.mark.rule("V6", "C1")
def test_a_customer_who_calls_after_the_erasure_orders_as_any_other() -> None:
    """An erasure is no ban."""
    office = an_office()
    office.hears(GONE, after_ms=20_000)
    office.hears(pressed_one("c1", joined=office.at + 1), after_ms=10_000)
    assert office.last(callback.CallbackOrdered).number == CUSTOMER


@pytest.mark.rule("V6", "C1")
def test_another_customer_who_called_before_the_erasure_orders_as_any_other() -> None:
    """Only the number that was asked for is erased."""
    office = an_office()
    office.hears(GONE, after_ms=20_000)
    office.hears(pressed_one("c1", caller="+79160000099", joined=NINE), after_ms=2_000)
    assert office.last(callback.CallbackOrdered).number == "+79160000099"


@pytest.mark.rule("V6", "C11")
@pytest.mark.parametrize(("joined_ms", "orders"), [(0, 0), (20_001, 1)], ids=["before", "after"])
def test_a_caller_who_hung_up_is_not_called_by_a_number_that_was_erased_since(
    joined_ms: int, orders: int
) -> None:
    """Queue tells of it late; who calls after the erasure and hangs up is called back."""
    office = an_office(settings=FROM_ABANDONED)
    office.hears(GONE, after_ms=20_000)
    office.hears(hung_up(joined_at=Instant(NINE + joined_ms)), after_ms=60_000)
    assert len(office.said(callback.CallbackOrdered)) == orders
    assert (CUSTOMER in numbers(office)) is bool(orders)


@pytest.mark.rule("V6")
def test_what_is_left_of_an_erasure_is_two_bytes_and_goes_with_a_later_one() -> None:
    """Nothing piles up, and nobody can be called by it."""
    office = an_office()
    office.hears(GONE)
    (left,) = office.state.erased_numbers
    assert len(left.checksum) == 4
    office.hears(CustomerErased(number="+79160000099"), after_ms=DAY_MS)
    (later,) = office.state.erased_numbers
    assert later.checksum != left.checksum
