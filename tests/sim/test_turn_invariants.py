"""Each invariant about turns has a fabricated log that breaks it, and a similar log that keeps it."""

import re
from pathlib import Path

import msgspec
import pytest

from contracts.callback import CallbackCancelled
from contracts.directory import AgentSaved, StrategyKind
from contracts.gateway import EndedBy
from tests import offices
from tests.sim import turn_invariants as turns
from tests.sim.fabricated_logs import (
    CLOUD,
    OTHER,
    Log,
    a_department,
    accepted,
    an_office,
    arrived,
    callback_ended,
    declined,
    dialled,
    ended,
    failed,
    first,
    found,
    held,
    lost,
    offered,
    ordered,
    played,
    ready,
    requested,
    started,
    taken,
    taken_over,
)
from tests.sim.virtual_time import START_MS


def an_agent(agent_id: str) -> AgentSaved:
    """An agent with a desk phone."""
    return offices.agent(agent_id, CLOUD, "201", name=agent_id)


def an_attempt_that_failed() -> Log:
    """The agent hears the ringing tone, and the customer is busy."""
    return Log().say(1, ordered("p1"), started("p1"), dialled("p1", "out1")).say(9, failed("p1", again_s=69))


@pytest.mark.rule("C6")
def test_m2_an_agent_who_is_held_after_the_attempt_is_found() -> None:
    """Fifteen seconds of a ringing tone that nobody stops."""
    log = an_attempt_that_failed().say(10, played("agent")).say(24, ended("agent"))
    assert "held for 15000 ms" in first(turns.an_agent_whose_attempt_is_over_is_told_and_freed, log)
    freed = an_attempt_that_failed().say(10, played("agent")).say(10.9, ended("agent"))
    assert found(turns.an_agent_whose_attempt_is_over_is_told_and_freed, freed) == []


@pytest.mark.rule("C6")
def test_m2_an_agent_who_is_cut_off_without_a_word_is_found() -> None:
    """A play from before does not tell the agent of the end."""
    log = an_attempt_that_failed().say(10, played("agent", was_interrupted=True), ended("agent"))
    assert "without a word" in first(turns.an_agent_whose_attempt_is_over_is_told_and_freed, log)


def an_attempt_that_failed_unheard(by: EndedBy, leg: str = "agent") -> Log:
    """A leg ended before the attempt did, where only a superseded gateway heard it."""
    log = Log().say(1, arrived("in1"), ordered("p1"), started("p1"), dialled("p1", "out1"))
    return log.say(5, ended(leg, by=by), is_superseded=True).say(9, failed("p1", again_s=69))


@pytest.mark.rule("C6")
def test_an_agent_who_hung_up_where_no_decider_could_hear_it_was_not_cut_off() -> None:
    """The notice can't be played, so the leg is hung up at once: nobody was there."""
    log = an_attempt_that_failed_unheard(EndedBy.PARTY).say(9.2, ended("agent"))
    assert found(turns.an_agent_whose_attempt_is_over_is_told_and_freed, log) == []


@pytest.mark.rule("C6")
@pytest.mark.parametrize(
    "unheard",
    [(EndedBy.US, "agent"), (EndedBy.NETWORK, "agent"), (EndedBy.PARTY, "out1")],
    ids=["it was we who ended it", "it was lost", "it was another leg"],
)
def test_m2_any_other_word_of_a_superseded_gateway_excuses_no_cut(unheard: tuple[EndedBy, str]) -> None:
    """Only the party's own end of this very leg shows that the agent had gone."""
    log = an_attempt_that_failed_unheard(*unheard).say(9.2, ended("agent"))
    assert "without a word" in first(turns.an_agent_whose_attempt_is_over_is_told_and_freed, log)


@pytest.mark.rule("C6")
def test_m2_an_agent_who_is_said_to_have_hung_up_after_being_cut_off_is_found() -> None:
    """A party's end that comes after ours is our own, heard again."""
    log = an_attempt_that_failed().say(9.2, ended("agent"))
    log.say(9.3, ended("agent", by=EndedBy.PARTY), is_superseded=True)
    assert "without a word" in first(turns.an_agent_whose_attempt_is_over_is_told_and_freed, log)


@pytest.mark.rule("C6")
def test_m2_an_agent_who_hung_up_unheard_is_freed_in_time_all_the_same() -> None:
    """The deciders take the leg for live, and must end it as any other."""
    log = an_attempt_that_failed_unheard(EndedBy.PARTY).say(24, ended("agent"))
    assert "held for 15000 ms" in first(turns.an_agent_whose_attempt_is_over_is_told_and_freed, log)


@pytest.mark.rule("C9")
def test_m2_an_agent_of_a_callback_that_was_cancelled_is_looked_after_as_well() -> None:
    """The cause of the end makes no difference."""
    log = (
        Log().say(1, ordered("p1"), started("p1")).say(5, callback_ended(CallbackCancelled, "p1", "by_agent"))
    )
    assert "held" in first(
        turns.an_agent_whose_attempt_is_over_is_told_and_freed, log.say(20, ended("agent"))
    )


@pytest.mark.rule("C6")
def test_what_lies_in_an_outage_is_nobodys_delay() -> None:
    """The promise of two seconds assumes services that are up."""
    log = an_attempt_that_failed().say(10, played("agent")).say(24, ended("agent"))
    run = msgspec.structs.replace(log.run(), outages=((START_MS + 9_500, START_MS + 23_900),))
    assert list(turns.an_agent_whose_attempt_is_over_is_told_and_freed(run)) == []


@pytest.mark.rule("C7")
def test_m1_an_agent_who_is_rung_before_callbacks_word_is_found() -> None:
    """The agent is rung for another customer, while the dropped place is about to be first again."""
    log = Log().say(1, ordered("p1"), ready("p1")).say(5, ended("agent", by=EndedBy.PARTY))
    early = offered("o2", "p2", "a0")
    assert "before cb.p1 has said" in first(
        turns.an_agent_freed_from_a_callback_waits_for_its_word, log.say(5, early)
    )
    right = Log().say(1, ordered("p1"), ready("p1")).say(5, ended("agent", by=EndedBy.PARTY))
    right.say(5.1, lost("p1"), early)
    assert found(turns.an_agent_freed_from_a_callback_waits_for_its_word, right) == []


@pytest.mark.rule("Q7")
def test_m15_an_agent_who_is_left_with_a_caller_who_has_gone_is_found() -> None:
    """Whether the caller hung up before the answer or after it; a callback that goes on is another matter."""

    def called() -> Log:
        return Log().say(1, arrived("in1"), taken("p1", 1, leg="in1")).say(3, offered("o1", "p1"))

    before = called().say(4, ended("in1", by=EndedBy.PARTY)).say(5, accepted("o1", "p1"))
    after = called().say(4, accepted("o1", "p1")).say(5, ended("in1", by=EndedBy.PARTY))
    for log in (before, after):
        assert "left alone for 3600000 ms" in first(
            turns.an_agent_who_accepts_a_caller_who_has_gone_is_freed, log
        )
        log.say(5.9, ended("agent"))
        assert found(turns.an_agent_who_accepts_a_caller_who_has_gone_is_freed, log) == []
    goes_on = called().say(4, ended("in1", by=EndedBy.PARTY)).say(5, accepted("o1", "p1"), ready("p1"))
    assert found(turns.an_agent_who_accepts_a_caller_who_has_gone_is_freed, goes_on) == []


@pytest.mark.rule("C7", "Q8")
def test_m1_an_agent_who_drops_and_is_rung_again_and_again_is_found() -> None:
    """Once at once, and then after ten seconds."""
    log = Log().say(1, ordered("p1")).say(5, lost("p1"), offered("o2", "p1")).say(9, lost("p1"))
    assert found(turns.who_drops_a_callback_is_not_rung_for_it_at_once_again, log) == []
    log.say(12, offered("o3", "p1"))
    assert "3000 ms after drop 2" in first(turns.who_drops_a_callback_is_not_rung_for_it_at_once_again, log)


@pytest.mark.rule("Q1")
def test_m13_an_agent_who_rings_before_his_step_is_found() -> None:
    """The first agent declines at 13 s, and the third is rung then instead of at 20 s."""
    office = a_department("a0", "a1", "a2", kind=StrategyKind.CUMULATIVE)
    log = Log().say(0, office, taken("p1", 0, leg="in1"), offered("o1", "p1", "a0"))
    log.say(10, offered("o2", "p1", "a1")).say(13, declined("o1", "p1", "a0"), offered("o3", "p1", "a2"))
    assert "7000 ms before" in first(turns.a_step_is_freed_by_the_end_of_its_own_agent, log)
    right = Log().say(0, office, taken("p1", 0, leg="in1"), offered("o1", "p1", "a0"))
    right.say(10, offered("o2", "p1", "a1")).say(13, declined("o2", "p1", "a1"), offered("o3", "p1", "a2"))
    assert found(turns.a_step_is_freed_by_the_end_of_its_own_agent, right) == []


def two_places(*, first_s: float, second_s: float) -> Log:
    """One customer's callback, another customer on the line, and one agent."""
    log = Log().say(0, an_office(), a_department("a0"), an_agent("a0"))
    log.say(first_s, ordered("p1"), taken("p1", first_s))
    return log.say(second_s, arrived("in2", OTHER), taken("p2", second_s, leg="in2", number=OTHER))


@pytest.mark.rule("Q3")
def test_an_offer_to_who_joined_later_is_found() -> None:
    """The earlier customer waits, and could have had that agent."""
    log = two_places(first_s=1, second_s=5).say(9, offered("o2", "p2"))
    assert "goes before p1" in first(turns.nobody_who_joined_later_is_served_first, log)
    right = two_places(first_s=1, second_s=5).say(9, offered("o1", "p1"))
    assert found(turns.nobody_who_joined_later_is_served_first, right) == []


@pytest.mark.rule("C8")
def test_m5_a_merged_place_counts_with_the_earlier_joining_time() -> None:
    """The customer has waited on the line since 1 s, and took over a callback ordered at 6 s."""
    log = Log().say(0, an_office(), a_department("a0")).say(1, arrived("in1"), taken("p1", 1, leg="in1"))
    log.say(5, arrived("in2", OTHER), taken("p2", 5, leg="in2", number=OTHER))
    log.say(6, ordered("p3"), taken("p3", 6)).say(8, taken_over("p3", "p1", "in1"))
    log.say(14, offered("o2", "p2"))
    assert "goes before p3" in first(turns.nobody_who_joined_later_is_served_first, log)


@pytest.mark.rule("C7")
def test_m1_a_held_customer_who_is_not_served_first_is_found() -> None:
    """The customer hears «one moment», and the agent is rung for an earlier place."""
    log = two_places(first_s=5, second_s=1).say(6, dialled("p1", "out1"), held("p1", "out1"))
    assert "goes before p1" in first(
        turns.nobody_who_joined_later_is_served_first, log.say(12, offered("o2", "p2"))
    )


@pytest.mark.rule("C7")
def test_m3_a_place_that_stays_first_after_its_attempt_is_found() -> None:
    """First applies to that attempt only; busy, it ranks by its joining time again."""
    log = two_places(first_s=5, second_s=1).say(6, lost("p1")).say(8, failed("p1", again_s=20))
    assert "goes before p2" in first(
        turns.nobody_who_joined_later_is_served_first, log.say(30, offered("o1", "p1"))
    )


@pytest.mark.rule("C7")
def test_m1_a_place_that_stays_first_after_three_drops_is_found() -> None:
    """Other customers would starve."""
    log = two_places(first_s=5, second_s=1).say(6, lost("p1"), lost("p1")).say(9, offered("o1", "p1"))
    assert found(turns.nobody_who_joined_later_is_served_first, log) == []
    log.say(10, accepted("o1", "p1"), lost("p1")).say(30, offered("o3", "p1"))
    assert "goes before p2" in first(turns.nobody_who_joined_later_is_served_first, log)


def a_second_drop(*, answered_s: float, dropped_s: float, agent: str = "a0") -> Log:
    """A callback whose agent drops it at once, and answers and drops it again; another customer waits."""
    log = two_places(first_s=1, second_s=5)
    log.say(6, offered("o1", "p1", agent), accepted("o1", "p1", agent), ready("p1", agent))
    log.say(7, lost("p1", agent), offered("o2", "p1", agent))
    log.say(answered_s, accepted("o2", "p1", agent), ready("p1", agent))
    return log.say(dropped_s, lost("p1", agent))


@pytest.mark.rule("C7", "Q8")
def test_for_ten_seconds_after_a_second_drop_the_agent_is_rightly_rung_for_others() -> None:
    """However long before the drop the agent had answered: the customer was being dialled all that time."""
    log = a_second_drop(answered_s=9, dropped_s=30).say(39.9, offered("o3", "p2"))
    assert found(turns.nobody_who_joined_later_is_served_first, log) == []
    log = a_second_drop(answered_s=9, dropped_s=30).say(40, offered("o3", "p2"))
    assert "goes before p1" in first(turns.nobody_who_joined_later_is_served_first, log)


@pytest.mark.rule("C7", "Q3")
def test_an_agent_who_dropped_once_and_is_rung_for_who_joined_later_is_found() -> None:
    """A lone agent is rung at once again after the first drop, so nobody else comes before that customer."""
    log = two_places(first_s=1, second_s=5).say(6, offered("o1", "p1"), accepted("o1", "p1"), ready("p1"))
    log.say(30, lost("p1")).say(35, offered("o2", "p2"))
    assert "goes before p1" in first(turns.nobody_who_joined_later_is_served_first, log)


@pytest.mark.rule("C7", "Q3")
def test_an_agent_who_is_rung_for_who_joined_later_after_a_colleagues_drops_is_found() -> None:
    """Only who dropped is kept away from the customer."""
    log = a_second_drop(answered_s=9, dropped_s=30, agent="a1").say(35, offered("o3", "p2", "a0"))
    assert "goes before p1" in first(turns.nobody_who_joined_later_is_served_first, log)


@pytest.mark.rule("Q3")
def test_m6_a_place_that_waits_beside_a_free_agent_is_found() -> None:
    """The customer took the place over in the gap, and no agent is rung for it."""
    log = two_places(first_s=1, second_s=5).say(6, failed("p1", again_s=66), taken_over("p1", "p2", "in2"))
    log.say(30, played("in2")).say(40, played("in2"))
    assert "p1 waits beside a0" in first(turns.nobody_waits_beside_a_free_agent, log)


@pytest.mark.rule("Q2")
def test_an_agent_on_the_phone_is_not_free() -> None:
    """The agent may have called, or been called."""
    log = two_places(first_s=1, second_s=5).say(6, requested("own", "sip:201"))
    assert found(turns.nobody_waits_beside_a_free_agent, log.say(30, played("x")).say(40, played("x"))) == []


def test_a_customer_on_the_line_is_not_dialled_and_so_not_beside_anybody() -> None:
    """The callback waits until the customer has hung up."""
    log = Log().say(0, an_office(), a_department("a0"), an_agent("a0"), arrived("in1"))
    log.say(1, ordered("p1"), taken("p1", 1)).say(20, played("in1")).say(40, played("in1"))
    assert found(turns.nobody_waits_beside_a_free_agent, log) == []
    log.say(41, ended("in1")).say(50, played("x")).say(60, played("x"))
    assert found(turns.nobody_waits_beside_a_free_agent, log)


def test_every_sentence_about_turns_is_broken_here() -> None:
    """A new one must come with its own log."""
    words = set(re.findall(r"turns\.(\w+)", Path(__file__).read_text()))
    assert {each.__name__ for each in turns.TURNS} <= words
