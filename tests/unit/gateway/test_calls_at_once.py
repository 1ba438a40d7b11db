"""An organization's calls at once: one more is busy, and a flood fills neither log nor memory (O1)."""

from typing import Any

import pytest

from contracts.codec import Envelope
from contracts.gateway import (
    CallArrived,
    CommandRefused,
    DigitsEntered,
    EndedBy,
    LegEnded,
    LegRequested,
    Outcome,
    PbxFact,
)
from contracts.ids import Address, Instant, LegId, OrganizationId, PbxId
from contracts.message import Fact
from contracts.telephony import AnswerLeg
from runtime.edge import Heard
from services.gateway import port, rules
from services.gateway.activities.spent_minutes import SpentMinutes
from services.gateway.decider import calls_at_once
from services.gateway.decider.calls_at_once import ARRIVALS_BURST, ARRIVALS_PER_S, CallsAtOnce, Verdict
from services.gateway.simulated import Call
from tests import offices
from tests.unit.gateway.harness import (
    ANSWERS,
    CUSTOMER,
    LINE,
    ORGANIZATION,
    PBX,
    START,
    GatewayHarness,
    dial,
    hang_up,
)

PUBLIC = f"tel:{CUSTOMER}"


def an_office(calls_at_once_max: int, **phones: Any) -> GatewayHarness:
    """An office that may have so many calls at once."""
    office = GatewayHarness(dict(phones), public={CUSTOMER: ANSWERS})
    limited = offices.organization(ORGANIZATION, calls_at_once_max=calls_at_once_max, version=2)
    office.machine.learn(limited)
    return office


@pytest.mark.rule("O1")
def test_one_call_too_many_is_busy_and_the_log_says_both_that_it_came_and_that_it_ended() -> None:
    """Deciders see a caller who is gone at once; the others' calls go on."""
    office = an_office(2)
    first, second = office.calls_in(), office.calls_in()
    third = office.calls_in()
    office.run(1_000)
    assert [each.leg_id for each in office.facts(CallArrived)] == [first, second, third]
    [ended] = office.facts(LegEnded)
    assert (ended.leg_id, ended.outcome, ended.by) == (third, Outcome.BUSY, EndedBy.US)
    assert "arrival_too_many" in office.counted
    assert set(office.machine.live_legs()) == {first, second}


@pytest.mark.rule("O1")
def test_a_decider_that_answers_the_rejected_call_is_told_that_it_is_gone() -> None:
    """Nothing is left hanging, whatever was decided on the arrival meanwhile."""
    office = an_office(1)
    office.calls_in()
    rejected = office.calls_in()
    office.tell(AnswerLeg(pbx_id=PBX, leg_id=rejected))
    office.run(10_000)
    assert [each.reason for each in office.facts(CommandRefused, leg_id=rejected)] == ["gone"]
    assert len(office.facts(LegEnded, leg_id=rejected)) == 1


@pytest.mark.rule("O1")
def test_an_end_makes_room_for_the_next_call() -> None:
    """The count follows the calls, and is not a count of a day."""
    office = an_office(1)
    first = office.calls_in()
    office.tell(hang_up(first))
    office.run(1_000)
    second = office.calls_in()
    office.run(1_000)
    assert second in office.machine.live_legs()


@pytest.mark.rule("O1", "C10")
def test_one_dial_too_many_over_the_public_network_is_refused_with_its_reason() -> None:
    """Inside the company phones still ring: a call that is there is not lost for want of an agent's leg."""
    office = an_office(1, **{"sip:201": ANSWERS})
    office.calls_in()
    office.tell(dial(PUBLIC))
    office.tell(dial("sip:201", "leg-2"))
    office.run(100)
    [refused] = office.facts(CommandRefused)
    assert (refused.leg_id, refused.reason) == ("leg-1", "too_many_calls")
    assert [each.leg_id for each in office.facts(LegRequested)] == ["leg-2"]
    assert office.dials(PUBLIC) == 0


@pytest.mark.rule("O1")
def test_dialled_legs_over_the_public_network_count_too() -> None:
    """And those that a predecessor dialled."""
    office = an_office(1)
    office.tell(dial(PUBLIC))
    office.run(3_000)
    office.crash()
    office.machine.learn(offices.organization(ORGANIZATION, calls_at_once_max=1, version=2))
    office.tell(dial(PUBLIC, "leg-2"), source="callback")
    office.run(100)
    assert [each.reason for each in office.facts(CommandRefused)] == ["too_many_calls"]


@pytest.mark.rule("O1")
def test_a_flood_of_calls_is_rejected_and_fills_neither_log_nor_memory() -> None:
    """A dialler that calls a thousand times a second must not cost the organization's neighbours the log."""
    office = an_office(10)
    most = ARRIVALS_BURST + 2 * ARRIVALS_PER_S
    for number in range(1_000):
        office.network.pbxs[PBX].call_in(office.now, Call(line=LINE, caller=f"+7916{number:07}"))
        office.run(1)
    office.run(10_000)
    assert ARRIVALS_BURST <= len(office.facts(CallArrived)) <= most
    assert office.counted.count("arrival_of_a_flood") >= 1_000 - most
    assert len(office.machine.live_legs()) == 10
    assert len(office.facts(LegEnded)) == len(office.facts(CallArrived)) - 10


@pytest.mark.rule("O1")
def test_calls_of_all_pbxs_of_an_organization_count_together_and_no_other_organizations() -> None:
    """Also of PBXs that other processes serve: their facts are on the log."""
    spent = SpentMinutes()
    for number in range(3):
        leg_id = LegId(f"in.{number}")
        spent.hear(heard(CallArrived(pbx_id=PbxId(f"p{number}"), leg_id=leg_id, caller=None, line=LINE)))
    ours, theirs = spent.of(ORGANIZATION).calls, spent.of(OrganizationId("neighbour")).calls
    ours.at_once_max = theirs.at_once_max = 3
    assert ours.is_full(START)
    assert theirs.arrives(LegId("in.their"), Instant(START)) is Verdict.TAKEN
    ended = LegEnded(pbx_id=PbxId("p1"), leg_id=LegId("in.1"), outcome=Outcome.ABANDONED, by=EndedBy.PARTY)
    spent.hear(heard(ended))
    assert not ours.is_full(START)
    spent.hear(heard(LegRequested(pbx_id=PbxId("p1"), leg_id=LegId("inner"), address=Address("sip:201"))))
    assert not ours.is_full(START)


def heard(fact: Fact, organization_id: OrganizationId = ORGANIZATION) -> Heard:
    """A fact as the log gives it."""
    assert isinstance(fact, PbxFact)
    envelope = Envelope(id="x", type="x", source=f"gateway/{fact.pbx_id}", organization_id=organization_id)
    return Heard(message=fact, envelope=envelope, partition=0, offset=0, at=Instant(START))


def test_legs_whose_end_was_never_said_stop_counting() -> None:
    """A PBX that is gone for good must not take the organization's lines with it."""
    calls = CallsAtOnce()
    calls.at_once_max = 1
    calls.begin(LegId("lost"), Instant(START))
    assert calls.is_full(START + calls_at_once.CALL_MS_MAX - 1)
    assert not calls.is_full(START + calls_at_once.CALL_MS_MAX)


def test_the_memory_of_calls_is_bounded_whatever_an_operator_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are forgotten."""
    monkeypatch.setattr(calls_at_once, "LEGS_MAX", 10)
    calls = CallsAtOnce()
    calls.at_once_max = 1_000_000
    for number in range(100):
        calls.begin(LegId(f"leg.{number}"), Instant(START))
    assert len(calls._live) == 10


@pytest.mark.rule("O1")
def test_a_flood_of_keys_does_not_fill_the_log() -> None:
    """A machine on one line that sends tones without end must not become a thousand facts a second."""
    office = GatewayHarness()
    leg_id = office.calls_in()
    office.tell(AnswerLeg(pbx_id=PBX, leg_id=leg_id))
    office.run(1_000)
    for _ in range(1_000):
        office.machine.handle(office.now, port.Pressed(leg_id=leg_id, digit="5"))
        office.run(10)
    most = rules.KEYS_BURST + 10 * rules.KEYS_PER_S
    assert rules.KEYS_BURST <= len(office.facts(DigitsEntered)) <= most + 1
    assert "key_of_a_flood" in office.counted
    office.run(60_000)
    for digit in "89161234567#89161234567#":
        office.machine.handle(office.now, port.Pressed(leg_id=leg_id, digit=digit))
    office.run(100)
    assert [each.digits for each in office.facts(DigitsEntered)][-24:] == list("89161234567#89161234567#")
