"""A callback ordered by a caller on the line (C1, C2, C3): requested, refused, taken, or void."""

import pytest

from contracts import callback, queue, telephony
from contracts.dialling import Refusal
from contracts.ids import CallbackId, LegId
from tests.unit.queue.callback_stories import (
    anna_is_free,
    with_anna_busy,
)
from tests.unit.queue.stories import (
    ANNA,
    CUSTOMER,
    MINUTE,
    MOSCOW,
    NINE,
    SALES,
    SECOND,
    Office,
)


@pytest.mark.rule("C1")
def test_a_1_after_the_invitation_asks_callback_for_an_order() -> None:
    """The request carries all that callback needs to decide; the caller still holds the place."""
    office = with_anna_busy()
    office.calls("c1")
    office.waits(30 * SECOND)
    office.presses("c1")
    asked = office.last(queue.CallbackRequested)
    assert (asked.place_id, asked.leg_id, asked.caller, asked.line) == (
        "p.c1",
        "c1",
        CUSTOMER,
        "+74951110001",
    )
    assert (asked.joined_at, asked.deadline_at) == (NINE, NINE + 10 * MINUTE)
    assert office.place("c1").callback_id is None


@pytest.mark.rule("C1")
def test_a_key_before_the_invitation_or_another_key_orders_nothing() -> None:
    """No caller orders by accident."""
    office = with_anna_busy()
    office.calls("c1")
    office.presses("c1")
    office.waits(30 * SECOND)
    office.presses("c1", "5")
    assert not office.said(queue.CallbackRequested)


@pytest.mark.rule("C1")
def test_a_second_1_during_the_order_is_left_to_callback() -> None:
    """The order is requested once."""
    office = with_anna_busy()
    office.calls("c1")
    office.waits(30 * SECOND)
    office.presses("c1")
    office.presses("c1")
    assert len(office.said(queue.CallbackRequested)) == 1


@pytest.mark.rule("C1")
def test_a_refused_order_leaves_the_caller_in_the_queue_as_before() -> None:
    """Callback says why; the place keeps its order and deadline, and the caller may try again."""
    office = with_anna_busy()
    office.calls("c1")
    office.waits(30 * SECOND)
    office.presses("c1")
    before = office.place("c1")
    refused = callback.CallbackRefused(
        place_id=before.place_id, department_id=SALES, leg_id=LegId("c1"), reason=Refusal.INVALID
    )
    office.hears(refused)
    after = office.place("c1")
    assert (after.rank, after.deadline_at, after.callback_id) == (before.rank, before.deadline_at, None)
    office.presses("c1")
    assert len(office.said(queue.CallbackRequested)) == 2


@pytest.mark.rule("C1", "Q7")
def test_a_caller_who_hangs_up_during_the_order_leaves_when_callback_says_that_nothing_was_ordered() -> None:
    """Only callback knows whether the caller gave a number: the place waits for its fact."""
    office = with_anna_busy()
    office.calls("c1")
    office.waits(30 * SECOND)
    office.presses("c1")
    office.hangs_up("c1")
    assert office.waits_for("c1")
    office.hears(callback.OrderAbandoned(place_id=office.place("c1").place_id, leg_id=LegId("c1")))
    assert office.last(queue.PlaceAbandoned).waited_ms == 30 * SECOND


@pytest.mark.rule("C2")
def test_an_order_keeps_joining_time_and_deadline() -> None:
    """The callback holds the same place: a caller who hangs up loses nothing."""
    office = with_anna_busy()
    office.calls("c1")
    before = office.place("c1")
    office.orders("c1")
    after = office.place("c1")
    assert (after.joined_at, after.deadline_at, after.rank) == (
        before.joined_at,
        before.deadline_at,
        before.rank,
    )
    assert after.leg_id is None
    assert not office.said(queue.PlaceAbandoned)


@pytest.mark.rule("C3")
def test_while_the_ordering_leg_is_up_a_free_agent_is_offered_that_leg() -> None:
    """EC-27: once they are bridged the order is void, and nobody dials the customer."""
    office = with_anna_busy()
    office.calls("c1")
    callback_id = office.orders("c1", hangs_up=False)
    anna_is_free(office)
    office.answers(ANNA)
    assert office.last(telephony.Bridge).legs[0] == "c1"
    assert office.last(queue.PlaceConnected).callback_id == callback_id
    assert not office.said(queue.AgentReady)


@pytest.mark.rule("C3")
def test_a_customer_who_hangs_up_before_the_bridge_is_called_back_by_the_same_agent() -> None:
    """EC-27: the agent is not rung a second time."""
    office = with_anna_busy(auto=False)
    office.calls("c1")
    office.hears(office.replies(office.last(telephony.AnswerLeg))[0])
    office.orders("c1", hangs_up=False)
    anna_is_free(office)
    office.answers(ANNA)
    assert office.said(telephony.Bridge)
    office.hangs_up("c1")
    assert office.last(queue.AgentReady).agent_id == ANNA
    assert len(office.said(queue.OfferMade)) == 1
    assert not office.said(telephony.HangUp)


@pytest.mark.rule("C3")
def test_an_agent_who_accepted_while_the_order_was_taken_goes_on_with_it_once_it_stands() -> None:
    """The caller hangs up before callback's fact: the agent waits for it."""
    office = with_anna_busy(auto=False)
    office.calls("c1")
    office.hears(office.replies(office.last(telephony.AnswerLeg))[0])
    office.waits(30 * SECOND)
    office.presses("c1")
    anna_is_free(office)
    office.answers(ANNA)
    office.hangs_up("c1")
    assert not office.said(queue.AgentReady)
    office.ordered("c1")
    assert office.last(queue.AgentReady).agent_id == ANNA


@pytest.mark.rule("C3", "Q7")
def test_an_agent_who_accepted_hears_that_the_caller_has_gone_when_nothing_was_ordered() -> None:
    """Nothing was ordered and the caller has gone: the place ends, and the agent hears goodbye."""
    office = with_anna_busy(auto=False)
    office.calls("c1")
    office.hears(office.replies(office.last(telephony.AnswerLeg))[0])
    office.waits(30 * SECOND)
    office.presses("c1")
    anna_is_free(office)
    office.answers(ANNA)
    office.hangs_up("c1")
    office.hears(callback.OrderAbandoned(place_id=office.place("c1").place_id, leg_id=LegId("c1")))
    assert office.said(queue.PlaceAbandoned)
    assert "caller_gone" in office.last(telephony.Play).media[0]


@pytest.mark.rule("C3")
def test_an_order_that_arrives_after_the_place_has_ended_changes_nothing() -> None:
    """The caller was bridged during the order: the conversation counts."""
    office = with_anna_busy()
    office.calls("c1")
    office.waits(30 * SECOND)
    office.presses("c1")
    place = office.place("c1")
    anna_is_free(office)
    office.answers(ANNA)
    assert not office.waits_for("c1")
    decision = office.hears(
        callback.CallbackOrdered(
            callback_id=CallbackId("cb.p.c1"),
            place_id=place.place_id,
            department_id=SALES,
            pbx_id=MOSCOW,
            number=CUSTOMER,
            caller_id=place.line,
            joined_at=place.joined_at,
            deadline_at=place.deadline_at,
            leg_id=LegId("c1"),
        )
    )
    assert decision.facts == ()


def ordering_past_the_deadline() -> Office:
    """The deadline passes while the caller types a number."""
    office = with_anna_busy(no_answer_ms=50 * SECOND)
    office.calls("c1", caller=None)
    office.waits(30 * SECOND)
    office.presses("c1")
    office.waits(30 * SECOND)
    return office


@pytest.mark.rule("C1", "Q5")
def test_a_deadline_that_passes_while_a_number_is_typed_waits_for_callback() -> None:
    """No caller is sent to voicemail during an order; after a refusal the deadline acts at once."""
    office = ordering_past_the_deadline()
    assert not office.said(queue.NoAnswerReached)
    office.hears(
        callback.CallbackRefused(
            place_id=office.place("c1").place_id,
            department_id=SALES,
            leg_id=LegId("c1"),
            reason=Refusal.NO_TIME_LEFT,
        )
    )
    assert office.last(queue.PlaceDiverted).place_id == "p.c1"


@pytest.mark.rule("C1", "C4")
def test_an_order_that_stands_after_its_deadline_goes_to_callback_at_once() -> None:
    """An apology follows, not another round of ringing."""
    office = ordering_past_the_deadline()
    office.ordered("c1")
    assert office.last(queue.DeadlinePassed).place_id == "p.c1"
