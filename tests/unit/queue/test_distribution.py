"""How a department's calls are distributed to its agents: four strategies, rounds, steps."""

import pytest

from contracts import queue, telephony
from contracts.gateway import DeviceState, Outcome
from tests.unit.queue.stories import ANNA, BORIS, GLEB, MINUTE, SECOND, VERA, an_office, by


@pytest.mark.rule("Q1")
def test_ring_all_rings_every_free_agent_at_once() -> None:
    """The default shortens the wait: the quickest agent gets the call."""
    office = an_office(ANNA, BORIS, VERA)
    office.calls("c1")
    assert office.ringing("c1") == [ANNA, BORIS, VERA]


@pytest.mark.rule("Q1")
def test_the_first_to_answer_gets_the_call_and_the_others_stop_ringing() -> None:
    """The others' offers are withdrawn, which does not count for those agents."""
    office = an_office(ANNA, BORIS, VERA)
    office.calls("c1")
    office.answers(BORIS)
    assert office.last(queue.PlaceConnected).agent_id == BORIS
    assert {fact.agent_id for fact in office.said(queue.OfferWithdrawn)} == {ANNA, VERA}
    assert [each.is_answered_elsewhere for each in office.said(telephony.CancelLeg)] == [True, True]
    assert not office.has_offer(ANNA)


@pytest.mark.rule("Q1")
def test_an_agent_who_becomes_free_joins_the_running_round() -> None:
    """An agent who hangs up while a caller's phones ring is rung, too."""
    office = an_office(ANNA, BORIS)
    office.calls("c1")
    office.answers(ANNA)
    office.calls("c2")
    assert office.ringing("c2") == [BORIS]
    office.waits(5 * SECOND)
    office.finishes(ANNA)
    assert office.ringing("c2") == [BORIS, ANNA]
    assert office.last(queue.OfferMade).round == 1


@pytest.mark.rule("Q1")
def test_a_round_tries_each_agent_once_and_repeats_after_five_seconds() -> None:
    """Phones ring for twenty seconds, pause for five, and so on until the deadline."""
    office = an_office(ANNA, BORIS)
    office.calls("c1")
    office.waits(20 * SECOND)
    assert [fact.agent_id for fact in office.said(queue.OfferMissed)] == [ANNA, BORIS]
    office.waits(4_999)
    assert office.ringing("c1") == []
    office.waits(1)
    assert office.ringing("c1") == [ANNA, BORIS]
    assert {fact.round for fact in office.said(queue.OfferMade)} == {1, 2}


@pytest.mark.rule("Q1")
def test_longest_idle_prefers_the_agent_without_a_call_for_longest() -> None:
    """EC-16: agents who were never called are ordered by the list, later by the ends of their calls."""
    office = an_office(ANNA, BORIS, VERA, strategy=by("longest_idle"))
    rung = []
    for name in ("c1", "c2", "c3"):
        office.calls(name)
        rung.append(office.ringing(name)[0])
        office.answers(rung[-1])
    assert rung == [ANNA, BORIS, VERA]
    for agent_id in (VERA, ANNA, BORIS):
        office.waits(MINUTE)
        office.finishes(agent_id)
    for expected in (VERA, ANNA, BORIS):
        office.calls(f"again-{expected}")
        assert office.ringing(f"again-{expected}") == [expected]


@pytest.mark.rule("Q1")
def test_a_miss_or_a_withdrawn_offer_never_changes_idle_time() -> None:
    """An agent who missed a call is still the longest idle at the next one."""
    office = an_office(ANNA, BORIS, strategy=by("longest_idle"))
    office.talks(ANNA, "before")
    office.talks(BORIS, "before2")
    office.calls("c1")
    assert office.ringing("c1") == [ANNA]
    office.waits(20 * SECOND)
    assert office.said(queue.OfferMissed)[-1].agent_id == ANNA
    assert office.ringing("c1") == [BORIS]
    office.hangs_up("c1")
    office.calls("c2")
    assert office.ringing("c2") == [ANNA]


@pytest.mark.rule("Q1")
def test_a_call_of_ones_own_counts_as_a_call_for_idle_time() -> None:
    """Longest idle means without a call of any kind, as far as the PBX reports them."""
    office = an_office(ANNA, BORIS, strategy=by("longest_idle"))
    office.waits(MINUTE)
    office.phone_is(ANNA, DeviceState.IN_USE)
    office.waits(MINUTE)
    office.phone_is(ANNA, DeviceState.IDLE)
    office.calls("c1")
    assert office.ringing("c1") == [BORIS]


@pytest.mark.rule("Q1")
def test_linear_rings_one_after_the_other_each_for_the_step() -> None:
    """One agent's phone stops when the next agent's starts."""
    office = an_office(ANNA, BORIS, VERA, strategy=by("linear"))
    office.calls("c1")
    rung = []
    for _ in range(3):
        rung.append(office.ringing("c1"))
        office.waits(20 * SECOND)
    assert rung == [[ANNA], [BORIS], [VERA]]
    office.waits(5 * SECOND)
    assert office.ringing("c1") == [ANNA]


@pytest.mark.rule("Q1")
def test_linear_begins_every_call_at_the_top_of_the_list() -> None:
    """The list decides, not which agent was rung last."""
    office = an_office(ANNA, BORIS, VERA, strategy=by("linear"))
    office.talks(ANNA, "c1")
    office.calls("c2")
    assert office.ringing("c2") == [ANNA]


@pytest.mark.rule("Q1")
def test_a_phone_that_is_declined_busy_or_unreachable_does_not_use_up_its_step() -> None:
    """The caller does not wait twenty seconds for a phone that failed at once."""
    office = an_office(ANNA, BORIS, VERA, GLEB, strategy=by("linear"))
    office.calls("c1")
    office.waits(SECOND)
    office.declines(ANNA)
    assert office.ringing("c1") == [BORIS]
    office.phone_ends(BORIS, Outcome.BUSY)
    assert office.ringing("c1") == [VERA]
    office.phone_ends(VERA, Outcome.UNAVAILABLE)
    assert office.ringing("c1") == [GLEB]
    assert office.at == office.place("c1").joined_at + SECOND


@pytest.mark.rule("Q1")
def test_cumulative_adds_one_agent_per_step_and_all_end_together() -> None:
    """Each starts ten seconds later, earlier ones ring on, all stop one ring time after the last start."""
    office = an_office(ANNA, BORIS, VERA, strategy=by("cumulative"))
    office.calls("c1")
    seen = []
    for _ in range(3):
        seen.append(office.ringing("c1"))
        office.waits(10 * SECOND)
    assert seen == [[ANNA], [ANNA, BORIS], [ANNA, BORIS, VERA]]
    office.waits(9_999)
    assert office.ringing("c1") == [ANNA, BORIS, VERA]
    office.waits(1)
    assert office.ringing("c1") == []
    assert [fact.agent_id for fact in office.said(queue.OfferMissed)] == [ANNA, BORIS, VERA]
    office.waits(5 * SECOND)
    assert office.ringing("c1") == [ANNA]


@pytest.mark.rule("Q1")
def test_a_cumulative_phone_may_ring_until_the_last_one_has_rung() -> None:
    """The gateway also limits ringing: the first phone's limit must cover the whole round."""
    office = an_office(ANNA, BORIS, VERA, strategy=by("cumulative"))
    office.calls("c1")
    assert office.said(telephony.DialLeg)[0].ring_ms_max >= 40 * SECOND


@pytest.mark.rule("Q1")
def test_in_cumulative_a_decline_starts_the_next_agent_at_once() -> None:
    """A decline does not use up its step, and the other phones ring on."""
    office = an_office(ANNA, BORIS, VERA, strategy=by("cumulative"))
    office.calls("c1")
    office.waits(10 * SECOND)
    assert office.ringing("c1") == [ANNA, BORIS]
    office.declines(BORIS)
    assert office.ringing("c1") == [ANNA, VERA]


@pytest.mark.rule("Q1", "O5")
def test_a_new_order_of_agents_counts_from_the_next_round() -> None:
    """EC-17: the running round finishes on the old order."""
    office = an_office(ANNA, BORIS, VERA, strategy=by("linear"))
    office.calls("c1")
    office.saves(office.department(VERA, BORIS, ANNA, strategy=by("linear")))
    office.waits(20 * SECOND)
    assert office.ringing("c1") == [BORIS]
    office.waits(20 * SECOND)
    assert office.ringing("c1") == [VERA]
    office.waits(25 * SECOND)
    assert office.ringing("c1") == [VERA]


@pytest.mark.rule("Q1")
def test_ring_and_step_times_are_the_departments_own() -> None:
    """Each of these times can be set."""
    office = an_office(
        ANNA, BORIS, strategy=by("linear", step_ms=7 * SECOND, pause_between_rounds_ms=2 * SECOND)
    )
    office.calls("c1")
    office.waits(7 * SECOND)
    assert office.ringing("c1") == [BORIS]
    office.waits(9 * SECOND)
    assert office.ringing("c1") == [ANNA]
