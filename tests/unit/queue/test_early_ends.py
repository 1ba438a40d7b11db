"""M-16: a leg's end is on the log before the fact of its decider that says what the leg was for."""

from collections.abc import Callable

import pytest

from contracts import callback, gateway, queue, routing
from contracts.gateway import DeviceState, Outcome
from contracts.ids import Instant, LegId, PlaceId, PlayId, TryId
from contracts.message import Fact
from contracts.queue import SkipReason
from services.queue.state.early_ends import KEPT_MS
from tests.unit.queue.callback_stories import an_attempt, attempt_failed, dialled, end, with_anna_busy
from tests.unit.queue.stories import ANNA, MINUTE, MOSCOW, SALES, SECOND, Office, an_office

CUSTOMERS_LEG = LegId("cb.p.c1.dial1")


def refused(leg_id: LegId) -> Fact:
    """The gateway got the command too late to dial."""
    return gateway.CommandRefused(
        pbx_id=MOSCOW, source="callback", command="telephony.dial_leg", reason="too_late", leg_id=leg_id
    )


def busy(leg_id: LegId) -> Fact:
    """The customer's phone was busy."""
    return Office().leg_ended(leg_id, Outcome.BUSY)


@pytest.mark.rule("C15", "C6")
@pytest.mark.parametrize("over", [refused, busy], ids=["refused", "busy"])
def test_a_customer_whose_dial_was_over_before_callback_spoke_of_it_is_called_about_the_next_order(
    over: Callable[[LegId], Fact],
) -> None:
    """Otherwise the number would be engaged for ever, and every later callback to it would expire."""
    office = with_anna_busy()
    callback_id, leg_id = an_attempt(office)
    office.hears(over(CUSTOMERS_LEG))
    office.hears(
        dialled(callback_id, PlaceId("p.c1"), CUSTOMERS_LEG, leg_id),
        attempt_failed(office, callback_id, leg_id, None),
        end(office, callback.CallbackUnreached, callback_id, reason="failed"),
    )
    office.calls("c2")
    office.orders("c2")
    office.finishes(ANNA)
    assert office.ringing("c2") == [ANNA]


@pytest.mark.rule("C7", "C15")
def test_a_customer_who_was_gone_before_callback_held_the_call_is_called_about_the_next_order() -> None:
    """Callback is behind: it takes a leg for one that lives, and hears its end only after that."""
    office = with_anna_busy()
    callback_id, leg_id = an_attempt(office)
    place_id = PlaceId("p.c1")
    office.hears(dialled(callback_id, place_id, CUSTOMERS_LEG, leg_id))
    office.phone_is(ANNA, DeviceState.IDLE)
    office.hears(office.leg_ended(leg_id, Outcome.COMPLETED), busy(CUSTOMERS_LEG))
    office.hears(
        callback.CustomerHeld(
            callback_id=callback_id,
            place_id=place_id,
            leg_id=CUSTOMERS_LEG,
            until_at=Instant(office.at + 30 * SECOND),
            play_id=PlayId("moment"),
        )
    )
    assert not office.has_offer(ANNA), "callback has a word to say about the end of that leg"
    office.hears(end(office, callback.CallbackUnreached, callback_id, reason="failed"))
    office.phone_is(ANNA, DeviceState.IN_USE)
    office.calls("c2")
    office.orders("c2")
    office.phone_is(ANNA, DeviceState.IDLE)
    assert office.ringing("c2") == [ANNA]


@pytest.mark.rule("C4", "C15")
def test_an_apology_whose_dial_was_refused_before_callback_spoke_of_it_is_tried_again() -> None:
    """The second try is granted when its time has come."""
    office = with_anna_busy(no_answer_ms=2 * MINUTE)
    office.calls("c1")
    callback_id = office.orders("c1")
    office.waits(2 * MINUTE)
    place_id = PlaceId("p.c1")
    office.hears(callback.ApologyQueued(callback_id=callback_id, place_id=place_id, due_at=office.at))
    leg_id = LegId("cb.p.c1.apology1")
    office.hears(refused(leg_id))
    office.hears(
        callback.ApologyDialled(callback_id=callback_id, place_id=place_id, leg_id=leg_id, attempt=1),
        callback.ApologyFailed(
            callback_id=callback_id,
            leg_id=leg_id,
            outcome=Outcome.FAILED,
            next_attempt_at=Instant(office.at + MINUTE),
        ),
    )
    office.waits(MINUTE)
    assert len(office.said(queue.ApologyGranted)) == 2


@pytest.mark.rule("Q2", "G3")
def test_an_agent_whose_direct_call_was_over_before_routing_spoke_of_it_is_free() -> None:
    """Otherwise the agent would be busy until the lease ends, after hours."""
    office = an_office(ANNA)
    mobile = LegId("annas.mobile")
    office.hears(office.leg_ended(mobile, Outcome.COMPLETED))
    office.waits(5 * SECOND)
    office.hears(
        routing.PersonAnswered(leg_id=LegId("direct"), try_id=TryId("t"), agent_id=ANNA, agent_leg_id=mobile)
    )
    assert office.state.skip(SALES, ANNA) is not SkipReason.ON_CALL
    office.calls("c1")
    assert office.ringing("c1") == [ANNA]


def test_ends_of_unknown_legs_are_forgotten_after_an_hour() -> None:
    """Every phone of a direct call that another phone answered leaves one."""
    office = an_office(ANNA)
    for number in range(3):
        office.hears(office.leg_ended(LegId(f"other{number}"), Outcome.CANCELLED))
        office.waits(KEPT_MS // 2)
    assert [each.leg_id for each in office.state.tables["early_ends"]] == ["other1", "other2"]
    office.restarts()
    office.waits(KEPT_MS)
    office.hears(office.leg_ended(LegId("last"), Outcome.CANCELLED))
    assert [each.leg_id for each in office.state.tables["early_ends"]] == ["last"]
