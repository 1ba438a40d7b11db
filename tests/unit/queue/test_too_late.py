"""Commands that reach the gateway after `not_after`: this never counts against an agent."""

from collections.abc import Callable

import pytest

from contracts import directory, gateway, queue, telephony
from contracts.directory import ActionKind
from contracts.gateway import EndedBy, Outcome
from contracts.ids import AgentId, LegId
from contracts.message import Fact
from contracts.queue import SkipReason
from tests import offices
from tests.offices import desk
from tests.unit.queue.stories import (
    ANNA,
    BORIS,
    MINUTE,
    MOSCOW,
    SECOND,
    VOLGA,
    Office,
    action,
    an_office,
    by,
    mobile,
    played,
    silence,
)


def refused(leg_id: LegId, command: str = "telephony.dial_leg") -> Fact:
    """The gateway refuses a command that came too late."""
    return gateway.CommandRefused(pbx_id=MOSCOW, command=command, reason="too_late", leg_id=leg_id)


def given_up(leg_id: LegId) -> Fact:
    """The gateway had accepted the dial command, and reached it too late."""
    return gateway.LegEnded(
        pbx_id=MOSCOW, leg_id=leg_id, outcome=Outcome.FAILED, by=EndedBy.NETWORK, cause="too_late"
    )


def late(office: Office, agent_id: AgentId, how: Callable[[LegId], Fact] = refused, device: int = 0) -> None:
    """One phone of an agent's offer is not dialled because the command came too late."""
    office.hears(how(office.offer_to(agent_id).legs[device].leg_id))


def a_slow_office(*agents: AgentId, **settings: object) -> Office:
    """An office whose PBX answers nothing by itself."""
    return an_office(*agents, auto=False, **settings)  # type: ignore[arg-type]  # settings of a department


@pytest.mark.rule("Q1", "Q2")
@pytest.mark.parametrize("how", [refused, given_up])
def test_n3_a_dial_that_came_too_late_withdraws_the_offer_and_it_is_made_again_at_once(
    how: Callable[[LegId], Fact],
) -> None:
    """It is not the agent's fault: the agent neither rests nor counts as tried or unreachable."""
    office = a_slow_office(ANNA)
    office.calls("c1")
    first = office.offer_to(ANNA).offer_id
    late(office, ANNA, how)
    assert office.last(queue.OfferWithdrawn).reason == "too_late"
    assert not office.said(queue.OfferUnreachable)
    again = office.last(queue.OfferMade)
    assert (again.agent_id, again.round) == (ANNA, 1)
    assert again.offer_id != first
    assert office.last(telephony.DialLeg).leg_id == again.legs[0].leg_id
    assert office.state.activity(ANNA).rests_until_at is None


@pytest.mark.rule("Q1")
@pytest.mark.parametrize("kind", ["ring_all", "longest_idle", "linear", "cumulative"])
def test_n3_the_same_agent_is_rung_again_before_others(kind: str) -> None:
    """It does not count in any strategy: the order of agents stays."""
    office = a_slow_office(ANNA, BORIS, strategy=by(kind))
    office.calls("c1")
    late(office, ANNA)
    assert set(office.ringing("c1")) == ({ANNA, BORIS} if kind == "ring_all" else {ANNA})


def test_n3_a_pbx_is_not_away_because_a_dial_came_too_late() -> None:
    """Otherwise its other agents would be skipped for a minute (O9)."""
    office = a_slow_office()
    office.saves(
        offices.pbx(VOLGA),
        office.agent(ANNA, pbx_id=VOLGA),
        office.department(ANNA),
    )
    office.calls("c1")
    late(office, ANNA, given_up)
    assert not office.said(queue.PbxAway)
    assert office.has_offer(ANNA)


@pytest.mark.rule("Q2")
def test_n3_with_two_phones_none_of_which_rings_yet_both_are_dialled_anew() -> None:
    """The phone that was dialled in time is cancelled: the next offer has all phones of the agent."""
    office = a_slow_office(ANNA)
    office.saves(office.agent(ANNA, desk(ANNA), mobile()))
    office.calls("c1")
    late(office, ANNA)
    assert len(office.offer_to(ANNA).legs) == 2
    assert len(office.said(queue.OfferMade)) == 2


@pytest.mark.rule("E4")
def test_n3_a_phone_that_rings_already_rings_on_when_another_came_too_late() -> None:
    """Stopping it would be worse than one phone less."""
    office = a_slow_office(ANNA)
    office.saves(office.agent(ANNA, desk(ANNA), mobile()))
    office.calls("c1")
    desk_leg, mobile_leg = (leg.leg_id for leg in office.offer_to(ANNA).legs)
    office.hears(gateway.LegRinging(pbx_id=MOSCOW, leg_id=mobile_leg), refused(desk_leg))
    assert len(office.said(queue.OfferMade)) == 1
    office.hears(office.leg_ended(mobile_leg, Outcome.BUSY, EndedBy.NETWORK))
    assert office.last(queue.OfferWithdrawn).reason == "too_late", "her desk phone was never rung"
    assert office.has_offer(ANNA)


@pytest.mark.rule("Q1")
def test_n3_a_machine_that_is_always_late_is_given_a_pause_as_between_rounds() -> None:
    """After three in a row there is one offer every five seconds, however many callers wait."""
    office = a_slow_office(ANNA)
    for name in ("c1", "c2", "c3"):
        office.calls(name)
    for _ in range(3):
        late(office, ANNA)
    assert not office.has_offer(ANNA)
    assert office.state.skip(office.place("c1").department_id, ANNA) is SkipReason.TOO_LATE
    office.waits(5 * SECOND - 1)
    assert not office.has_offer(ANNA)
    office.waits(1)
    assert office.ringing("c1") == [ANNA]
    late(office, ANNA)
    assert not office.has_offer(ANNA)
    office.waits(5 * SECOND)
    assert office.has_offer(ANNA)


@pytest.mark.rule("Q1")
def test_n3_after_a_minute_in_time_lateness_is_forgotten() -> None:
    """Two late offers this morning and one now are not three in a row."""
    office = a_slow_office(ANNA)
    office.calls("c1")
    late(office, ANNA)
    late(office, ANNA)
    office.waits(10 * SECOND)
    office.hears(gateway.LegRinging(pbx_id=MOSCOW, leg_id=office.offer_to(ANNA).legs[0].leg_id))
    office.waits(MINUTE)
    late(office, ANNA)
    assert office.has_offer(ANNA)


@pytest.mark.rule("Q1")
def test_n3_an_offer_that_ended_otherwise_resets_the_count() -> None:
    """Late, late, missed, late: these are not three in a row."""
    office = a_slow_office(ANNA, strategy=by("ring_all", ring_ms=SECOND))
    office.calls("c1")
    late(office, ANNA)
    late(office, ANNA)
    office.hears(gateway.LegRinging(pbx_id=MOSCOW, leg_id=office.offer_to(ANNA).legs[0].leg_id))
    office.waits(7 * SECOND)
    assert office.end_of(ANNA) is queue.OfferMissed
    late(office, ANNA)
    assert office.has_offer(ANNA)


@pytest.mark.rule("Q5")
def test_n3_a_fallback_employee_we_were_too_late_to_ring_is_rung_again() -> None:
    """A late command must not skip the fallback employee; after three times voicemail follows."""
    office = a_slow_office(
        no_answer_ms=MINUTE, no_answer_action=action("fallback_employee", agent_id=BORIS, notice=silence())
    )
    office.saves(office.agent(BORIS), office.agent(ANNA), office.department(ANNA))
    office.hears(office.pause(ANNA))
    office.calls("c1")
    office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=LegId("c1")))
    office.waits(MINUTE)
    for times in (1, 2):
        late(office, BORIS)
        assert len(office.said(queue.FallbackRung)) == times + 1
    late(office, BORIS)
    assert office.last(queue.PlaceDiverted).action is ActionKind.VOICEMAIL


@pytest.mark.rule("E4")
def test_n3_a_mobile_that_was_not_asked_for_its_key_in_time_did_not_refuse_it() -> None:
    """The agent picked up and was not asked."""
    office = a_slow_office(ANNA)
    office.saves(office.agent(ANNA, mobile()))
    office.calls("c1")
    office.answers(ANNA)
    leg_id = office.offer_to(ANNA).legs[0].leg_id
    office.hears(refused(leg_id, "telephony.play"))
    office.waits(8 * SECOND)
    office.hears(office.leg_ended(leg_id, Outcome.COMPLETED, EndedBy.US))
    assert office.last(queue.OfferWithdrawn).reason == "too_late"
    assert office.has_offer(ANNA)


@pytest.mark.rule("C1")
def test_n3_an_invitation_that_came_too_late_is_made_again() -> None:
    """The caller did not hear the invitation, and hears it a gap later."""
    office = a_slow_office(ANNA, callback=directory.CallbackSettings(is_on=True))
    office.calls("c1")
    office.hears(gateway.LegAnswered(pbx_id=MOSCOW, leg_id=LegId("c1")))
    office.waits(30 * SECOND)
    invited = queue.AnnouncementKind.INVITATION
    assert len(played(office, invited)) == 1
    office.hears(refused(LegId("c1"), "telephony.play"))
    office.waits(30 * SECOND)
    assert len(played(office, invited)) == 2
