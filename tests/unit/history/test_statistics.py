"""Figures add up: every number of statistics equals the rows that it sums, whatever happened (H6)."""

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import callback as c
from contracts import queue as q
from contracts import routing as r
from contracts.directory import ActionKind
from contracts.gateway import Outcome as LegOutcome
from contracts.ids import AgentId, CallbackId, LegId, PlaceId, TryId
from services.history.rules import tries
from services.history.rules.history_row import row
from services.history.rules.outcome import Outcome
from services.history.rules.statistics import DepartmentFigures
from services.history.state import CallbackEnd, Contact, PlaceEnd, TryEnd
from tests.unit.history.statistics_of_contacts import departments, employees
from tests.unit.history.stories import (
    ANNA,
    BORIS,
    SALES,
    VERA,
    Office,
    a_call,
    answered,
    at,
    attempt,
    callback_connected,
    connected,
    ended,
    hung_up,
    missed,
    offer,
    offer_accepted,
    offer_missed,
    ordered,
    place,
    rung,
    taken,
)

AGENTS = (ANNA, BORIS, VERA)


def in_vain(
    agent_id: AgentId, number: int, leg: str = "in1", outcome: LegOutcome = LegOutcome.NO_ANSWER
) -> c.AttemptFailed:
    """The customer was not reached."""
    return c.AttemptFailed(
        callback_id=CallbackId(f"cb.p.{leg}"),
        place_id=PlaceId(f"p.{leg}"),
        attempt=number,
        agent_id=agent_id,
        agent_leg_id=LegId(f"agent.{leg}.{number}"),
        outcome=outcome,
        next_attempt_at=at(600),
        give_up_at=at(660),
    )


def an_attempt(office: Office, agent_id: AgentId, number: int, at_s: float, leg: str = "in1") -> None:
    """An agent takes the callback, and the customer is dialled."""
    office.say(offer(agent_id, number, leg), at_s=at_s)
    office.say(offer_accepted(agent_id, number, leg), at_s=at_s + 3)
    office.say(*attempt(agent_id, leg, number), at_s=at_s + 6)


@pytest.mark.rule("C6", "H6")
def test_p25_an_attempt_that_reached_nobody_is_neither_answered_nor_missed() -> None:
    """Two attempts and one talk are one answered call, of the employee as of the department."""
    office = Office().say(a_call(), place())
    office.say(ordered(), at_s=40).say(hung_up("in1"), at_s=45)
    an_attempt(office, ANNA, 1, 60)
    office.say(in_vain(ANNA, 1), at_s=96)
    anna = employees([office.contact()])[ANNA]
    assert (anna.offered, anna.answered, anna.missed, anna.other) == (1, 0, 0, 1)
    an_attempt(office, ANNA, 2, 160)
    assert employees([office.contact()])[ANNA].open == 1
    office.say(*callback_connected(ANNA, number=2, at_s=190), at_s=190)
    anna = employees([office.contact()])[ANNA]
    assert (anna.offered, anna.answered, anna.missed, anna.other) == (2, 1, 0, 1)
    assert departments([office.contact()])[SALES].answered == 1
    assert tries.ends(office.contact()) == [TryEnd.NOT_REACHED, TryEnd.ACCEPTED]


@pytest.mark.rule("C7", "H6")
def test_p25_who_drops_before_the_customer_answers_has_answered_nothing() -> None:
    """The place is first again; the next agent has the talk."""
    office = Office().say(a_call(), place())
    office.say(ordered(), at_s=40).say(hung_up("in1"), at_s=45)
    an_attempt(office, ANNA, 1, 60)
    lost = c.AgentLost(callback_id=CallbackId("cb.p.in1"), place_id=PlaceId("p.in1"), agent_id=ANNA)
    office.say(lost, at_s=70)
    an_attempt(office, VERA, 2, 80)
    office.say(*callback_connected(VERA, number=2, at_s=100), at_s=100)
    found = employees([office.contact()])
    assert (found[ANNA].answered, found[VERA].answered) == (0, 1)


@pytest.mark.rule("Q7", "H6")
def test_p25_who_picks_up_when_the_caller_has_gone_has_answered_nothing() -> None:
    """The employee hears that the caller has gone: no talk, no answered call."""
    office = Office().say(a_call(), taken(), rung(ANNA, "t1"))
    leg = LegId("t1.leg")
    picked_up = r.PersonAnswered(leg_id=LegId("in1"), try_id=TryId("t1"), agent_id=ANNA, agent_leg_id=leg)
    office.say(picked_up, at_s=5)
    office.say(hung_up("in1"), ended(r.EndReason.ABANDONED, missed_by=ANNA, waited_ms=5_000), at_s=5)
    anna = employees([office.contact()])[ANNA]
    assert (anna.answered, anna.missed, anna.other, anna.open) == (0, 0, 1, 0)


def a_department_call(draw: st.DrawFn, office: Office, leg: str) -> None:
    """A caller waits; some agents miss, one may answer; else the caller leaves, or the deadline comes."""
    office.say(a_call(leg), place(leg), at_s=0)
    number, now = 0, 1.0
    for agent_id in draw(st.lists(st.sampled_from(AGENTS), max_size=3)):
        number, now = number + 1, now + 20
        office.say(offer(agent_id, number, leg), at_s=now)
        end = draw(st.sampled_from(["missed", "reopened", "open"]))
        if end == "open":
            return
        if end == "missed":
            office.say(offer_missed(agent_id, number, leg), at_s=now + 10)
        else:
            gone = q.OfferReopened(place_id=PlaceId(f"p.{leg}"), agent_id=agent_id)
            office.say(offer_accepted(agent_id, number, leg), gone, at_s=now + 10)
    end = draw(st.sampled_from(["answered", "abandoned", "diverted", "open"]))
    if end == "answered":
        agent_id = draw(st.sampled_from(AGENTS))
        office.say(offer(agent_id, number + 1, leg), at_s=now)
        office.say(offer_accepted(agent_id, number + 1, leg), at_s=now + 4)
        office.say(connected(agent_id, number + 1, leg, waited_ms=round(now + 4) * 1000), at_s=now + 4)
    elif end == "abandoned":
        gone_away = q.PlaceAbandoned(place_id=PlaceId(f"p.{leg}"), waited_ms=round(now * 1000))
        office.say(gone_away, at_s=now)
    elif end == "diverted":
        office.say(a_diversion(leg), at_s=612)
    if end != "open":
        office.say(hung_up(leg), at_s=700)


def a_diversion(leg: str) -> q.PlaceDiverted:
    """A phone rang at the deadline and finished its ring; then the machine took the call."""
    taken_place = place(leg)
    return q.PlaceDiverted(
        place_id=taken_place.place_id,
        department_id=SALES,
        pbx_id=taken_place.pbx_id,
        leg_id=taken_place.leg_id,
        caller=taken_place.caller,
        line=taken_place.line,
        joined_at=taken_place.joined_at,
        action=ActionKind.VOICEMAIL,
        reason=q.DivertReason.DEADLINE,
        waited_ms=612_000,
    )


def a_callback(draw: st.DrawFn, office: Office, leg: str) -> None:
    """A caller orders a callback; attempts fail, agents drop, and it ends in one of five ways, or not yet."""
    office.say(a_call(leg), place(leg), at_s=0)
    office.say(ordered(leg), at_s=30).say(hung_up(leg), at_s=40)
    number, now = 0, 60.0
    for agent_id in draw(st.lists(st.sampled_from(AGENTS), max_size=2)):
        number, now = number + 1, now + 70
        an_attempt(office, agent_id, number, now, leg)
        if draw(st.booleans()):
            office.say(in_vain(agent_id, number, leg), at_s=now + 30)
        else:
            lost = c.AgentLost(
                callback_id=CallbackId(f"cb.p.{leg}"), place_id=PlaceId(f"p.{leg}"), agent_id=agent_id
            )
            office.say(lost, at_s=now + 8)
    end = draw(st.sampled_from([*CallbackEnd, None]))
    if end is CallbackEnd.CONNECTED:
        an_attempt(office, VERA, number + 1, now + 70, leg)
        office.say(*callback_connected(VERA, leg, number + 1, at_s=now + 90), at_s=now + 90)
    elif end is not None:
        office.say(an_end(end, leg), at_s=now + 600)
        closed = q.PlaceClosed(
            place_id=PlaceId(f"p.{leg}"), callback_id=CallbackId(f"cb.p.{leg}"), outcome=str(end)
        )
        office.say(closed, at_s=now + 601)


def an_end(end: CallbackEnd, leg: str) -> c.CallbackEnd:
    """A callback ends without a talk."""
    said = ordered(leg)
    common = {
        "callback_id": said.callback_id,
        "place_id": said.place_id,
        "department_id": said.department_id,
        "pbx_id": said.pbx_id,
        "number": said.number,
        "joined_at": said.joined_at,
        "ordered_at": at(30),
        "attempts": 0,
        "deadline_at": said.deadline_at,
    }
    match end:
        case CallbackEnd.EXPIRED:
            return c.CallbackExpired(**common, has_voice_message=False, was_told=True)  # type: ignore[arg-type]
        case CallbackEnd.UNREACHED:
            return c.CallbackUnreached(**common)  # type: ignore[arg-type]
        case CallbackEnd.CANCELLED:
            return c.CallbackCancelled(**common)  # type: ignore[arg-type]
        case _:
            return c.CallbackBarred(**common)  # type: ignore[arg-type]


def a_direct_call(draw: st.DrawFn, office: Office, leg: str) -> None:
    """A call to an employee: answered, missed, or still ringing."""
    office.say(a_call(leg), taken(leg), at_s=0)
    agent_id, try_id = draw(st.sampled_from(AGENTS)), f"t.{leg}"
    office.say(rung(agent_id, try_id, leg), at_s=1)
    end = draw(st.sampled_from(["answered", "missed", "open"]))
    if end == "answered":
        office.say(*answered(agent_id, try_id, leg), at_s=8)
    elif end == "missed":
        office.say(missed(agent_id, try_id, leg), at_s=60)
        office.say(ended(r.EndReason.DROPPED, missed_by=agent_id, leg=leg, waited_ms=60_000), at_s=60)
    if end != "open":
        office.say(hung_up(leg), at_s=90)


@st.composite
def histories(draw: st.DrawFn) -> list[Contact]:
    """A random day: some calls of each kind."""
    office = Office()
    kinds = draw(st.lists(st.sampled_from([a_department_call, a_callback, a_direct_call]), max_size=8))
    for number, kind in enumerate(kinds):
        kind(draw, office, f"in{number}")
    return list(office.batch.contacts.values())


@pytest.mark.rule("H6")
@settings(max_examples=150, deadline=None)
@given(histories())
def test_p25_every_figure_equals_its_rows(contacts: list[Contact]) -> None:
    """Managers add the columns up, and rightly believe no figures that don't add up."""
    talks = [(talk, contact) for contact in contacts for talk in contact.talks]
    of_departments, of_employees = departments(contacts), employees(contacts)
    for figures in of_departments.values():
        _adds_up(figures, contacts)
    for agent_id, employee in of_employees.items():
        parts = (employee.answered, employee.missed, employee.declined, employee.other, employee.open)
        assert employee.offered == sum(parts)
        assert employee.answered == sum(
            1 for talk, _ in talks if talk.agent is not None and talk.agent.agent_id == agent_id
        )
    assert all(row(contact).outcome is Outcome.ANSWERED for _, contact in talks)
    by_department = sum(each.answered for each in of_departments.values())
    direct = sum(1 for talk, _ in talks if talk.department_id is None)
    assert sum(each.answered for each in of_employees.values()) == by_department + direct


def _adds_up(figures: DepartmentFigures, contacts: list[Contact]) -> None:
    """One department's figures against the contacts themselves."""
    places = [each for contact in contacts for each in contact.places if each.end is not PlaceEnd.CONTINUED]
    assert figures.offered == len(places)
    assert figures.offered == figures.answered + figures.abandoned + figures.missed + figures.open
    waits = [each.waited_ms for each in places if each.ended_at is not None]
    assert figures.wait_ms_average == (round(sum(waits) / len(waits)) if waits else None)
    assert figures.answered == sum(
        1 for contact in contacts for talk in contact.talks if talk.department_id == figures.department_id
    )
    ends = Counter(each.end for contact in contacts for each in contact.callbacks)
    funnel = figures.callbacks
    assert funnel.ordered == sum(ends.values())
    said = (funnel.connected, funnel.expired, funnel.unreached, funnel.cancelled, funnel.refused, funnel.open)
    assert said == tuple(ends[each] for each in (*CallbackEnd, None))
    assert funnel.ordered >= funnel.agent >= funnel.dialled >= funnel.reached >= funnel.connected
    for contact in contacts:
        for waited_ms in _waits(contact):
            assert row(contact).waited_ms == waited_ms


def _waits(contact: Contact) -> Iterator[int]:
    """The wait of a contact's only place, which is what its row shows."""
    if len(contact.places) == 1 and contact.places[0].ended_at is not None:
        yield contact.places[0].waited_ms
