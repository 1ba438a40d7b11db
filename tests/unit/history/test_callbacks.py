"""Callbacks as one story each, and callers who go on in another place."""

import pytest
from msgspec import structs

from contracts import callback as c
from contracts import queue as q
from contracts.callback import (
    AttemptFailed,
    CallbackConfirmed,
    CallbackConnected,
    CallbackRefused,
    CallbackUnreached,
    Origin,
)
from contracts.dialling import Refusal
from contracts.gateway import Outcome as LegOutcome
from contracts.history import CustomerErased
from contracts.ids import CallbackId, LegId, PlaceId
from contracts.queue import PlaceAbandoned, PlaceClosed
from services.history.rules.outcome import Outcome
from services.history.rules.table_rows import rows_of
from services.history.state import CallbackEnd
from tests.unit.history.statistics_of_contacts import departments, employees
from tests.unit.history.stories import (
    ANNA,
    CUSTOMER,
    LINE,
    MOSCOW,
    SALES,
    VERA,
    Office,
    a_call,
    at,
    attempt,
    callback_connected,
    connected,
    hung_up,
    offer,
    offer_accepted,
    ordered,
    place,
)


@pytest.mark.rule("C13", "H4")
def test_a_callback_with_two_attempts_is_one_story_in_one_row() -> None:
    """Ordered, tried, not reached, tried again, connected: all in one row."""
    office = Office().say(a_call(), place(), at_s=0).say(ordered(), at_s=40).say(hung_up("in1"), at_s=41)
    office.say(*attempt(ANNA), at_s=100)
    failed = AttemptFailed(
        callback_id=CallbackId("cb.p.in1"),
        place_id=PlaceId("p.in1"),
        attempt=1,
        agent_id=ANNA,
        agent_leg_id=LegId("agent.in1.1"),
        outcome=LegOutcome.BUSY,
        next_attempt_at=at(160),
        give_up_at=None,
    )
    office.say(failed, at_s=105).say(*attempt(VERA, number=2), at_s=165)
    assert office.row().outcome is Outcome.OPEN
    office.say(*callback_connected(VERA, number=2, at_s=170), at_s=170)
    office.say(hung_up("customer.in1.2"), hung_up("agent.in1.2"), at_s=200)
    row = office.row()
    assert (row.outcome, row.agent_label, row.waited_ms) == (Outcome.ANSWERED, "Vera (Volga)", 170_000)
    assert (row.talk_ms, row.ended_at) == (30_000, at(200))
    callback = office.contact().callbacks[0]
    assert (callback.end, callback.attempts, callback.reached_at) == (CallbackEnd.CONNECTED, 2, at(170))
    assert [step.what for step in callback.story] == [
        "ordered",
        "attempt_started",
        "customer_dialled",
        "attempt_failed",
        "attempt_started",
        "customer_dialled",
        "customer_answered",
        "connected",
    ]


@pytest.mark.rule("C13", "C6")
def test_a_callback_that_never_reached_the_customer_is_missed_by_the_department() -> None:
    """A callback without a talk counts as nobody's success."""
    office = Office().say(a_call(), place(), at_s=0).say(ordered(), hung_up("in1"), at_s=40)
    office.say(*attempt(ANNA), at_s=100)
    over = CallbackUnreached(
        callback_id=CallbackId("cb.p.in1"),
        place_id=PlaceId("p.in1"),
        department_id=SALES,
        pbx_id=MOSCOW,
        number=CUSTOMER,
        joined_at=at(0),
        ordered_at=at(40),
        attempts=1,
        reason="bad_number",
    )
    closed = PlaceClosed(place_id=PlaceId("p.in1"), callback_id=CallbackId("cb.p.in1"), outcome="unreached")
    office.say(over, closed, at_s=110)
    row = office.row()
    assert (row.outcome, row.reason, row.department_label) == (Outcome.MISSED, "unreached", "Sales")


@pytest.mark.rule("C8", "C13")
def test_who_orders_again_goes_on_in_the_first_story() -> None:
    """The second call is a row of its own that says where the story is."""
    office = Office().say(a_call(), place(), ordered(), hung_up("in1"), at_s=40)
    office.say(a_call("in2"), place("in2"), at_s=60)
    callback_id = CallbackId("cb.p.in1")
    office.say(
        CallbackConfirmed(
            callback_id=callback_id,
            place_id=PlaceId("p.in1"),
            new_place_id=PlaceId("p.in2"),
            leg_id=LegId("in2"),
        ),
        PlaceClosed(place_id=PlaceId("p.in2"), callback_id=callback_id, outcome="confirmed"),
        hung_up("in2"),
        at_s=70,
    )
    assert (office.row("in2").outcome, office.contact("in2").continued_in) == (
        Outcome.CONTINUED,
        "callback:cb.p.in1",
    )
    assert [step.what for step in office.contact().callbacks[0].story] == ["ordered", "confirmed"]


@pytest.mark.rule("C8")
def test_who_takes_the_callbacks_place_on_this_line_talks_in_the_first_story() -> None:
    """The talk belongs to the place that was kept; it ends with the second call's line."""
    office = Office().say(a_call(), place(), ordered(), hung_up("in1"), at_s=40)
    office.say(a_call("in2"), place("in2"), at_s=60)
    office.say(
        q.CallbackTakenOver(
            place_id=PlaceId("p.in1"),
            new_place_id=PlaceId("p.in2"),
            callback_id=CallbackId("cb.p.in1"),
            leg_id=LegId("in2"),
        ),
        offer(ANNA, 1),
        offer_accepted(ANNA, 1),
        at_s=65,
    )
    talk = q.PlaceConnected(
        place_id=PlaceId("p.in1"),
        agent_id=ANNA,
        leg_id=LegId("in2"),
        agent_leg_id=LegId("p.in1.o1.0"),
        waited_ms=66_000,
    )
    office.say(talk, at_s=66).say(hung_up("in2"), at_s=96)
    assert (office.row().outcome, office.row().talk_ms) == (Outcome.ANSWERED, 30_000)
    assert office.row("in2").outcome is Outcome.CONTINUED


@pytest.mark.rule("C14", "H6")
def test_who_has_talked_by_another_call_is_counted_there_once() -> None:
    """The callback ends connected, its row says where they talked, and no figure counts it twice."""
    office = Office().say(a_call(), place(), ordered(), hung_up("in1"), at_s=40)
    office.say(a_call("in2"), place("in2"), at_s=60)
    office.say(offer(ANNA, 1, "in2"), at_s=61).say(offer_accepted(ANNA, 1, "in2"), at_s=65)
    office.say(connected(ANNA, 1, "in2", waited_ms=5_000), at_s=65)
    said = ordered()
    ended = CallbackConnected(
        callback_id=said.callback_id,
        place_id=said.place_id,
        department_id=said.department_id,
        pbx_id=said.pbx_id,
        number=said.number,
        joined_at=said.joined_at,
        ordered_at=at(40),
        attempts=0,
        reason="by_other_call",
        agent_id=ANNA,
        agent_leg_id=LegId("p.in2.o1.0"),
        leg_id=LegId("in2"),
        waited_ms=65_000,
        by_other_call=True,
        bridged_at=at(65),
    )
    closed = PlaceClosed(place_id=said.place_id, callback_id=said.callback_id, outcome="connected")
    office.say(ended, closed, at_s=80).say(hung_up("in2"), at_s=95)
    row, other = office.row(), office.row("in2")
    assert (row.outcome, row.reason, row.waited_ms) == (Outcome.CONTINUED, "by_other_call", 65_000)
    assert office.contact().continued_in == "leg:in2"
    assert (other.outcome, other.talk_ms, other.agent_label) == (Outcome.ANSWERED, 30_000, "Anna")
    contacts = [office.contact(), office.contact("in2")]
    figures = departments(contacts)[SALES]
    assert (figures.offered, figures.answered) == (1, 1)
    funnel = figures.callbacks
    assert (funnel.ordered, funnel.connected, funnel.by_other_call, funnel.open) == (1, 0, 1, 0)
    assert employees(contacts)[ANNA].answered == 1


@pytest.mark.rule("C8", "C15")
def test_who_calls_in_while_an_agent_is_with_the_callback_talks_in_its_story() -> None:
    """The agent is bridged to the customer's own leg; the place of the second call goes on here."""
    office = Office().say(a_call(), place(), ordered(), hung_up("in1"), at_s=40)
    office.say(offer(ANNA, 1), at_s=50).say(offer_accepted(ANNA, 1), *attempt(ANNA), at_s=54)
    office.say(a_call("in2"), place("in2"), at_s=55)
    said = ordered()
    ids = {"callback_id": said.callback_id, "place_id": said.place_id, "leg_id": LegId("in2")}
    office.say(
        c.CustomerExpected(**ids),  # type: ignore[arg-type]
        c.CustomerJoined(**ids, new_place_id=PlaceId("p.in2")),  # type: ignore[arg-type]
        PlaceClosed(place_id=PlaceId("p.in2"), callback_id=said.callback_id, outcome="joined"),
        at_s=60,
    )
    talked = CallbackConnected(
        callback_id=said.callback_id,
        place_id=said.place_id,
        department_id=said.department_id,
        pbx_id=said.pbx_id,
        number=said.number,
        joined_at=said.joined_at,
        ordered_at=at(40),
        attempts=0,
        agent_id=ANNA,
        agent_leg_id=LegId("agent.in1.1"),
        leg_id=LegId("in2"),
        waited_ms=60_000,
        bridged_at=at(60),
    )
    closed = PlaceClosed(place_id=said.place_id, callback_id=said.callback_id, outcome="connected")
    office.say(hung_up("in2"), at_s=100).say(talked, closed, at_s=101)
    row = office.row()
    assert (row.outcome, row.waited_ms, row.talk_ms) == (Outcome.ANSWERED, 60_000, 40_000)
    assert office.row("in2").outcome is Outcome.CONTINUED
    assert employees([office.contact(), office.contact("in2")])[ANNA].answered == 1


@pytest.mark.rule("C8")
def test_who_orders_again_waits_since_the_earlier_claim() -> None:
    """The wait begins with the joining time that holds, and the deadline belongs to it."""
    office = Office().say(a_call(), place(at_s=30), ordered(at_s=30), hung_up("in1"), at_s=40)
    said = ordered(at_s=30)
    confirmed = CallbackConfirmed(
        callback_id=said.callback_id, place_id=said.place_id, joined_at=at(10), deadline_at=at(610)
    )
    office.say(confirmed, at_s=50)
    place_ = office.contact().places[0]
    assert (place_.joined_at, place_.deadline_at) == (at(10), at(610))
    assert office.contact().callbacks[0].deadline_at == at(610)


@pytest.mark.rule("C11", "C13")
def test_a_callback_from_an_abandoned_call_is_in_that_calls_row() -> None:
    """The customer hung up, we called back: one story; not reached, it is still an abandoned call (EC-26)."""
    office = Office().say(a_call(), place(), at_s=0)
    office.say(hung_up("in1"), PlaceAbandoned(place_id=PlaceId("p.in1"), waited_ms=20_000), at_s=20)
    callback_id, place_id = CallbackId("cb.web"), PlaceId("p.web")
    asked = structs.replace(
        ordered(at_s=20), callback_id=callback_id, place_id=place_id, leg_id=None, origin=Origin.ABANDONED
    )
    taken_for_it = structs.replace(place(at_s=20), place_id=place_id, leg_id=None)
    office.say(asked, taken_for_it, at_s=20)
    over = CallbackUnreached(
        callback_id=callback_id,
        place_id=place_id,
        department_id=SALES,
        pbx_id=MOSCOW,
        number=CUSTOMER,
        joined_at=at(20),
        ordered_at=at(20),
        attempts=1,
    )
    assert office.row().outcome is Outcome.OPEN
    office.say(over, PlaceClosed(place_id=place_id, callback_id=callback_id, outcome="unreached"), at_s=60)
    assert len(office.batch.contacts) == 1
    assert office.row().outcome is Outcome.ABANDONED
    assert [each.end for each in office.contact().callbacks] == [CallbackEnd.UNREACHED]


def refused(reason: Refusal = Refusal.REGION) -> CallbackRefused:
    """The answer to a web form."""
    return CallbackRefused(
        place_id=PlaceId("p.asked.web"),
        department_id=SALES,
        leg_id=None,
        reason=reason,
        callback_id=CallbackId("web"),
        number="+14155552671",
        pbx_id=MOSCOW,
        caller_id=LINE,
    )


@pytest.mark.rule("C10", "C11", "C13")
def test_an_order_of_the_api_that_is_refused_has_a_row_that_says_why() -> None:
    """History says why nobody called back, not only the web form's log."""
    office = Office().say(refused(), refused(), at_s=7)
    row = office.row("p.asked.web")
    assert (row.outcome, row.reason) == (Outcome.REFUSED, "region")
    assert (row.number, row.line, row.pbx_name) == ("+14155552671", LINE, "Moscow")
    assert (row.department_label, row.started_at, row.ended_at) == ("Sales", at(7), at(7))
    (callback,) = office.contact("p.asked.web").callbacks
    assert (callback.end, callback.reason, callback.origin) == (CallbackEnd.REFUSED, "region", Origin.API)
    assert [step.what for step in callback.story] == ["refused"]


@pytest.mark.rule("C10", "H6")
def test_what_was_never_ordered_is_in_no_funnel() -> None:
    """A form that a fraud fills in a thousand times must not drown the figures."""
    contact = Office().say(refused()).contact("p.asked.web")
    made = rows_of(contact)
    assert made["callbacks"] == []
    assert [each["department_id"] for each in made["contact_departments"]] == [SALES]
    assert "number:+14155552671" in [each["name"] for each in made["contact_names"]]


@pytest.mark.rule("C10")
def test_a_refusal_of_which_an_older_version_said_less_has_its_row_all_the_same() -> None:
    """Facts from before an upgrade name neither number nor PBX."""
    less = structs.replace(refused(), number=None, pbx_id=None, caller_id="")
    row = Office().say(less).row("p.asked.web")
    assert (row.outcome, row.number, row.pbx_name) == (Outcome.REFUSED, None, "")


@pytest.mark.rule("C10", "V6")
def test_a_refused_order_is_erased_with_its_customer() -> None:
    """The row stays without the person."""
    office = Office().say(refused(), CustomerErased(number="+14155552671"))
    contact = office.contact("p.asked.web")
    assert (contact.number, contact.callbacks[0].number) == (None, "")


@pytest.mark.rule("C10")
def test_a_refusal_in_a_call_stays_with_the_callers_place() -> None:
    """The call has a row already."""
    in_call = structs.replace(
        refused(), place_id=PlaceId("p.in1"), leg_id=LegId("in1"), callback_id=None, number=None, pbx_id=None
    )
    office = Office().say(a_call(), place(), in_call)
    assert office.contact().places[0].refusals == [Refusal.REGION]
    assert not office.contact().callbacks
    assert len(office.batch.contacts) == 1


@pytest.mark.rule("C11", "C13")
def test_a_callback_from_an_abandoned_call_finds_that_very_call() -> None:
    """Two calls of one number to one department: the callback belongs to the one that was left first."""
    office = Office().say(a_call(), place(), at_s=0).say(a_call("in2"), place("in2"), at_s=1)
    for leg, at_s in (("in1", 20), ("in2", 30)):
        gone = PlaceAbandoned(place_id=PlaceId(f"p.{leg}"), waited_ms=20_000)
        office.say(hung_up(leg), gone, at_s=at_s)
    order = structs.replace(
        ordered(at_s=20),
        callback_id=CallbackId("cb.p.in1.abandoned"),
        place_id=PlaceId("p.in1.abandoned"),
        leg_id=None,
        origin=Origin.ABANDONED,
        abandoned_place_id=PlaceId("p.in1"),
    )
    office.say(order, at_s=31)
    assert [len(office.contact(leg).callbacks) for leg in ("in1", "in2")] == [1, 0]
    assert len(office.batch.contacts) == 2
