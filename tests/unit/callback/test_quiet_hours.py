"""Quiet hours hold back callbacks that were not ordered in a call (C12)."""

import pytest
from msgspec import structs

from contracts import callback, dialling, directory, queue, telephony
from contracts.callback import Origin
from contracts.gateway import Outcome
from contracts.ids import CallbackId, Instant, PlaceId
from tests.unit.callback.stories import (
    NINE,
    Office,
    an_office,
    ended,
    played,
    pressed_one,
    requested,
)
from tests.unit.callback.web_order_stories import (
    FROM_ABANDONED,
    HOUR_MS,
    MINUTE_MS,
    WEB,
    asked,
    at_hour,
    deadline_passed,
    hung_up,
    ready,
)


@pytest.mark.rule("C12", "C11")
@pytest.mark.parametrize(("hour", "minute", "is_quiet"), [(8, 59, 1), (9, 0, 0), (20, 59, 0), (21, 0, 1)])
def test_quiet_hours_are_from_nine_to_nine_on_the_departments_clock(
    hour: int, minute: int, is_quiet: int
) -> None:
    """21 to 9 in Moscow; the end and the next beginning are instants."""
    at = at_hour(Office(), hour, minute).at
    until_at = dialling.quiet_until(at, "Europe/Moscow")
    assert (until_at is not None) == bool(is_quiet)
    if until_at is not None:
        assert until_at == NINE + (0 if hour < 9 else 24 * HOUR_MS)
    assert dialling.quiet_from(at, "Europe/Moscow") == NINE + (12 if hour < 21 else 36) * HOUR_MS


@pytest.mark.rule("C12")
@pytest.mark.parametrize("timezone", ["Mars/Olympus", "", "../etc/passwd", "\0"])
def test_a_zone_that_nobody_knows_is_utc_and_no_instant_is_too_far(timezone: str) -> None:
    """Bad settings never stop a company."""
    assert dialling.quiet_until(NINE, timezone) == NINE + 3 * HOUR_MS  # six in the morning there
    assert dialling.quiet_from(Instant(10**15), timezone) > 0


@pytest.mark.rule("C12")
def test_clocks_that_change_move_the_instant_and_not_the_hour() -> None:
    """Nine in Berlin on the day when summer begins is an hour earlier."""
    eve = Instant(1_774_735_200_000)  # 28 March 2026, 23:00 in Berlin
    until_at = dialling.quiet_until(eve, "Europe/Berlin")
    assert until_at == eve + 9 * HOUR_MS


@pytest.mark.rule("C12", "C11")
@pytest.mark.parametrize("origin", [Origin.API, Origin.ABANDONED])
def test_a_callback_that_quiet_hours_held_back_expires_with_a_letter(origin: Origin) -> None:
    """No apology call in the middle of the night; the recipients read it in the morning."""
    office = at_hour(an_office(settings=FROM_ABANDONED), 22)
    office.hears(asked() if origin is Origin.API else hung_up())
    office.hears(deadline_passed(office.last(callback.CallbackOrdered)))
    expired = office.last(callback.CallbackExpired)
    assert (expired.origin, expired.was_told, expired.has_voice_message) == (origin, False, False)
    assert not office.said(telephony.DialLeg)


@pytest.mark.rule("C12", "C11")
def test_an_agent_who_answers_as_quiet_hours_begin_dials_nobody() -> None:
    """A whisper that ends a second after nine is too late; the agent is told and freed."""
    office = at_hour(an_office(), 20, 59)
    office.hears(asked())
    office.hears(ready(office.last(callback.CallbackOrdered)))
    whisper = office.last(telephony.Play)
    office.hears(played(whisper), after_ms=MINUTE_MS)
    assert office.last(callback.CallbackExpired).reason == "quiet_hours"
    assert not office.said(telephony.DialLeg)
    office.hears(played(office.last(telephony.Play)))
    assert office.last(telephony.HangUp).leg_id == "anna.leg"


@pytest.mark.rule("C12", "C11")
def test_an_apology_that_waits_for_its_second_try_is_not_dialled_at_night() -> None:
    """The first try was at a minute to nine."""
    office = at_hour(an_office(), 20, 59)
    office.hears(asked())
    office.hears(deadline_passed(office.last(callback.CallbackOrdered)))
    leg_id = office.last(callback.ApologyDialled).leg_id
    office.hears(requested(leg_id), ended(leg_id, Outcome.BUSY), after_ms=10_000)
    office.waits(office.at - NINE + 2 * MINUTE_MS)
    assert len(office.said(telephony.DialLeg)) == 1
    assert office.last(callback.CallbackExpired).reason == "quiet_hours"


@pytest.mark.rule("C12")
def test_quiet_hours_never_stop_a_call_that_the_customer_ordered_on_the_line() -> None:
    """A customer who calls at ten at night is awake: attempt and apology follow as at noon."""
    office = at_hour(an_office(), 22)
    office.hears(pressed_one(joined=office.at), ended("c1"))
    office.hears(
        queue.DeadlinePassed(
            place_id=PlaceId("p.c1"), callback_id=CallbackId("cb.p.c1"), deadline_at=office.at
        )
    )
    assert office.said(callback.ApologyDialled)


# Promised on a log that is lost


def asked_again(origin: Origin, *, before_ms: int) -> tuple[Office, directory.CallbackAsked]:
    """At ten at night a log is lost; what was promised so long before is about to be asked for again."""
    office = at_hour(an_office(settings=FROM_ABANDONED), 22)
    joined_at = Instant(office.at - before_ms)
    return office, structs.replace(asked(), joined_at=joined_at, place_id=PlaceId("p.c1"), origin=origin)


@pytest.mark.rule("C12")
def test_what_a_customer_ordered_by_key_is_not_held_back_after_a_log_is_lost() -> None:
    """It is the same promise: an agent who comes free calls the customer at ten at night."""
    office, promised = asked_again(Origin.QUEUE, before_ms=5 * MINUTE_MS)
    office.hears(promised)
    order = office.last(callback.CallbackOrdered)
    assert (order.origin, order.leg_id, order.joined_at) == (Origin.QUEUE, None, promised.joined_at)
    office.hears(ready(order))
    office.hears(played(office.last(telephony.Play)))
    assert office.last(telephony.DialLeg).leg_id == office.last(callback.CustomerDialled).leg_id


@pytest.mark.rule("C12", "C4")
@pytest.mark.parametrize(("late_ms", "is_held"), [(14 * MINUTE_MS, False), (15 * MINUTE_MS, True)])
def test_nobody_is_called_at_night_long_after_the_call_because_a_log_was_lost(
    late_ms: int, is_held: bool
) -> None:
    """The deadline was fifteen minutes ago: a customer who called before supper is asleep."""
    office, promised = asked_again(Origin.QUEUE, before_ms=10 * MINUTE_MS + late_ms)
    office.hears(promised)
    office.hears(deadline_passed(office.last(callback.CallbackOrdered)))
    assert bool(office.said(callback.CallbackExpired)) is is_held
    assert bool(office.said(telephony.DialLeg)) is not is_held


@pytest.mark.rule("C12", "C11")
@pytest.mark.parametrize("origin", [Origin.API, Origin.ABANDONED])
def test_what_was_not_ordered_in_a_call_is_held_back_after_a_log_is_lost_too(origin: Origin) -> None:
    """As it was before."""
    office, promised = asked_again(origin, before_ms=MINUTE_MS)
    office.hears(promised)
    office.hears(deadline_passed(office.last(callback.CallbackOrdered)))
    assert office.last(callback.CallbackExpired).origin is origin
    assert not office.said(telephony.DialLeg)


@pytest.mark.rule("C2", "C13")
@pytest.mark.parametrize("origin", Origin)
def test_what_was_promised_on_a_lost_log_is_taken_once(origin: Origin) -> None:
    """Asked for twice it is ordered once, though it has ended in between: the operator ran the verb again."""
    office, promised = asked_again(origin, before_ms=MINUTE_MS)
    office.hears(promised)
    office.hears(directory.CallbackCancelAsked(callback_id=WEB))
    office.hears(promised)
    assert len(office.said(callback.CallbackOrdered)) == 1
