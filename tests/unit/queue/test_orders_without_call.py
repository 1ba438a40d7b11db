"""Places of callbacks that were not ordered in a call (C11), and quiet hours (C12)."""

from typing import Any

import pytest

from contracts import callback, queue
from contracts.callback import Origin
from contracts.gateway import DeviceState, Outcome
from contracts.ids import CallbackId, Instant, PlaceId
from contracts.queue import AnnouncementKind
from tests.unit.queue.callback_stories import OTHER, anna_is_free, end, with_anna_busy
from tests.unit.queue.stories import (
    ANNA,
    CUSTOMER,
    MINUTE,
    MOSCOW,
    NINE,
    SALES,
    SALES_LINE,
    Office,
    action,
    played,
)

HOUR = 60 * MINUTE
WEB = CallbackId("web-1")
PLACE = PlaceId("p.asked.web-1")


def ordered(office: Office, *, origin: Origin = Origin.API, for_ms: int = 10 * MINUTE) -> None:
    """Callback takes an order of the API, or one for an abandoned call."""
    office.hears(
        callback.CallbackOrdered(
            callback_id=WEB,
            place_id=PLACE,
            department_id=SALES,
            pbx_id=MOSCOW,
            number=CUSTOMER,
            caller_id=SALES_LINE,
            joined_at=office.at,
            deadline_at=Instant(office.at + for_ms),
            leg_id=None,
            origin=origin,
        )
    )


def ringing(office: Office) -> list[str]:
    """The agents who are rung for the place."""
    return [office.state.offers[each].agent_id for each in office.state.places[PLACE].offers]


def an_evening(hour: int, minute: int = 0, **settings: Any) -> Office:
    """An office with a busy Anna, shortly before quiet hours."""
    office = with_anna_busy(**settings)
    office.waits_until(Instant(NINE + (hour - 9) * HOUR + minute * MINUTE))
    office.phone_is(ANNA, DeviceState.IDLE)
    office.phone_is(ANNA, DeviceState.IN_USE)
    return office


@pytest.mark.rule("C11")
def test_an_order_without_a_call_takes_a_place_behind_waiting_callers() -> None:
    """It joins now, so that no web form overtakes a caller who waits on the line."""
    office = with_anna_busy()
    office.calls("c1", caller=OTHER)
    office.waits(MINUTE)
    ordered(office)
    taken = office.last(queue.PlaceTaken)
    assert (taken.place_id, taken.callback_id, taken.leg_id, taken.position) == (PLACE, WEB, None, 2)
    assert (taken.joined_at, taken.deadline_at) == (office.at, office.at + 10 * MINUTE)
    anna_is_free(office)
    assert office.ringing("c1") == [ANNA]
    office.answers(ANNA)
    office.finishes(ANNA)
    assert ringing(office) == [ANNA]


@pytest.mark.rule("C2", "C12")
def test_what_was_ordered_by_key_on_a_lost_log_takes_a_place_and_rings_at_night() -> None:
    """It has no leg either; unlike an order of the API it keeps no quiet hours."""
    office = an_evening(22)
    ordered(office, origin=Origin.QUEUE)
    assert office.last(queue.PlaceTaken).place_id == PLACE
    anna_is_free(office)
    assert ringing(office) == [ANNA]


@pytest.mark.rule("C11", "C3")
def test_a_free_agent_is_rung_at_once_and_handed_over() -> None:
    """It is served like every callback, and ends once."""
    office = with_anna_busy()
    anna_is_free(office)
    ordered(office)
    office.answers(ANNA)
    ready = office.last(queue.AgentReady)
    assert (ready.place_id, ready.callback_id) == (PLACE, WEB)
    office.hears(end(office, callback.CallbackUnreached, WEB, place_id=PLACE))
    assert office.last(queue.PlaceClosed).place_id == PLACE


@pytest.mark.rule("C11", "C4", "C5")
def test_its_deadline_is_callbacks_to_decide() -> None:
    """No agent came in time: callback hears of it."""
    office = with_anna_busy()
    ordered(office)
    office.waits(10 * MINUTE)
    assert office.last(queue.DeadlinePassed).callback_id == WEB


@pytest.mark.rule("C11", "Q6", "Q13")
def test_a_callback_does_not_fill_a_queue_and_stands_when_nobody_can_come() -> None:
    """The limit counts only callers on the line; a promise stands until its deadline."""
    office = with_anna_busy(waiting_max=0, no_answer_action=action("hang_up"))
    office.saves(office.department(ANNA, suspended=(ANNA,)))
    ordered(office)
    office.waits(9 * MINUTE)
    assert PLACE in office.state.places


@pytest.mark.rule("C11")
def test_where_there_is_no_such_department_callback_hears_so_at_once() -> None:
    """No callback is left without a department."""
    office = Office()
    ordered(office)
    assert office.last(queue.DeadlinePassed).callback_id == WEB


@pytest.mark.rule("C11", "C8")
@pytest.mark.parametrize(("origin", "told"), [(Origin.API, True), (Origin.ABANDONED, False)])
def test_only_a_customer_who_ordered_is_told_of_the_callback_when_calling(origin: Origin, told: bool) -> None:
    """A caller who hung up and calls again did not order the callback."""
    office = with_anna_busy()
    ordered(office, origin=origin)
    office.calls("again")
    assert bool(played(office, AnnouncementKind.CALLBACK_EXISTS)) is told


@pytest.mark.rule("C11", "H4")
def test_an_abandoned_place_carries_what_a_callback_needs() -> None:
    """Callback decides from this fact alone whether to call (EC-26)."""
    office = with_anna_busy()
    office.calls("c1")
    office.waits(20_000)
    office.hangs_up("c1")
    left = office.last(queue.PlaceAbandoned)
    assert (left.department_id, left.pbx_id, left.caller, left.line) == (SALES, MOSCOW, CUSTOMER, SALES_LINE)
    assert (left.waited_ms, left.is_internal) == (20_000, False)


@pytest.mark.rule("C12", "C11")
def test_an_order_in_quiet_hours_is_held_until_nine_in_the_morning() -> None:
    """No agent is rung while the customer may not be dialled."""
    office = an_evening(22)
    anna_is_free(office)
    ordered(office, for_ms=20 * HOUR)
    assert ringing(office) == []
    office.waits_until(Instant(NINE + 24 * HOUR - 1))
    assert ringing(office) == []
    office.waits(1)
    assert ringing(office) == [ANNA]


@pytest.mark.rule("C12", "C11")
def test_its_deadline_comes_all_the_same() -> None:
    """The ten minutes count in quiet hours, too: callback ends it, with a letter."""
    office = an_evening(22)
    anna_is_free(office)
    ordered(office)
    office.waits(10 * MINUTE)
    assert office.last(queue.DeadlinePassed).place_id == PLACE


@pytest.mark.rule("C12", "C11")
def test_when_quiet_hours_begin_offers_are_withdrawn_and_do_not_count() -> None:
    """Otherwise the agent would hear a whisper, and then that nobody may be called."""
    office = an_evening(20, 59)
    anna_is_free(office)
    office.waits(MINUTE - 5_000)
    ordered(office)
    assert ringing(office) == [ANNA]
    office.waits(5_000)
    assert office.end_of(ANNA) is queue.OfferWithdrawn
    assert ringing(office) == []


@pytest.mark.rule("C12")
def test_quiet_hours_hold_back_neither_callers_nor_their_own_orders() -> None:
    """A customer who calls at ten at night is awake."""
    office = an_evening(22)
    office.calls("c1")
    office.orders("c1")
    anna_is_free(office)
    assert office.ringing("c1") == [ANNA]


@pytest.mark.rule("C12", "C6")
def test_a_second_attempt_that_falls_into_quiet_hours_waits() -> None:
    """The gap ends a minute after quiet hours have begun."""
    office = an_evening(20, 59)
    anna_is_free(office)
    ordered(office, for_ms=20 * HOUR)
    office.answers(ANNA)
    office.hears(
        callback.AttemptFailed(
            callback_id=WEB,
            place_id=PLACE,
            attempt=1,
            agent_id=ANNA,
            agent_leg_id=office.last(queue.AgentReady).leg_id,
            outcome=Outcome.BUSY,
            next_attempt_at=Instant(office.at + 2 * MINUTE),
            give_up_at=office.state.places[PLACE].deadline_at,
        )
    )
    office.finishes(ANNA)
    office.waits(5 * MINUTE)
    assert ringing(office) == []
    office.waits_until(Instant(NINE + 24 * HOUR))
    assert ringing(office) == [ANNA]


@pytest.mark.rule("C12", "C8")
def test_a_callback_whose_customer_calls_is_the_customers_own_order_from_then_on() -> None:
    """Merged with the customer's own call, the callback is no longer held back by quiet hours."""
    office = an_evening(22)
    ordered(office, for_ms=20 * HOUR)
    office.calls("again")
    office.presses("again")
    anna_is_free(office)
    assert ringing(office) == [ANNA]
    office.declines(ANNA)
    office.hangs_up("again")
    office.waits(MINUTE)
    assert ringing(office) == [ANNA]
    assert office.state.places[PLACE].held_until_at is None


@pytest.mark.rule("C12", "Q12")
def test_another_process_holds_it_back_too() -> None:
    """The place and a timer keep the hold."""
    office = an_evening(20, 30)
    ordered(office, for_ms=20 * HOUR)
    office.restarts()
    office.waits(HOUR)
    anna_is_free(office)
    assert ringing(office) == []
