"""Apologies that wait: at night for a quarter of an hour, never for more than an hour (C4)."""

import pytest
from prometheus_client import REGISTRY

from contracts import callback, gateway
from contracts.gateway import Outcome
from contracts.ids import Instant, LegId
from runtime import metrics
from services.callback.service import gauges
from tests import offices
from tests.unit.callback.stories import (
    LINE,
    NINE,
    PBX,
    TEN_MINUTES_MS,
    Office,
    an_office,
    deadline_passed,
    ended,
    pressed_one,
    requested,
)

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
OLDEST_AT = "ringback_apology_oldest_timestamp_seconds"


def with_lines(at_once_max: int, office: Office | None = None) -> Office:
    """The PBX's card says how many apologies it makes at once."""
    office = office or an_office()
    office.hears(offices.pbx(PBX, LINE, version=2, apologies_at_once_max=at_once_max))
    return office


def due(office: Office, count: int) -> None:
    """This many customers were to be called back, and their deadlines pass now, one after the other."""
    joined_at = office.at - TEN_MINUTES_MS + 1  # at the deadline itself nobody orders any more
    for n in range(count):
        caller = f"+79120000{n:03}"
        office.hears(pressed_one(f"c{n}", caller=caller, joined=joined_at + n), ended(f"c{n}"))
    office.hears(*(deadline_passed(f"c{n}") for n in range(count)))


def dialled(office: Office) -> list[str]:
    """The customers whose apologies were dialled, in order."""
    return [each.callback_id.removeprefix("cb.p.") for each in office.said(callback.ApologyDialled)]


def is_busy(office: Office, leg_id: LegId) -> None:
    """The customer's line is busy."""
    office.hears(requested(leg_id), ended(leg_id, Outcome.BUSY))


def in_the_evening() -> Office:
    """An office at five to nine."""
    office = an_office()
    office.waits(12 * HOUR_MS - 5 * MINUTE_MS)
    return office


@pytest.mark.rule("C4")
def test_m11_an_apology_that_came_due_while_the_pbx_was_away_is_not_dialled_at_night() -> None:
    """The PBX returns at one in the morning: a letter has gone by then, and nobody is woken."""
    office = in_the_evening()
    office.hears(gateway.PbxLost(pbx_id=PBX))
    due(office, 1)
    office.waits(16 * HOUR_MS)
    office.hears(gateway.PbxReturned(pbx_id=PBX, live_legs=()))
    assert dialled(office) == []
    expired = office.last(callback.CallbackExpired)
    assert (expired.reason, expired.was_told) == ("quiet_hours", False)


@pytest.mark.rule("C4")
def test_m11_a_second_try_is_not_dialled_at_night_either() -> None:
    """Lateness counts from the place's deadline, not from the first try."""
    office = in_the_evening()
    due(office, 1)
    is_busy(office, office.last(callback.ApologyDialled).leg_id)
    office.hears(gateway.PbxLost(pbx_id=PBX))
    office.waits(16 * HOUR_MS)
    office.hears(gateway.PbxReturned(pbx_id=PBX, live_legs=()))
    assert dialled(office) == ["c0"]
    assert office.last(callback.CallbackExpired).reason == "quiet_hours"


@pytest.mark.rule("C4")
def test_m11_a_pbx_that_is_back_within_a_quarter_of_an_hour_calls() -> None:
    """At five past nine the customer still waits for it."""
    office = in_the_evening()
    office.hears(gateway.PbxLost(pbx_id=PBX))
    due(office, 1)
    office.waits(12 * HOUR_MS + 5 * MINUTE_MS)
    office.hears(gateway.PbxReturned(pbx_id=PBX, live_legs=()))
    assert dialled(office) == ["c0"]


@pytest.mark.rule("C4")
def test_m12_first_calls_go_before_second_tries() -> None:
    """A customer who has heard nothing yet goes before one who was busy, whichever deadline is earlier."""
    office = with_lines(1)
    due(office, 3)
    is_busy(office, office.last(callback.ApologyDialled).leg_id)
    assert dialled(office) == ["c0", "c1"]
    office.waits_until(Instant(office.at + MINUTE_MS))
    is_busy(office, office.last(callback.ApologyDialled).leg_id)
    assert dialled(office) == ["c0", "c1", "c2"]
    is_busy(office, office.last(callback.ApologyDialled).leg_id)
    assert dialled(office) == ["c0", "c1", "c2", "c0"]


@pytest.mark.rule("C4")
def test_m12_an_hour_after_the_deadline_a_letter_goes_instead() -> None:
    """Even at noon: by then the recipients can call back themselves."""
    office = with_lines(1)
    due(office, 2)
    office.hears(requested(office.last(callback.ApologyDialled).leg_id), gateway.PbxLost(pbx_id=PBX))
    office.waits_until(Instant(office.at + HOUR_MS + 1))
    assert not office.said(callback.CallbackExpired)
    office.waits_until(Instant(office.at + 1))
    expired = office.last(callback.CallbackExpired)
    assert (expired.callback_id, expired.reason, expired.was_told) == ("cb.p.c1", "apology_too_late", False)
    assert dialled(office) == ["c0"]


@pytest.mark.rule("C4")
@pytest.mark.parametrize("lines", [1, 2, 12])
def test_m12_a_pbx_makes_as_many_at_once_as_its_card_says(lines: int) -> None:
    """Five, unless somebody has set another number."""
    office = with_lines(lines)
    due(office, 20)
    assert len(dialled(office)) == lines
    is_busy(office, office.said(callback.ApologyDialled)[0].leg_id)
    assert len(dialled(office)) == lines + 1


@pytest.mark.rule("C4")
def test_more_lines_serve_waiting_customers_when_the_next_line_is_free() -> None:
    """A new setting needs no restart."""
    office = with_lines(1)
    due(office, 4)
    office.hears(offices.pbx(PBX, LINE, version=3, apologies_at_once_max=3))
    is_busy(office, office.last(callback.ApologyDialled).leg_id)
    assert dialled(office) == ["c0", "c1", "c2", "c3"]


@pytest.mark.rule("C4")
def test_m12_how_long_apologies_wait_is_a_metric() -> None:
    """How many wait, and the deadline of the one that waits longest, over all organizations."""
    office = with_lines(1)
    nobody = gauges(office.state)
    due(office, 3)
    share = gauges(office.state)
    assert (share["apologies_waiting"], share["apology_oldest_at"]) == (2.0, (NINE + 2) / 1_000)
    metrics.show([nobody, share, share])
    assert REGISTRY.get_sample_value("ringback_apologies_waiting") == 4.0
    assert REGISTRY.get_sample_value(OLDEST_AT) == (NINE + 2) / 1_000
    metrics.show([nobody])
    assert REGISTRY.get_sample_value(OLDEST_AT) == 0.0


@pytest.mark.rule("C4")
def test_the_earliest_deadline_of_callbacks_that_nobody_was_dialled_for_is_a_metric() -> None:
    """A deadline that passes without a word is a customer who is about to be forgotten."""
    office = an_office()
    for n in range(2):
        office.hears(pressed_one(f"c{n}", caller=f"+79120000{n:03}", joined=NINE + n), ended(f"c{n}"))
    share = gauges(office.state)
    first = min(each.deadline_at for each in office.state.callbacks) / 1_000
    assert (share["callbacks_open"], share["callback_deadline_at"]) == (2.0, first)
    office.hears(deadline_passed("c0"), deadline_passed("c1"))
    share = gauges(office.state)
    assert (share["callbacks_open"], share["callback_deadline_at"]) == (2.0, 0.0)
