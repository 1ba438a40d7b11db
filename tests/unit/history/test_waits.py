"""One definition of «waited», wherever it is shown: rows, statistics, tables, letters, «why»."""

import pytest
from msgspec import structs

from contracts import callback as c
from contracts import queue as q
from contracts.directory import ActionKind
from contracts.ids import Instant
from contracts.voicemail import SendLetter
from contracts.waiting import waited_ms
from services.history.rules import csv_columns, table_rows
from tests.unit.history.stories import Office, a_call, at, hung_up, ordered, place
from tests.unit.voicemail import stories as voicemail

DEADLINE_S = 42


def an_expired_callback() -> Office:
    """Ordered at 5 s with a deadline at 42 s; the apology is over at 57 s, and the queue reads it at 65 s."""
    taken = structs.replace(place(), deadline_at=at(DEADLINE_S))
    order = structs.replace(ordered(), deadline_at=at(DEADLINE_S))
    office = Office().say(a_call(), taken)
    office.say(order, hung_up("in1"), at_s=5)
    expired = c.CallbackExpired(
        callback_id=order.callback_id,
        place_id=order.place_id,
        department_id=order.department_id,
        pbx_id=order.pbx_id,
        number=order.number,
        joined_at=order.joined_at,
        ordered_at=at(5),
        attempts=0,
        has_voice_message=False,
        was_told=True,
        deadline_at=order.deadline_at,
    )
    office.say(expired, at_s=57)
    closed = q.PlaceClosed(place_id=order.place_id, callback_id=order.callback_id, outcome="expired")
    return office.say(closed, at_s=65)


@pytest.mark.rule("C4", "H4")
def test_n5_an_expired_row_s_wait_ends_at_its_deadline_wherever_it_is_told() -> None:
    """History said 65 s, the letter 57 s, the deadline was at 42 s."""
    contact = an_expired_callback().contact()
    assert contact.places[0].waited_ms == DEADLINE_S * 1000
    assert contact.callbacks[0].waited_ms == DEADLINE_S * 1000
    row = an_expired_callback().row()
    assert row.waited_ms == DEADLINE_S * 1000
    tables = table_rows.rows_of(contact)
    assert [each["waited_ms"] for each in (*tables["places"], *tables["callbacks"])] == [42_000, 42_000]
    assert csv_columns.duration(row.waited_ms) == "0:00:42"


@pytest.mark.rule("V4")
def test_n5_a_letter_tells_the_wait_that_history_shows() -> None:
    """The recipients compare both."""
    office = voicemail.Office()
    fact = voicemail.expired(has_voice_message=False)
    deadline_at = Instant(fact.joined_at + 42_000)
    office.hear(structs.replace(fact, deadline_at=deadline_at), Instant(fact.joined_at + 57_000))
    assert {each.waited_ms for each in office.all_said(SendLetter)} == {42_000}


@pytest.mark.rule("Q5")
def test_n5_a_caller_whom_the_machine_takes_waited_until_the_deadline() -> None:
    """A phone that was ringing may finish its ring; the caller's deadline is earlier."""
    taken = structs.replace(place(), deadline_at=at(DEADLINE_S))
    office = Office().say(a_call(), taken)
    diverted = q.PlaceDiverted(
        place_id=taken.place_id,
        department_id=taken.department_id,
        pbx_id=taken.pbx_id,
        leg_id=taken.leg_id,
        caller=taken.caller,
        line=taken.line,
        joined_at=taken.joined_at,
        action=ActionKind.VOICEMAIL,
        reason=q.DivertReason.DEADLINE,
        waited_ms=57_000,
    )
    office.say(diverted, at_s=57).say(hung_up("in1"), at_s=70)
    assert office.row().waited_ms == DEADLINE_S * 1000


@pytest.mark.parametrize(
    ("ended_s", "deadline_s", "waited_s"), [(57, 42, 42), (30, 42, 30), (57, None, 57), (-1, 42, 0)]
)
def test_n5_a_wait_ends_with_what_ended_it(ended_s: int, deadline_s: int | None, waited_s: int) -> None:
    """With an answer there is no deadline, without one nothing counts after it."""
    deadline_at = None if deadline_s is None else at(deadline_s)
    assert waited_ms(at(0), at(ended_s), deadline_at) == waited_s * 1000
