"""A customer who has talked with the department, also by a direct call, is not called back (C14)."""

import pytest

from contracts import directory, gateway, queue, routing
from contracts.gateway import DeviceState, Outcome
from contracts.ids import AgentId, CallbackId, LegId, TryId
from tests.unit.queue.stories import ANNA, BORIS, CUSTOMER, MOSCOW, SECOND, Office, an_office, by, played

DIRECT, AGENTS_LEG = LegId("direct"), LegId("annas.mobile")


def with_a_callback(*agents: AgentId) -> tuple[Office, CallbackId]:
    """All agents are busy, and a customer has ordered a callback."""
    office = an_office(*agents, strategy=by("longest_idle"))
    for agent_id in agents:
        office.phone_is(agent_id, DeviceState.IN_USE)
    office.calls("c1")
    return office, office.orders("c1")


def directly(office: Office, for_ms: int, first: LegId) -> None:
    """The same customer calls Anna directly; `first` is the leg that ends first."""
    office.hears(gateway.CallArrived(pbx_id=MOSCOW, leg_id=DIRECT, caller=CUSTOMER, line="+74951110009"))
    office.hears(
        routing.PersonAnswered(leg_id=DIRECT, try_id=TryId("t"), agent_id=ANNA, agent_leg_id=AGENTS_LEG)
    )
    office.waits(for_ms)
    office.hears(office.leg_ended(first, Outcome.COMPLETED))


@pytest.mark.rule("C14")
@pytest.mark.parametrize("first", [DIRECT, AGENTS_LEG])
def test_a_direct_call_to_an_agent_of_the_department_is_a_talk_with_it(first: LegId) -> None:
    """Any call with an agent of the department counts."""
    office, callback_id = with_a_callback(ANNA)
    directly(office, 15 * SECOND, first)
    (talked,) = office.said(queue.CustomerTalked)
    assert (talked.callback_id, talked.agent_id, talked.talk_place_id) == (callback_id, ANNA, None)
    office.hears(office.leg_ended(AGENTS_LEG if first == DIRECT else DIRECT, Outcome.COMPLETED))
    assert len(office.said(queue.CustomerTalked)) == 1


@pytest.mark.rule("C14")
def test_a_shorter_direct_call_does_not_count() -> None:
    """«She is at lunch» does not count as a conversation."""
    office, _ = with_a_callback(ANNA)
    directly(office, 15 * SECOND - 1, DIRECT)
    assert not office.said(queue.CustomerTalked)


@pytest.mark.rule("C14")
@pytest.mark.parametrize("keeps", [True, False])
def test_the_agent_can_keep_the_callback_of_the_customer_who_is_on_the_line(keeps: bool) -> None:
    """A colleague of the customer called from that number, and the customer still waits for the callback."""
    office, callback_id = with_a_callback(ANNA, BORIS)
    office.calls("again")
    office.phone_is(ANNA, DeviceState.IDLE)
    office.answers(ANNA)
    if keeps:
        office.hears(directory.CallbackKeepAsked(callback_id=callback_id, by=ANNA))
    office.waits(20 * SECOND)
    office.hangs_up("again")
    assert bool(office.said(queue.CustomerTalked)) is not keeps


@pytest.mark.rule("C8", "C14", "Q13")
def test_who_calls_again_right_after_the_talk_hears_nothing_of_a_callback_that_callback_will_end() -> None:
    """Nothing is left to take over; where too many wait the overflow action follows at once."""
    office, _ = with_a_callback(ANNA)
    office.saves(office.department(ANNA, strategy=by("longest_idle"), waiting_max=1))
    directly(office, 15 * SECOND, DIRECT)
    assert office.said(queue.CustomerTalked)
    office.calls("again")
    office.calls("too_many")
    assert not played(office, queue.AnnouncementKind.CALLBACK_EXISTS)
    (full,) = office.said(queue.NoAnswerReached)
    assert (full.place_id, full.reason) == ("p.too_many", queue.DivertReason.QUEUE_FULL)


@pytest.mark.rule("C14")
def test_a_conversation_before_the_order_does_not_end_it() -> None:
    """The customer orders on the web during a call that goes on for another ten seconds."""
    office = an_office(ANNA, strategy=by("longest_idle"))
    office.calls("live")
    office.answers(ANNA)
    office.waits(60 * SECOND)
    office.calls("second")
    office.orders("second")
    office.waits(10 * SECOND)
    office.hangs_up("live")
    talked = office.said(queue.CustomerTalked)
    assert [fact.talk_place_id for fact in talked] == []
