"""An agent whose phone answers busy or dead again and again rests longer each time."""

import pytest

from contracts import queue
from contracts.gateway import DeviceState, Outcome
from contracts.ids import AgentId
from contracts.queue import SkipReason
from tests import offices
from tests.unit.queue.stories import (
    ANNA,
    BORIS,
    MINUTE,
    MOSCOW,
    SALES,
    SECOND,
    VOLGA,
    Office,
    an_office,
    by,
)


def rests(office: Office, agent_id: AgentId, how: Outcome = Outcome.BUSY) -> int:
    """The agent's phone is busy once more: return how long until it is rung again."""
    office.phone_ends(agent_id, how)
    since_at = office.at
    while not office.has_offer(agent_id):
        office.waits(SECOND)
    return office.at - since_at


@pytest.mark.rule("Q1", "Q2")
@pytest.mark.parametrize("how", [Outcome.BUSY, Outcome.UNREACHABLE])
def test_n11_a_phone_that_is_busy_again_and_again_is_tried_less_and_less_often(how: Outcome) -> None:
    """The pause between rounds doubles each time, up to a minute."""
    office = an_office(ANNA)
    office.calls("c1")
    waited = [rests(office, ANNA, how) // SECOND for _ in range(6)]
    assert waited == [5, 10, 20, 40, 60, 60]


@pytest.mark.rule("Q1")
def test_n11_a_busy_extension_is_offered_a_place_a_dozen_times_in_ten_minutes_at_most() -> None:
    """It once was nineteen times in a row, every five seconds."""
    office = an_office(ANNA)
    office.calls("c1")
    while office.waits_for("c1"):
        if office.has_offer(ANNA):
            office.phone_ends(ANNA, Outcome.BUSY)
        office.waits(SECOND)
    assert len(office.said(queue.OfferMade)) <= 13


@pytest.mark.rule("Q1")
@pytest.mark.parametrize("kind", ["ring_all", "longest_idle", "linear", "cumulative"])
def test_n11_other_agents_are_not_held_up_by_one_who_rests(kind: str) -> None:
    """The busy phone takes no step of the round, and other agents' rounds go on."""
    office = an_office(ANNA, BORIS, strategy=by(kind))
    office.calls("c1")
    office.phone_ends(ANNA, Outcome.BUSY)
    assert office.ringing("c1") == [BORIS]
    for _ in range(3):
        office.waits(25 * SECOND)
        if ANNA in office.ringing("c1"):
            office.phone_ends(ANNA, Outcome.BUSY)
        assert office.ringing("c1") == [BORIS]


@pytest.mark.rule("Q2")
def test_n11_an_agent_who_rests_is_skipped_as_unreachable_and_idle_time_stays() -> None:
    """The reason is kept, and she is still the longest idle."""
    office = an_office(ANNA, BORIS, strategy=by("longest_idle"))
    office.talks(ANNA, "before")
    office.talks(BORIS, "before2")
    idle_since_at = office.state.activity(ANNA).idle_since_at
    office.calls("c1")
    office.phone_ends(ANNA, Outcome.BUSY)
    assert office.state.skip(SALES, ANNA) is SkipReason.UNREACHABLE
    assert office.state.activity(ANNA).idle_since_at == idle_since_at


@pytest.mark.rule("Q2")
def test_n11_a_phone_that_shows_idle_ends_the_rest_and_the_count() -> None:
    """She has hung up: she is rung in the next round, and her next rest is short again."""
    office = an_office(ANNA)
    office.calls("c1")
    for _ in range(3):
        rests(office, ANNA)
    office.phone_ends(ANNA, Outcome.BUSY)
    office.phone_is(ANNA, DeviceState.IDLE)
    office.waits(5 * SECOND)
    assert office.has_offer(ANNA)
    assert rests(office, ANNA) == 5 * SECOND


@pytest.mark.rule("Q2")
@pytest.mark.parametrize("how", ["answers", "declines", "misses"])
def test_n11_an_agent_who_was_reached_begins_anew(how: str) -> None:
    """After an answer, a decline or a miss the phone works, and earlier failures do not count."""
    office = an_office(ANNA)
    office.calls("c1")
    for _ in range(4):
        rests(office, ANNA)
    if how == "answers":
        office.answers(ANNA)
        office.finishes(ANNA)
        office.calls("c2")
    elif how == "declines":
        office.declines(ANNA)
        office.waits(10 * SECOND)
    else:
        office.waits(25 * SECOND)
    assert rests(office, ANNA) == 5 * SECOND


@pytest.mark.rule("O9")
def test_n11_a_pbx_that_is_away_is_not_counted_against_its_agents() -> None:
    """The PBX is skipped and probed as a whole; when it is back, no agent rests for a minute."""
    office = an_office(ANNA)
    office.saves(offices.pbx(VOLGA), office.agent(ANNA, pbx_id=VOLGA))
    office.calls("c1")
    for _ in range(4):
        office.phone_ends(ANNA, Outcome.UNREACHABLE)
        office.waits(MINUTE)
    assert office.state.activity(ANNA).failures == 0
    assert office.place("c1").pbx_id == MOSCOW


def test_n11_a_restart_keeps_every_rest() -> None:
    """A new process goes on where the previous one stopped."""
    office = an_office(ANNA)
    office.calls("c1")
    for _ in range(2):
        rests(office, ANNA)
    office.restarts()
    assert rests(office, ANNA) == 20 * SECOND
