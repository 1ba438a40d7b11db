"""A PBX that can't be reached (O9), and one that its gateway loses for a while (G3)."""

from typing import Any

import pytest

from contracts import gateway, queue, telephony
from contracts.gateway import EndedBy, Outcome
from contracts.ids import AgentId
from contracts.queue import SkipReason
from tests import offices
from tests.unit.queue.stories import (
    ANNA,
    BORIS,
    GLEB,
    MINUTE,
    MOSCOW,
    SALES,
    SECOND,
    VERA,
    VOLGA,
    Office,
    an_office,
    by,
)


def with_volga(*far: AgentId, **settings: Any) -> Office:
    """Anna is on the caller's PBX, the others are on another one."""
    office = an_office(ANNA, *far, **settings)
    office.saves(
        offices.pbx(VOLGA, "+78442000000"), *(office.agent(agent_id, pbx_id=VOLGA) for agent_id in far)
    )
    return office


@pytest.mark.rule("O9")
def test_an_unreachable_pbx_costs_one_failed_offer_and_not_one_per_call() -> None:
    """EC-91: its agents are skipped for sixty seconds, and the reason is visible."""
    office = with_volga(BORIS, VERA, strategy=by("linear"))
    office.saves(office.department(BORIS, VERA, ANNA))
    office.calls("c1")
    office.phone_ends(BORIS, Outcome.UNREACHABLE)
    away = office.last(queue.PbxAway)
    assert (away.pbx_id, away.probe_at) == (VOLGA, office.at + MINUTE)
    assert office.ringing("c1") == [ANNA], "no fifteen seconds of ringing at Vera"
    skipped = {skip.agent_id: skip.reason for skip in office.last(queue.OfferMade).skipped}
    assert skipped[VERA] is SkipReason.PBX_AWAY
    office.answers(ANNA)
    office.calls("c2", caller=None)
    office.waits(MINUTE - 1)
    assert len(office.said(queue.OfferUnreachable)) == 1


@pytest.mark.rule("O9")
def test_after_a_minute_one_agent_probes_and_the_others_wait_for_the_result() -> None:
    """This holds in ring all and for several places: one offer is enough to find out."""
    office = with_volga(BORIS, VERA, GLEB)
    office.saves(office.department(BORIS, VERA, GLEB))
    office.calls("c1")
    for agent_id in (BORIS, VERA, GLEB):
        office.phone_ends(agent_id, Outcome.UNREACHABLE)
    office.calls("c2", caller=None)
    office.auto = False
    office.waits(MINUTE)
    assert office.ringing("c1") == [BORIS]
    assert office.ringing("c2") == []
    office.phone_ends(BORIS, Outcome.UNREACHABLE)
    assert office.last(queue.PbxAway).probe_at == office.at + MINUTE
    office.waits(MINUTE - 1)
    assert office.ringing("c1") == office.ringing("c2") == []


@pytest.mark.rule("O9")
def test_a_probe_that_rings_brings_all_agents_back() -> None:
    """The network is back, and waiting callers are served."""
    office = with_volga(BORIS, VERA)
    office.saves(office.department(BORIS, VERA))
    office.calls("c1")
    for agent_id in (BORIS, VERA):
        office.phone_ends(agent_id, Outcome.UNREACHABLE)
    office.waits(MINUTE)
    assert office.last(queue.PbxBack).pbx_id == VOLGA
    assert office.ringing("c1") == [BORIS, VERA]


@pytest.mark.rule("O9")
def test_a_busy_phone_over_there_proves_that_the_pbx_is_there() -> None:
    """A busy answer comes from a PBX that was reached."""
    office = with_volga(BORIS, VERA)
    office.saves(office.department(BORIS, VERA))
    office.calls("c1")
    for agent_id in (BORIS, VERA):
        office.phone_ends(agent_id, Outcome.UNREACHABLE)
    office.auto = False
    office.waits(MINUTE)
    office.phone_ends(BORIS, Outcome.BUSY)
    assert office.said(queue.PbxBack)
    assert office.ringing("c1") == [VERA]


@pytest.mark.rule("O9")
def test_a_probe_whose_caller_hangs_up_is_made_by_the_next_call() -> None:
    """The probe showed nothing, and no agent stays locked out."""
    office = with_volga(BORIS)
    office.saves(office.department(BORIS))
    office.calls("c1")
    office.phone_ends(BORIS, Outcome.UNREACHABLE)
    office.auto = False
    office.waits(MINUTE)
    office.hangs_up("c1")
    office.calls("c2")
    assert office.ringing("c2") == [BORIS]


@pytest.mark.rule("O9")
def test_an_agent_who_moves_to_another_pbx_during_a_probe_leaves_none_locked_out() -> None:
    """The end of the probe counts for the PBX that was probed."""
    office = with_volga(BORIS, VERA)
    office.saves(office.department(BORIS, VERA))
    office.calls("c1")
    for agent_id in (BORIS, VERA):
        office.phone_ends(agent_id, Outcome.UNREACHABLE)
    office.auto = False
    office.waits(MINUTE)
    assert office.ringing("c1") == [BORIS]
    office.saves(office.agent(BORIS))
    office.hangs_up("c1")
    office.calls("c2")
    assert office.ringing("c2") == [VERA, BORIS] or office.ringing("c2") == [BORIS, VERA]


@pytest.mark.rule("G3", "O9")
def test_while_a_pbx_is_lost_places_wait_deadlines_run_and_nothing_is_offered() -> None:
    """EC-51: no dialling is tried; on return only as many phones ring as agents are free."""
    office = an_office(ANNA, strategy=by("longest_idle"))
    office.hears(gateway.PbxLost(pbx_id=MOSCOW))
    office.calls("c1")
    office.calls("c2", caller=None)
    office.waits(30 * SECOND)
    assert not office.said(telephony.DialLeg)
    office.hears(gateway.PbxReturned(pbx_id=MOSCOW, live_legs=()))
    assert office.ringing("c1") == [ANNA]
    assert len(office.said(telephony.DialLeg)) == 1


@pytest.mark.rule("G3", "O2")
def test_a_place_on_a_lost_pbx_is_not_offered_to_agents_of_another() -> None:
    """All legs of a contact are on the PBX of the call, which could dial nobody."""
    office = with_volga(BORIS)
    office.saves(office.department(BORIS))
    office.hears(gateway.PbxLost(pbx_id=MOSCOW))
    office.calls("c1")
    assert office.ringing("c1") == []
    office.hears(gateway.PbxReturned(pbx_id=MOSCOW, live_legs=()))
    assert office.ringing("c1") == [BORIS]


@pytest.mark.rule("G3")
def test_a_deadline_runs_while_the_pbx_is_lost() -> None:
    """The caller's no-answer action follows on time."""
    office = an_office(ANNA)
    office.hears(gateway.PbxLost(pbx_id=MOSCOW))
    office.calls("c1")
    office.waits(10 * MINUTE)
    assert office.last(queue.NoAnswerReached).place_id == "p.c1"


@pytest.mark.rule("G3", "Q8")
def test_a_ring_during_which_the_pbx_vanished_is_no_miss() -> None:
    """Nobody knows whether the phone rang."""
    office = an_office(ANNA)
    office.calls("c1")
    office.auto = False
    office.hears(gateway.PbxLost(pbx_id=MOSCOW))
    office.waits(20 * SECOND)
    assert office.last(queue.OfferUnreachable).reason == "pbx_lost"
    assert not office.said(queue.OfferMissed)


@pytest.mark.rule("G3")
def test_a_leg_that_the_pbx_no_longer_has_frees_its_agent() -> None:
    """No agent stays busy for a call that is gone."""
    office = an_office(ANNA)
    office.calls("c1")
    office.answers(ANNA)
    leg_id = office.state.activity(ANNA).leg_id
    assert leg_id is not None
    office.hears(gateway.PbxLost(pbx_id=MOSCOW), gateway.PbxReturned(pbx_id=MOSCOW, live_legs=()))
    office.hears(office.leg_ended(leg_id, Outcome.FAILED, EndedBy.NETWORK))
    assert office.last(queue.AgentFreed).agent_id == ANNA
    assert office.state.can_come[SALES] == {ANNA}
