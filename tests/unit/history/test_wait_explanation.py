"""«Why did I wait?»: what kept every agent from the place, second by second, from the log alone (H7)."""

from collections.abc import Iterator

import pytest
from msgspec import structs

from contracts.directory import AgentAvailabilitySaved, AgentPauseSaved, Membership
from contracts.ids import AgentId, Instant, LegId, PlaceId
from contracts.message import Fact, Interval
from contracts.queue import (
    AgentBusy,
    AgentFreed,
    OfferAccepted,
    OfferDeclined,
    OfferMade,
    SkipReason,
    WrapUpStarted,
)
from ringback.log_replay import Acceptance
from services.history.rules.agent_changes import CHANGES
from services.history.rules.agent_states import AgentStates
from services.history.rules.wait_explanation import PlaceWhy, explain_wait
from tests.sim.world import Said, simulate
from tests.unit.history import stories
from tests.unit.history.stories import ANNA, SALES, VERA, Office, at

SEEDS = (4, 7, 12, 20)
AGENT_REASONS = {
    SkipReason.SUSPENDED,
    SkipReason.PAUSED,
    SkipReason.ABSENT,
    SkipReason.OUT_OF_HOURS,
    SkipReason.ON_CALL,
    SkipReason.HOLDS_OFFER,
    SkipReason.WRAP_UP,
}
"""Reasons that facts about an agent show; the others depend on the place's round and come with the offer."""


def told(*during: tuple[float, Fact], before: tuple[Fact, ...] = (), until_s: float = 60) -> PlaceWhy:
    """The wait of a caller in Sales from second 0 on."""
    office = Office().say(stories.a_call(), stories.place(), at_s=0)
    for at_s, fact in during:
        office.say(fact, at_s=at_s)
    contact = office.contact()
    cards = [fact for fact in stories.the_cards() if isinstance(fact, CHANGES)]
    listed = [(at(at_s), fact) for at_s, fact in during if isinstance(fact, CHANGES)]
    return explain_wait(contact, contact.places[0], [*cards, *before], listed, until_at=at(until_s))


def spells(found: PlaceWhy, agent_id: str) -> list[tuple[int, int, str]]:
    """One agent's spells in seconds of the wait."""
    agent = next(each for each in found.agents if each.agent_id == agent_id)
    return [
        ((each.from_at - at(0)) // 1000, (each.until_at - at(0)) // 1000, each.standing)
        for each in agent.spells
    ]


def busy(agent_id: AgentId, place: str) -> tuple[Fact, Fact]:
    """An agent takes another caller."""
    made = stories.offer(agent_id, 1, place)
    accepted = OfferAccepted(
        offer_id=made.offer_id, place_id=made.place_id, agent_id=made.agent_id, leg_id=LegId("x")
    )
    return accepted, AgentBusy(agent_id=made.agent_id, leg_id=LegId("x"), lease_until_at=at(9999))


@pytest.mark.rule("H7")
def test_each_agent_is_explained_without_a_gap_from_joining_to_the_end() -> None:
    """The customer waited 60 s: 25 s both talked, then Anna made notes, then she was rung."""
    found = told(
        (25, AgentFreed(agent_id=ANNA, cause="leg_ended", idle_since_at=at(25))),
        (25, WrapUpStarted(agent_id=ANNA, until_at=at(40))),
        (41, stories.offer(ANNA, 1)),
        before=(*busy(ANNA, "in9"), *busy(VERA, "in8")),
    )
    assert spells(found, ANNA) == [
        (0, 25, "on_call"),
        (25, 40, "wrap_up"),
        (40, 41, "free"),
        (41, 60, "rings"),
    ]
    assert spells(found, VERA) == [(0, 60, "on_call")]


@pytest.mark.rule("H7", "Q2")
def test_a_pause_an_absence_and_the_end_of_hours_are_told_by_the_second() -> None:
    """The clock alone ends a shift: the answer says so though no fact does."""
    absent = AgentAvailabilitySaved(
        agent_id=VERA, version=1, hours=None, absences=(Interval(from_at=at(10), until_at=at(30)),)
    )
    shift = AgentAvailabilitySaved(
        agent_id=ANNA, version=1, hours=(Interval(from_at=at(-99), until_at=at(50)),), absences=()
    )
    found = told((20, AgentPauseSaved(agent_id=ANNA, version=1, is_paused=True)), before=(absent, shift))
    assert spells(found, VERA) == [(0, 10, "free"), (10, 30, "absent"), (30, 60, "free")]
    assert spells(found, ANNA) == [(0, 20, "free"), (20, 50, "paused"), (50, 60, "out_of_hours")]


@pytest.mark.rule("H7", "Q8")
def test_who_declined_this_place_is_not_asked_again_for_ten_seconds() -> None:
    """And while another phone rings, it is not this agent's turn."""
    made = stories.offer(ANNA, 1)
    declined = OfferDeclined(offer_id=made.offer_id, place_id=made.place_id, agent_id=ANNA)
    found = told((0, made), (5, declined), (20, stories.offer(VERA, 2)))
    assert spells(found, ANNA) == [
        (0, 5, "rings"),
        (5, 15, "declined_this_place"),
        (15, 20, "free"),
        (20, 60, "not_their_turn"),
    ]


@pytest.mark.rule("H7", "O5")
def test_a_suspension_in_mid_wait_is_seen() -> None:
    """The department's list counts as of that second."""
    sales = stories.a_department(SALES, "Sales", stories.MOSCOW, ANNA, VERA, version=2)
    suspended = structs.replace(
        sales, agents=(Membership(agent_id=ANNA, is_suspended=True), Membership(agent_id=VERA))
    )
    found = told((30, suspended))
    assert spells(found, ANNA) == [(0, 30, "free"), (30, 60, "suspended")]


@pytest.mark.rule("H7")
def test_what_facts_tell_is_what_the_queue_itself_gave_as_reasons() -> None:
    """Each offer on the log names whom it skipped and why: here the same agent must have the same reason."""
    compared = 0
    for states, said in (each for seed in SEEDS for each in decisions(simulate(seed).facts)):
        offer = said.fact
        assert isinstance(offer, OfferMade)
        for skip in offer.skipped:
            if skip.reason in AGENT_REASONS:
                found = states.standing(
                    skip.agent_id, offer.department_id, PlaceId("another"), Instant(said.at)
                )
                assert found == skip.reason, (said.offset, skip)
                compared += 1
    assert compared > 10


def decisions(facts: tuple[Said, ...]) -> Iterator[tuple[AgentStates, Said]]:
    """Each offer with the agents' states at its decision: facts up to its cause, and the queue's since."""
    accepted = list(_accepted(facts))
    for index, said in enumerate(accepted):
        if not isinstance(said.fact, OfferMade):
            continue
        states = AgentStates()
        for each in accepted[:index]:
            is_known = each.offset <= said.envelope.cause_offset or each.envelope.source == "queue"
            if is_known and isinstance(each.fact, CHANGES):
                states.put(each.fact)
        yield states, said


def _accepted(facts: tuple[Said, ...]) -> Iterator[Said]:
    acceptance = Acceptance()
    for each in facts:
        if acceptance.accepts(each):
            yield each
