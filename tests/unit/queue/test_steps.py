"""Cumulative: which end starts the next agent, and when all phones stop."""

import pytest

from contracts import gateway, queue, telephony
from contracts.gateway import Outcome
from contracts.ids import AgentId, Instant
from tests.unit.queue.stories import ANNA, BORIS, GLEB, SECOND, VERA, Office, an_office, by

CUMULATIVE = by("cumulative")


def started_at(office: Office, agent_id: AgentId) -> Instant:
    """When an agent was first rung, in ms after the caller joined."""
    office_began_at = office.place("c1").joined_at
    step_ms = SECOND
    while agent_id not in office.ringing("c1"):
        office.waits(step_ms)
    return Instant(office.at - office_began_at)


@pytest.mark.rule("Q1")
@pytest.mark.parametrize("how", [Outcome.DECLINED, Outcome.BUSY, Outcome.UNAVAILABLE])
def test_m13_the_end_of_an_agent_who_was_started_earlier_frees_no_step(how: Outcome) -> None:
    """The first declines at 13 s; the second has been ringing for 3 s, and the third starts at 20 s."""
    office = an_office(ANNA, BORIS, VERA, strategy=CUMULATIVE)
    office.calls("c1")
    office.waits(13 * SECOND)
    office.phone_ends(ANNA, how)
    assert office.ringing("c1") == [BORIS]
    assert started_at(office, VERA) == 20 * SECOND


@pytest.mark.rule("Q1")
def test_m13_an_earlier_agent_whose_phone_rings_out_frees_no_step() -> None:
    """A network that gives up after thirteen seconds does not make the third start sooner."""
    office = an_office(ANNA, BORIS, VERA, strategy=CUMULATIVE)
    office.calls("c1")
    office.waits(13 * SECOND)
    office.phone_ends(ANNA, Outcome.NO_ANSWER)
    assert office.end_of(ANNA) is queue.OfferMissed
    assert started_at(office, VERA) == 20 * SECOND


@pytest.mark.rule("Q1", "O5")
def test_m13_an_offer_that_is_withdrawn_from_an_earlier_agent_frees_no_step() -> None:
    """The head suspends the first agent, whose phone stops; nothing changes for the others."""
    office = an_office(ANNA, BORIS, VERA, strategy=CUMULATIVE)
    office.calls("c1")
    office.waits(13 * SECOND)
    office.saves(office.department(ANNA, BORIS, VERA, suspended=(ANNA,), strategy=CUMULATIVE))
    assert office.end_of(ANNA) is queue.OfferWithdrawn
    assert started_at(office, VERA) == 20 * SECOND


@pytest.mark.rule("Q1")
@pytest.mark.parametrize("how", [Outcome.DECLINED, Outcome.BUSY, Outcome.UNAVAILABLE, Outcome.NO_ANSWER])
def test_m13_the_end_of_the_agent_who_was_started_last_frees_the_step(how: Outcome) -> None:
    """The second declines at 13 s: the third starts now, and a new step begins."""
    office = an_office(ANNA, BORIS, VERA, GLEB, strategy=CUMULATIVE)
    office.calls("c1")
    office.waits(13 * SECOND)
    office.phone_ends(BORIS, how)
    assert office.ringing("c1") == [ANNA, VERA]
    assert started_at(office, GLEB) == 23 * SECOND


@pytest.mark.rule("Q1", "O5")
def test_m13_a_withdrawn_offer_of_the_agent_who_was_started_last_frees_the_step() -> None:
    """An agent who is taken off the list does not delay the next one."""
    office = an_office(ANNA, BORIS, VERA, strategy=CUMULATIVE)
    office.calls("c1")
    office.waits(13 * SECOND)
    office.saves(office.department(ANNA, BORIS, VERA, suspended=(BORIS,), strategy=CUMULATIVE))
    assert office.ringing("c1") == [ANNA, VERA]


@pytest.mark.rule("Q1")
def test_m13_a_step_that_was_freed_once_is_not_freed_again_by_an_earlier_agent() -> None:
    """The second declines and the third starts; then the first declines: the fourth waits for its step."""
    office = an_office(ANNA, BORIS, VERA, GLEB, strategy=CUMULATIVE)
    office.calls("c1")
    office.waits(10 * SECOND)
    office.declines(BORIS)
    assert office.ringing("c1") == [ANNA, VERA]
    office.waits(2 * SECOND)
    office.declines(ANNA)
    assert office.ringing("c1") == [VERA]
    assert started_at(office, GLEB) == 20 * SECOND


@pytest.mark.rule("Q1")
def test_m13_when_nobody_rings_any_more_the_next_starts_at_once() -> None:
    """The caller never waits beside a free agent for a step in which no phone rings."""
    office = an_office(ANNA, BORIS, VERA, strategy=CUMULATIVE)
    office.calls("c1")
    office.waits(12 * SECOND)
    office.declines(ANNA)
    office.declines(BORIS)
    assert office.ringing("c1") == [VERA]


@pytest.mark.rule("Q1")
def test_m13_after_an_earlier_decline_all_end_one_ring_time_after_the_last_start() -> None:
    """The decline changes neither when the last one starts nor when the round ends."""
    office = an_office(ANNA, BORIS, VERA, strategy=CUMULATIVE)
    office.calls("c1")
    office.waits(13 * SECOND)
    office.declines(ANNA)
    office.waits(27 * SECOND - 1)
    assert office.ringing("c1") == [BORIS, VERA]
    office.waits(1)
    assert office.ringing("c1") == []


@pytest.mark.rule("Q1")
def test_m13_a_phone_that_begins_to_ring_late_does_not_prolong_the_round() -> None:
    """All phones stop one ring time after the last start, even if an earlier phone begins to ring late."""
    office = an_office(ANNA, BORIS, auto=False, strategy=CUMULATIVE)
    office.calls("c1")
    office.hears(gateway.LegAnswered(pbx_id=office.place("c1").pbx_id, leg_id=office.place("c1").leg_id))  # type: ignore[arg-type]  # a caller has a leg
    office.waits(10 * SECOND)
    rings = {
        agent_id: gateway.LegRinging(
            pbx_id=office.place("c1").pbx_id, leg_id=office.offer_to(agent_id).legs[0].leg_id
        )
        for agent_id in (ANNA, BORIS)
    }
    office.hears(rings[BORIS])
    office.hears(rings[ANNA], after_ms=4 * SECOND)
    office.waits(16 * SECOND - 1)
    assert office.ringing("c1") == [ANNA, BORIS]
    office.waits(1)
    assert office.ringing("c1") == []


@pytest.mark.rule("Q1")
def test_m13_a_phone_may_ring_for_as_long_as_late_starters_prolong_the_round() -> None:
    """Three agents become free one after the other, each just before the round would have ended."""
    office = an_office(ANNA, BORIS, VERA, strategy=CUMULATIVE)
    for name in ("before1", "before2"):
        office.calls(name)
    office.answers(ANNA)
    office.waits(10 * SECOND)
    office.answers(BORIS)
    office.calls("c1")
    assert office.ringing("c1") == [VERA]
    limit_ms = office.said(telephony.DialLeg)[-1].ring_ms_max
    for agent_id in (ANNA, BORIS):
        office.waits(19 * SECOND)
        office.finishes(agent_id)
        assert agent_id in office.ringing("c1")
    office.waits(19 * SECOND)
    assert office.ringing("c1") == [VERA, ANNA, BORIS]
    assert limit_ms > office.at - office.place("c1").joined_at
