"""What was tried for a callback, when the next attempt is, and who cancelled it."""

from typing import Any, TypeVar

import pytest
from msgspec import structs

from contracts import callback as c
from contracts.gateway import Outcome as LegOutcome
from contracts.ids import AgentId, CallbackId, Instant, LegId, PlaceId, PlayId
from services.history.rules.callback_attempts import Attempt, AttemptKind, attempts
from services.history.state import CallbackEnd
from tests.unit.history.stories import (
    ANNA,
    BORIS,
    CUSTOMER,
    MOSCOW,
    SALES,
    VERA,
    Office,
    a_call,
    at,
    attempt,
    callback_connected,
    hung_up,
    ordered,
    place,
)

CALLBACK, PLACE = CallbackId("cb.p.in1"), PlaceId("p.in1")


def an_ordered_callback() -> Office:
    """The customer has ordered and hung up."""
    return Office().say(a_call(), place(), at_s=0).say(ordered(), at_s=40).say(hung_up("in1"), at_s=41)


def failed(agent_id: AgentId, outcome: LegOutcome, next_at: Instant | None) -> c.AttemptFailed:
    """The customer was not reached."""
    return c.AttemptFailed(
        callback_id=CALLBACK,
        place_id=PLACE,
        attempt=1,
        agent_id=agent_id,
        agent_leg_id=LegId("agent.in1.1"),
        outcome=outcome,
        next_attempt_at=next_at,
        give_up_at=None,
    )


E = TypeVar("E", bound=c.CallbackEnd)


def end_of(kind: type[E], **values: Any) -> E:
    """The callback's end."""
    common: dict[str, Any] = {
        "callback_id": CALLBACK,
        "place_id": PLACE,
        "department_id": SALES,
        "pbx_id": MOSCOW,
        "number": CUSTOMER,
        "joined_at": at(0),
        "ordered_at": at(40),
        "attempts": 1,
    }
    return kind(**common | values)


def next_at(office: Office) -> Instant | None:
    """When the customer is dialled again."""
    return office.contact().callbacks[0].next_attempt_at


def told(office: Office) -> list[tuple[str, str | None]]:
    """Who was tried, and how it ended."""
    return [(each.agent_label, each.outcome) for each in attempts(office.contact().callbacks[0])]


@pytest.mark.rule("C6", "C13")
def test_each_attempt_has_its_agent_its_times_and_its_outcome() -> None:
    """Busy at the first one; the second one is reached by a colleague of another PBX."""
    office = an_ordered_callback().say(*attempt(ANNA), at_s=100)
    [goes_on] = attempts(office.contact().callbacks[0])
    assert (goes_on.dialled_at, goes_on.outcome, next_at(office)) == (at(100), None, None)
    office.say(failed(ANNA, LegOutcome.BUSY, at(165)), at_s=105)
    assert next_at(office) == at(165)
    office.say(*attempt(VERA, number=2), at_s=165)
    assert next_at(office) is None
    office.say(*callback_connected(VERA, number=2, at_s=170), at_s=170)
    first, second = attempts(office.contact().callbacks[0])
    assert (first.agent_label, first.at, first.ended_at, first.outcome) == (
        "Anna",
        at(100),
        at(105),
        "busy",
    )
    assert (second.agent_label, second.reached_at, second.outcome) == ("Vera (Volga)", at(170), "connected")


@pytest.mark.rule("C7")
def test_an_agent_who_goes_ends_the_attempt_and_a_customer_held_meanwhile_is_the_next_ones() -> None:
    """Anna was gone in the moment of the answer; Vera got the customer without a second dial."""
    office = an_ordered_callback().say(*attempt(ANNA), at_s=100)
    office.say(c.AgentLost(callback_id=CALLBACK, place_id=PLACE, agent_id=ANNA), at_s=104)
    held = c.CustomerHeld(
        callback_id=CALLBACK,
        place_id=PLACE,
        leg_id=LegId("customer.in1.1"),
        until_at=at(134),
        play_id=PlayId("m"),
    )
    office.say(held, at_s=104)
    assert told(office) == [("Anna", "agent_lost")]
    connected = end_of(
        c.CallbackConnected,
        agent_id=VERA,
        agent_leg_id=LegId("agent.in1.2"),
        leg_id=LegId("customer.in1.1"),
        waited_ms=110_000,
    )
    office.say(connected, at_s=110)
    assert told(office) == [("Anna", "agent_lost"), ("Vera (Volga)", "connected")]


@pytest.mark.rule("C4")
def test_an_apology_is_an_attempt_without_an_agent() -> None:
    """Nobody came: the first apology call is not answered, the second one is heard."""
    office = an_ordered_callback()
    office.say(c.ApologyQueued(callback_id=CALLBACK, place_id=PLACE, due_at=at(640)), at_s=640)
    assert next_at(office) == at(640)
    office.say(c.ApologyDialled(callback_id=CALLBACK, leg_id=LegId("s1"), attempt=1), at_s=641)
    assert next_at(office) is None
    missed = c.ApologyFailed(
        callback_id=CALLBACK, leg_id=LegId("s1"), outcome=LegOutcome.NO_ANSWER, next_attempt_at=at(731)
    )
    office.say(missed, at_s=671)
    assert next_at(office) == at(731)
    office.say(c.ApologyDialled(callback_id=CALLBACK, leg_id=LegId("s2"), attempt=2), at_s=731)
    office.say(c.ApologyMade(callback_id=CALLBACK, leg_id=LegId("s2"), play_id=PlayId("a"), ask=1), at_s=740)
    office.say(end_of(c.CallbackExpired, has_voice_message=False, was_told=True), at_s=760)
    assert attempts(office.contact().callbacks[0]) == (
        Attempt(
            kind=AttemptKind.APOLOGY,
            at=at(641),
            dialled_at=at(641),
            ended_at=at(671),
            outcome="no_answer",
        ),
        Attempt(
            kind=AttemptKind.APOLOGY,
            at=at(731),
            dialled_at=at(731),
            reached_at=at(740),
            ended_at=at(760),
            outcome="told",
        ),
    )


@pytest.mark.rule("C9")
@pytest.mark.parametrize(
    ("reason", "by", "wanted"),
    [("by_agent", BORIS, "Boris"), ("by_api", None, None), ("by_customer", None, None)],
)
def test_a_cancelled_callback_says_which_employee_wanted_it(
    reason: str, by: AgentId | None, wanted: str | None
) -> None:
    """The last who asked; a program and the customer are no employees, and nothing is tried any more."""
    office = an_ordered_callback().say(*attempt(ANNA), at_s=100)
    office.say(failed(ANNA, LegOutcome.BUSY, at(165)), at_s=105)
    story = (
        c.StoryStep(at=at(110), what=c.CANCEL_ASKED, agent_id=ANNA, reason="by_agent"),
        c.StoryStep(at=at(120), what=c.CANCEL_ASKED, agent_id=by, reason=reason),
    )
    office.say(end_of(c.CallbackCancelled, reason=reason, story=story), at_s=120)
    callback = office.contact().callbacks[0]
    who = callback.cancelled_by
    assert (callback.end, None if who is None else who.label) == (CallbackEnd.CANCELLED, wanted)
    assert next_at(office) is None


@pytest.mark.rule("C8", "C11")
def test_an_order_that_only_confirmed_a_callback_leads_to_it() -> None:
    """Whoever ordered by the API asks by the name of that order, and finds what became of it."""
    office = an_ordered_callback()
    asked = CallbackId("callback.api.1")
    confirmed = c.CallbackConfirmed(callback_id=CALLBACK, place_id=PLACE, asked_id=asked)
    office.say(confirmed, structs.replace(confirmed, asked_id=None), at_s=50)
    found = office.contact().callback_asked(asked)
    assert found is not None
    assert (found.callback_id, found.asked_ids) == (CALLBACK, [asked])
    assert office.contact().callback_asked(CallbackId("callback.api.2")) is None
