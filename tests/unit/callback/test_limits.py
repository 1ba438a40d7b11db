"""Limits count orders by the log's time, so that a replay refuses the same ones (C10)."""

import pytest

from contracts import callback, directory, telephony
from contracts.dialling import DiallingPolicy, Refusal
from contracts.ids import DepartmentId
from tests import offices
from tests.unit.callback.stories import (
    CUSTOMER,
    Office,
    a_department,
    an_office,
    cb,
    deadline_passed,
    dialling,
    ended,
    ordered,
    place_connected,
    played,
    pressed,
    pressed_one,
    ready,
    typed,
)

HOUR_MS = 3_600_000
MINUTE_MS = 60_000


def orders_and_cancels(office: Office, name: str, *, caller: str = CUSTOMER) -> bool:
    """One more order of this number, which is cancelled at once; whether it was taken."""
    taken = len(office.said(callback.CallbackOrdered))
    office.hears(pressed_one(name, caller=caller, joined=office.at))
    if len(office.said(callback.CallbackOrdered)) == taken:
        return False
    office.hears(pressed(name, "0"), ended(name))
    return True


@pytest.mark.rule("C10")
def test_three_orders_an_hour_for_a_number() -> None:
    """The fourth is refused and told why; an hour after the first it is welcome again."""
    office = an_office()
    assert all(orders_and_cancels(office, f"c{n}") for n in range(3))
    assert not orders_and_cancels(office, "c3")
    assert office.last(callback.CallbackRefused).reason is Refusal.TOO_MANY_FOR_NUMBER
    office.waits(HOUR_MS - 1)
    assert not orders_and_cancels(office, "c4")
    office.waits(HOUR_MS)
    assert orders_and_cancels(office, "c5")


@pytest.mark.rule("C10")
def test_ten_orders_a_day_for_a_number() -> None:
    """It does not matter how they are spread over the hours."""
    office = an_office()
    taken = 0
    for hour in range(23):
        office.waits(hour * HOUR_MS)
        taken += orders_and_cancels(office, f"c{hour}")
    assert taken == 10
    office.waits(24 * HOUR_MS)
    assert orders_and_cancels(office, "next")


@pytest.mark.rule("C10")
def test_thirty_orders_a_minute_for_a_department() -> None:
    """EC-115: a robot with a hundred numbers; the other department is not affected."""
    office = an_office()
    for n in range(100):
        office.hears(pressed_one(f"c{n}", caller=f"+7912000{n:04d}"))
    assert len(office.said(callback.CallbackOrdered)) == 30
    assert {each.reason for each in office.said(callback.CallbackRefused)} == {
        Refusal.TOO_MANY_FOR_DEPARTMENT
    }
    support = DepartmentId("support")
    office.hears(a_department(department_id=support), pressed_one("s1", department_id=support))
    assert office.last(callback.CallbackOrdered).department_id == support
    office.waits(MINUTE_MS)
    office.hears(pressed_one("later", caller="+79130000000"))
    assert office.last(callback.CallbackOrdered).callback_id == cb("later")


@pytest.mark.rule("C10")
def test_a_limit_for_the_whole_organization() -> None:
    """Many departments do not add up to a flood."""
    office = an_office(policy=DiallingPolicy(orders_per_minute_max=3))
    for n in range(5):
        department_id = DepartmentId(f"d{n}")
        office.hears(a_department(department_id=department_id))
        office.hears(pressed_one(f"c{n}", caller=f"+7912000000{n}", department_id=department_id))
    assert len(office.said(callback.CallbackOrdered)) == 3
    assert office.last(callback.CallbackRefused).reason is Refusal.TOO_MANY_FOR_ORGANIZATION


@pytest.mark.rule("C10")
def test_a_limit_for_the_whole_organization_and_day() -> None:
    """A slow flood stays under the limit of a minute: the day has one too, and ends by itself at midnight."""
    office = an_office(policy=DiallingPolicy(orders_per_day_max=5))
    for n in range(6):
        office.waits(n * HOUR_MS)
        office.hears(pressed_one(f"c{n}", caller=f"+7912000000{n}", joined=office.at))
    assert len(office.said(callback.CallbackOrdered)) == 5
    assert office.last(callback.CallbackRefused).reason is Refusal.TOO_MANY_TODAY
    office.waits(24 * HOUR_MS)
    office.hears(pressed_one("tomorrow", caller="+79130000000", joined=office.at))
    assert office.last(callback.CallbackOrdered).callback_id == cb("tomorrow")


@pytest.mark.rule("C10")
def test_one_order_of_the_day_is_the_alarm() -> None:
    """Four fifths of the ceiling: somebody can look before the customers are refused."""
    office = an_office(policy=DiallingPolicy(orders_per_day_max=10))
    for n in range(10):
        office.hears(pressed_one(f"c{n}", caller=f"+7912000000{n}", joined=office.at))
    assert [each.is_alarm for each in office.said(callback.CallbackOrdered)] == [n == 7 for n in range(10)]


@pytest.mark.rule("C10")
def test_only_orders_count() -> None:
    """Refusals and confirmations do not count."""
    office = ordered("c1")
    for n in range(20):
        office.hears(pressed_one(f"again{n}"), ended(f"again{n}"))
    assert len(office.said(callback.CallbackConfirmed)) == 20
    assert len(office.state.counts[f"number/{CUSTOMER}"].taken_at) == 1


@pytest.mark.rule("C10")
def test_a_change_of_number_is_an_order_of_that_number() -> None:
    """Otherwise one customer's order could be turned on a stranger again and again."""
    office = an_office()
    victim = "+79160000001"
    for n in range(3):
        office.hears(pressed_one(f"c{n}", caller=f"+7912000000{n}"), pressed(f"c{n}", "2"))
        office.hears(typed(f"c{n}", victim), typed(f"c{n}", "1"), pressed(f"c{n}", "0"), ended(f"c{n}"))
    assert len(office.said(callback.NumberChanged)) == 3
    office.hears(pressed_one("c9", caller="+79120000009"), pressed("c9", "2"))
    office.hears(typed("c9", victim), typed("c9", "1"))
    assert office.state.callbacks[cb("c9")].number == "+79120000009"


@pytest.mark.rule("C10")
def test_an_accepted_order_keeps_its_attempts_and_its_apology() -> None:
    """Limits are for orders: the third order of an hour is called as often as the first."""
    office = an_office(policy=DiallingPolicy(orders_per_hour_per_number_max=1))
    ordered("c1", office=office)
    office.hears(deadline_passed("c1"))
    assert office.last(callback.ApologyDialled).callback_id == cb("c1")


@pytest.mark.rule("C10", "C6")
def test_settings_changed_later_leave_an_order_its_attempts() -> None:
    """The promise was made under the settings of that day."""
    office = ordered("c1")
    office.hears(a_department(version=2, settings=directory.CallbackSettings(is_on=False, attempts_max=0)))
    office, _ = dialling("c1", office=office)
    assert office.last(callback.CustomerDialled).attempt == 1


@pytest.mark.rule("C10")
def test_the_policy_of_today_bars_what_it_allowed_at_the_order() -> None:
    """The policy is checked at every dial: the agent is told and freed, and the callback ends refused."""
    office = ordered("c1")
    office.hears(ready("c1"))
    office.hears(offices.organization(version=2, dialling_policy=DiallingPolicy(denied_numbers=(CUSTOMER,))))
    decision = office.hears(played(office.last(telephony.Play)))
    (barred,) = decision.facts
    assert isinstance(barred, callback.CallbackBarred)
    assert barred.reason == "denied"
    assert office.said(telephony.DialLeg) == []
    farewell = office.last(telephony.Play)
    assert farewell.leg_id == "anna.leg"
    assert isinstance(office.hears(played(farewell)).commands[0], telephony.HangUp)


@pytest.mark.rule("C10")
def test_an_apology_is_checked_like_any_dial() -> None:
    """The kill switch stops it: the callback ends expired, and its recipients get a letter (C10)."""
    office = ordered("c1")
    office.hears(
        offices.organization(version=2, dialling_policy=DiallingPolicy(is_on=False)),
        deadline_passed("c1"),
    )
    assert office.last(callback.CallbackExpired).reason == "switched_off"
    assert len(office.state.callbacks) == 0


def test_counts_that_are_older_than_a_day_are_dropped() -> None:
    """The state holds a customer's number no longer than the limits need it."""
    office = an_office()
    for n in range(30):
        office.hears(pressed_one(f"c{n}", caller=f"+7912000{n:04d}"))
        office.hears(place_connected(f"c{n}", "anna", f"c{n}"))
    office.waits(25 * HOUR_MS)
    for n in range(5):
        office.hears(pressed_one(f"d{n}", caller=f"+7913000{n:04d}", joined=office.at))
    numbers = [each.key for each in office.state.counts if each.key.startswith("number/")]
    assert len(numbers) == 5
