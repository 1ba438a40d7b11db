"""The minutes of a day over the public network are the organization's, and end (C10)."""

import pytest

from contracts.dialling import DiallingPolicy, Refusal
from contracts.gateway import CommandRefused, EndedBy, LegAnswered, LegEnded, LegRequested, Outcome
from contracts.ids import Address, Instant, LegId, PbxId
from services.gateway.decider import Minutes
from tests import offices
from tests.unit.gateway.harness import CUSTOMER, ORGANIZATION, GatewayHarness, dial

MINUTE = 60_000
DAY = 24 * 60 * MINUTE
MIDNIGHT = Instant(20_000 * DAY)
TALKS = {"behaviours": [{"answer_after_s": 1.0}]}


def talked(
    minutes: Minutes, leg_id: str, from_at: int, until_at: int | None, address: str = "tel:+7"
) -> None:
    """One leg: dialled, answered, and maybe ended."""
    pbx_id, leg = PbxId("any"), LegId(leg_id)
    minutes.hear(LegRequested(pbx_id=pbx_id, leg_id=leg, address=Address(address)), Instant(from_at))
    minutes.hear(LegAnswered(pbx_id=pbx_id, leg_id=leg), Instant(from_at))
    if until_at is not None:
        minutes.hear(
            LegEnded(pbx_id=pbx_id, leg_id=leg, outcome=Outcome.COMPLETED, by=EndedBy.US), Instant(until_at)
        )


@pytest.mark.rule("C10")
def test_what_was_dialled_and_talked_today_counts_running_calls_too() -> None:
    """The bill grows while people talk, not when they hang up."""
    minutes = Minutes()
    talked(minutes, "ended", MIDNIGHT, MIDNIGHT + 3 * MINUTE)
    talked(minutes, "running", MIDNIGHT + MINUTE, None)
    assert minutes.used_ms(Instant(MIDNIGHT + 5 * MINUTE)) == 7 * MINUTE
    assert minutes.are_used_up(Instant(MIDNIGHT + 5 * MINUTE), 7)
    assert not minutes.are_used_up(Instant(MIDNIGHT + 5 * MINUTE), 8)


@pytest.mark.rule("C10")
def test_internal_calls_and_calls_that_arrive_cost_nothing() -> None:
    """Only what we dialled over the public network is billed to us."""
    minutes = Minutes()
    talked(minutes, "desk", MIDNIGHT, MIDNIGHT + 3 * MINUTE, "sip:201")
    minutes.hear(LegAnswered(pbx_id=PbxId("any"), leg_id=LegId("caller")), MIDNIGHT)
    assert minutes.used_ms(Instant(MIDNIGHT + 5 * MINUTE)) == 0


@pytest.mark.rule("C10")
def test_a_day_ends_by_itself_and_a_talk_over_midnight_counts_in_both() -> None:
    """Nobody has to reset anything."""
    minutes = Minutes()
    talked(minutes, "old", MIDNIGHT - 9 * MINUTE, MIDNIGHT - 4 * MINUTE)
    talked(minutes, "over", MIDNIGHT - MINUTE, None)
    assert minutes.used_ms(Instant(MIDNIGHT - 1)) == 6 * MINUTE - 1
    assert minutes.used_ms(Instant(MIDNIGHT + 2 * MINUTE)) == 2 * MINUTE
    talked(minutes, "over", MIDNIGHT - MINUTE, MIDNIGHT + 2 * MINUTE)
    assert minutes.used_ms(Instant(MIDNIGHT + 5 * MINUTE)) == 2 * MINUTE


@pytest.mark.rule("C10")
def test_a_leg_whose_end_was_never_said_stops_counting() -> None:
    """A PBX that is gone for ever must not close the organization's lines every day."""
    minutes = Minutes()
    talked(minutes, "lost", MIDNIGHT, None)
    assert minutes.used_ms(Instant(MIDNIGHT + 9 * 60 * MINUTE)) == 4 * 60 * MINUTE
    assert minutes.used_ms(Instant(MIDNIGHT + DAY + 1)) == 0


@pytest.mark.rule("C10")
def test_four_fifths_are_alarmed_once_a_day() -> None:
    """Somebody can look before customers are refused."""
    minutes = Minutes()
    talked(minutes, "a", MIDNIGHT, MIDNIGHT + 7 * MINUTE)
    assert not minutes.is_alarm(Instant(MIDNIGHT + 7 * MINUTE), 10)
    talked(minutes, "b", MIDNIGHT, MIDNIGHT + MINUTE)
    at = Instant(MIDNIGHT + 9 * MINUTE)
    assert [minutes.is_alarm(at, 10), minutes.is_alarm(at, 10)] == [True, False]
    talked(minutes, "c", MIDNIGHT + DAY, MIDNIGHT + DAY + 9 * MINUTE)
    assert minutes.is_alarm(Instant(MIDNIGHT + DAY + 9 * MINUTE), 10)


@pytest.mark.rule("C10")
def test_beyond_the_ceiling_public_numbers_are_refused_and_nobody_is_cut_off() -> None:
    """Desk phones still ring, the running talk goes on, and the reason has a name."""
    office = GatewayHarness({"sip:201": TALKS}, public={CUSTOMER: TALKS})
    policy = DiallingPolicy(minutes_per_day_max=2)
    office.machine.learn(offices.organization(ORGANIZATION, version=2, dialling_policy=policy))
    talked(office.machine._state.minutes, "elsewhere", office.now, office.now + MINUTE)
    office.tell(dial(f"tel:{CUSTOMER}", "first"))
    office.run(2_000)
    talked(office.machine._state.minutes, "elsewhere again", office.now, office.now + MINUTE)
    office.run(2_000)
    office.tell(dial(f"tel:{CUSTOMER}", "second"))
    office.tell(dial("sip:201", "desk"))
    office.run(2_000)
    assert [each.leg_id for each in office.facts(LegAnswered)] == ["first", "desk"]
    refused = office.facts(CommandRefused)
    assert [(each.leg_id, each.reason) for each in refused] == [("second", Refusal.MINUTES_USED_UP)]
    assert not office.facts(LegEnded)
