"""The queue's part of a callback: who holds the place, who is offered it, how callback's facts change it."""

import pytest

from contracts import callback, gateway, queue, telephony
from contracts.gateway import DeviceState, Outcome
from contracts.ids import CallbackId, Instant, LegId, PlaceId, PlayId
from tests.unit.queue.callback_stories import (
    OTHER,
    an_attempt,
    anna_is_free,
    attempt_failed,
    dialled,
    end,
    with_anna_busy,
)
from tests.unit.queue.stories import (
    ANNA,
    BORIS,
    CUSTOMER,
    MINUTE,
    MOSCOW,
    NINE,
    SALES,
    SECOND,
    Office,
    an_office,
    by,
)

CUST = LegId("cust")
"""The leg on which the customer is called."""


@pytest.mark.rule("C3")
def test_first_the_agent_with_the_customers_number_then_callback_dials() -> None:
    """EC-37: the desk phone shows the customer and the purpose; the queue does not dial the customer."""
    office = with_anna_busy()
    office.calls("c1")
    callback_id = office.orders("c1")
    office.waits(7 * MINUTE - 30 * SECOND)
    anna_is_free(office)
    dial = office.last(telephony.DialLeg)
    assert (dial.address, dial.caller_id) == ("sip:anna", CUSTOMER)
    assert dial.display_name == "Sales"
    assert dial.headers == {"purpose": "callback", "caller": CUSTOMER}
    assert not office.said(queue.AgentReady)
    office.answers(ANNA)
    ready = office.last(queue.AgentReady)
    assert (ready.callback_id, ready.agent_id, ready.leg_id) == (callback_id, ANNA, dial.leg_id)
    assert ready.waited_ms == 7 * MINUTE
    assert not office.said(telephony.Bridge)


@pytest.mark.rule("C4", "C5")
def test_a_callbacks_deadline_always_leads_to_callback_and_never_to_the_no_answer_action() -> None:
    """Callback makes the apology call; the place is not offered meanwhile."""
    office = with_anna_busy()
    office.calls("c1")
    callback_id = office.orders("c1")
    office.waits(10 * MINUTE)
    passed = office.last(queue.DeadlinePassed)
    assert (passed.callback_id, passed.deadline_at) == (callback_id, NINE + 10 * MINUTE)
    anna_is_free(office)
    assert not office.has_offer(ANNA)
    office.hears(end(office, callback.CallbackExpired, callback_id, has_voice_message=False, was_told=True))
    assert office.last(queue.PlaceClosed).outcome == "expired"


@pytest.mark.rule("C5")
def test_a_deadline_that_passes_while_the_agents_phone_rings_waits_for_that_ring() -> None:
    """If the agent answers, the callback goes on; a deadline after the answer changes nothing."""
    office = with_anna_busy()
    office.calls("c1")
    callback_id = office.orders("c1")
    office.waits_until(Instant(NINE + 10 * MINUTE - 5 * SECOND))
    anna_is_free(office)
    office.waits(10 * SECOND)
    assert not office.said(queue.DeadlinePassed)
    office.answers(ANNA)
    assert office.last(queue.AgentReady).callback_id == callback_id
    office.waits(5 * MINUTE)
    assert not office.said(queue.DeadlinePassed)


@pytest.mark.rule("C5")
def test_a_ring_that_runs_out_after_the_deadline_leads_to_callback() -> None:
    """If the agent does not answer, the deadline acts, once."""
    office = with_anna_busy()
    office.calls("c1")
    office.orders("c1")
    office.waits_until(Instant(NINE + 10 * MINUTE - 5 * SECOND))
    anna_is_free(office)
    office.waits(20 * SECOND)
    assert office.end_of(ANNA) is queue.OfferMissed
    assert len(office.said(queue.DeadlinePassed)) == 1


@pytest.mark.rule("C6")
def test_after_a_failed_attempt_the_place_waits_for_its_gap_with_a_new_last_moment() -> None:
    """The agent is free when the leg has ended; the place keeps its joining time and waits for the gap."""
    office = with_anna_busy()
    callback_id, leg_id = an_attempt(office)
    office.hears(attempt_failed(office, callback_id, leg_id, Instant(office.at + MINUTE)))
    office.hears(office.leg_ended(leg_id, Outcome.COMPLETED))
    assert office.last(queue.AgentFreed).agent_id == ANNA
    assert office.place("c1").joined_at == NINE
    office.waits(MINUTE - 1)
    assert not office.has_offer(ANNA)
    office.waits(1)
    assert office.has_offer(ANNA)
    assert office.place("c1").deadline_at == NINE + 11 * MINUTE


@pytest.mark.rule("C6")
def test_a_failed_attempt_is_neither_a_miss_nor_a_call_for_the_agent() -> None:
    """It counts neither as missed nor as handled: no wrap-up, the same idle time."""
    office = with_anna_busy(wrap_up_ms=MINUTE)
    callback_id, leg_id = an_attempt(office)
    idle_since_at = office.state.activity(ANNA).idle_since_at
    office.waits(20 * SECOND)
    office.hears(attempt_failed(office, callback_id, leg_id, Instant(office.at + MINUTE)))
    office.hears(office.leg_ended(leg_id, Outcome.COMPLETED))
    assert not office.said(queue.OfferMissed)
    assert not office.said(queue.WrapUpStarted)
    assert office.state.activity(ANNA).idle_since_at == idle_since_at


@pytest.mark.rule("C6")
def test_a_last_attempt_that_fails_ends_the_place_with_the_callback() -> None:
    """No retry is left: the callback ends as unreached, and no agent is rung for it again."""
    office = with_anna_busy()
    callback_id, leg_id = an_attempt(office)
    office.hears(
        attempt_failed(office, callback_id, leg_id, None),
        end(office, callback.CallbackUnreached, callback_id),
        office.leg_ended(leg_id, Outcome.COMPLETED),
    )
    assert office.last(queue.PlaceClosed).outcome == "unreached"
    assert not office.has_offer(ANNA)


def an_attempt_while_an_earlier_caller_waits(office: Office) -> tuple[CallbackId, LegId]:
    """Anna missed the earlier caller, and took the callback in the pause between rounds."""
    office.calls("earlier", caller=OTHER)
    office.waits(SECOND)
    office.calls("c1")
    callback_id = office.orders("c1")
    anna_is_free(office)
    assert office.ringing("earlier") == [ANNA]
    office.waits(20 * SECOND)
    assert office.ringing("c1") == [ANNA]
    office.answers(ANNA)
    return callback_id, office.last(queue.AgentReady).leg_id


@pytest.mark.rule("C7", "Q3")
def test_an_agent_lost_before_the_customer_answers_makes_the_place_first_again() -> None:
    """It comes before a caller who joined earlier."""
    office = with_anna_busy(strategy=by("longest_idle"))
    callback_id, leg_id = an_attempt_while_an_earlier_caller_waits(office)
    office.waits(10 * SECOND)
    lost = callback.AgentLost(callback_id=callback_id, place_id=office.place("c1").place_id, agent_id=ANNA)
    office.hears(lost)
    assert [rank[2] for rank in office.state.order[SALES]] == ["p.c1", "p.earlier"]
    office.hears(office.leg_ended(leg_id, Outcome.COMPLETED))
    assert office.ringing("c1") == [ANNA]


@pytest.mark.rule("C7", "Q8")
def test_an_agent_who_drops_again_keeps_nobody_else_from_the_place_for_longer() -> None:
    """Boris may have the place ten seconds after he declined it, whatever Anna does meanwhile."""
    office = an_office(ANNA, BORIS, strategy=by("longest_idle"))
    office.phone_is(ANNA, DeviceState.IN_USE)
    office.phone_is(BORIS, DeviceState.IN_USE)
    callback_id, leg_id = an_attempt(office)
    lost = callback.AgentLost(callback_id=callback_id, place_id=office.place("c1").place_id, agent_id=ANNA)
    office.phone_is(BORIS, DeviceState.IDLE)
    office.hears(lost, office.leg_ended(leg_id, Outcome.COMPLETED))
    office.declines(BORIS)
    office.waits(4 * SECOND)
    office.answers(ANNA)
    office.hears(
        lost, office.leg_ended(office.last(queue.AgentReady).leg_id, Outcome.COMPLETED), after_ms=SECOND
    )
    assert office.ringing("c1") == []
    office.waits(5 * SECOND)
    assert office.ringing("c1") == [BORIS]


@pytest.mark.rule("C7", "Q3")
def test_a_held_customer_is_served_before_one_who_joined_earlier() -> None:
    """«One moment» must not become ten minutes."""
    office = with_anna_busy(strategy=by("longest_idle"))
    callback_id, leg_id = an_attempt_while_an_earlier_caller_waits(office)
    office.waits(10 * SECOND)
    office.hears(dialled(callback_id, PlaceId("p.c1"), CUST, leg_id), held(office, callback_id))
    office.hears(office.leg_ended(leg_id, Outcome.COMPLETED))
    assert office.ringing("c1") == [ANNA]
    assert office.ringing("earlier") == []


@pytest.mark.rule("C7", "C5")
def test_an_agent_lost_after_the_deadline_leads_to_callback_at_once() -> None:
    """The deadline changed nothing while the place had an agent; now the place may not be offered again."""
    office = with_anna_busy()
    callback_id, leg_id = an_attempt(office)
    office.waits(10 * MINUTE)
    office.hears(
        callback.AgentLost(callback_id=callback_id, place_id=office.place("c1").place_id, agent_id=ANNA),
        office.leg_ended(leg_id, Outcome.COMPLETED),
    )
    assert office.last(queue.DeadlinePassed).callback_id == callback_id
    assert not office.has_offer(ANNA)


def held(office: Office, callback_id: CallbackId) -> callback.CustomerHeld:
    """The customer answers just as the agent leaves."""
    return callback.CustomerHeld(
        callback_id=callback_id,
        place_id=office.place("c1").place_id,
        leg_id=CUST,
        until_at=Instant(office.at + 30 * SECOND),
        play_id=PlayId("moment"),
    )


@pytest.mark.rule("C7")
def test_a_held_customer_gets_the_next_free_agent_before_everyone() -> None:
    """The queue bridges the agent to this leg, which connects the callback."""
    office = with_anna_busy(strategy=by("longest_idle"))
    callback_id, leg_id = an_attempt(office)
    office.calls("early", caller=OTHER)
    office.hears(dialled(callback_id, PlaceId("p.c1"), CUST, leg_id), held(office, callback_id))
    office.hears(office.leg_ended(leg_id, Outcome.COMPLETED))
    assert office.ringing("c1") == [ANNA]
    office.answers(ANNA)
    connected = office.last(queue.PlaceConnected)
    assert (connected.leg_id, connected.callback_id) == ("cust", callback_id)
    office.hangs_up("cust")
    assert office.last(queue.AgentFreed).agent_id == ANNA


@pytest.mark.rule("C7")
def test_nobody_in_time_for_a_held_customer_leads_to_callback() -> None:
    """After thirty seconds with no phone ringing callback apologizes in the same call."""
    office = with_anna_busy()
    callback_id, leg_id = an_attempt(office)
    office.hears(dialled(callback_id, PlaceId("p.c1"), CUST, leg_id), held(office, callback_id))
    office.phone_is(ANNA, DeviceState.IN_USE)
    office.hears(office.leg_ended(leg_id, Outcome.COMPLETED))
    office.waits(30 * SECOND - 1)
    assert not office.said(queue.DeadlinePassed)
    office.waits(1)
    assert office.last(queue.DeadlinePassed).callback_id == callback_id
    office.hears(end(office, callback.CallbackExpired, callback_id, has_voice_message=True, was_told=True))
    assert office.last(queue.PlaceClosed).outcome == "expired"


@pytest.mark.rule("C7")
def test_old_news_of_an_attempt_does_not_take_the_next_agent_away() -> None:
    """The next agent answered before callback's fact about the previous one was on the log."""
    office = an_office(ANNA, BORIS, strategy=by("longest_idle"))
    office.phone_is(ANNA, DeviceState.IN_USE)
    office.phone_is(BORIS, DeviceState.IN_USE)
    callback_id, leg_id = an_attempt(office)
    lost = callback.AgentLost(callback_id=callback_id, place_id=office.place("c1").place_id, agent_id=ANNA)
    office.hears(lost, office.leg_ended(leg_id, Outcome.COMPLETED))
    office.declines(ANNA)
    office.phone_is(BORIS, DeviceState.IDLE)
    office.answers(BORIS)
    assert office.place("c1").agent_id == BORIS
    office.hears(attempt_failed(office, callback_id, leg_id, Instant(office.at + MINUTE)), lost)
    assert office.place("c1").agent_id == BORIS


@pytest.mark.rule("Q13", "C3")
def test_a_connected_callback_is_a_department_call_with_wrap_up() -> None:
    """Once callback has bridged, it counts like any call of the department."""
    office = with_anna_busy(wrap_up_ms=MINUTE)
    callback_id, leg_id = an_attempt(office)
    office.hears(
        end(
            office,
            callback.CallbackConnected,
            callback_id,
            agent_id=ANNA,
            agent_leg_id=leg_id,
            leg_id=LegId("cust"),
            waited_ms=MINUTE,
        )
    )
    assert office.last(queue.PlaceClosed).outcome == "connected"
    assert office.state.activity(ANNA).leg_id == leg_id
    office.waits(MINUTE)
    office.hears(office.leg_ended(leg_id, Outcome.COMPLETED))
    assert office.last(queue.WrapUpStarted).agent_id == ANNA


def test_facts_of_callback_about_ended_places_change_nothing() -> None:
    """Late facts are normal: the first fact on the log has decided."""
    office = with_anna_busy()
    callback_id, leg_id = an_attempt(office)
    facts = (
        attempt_failed(office, callback_id, leg_id, Instant(office.at + MINUTE)),
        callback.AgentLost(callback_id=callback_id, place_id=office.place("c1").place_id, agent_id=ANNA),
        held(office, callback_id),
        callback.NumberChanged(
            callback_id=callback_id, place_id=office.place("c1").place_id, number="+79123456781"
        ),
        callback.OrderAbandoned(place_id=office.place("c1").place_id, leg_id=LegId("c1")),
        end(office, callback.CallbackExpired, callback_id, has_voice_message=False, was_told=False),
        gateway.LegRinging(pbx_id=MOSCOW, leg_id=LegId("unknown")),
    )
    office.hears(end(office, callback.CallbackCancelled, callback_id))
    said = len(office.facts)
    office.hears(*facts)
    assert office.facts[said:] == []
