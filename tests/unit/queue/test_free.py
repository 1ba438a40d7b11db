"""Which agents are free, why others are skipped (Q2), and what a saved card changes at once (O5)."""

import pytest

from contracts import directory, gateway, queue
from contracts.dialling import DiallingPolicy
from contracts.gateway import DeviceState
from contracts.ids import Address, AgentId
from contracts.message import Interval
from contracts.queue import SkipReason
from tests import offices
from tests.offices import desk
from tests.unit.queue.stories import (
    ANNA,
    BORIS,
    GLEB,
    MINUTE,
    MOSCOW,
    SECOND,
    SERVICE_DESK,
    SERVICE_LINE,
    VERA,
    VOLGA,
    an_office,
    by,
    mobile,
)


def reasons(office_facts: list[queue.OfferMade]) -> dict[AgentId, SkipReason]:
    """The skipped agents of the last offer."""
    return {skip.agent_id: skip.reason for skip in office_facts[-1].skipped}


@pytest.mark.rule("Q2")
def test_an_offer_keeps_why_each_agent_was_skipped() -> None:
    """«Why did I wait?» can be answered for every agent of the department."""
    names = (
        "working",
        "suspended",
        "absent",
        "out",
        "paused",
        "dead",
        "calling",
        "ringing",
        "wrapping",
        "far",
    )
    agents = {name: AgentId(name) for name in names}
    office = an_office(*agents.values(), strategy=by("longest_idle"), wrap_up_ms=MINUTE)
    office.saves(
        office.hours(agents["absent"], absences=(Interval(from_at=office.at),)),
        office.hours(agents["out"], hours=()),
        office.pause(agents["paused"]),
        offices.pbx(VOLGA),
        office.agent(agents["far"], pbx_id=VOLGA),
        gateway.PbxLost(pbx_id=VOLGA),
    )
    office.phone_is(agents["dead"], DeviceState.UNREACHABLE)
    office.phone_is(agents["calling"], DeviceState.IN_USE)
    for agent_id in ("working", "suspended", "ringing"):
        office.phone_is(agents[agent_id], DeviceState.IN_USE)
    office.talks(agents["wrapping"], "before")
    office.phone_is(agents["ringing"], DeviceState.IDLE)
    office.calls("earlier")
    assert office.ringing("earlier") == [agents["ringing"]]
    office.phone_is(agents["suspended"], DeviceState.IDLE)
    office.saves(
        office.department(
            *agents.values(), suspended=(agents["suspended"],), strategy=by("longest_idle"), wrap_up_ms=MINUTE
        )
    )
    office.phone_is(agents["working"], DeviceState.IDLE)
    office.calls("c1")
    assert reasons(office.said(queue.OfferMade)) == {
        "suspended": SkipReason.SUSPENDED,
        "absent": SkipReason.ABSENT,
        "out": SkipReason.OUT_OF_HOURS,
        "paused": SkipReason.PAUSED,
        "dead": SkipReason.UNREACHABLE,
        "calling": SkipReason.ON_CALL,
        "ringing": SkipReason.HOLDS_OFFER,
        "wrapping": SkipReason.WRAP_UP,
        "far": SkipReason.PBX_AWAY,
    }


@pytest.mark.rule("Q2")
def test_an_agent_on_any_call_is_not_rung() -> None:
    """EC-7: a direct call, a private call, a call on the mobile, as far as the network reports it."""
    office = an_office(ANNA)
    office.phone_is(ANNA, DeviceState.IN_USE)
    office.calls("c1")
    assert office.ringing("c1") == []
    office.phone_is(ANNA, DeviceState.IDLE)
    assert office.ringing("c1") == [ANNA]


@pytest.mark.rule("Q2")
def test_our_own_ring_in_use_and_then_idle_neither_blocks_nor_counts_as_a_call() -> None:
    """The PBX reports every use of a phone, including the queue's own calls."""
    office = an_office(ANNA, BORIS, strategy=by("longest_idle"))
    office.calls("c1")
    office.phone_is(ANNA, DeviceState.IN_USE)
    office.waits(20 * SECOND)
    office.phone_is(ANNA, DeviceState.IDLE)
    assert office.ringing("c1") == [BORIS]
    office.hangs_up("c1")
    assert office.state.activity(ANNA).idle_since_at == 0
    office.calls("c2")
    assert office.ringing("c2") == [ANNA]


@pytest.mark.rule("Q2", "Q6")
def test_a_paused_agent_is_not_rung_and_the_place_waits() -> None:
    """Paused agents may come back, so the caller is not sent away."""
    office = an_office(ANNA)
    office.saves(office.pause(ANNA))
    office.calls("c1")
    office.waits(5 * MINUTE)
    assert office.ringing("c1") == []
    assert not office.said(queue.NoAnswerReached)
    office.saves(office.pause(ANNA, False))
    assert office.ringing("c1") == [ANNA]


@pytest.mark.rule("Q8")
def test_a_pause_ends_when_the_agent_makes_or_answers_any_call() -> None:
    """An agent who is on the phone is at work."""
    office = an_office(ANNA)
    office.saves(office.pause(ANNA))
    office.phone_is(ANNA, DeviceState.IN_USE)
    office.phone_is(ANNA, DeviceState.IDLE)
    office.calls("c1")
    assert office.ringing("c1") == [ANNA]


@pytest.mark.rule("O5")
def test_a_ringing_offer_to_a_suspended_agent_is_withdrawn_and_counts_as_nothing() -> None:
    """The agent keeps the seat, gets no call, and is the longest idle when resumed."""
    office = an_office(ANNA, BORIS, strategy=by("longest_idle"))
    office.calls("c1")
    assert office.ringing("c1") == [ANNA]
    office.saves(office.department(ANNA, BORIS, suspended=(ANNA,), strategy=by("longest_idle")))
    assert office.end_of(ANNA) is queue.OfferWithdrawn
    assert office.ringing("c1") == [BORIS]
    office.answers(BORIS)
    office.saves(office.department(ANNA, BORIS, strategy=by("longest_idle")))
    office.calls("c2")
    assert office.ringing("c2") == [ANNA]


@pytest.mark.rule("O5", "E8")
def test_a_removed_agents_ring_is_withdrawn_and_a_call_in_progress_is_untouched() -> None:
    """Removal stops offers; a conversation goes on to its end."""
    office = an_office(ANNA, BORIS)
    office.calls("c1")
    office.answers(ANNA)
    office.calls("c2")
    assert office.ringing("c2") == [BORIS]
    said = len(office.commands)
    office.saves(office.agent(ANNA, is_removed=True), office.agent(BORIS, is_removed=True))
    assert office.end_of(BORIS) is queue.OfferWithdrawn
    assert office.state.activity(ANNA).leg_id is not None
    assert not any(
        getattr(c, "leg_id", "") == office.state.activity(ANNA).leg_id for c in office.commands[said:]
    )
    office.finishes(ANNA)
    office.calls("c3")
    assert not office.has_offer(ANNA)


@pytest.mark.rule("O5")
def test_an_offer_to_an_agent_taken_off_the_list_is_withdrawn_too() -> None:
    """The agent left this department only: other departments still ring."""
    office = an_office(ANNA, BORIS)
    office.saves(office.department(ANNA, department_id=SERVICE_DESK))
    office.calls("c1")
    office.saves(office.department(BORIS))
    assert office.ringing("c1") == [BORIS]
    office.calls("c2", line=SERVICE_LINE)
    assert office.ringing("c2") == [ANNA]


@pytest.mark.rule("O5")
def test_a_resumed_agent_gets_the_next_offer() -> None:
    """The agent is rung at once if a caller waits."""
    office = an_office(ANNA, BORIS)
    office.saves(office.department(ANNA, BORIS, suspended=(ANNA,)))
    office.calls("c1")
    assert office.ringing("c1") == [BORIS]
    office.saves(office.department(ANNA, BORIS))
    assert office.ringing("c1") == [BORIS, ANNA]


def test_a_policy_that_forbids_the_only_phone_skips_the_agent_and_says_why() -> None:
    """The agent is not rung on a forbidden mobile; a policy that allows it again frees the agent."""
    office = an_office(ANNA, GLEB)
    office.saves(office.agent(GLEB, mobile()))

    def policy(version: int, is_on: bool) -> directory.OrganizationSaved:
        return offices.organization(version=version, dialling_policy=DiallingPolicy(is_on=is_on))

    office.saves(policy(2, False))
    office.calls("c1")
    assert office.ringing("c1") == [ANNA]
    assert reasons(office.said(queue.OfferMade)) == {GLEB: SkipReason.NOT_ALLOWED_TO_DIAL}
    office.saves(policy(3, True))
    assert office.ringing("c1") == [ANNA, GLEB]


def test_two_agents_at_one_desk_are_both_served_when_it_is_idle() -> None:
    """A shared phone frees all its agents, in all their departments."""
    office = an_office(ANNA)
    office.saves(office.agent(BORIS, desk(ANNA)), office.department(BORIS, department_id=SERVICE_DESK))
    office.phone_is(ANNA, DeviceState.IN_USE)
    office.calls("c2", line=SERVICE_LINE)
    assert office.state.places["p.c2"].offers == ()
    office.hears(gateway.DeviceChanged(pbx_id=MOSCOW, address=Address("sip:anna"), state=DeviceState.IDLE))
    assert office.ringing("c2") == [BORIS]


@pytest.mark.rule("Q8")
def test_an_agent_who_declines_is_not_offered_this_place_while_others_can_be_nor_within_ten_seconds() -> None:
    """A decline is not a miss, and it is respected."""
    office = an_office(ANNA, BORIS)
    office.calls("c1")
    office.declines(ANNA)
    assert office.end_of(ANNA) is queue.OfferDeclined
    assert not office.said(queue.OfferMissed)
    office.waits(25 * SECOND)
    assert office.ringing("c1") == [BORIS], "ten seconds are over, but Boris can be rung"
    office.phone_is(BORIS, DeviceState.IN_USE)
    office.waits(20 * SECOND)
    assert office.ringing("c1") == [ANNA], "nobody else can be"


@pytest.mark.rule("Q8")
def test_the_only_agent_who_declines_is_rung_again_after_ten_seconds_and_not_before() -> None:
    """EC-6: the place waits, without a tight loop."""
    office = an_office(ANNA)
    office.calls("c1")
    office.waits(3 * SECOND)
    office.declines(ANNA)
    office.waits(9_999)
    assert len(office.said(queue.OfferMade)) == 1
    office.waits(1)
    assert office.ringing("c1") == [ANNA]


@pytest.mark.rule("Q8")
def test_two_agents_who_declined_each_have_their_own_ten_seconds() -> None:
    """A later decline does not prolong an earlier one."""
    office = an_office(ANNA, BORIS)
    office.calls("c1")
    office.declines(ANNA)
    office.waits(4 * SECOND)
    office.declines(BORIS)
    office.waits(6 * SECOND)
    assert office.ringing("c1") == [ANNA]
    office.waits(4 * SECOND)
    assert office.ringing("c1") == [ANNA]


@pytest.mark.rule("Q8")
def test_an_agent_who_declines_one_department_may_be_rung_at_once_by_another() -> None:
    """EC-9: declining one place does not pause the agent."""
    office = an_office(ANNA, VERA)
    office.saves(office.department(ANNA, department_id=SERVICE_DESK))
    office.calls("c1")
    office.calls("c2", line=SERVICE_LINE)
    assert office.ringing("c2") == []
    office.declines(ANNA)
    assert office.ringing("c2") == [ANNA]
