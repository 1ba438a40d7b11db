"""Each checker finds a violation: it gets a morning that is wrong in one way.

The sentences that the chaos run shares have theirs in tests/unit/tools/test_chaos.py; promises to customers
and turns of agents have logs of their own in test_customer_invariants.py and test_turn_invariants.py, and
gateways their mornings in test_gateways.py.
"""

from collections.abc import Callable
from functools import lru_cache

import msgspec
import pytest

from contracts.callback import CallbackUnreached
from contracts.gateway import Bridged, LegEnded
from contracts.history import CustomerErased
from contracts.ids import AgentId, Instant, TimerId
from contracts.log import TimerDue
from contracts.queue import NoAnswerReached, PlaceTaken
from contracts.telephony import HangUp, Play
from devtools.invariants import SENTENCES
from devtools.oracle import the_log_explains_itself
from services.history.rules import contact_names, place_standing, queue_places
from services.queue.service import SERVICE as QUEUE
from services.queue.state.records import AgentActivity
from tests.sim import bent_workloads, replay
from tests.sim.customer_invariants import PROMISES
from tests.sim.fault_profiles import wrongs
from tests.sim.gateway_invariants import SENTENCES_OF_GATEWAYS
from tests.sim.history_invariants import history_tells_everything_once, the_present_is_the_queues
from tests.sim.invariants import (
    CHECKERS,
    a_deadline_is_met_within_one_ring,
    a_gateway_leaves_no_number_out,
    a_leg_that_has_ended_keeps_nobody_busy,
    a_number_is_given_to_one_message,
    a_timer_rings_when_it_is_due,
    an_erased_customer_is_in_no_record,
    nobody_who_talks_is_hung_up_for_silence,
)
from tests.sim.turn_invariants import TURNS
from tests.sim.workload import CLOUD, CUSTOMERS
from tests.sim.world import CALM, DECIDERS, STORMY, Run, Said, Sent, simulate


@lru_cache(maxsize=1)
def true_morning() -> Run:
    """A calm morning on which one customer waited until the deadline, and others did not."""
    for seed in range(1, 50):
        run = simulate(seed, CALM)
        if any(isinstance(each.fact, NoAnswerReached) for each in run.facts):
            return run
    raise AssertionError("nobody ever waited too long")


def with_facts(run: Run, facts: list[Said]) -> Run:
    """The same morning with another log."""
    return msgspec.structs.replace(run, facts=tuple(facts))


def with_commands(run: Run, commands: list[Sent]) -> Run:
    """The same morning with other commands."""
    return msgspec.structs.replace(run, commands=tuple(commands))


def own_facts(run: Run) -> list[Said]:
    """The queue's numbered facts."""
    return [each for each in run.facts if each.envelope.source == "queue" and each.envelope.seq]


def test_a_true_morning_is_accepted() -> None:
    """Checkers that find fault with everything would be useless."""
    assert wrongs(true_morning()) == []


def test_every_checker_has_a_morning_that_it_refuses() -> None:
    """A new checker needs such a morning; the shared ones have theirs in the chaos run's tests."""
    ours = {
        a_deadline_is_met_within_one_ring,
        a_number_is_given_to_one_message,
        a_timer_rings_when_it_is_due,
        a_gateway_leaves_no_number_out,
        an_erased_customer_is_in_no_record,
        a_leg_that_has_ended_keeps_nobody_busy,
        history_tells_everything_once,
        the_present_is_the_queues,
        nobody_who_talks_is_hung_up_for_silence,
    }
    elsewhere = {*SENTENCES, *SENTENCES_OF_GATEWAYS, *PROMISES, *TURNS}
    assert set(CHECKERS) - elsewhere == ours


def test_a_deadline_that_is_met_too_late_is_found() -> None:
    """Ten minutes too late, for a morning on which nothing went wrong."""
    run = true_morning()
    late = [
        msgspec.structs.replace(each, at=each.at + 600_000)
        if isinstance(each.fact, NoAnswerReached)
        else each
        for each in run.facts
    ]
    (first, *_) = a_deadline_is_met_within_one_ring(with_facts(run, late))
    assert "past its deadline" in first


def with_a_timer(run: Run, *, late_ms: int) -> Run:
    """The morning, and a timer of the queue that rings so long after its instant."""
    last = run.facts[-1]
    due_at = Instant(last.at + 60_000)
    timer_id = TimerId("deadline/p9")
    due = TimerDue(service="queue", timer_id=timer_id, due_at=due_at, kind="deadline", subject="p9")
    unnumbered = msgspec.structs.replace(last.envelope, source="queue", seq=0)
    rung = msgspec.structs.replace(last, at=due_at + late_ms, envelope=unnumbered, fact=due)
    return with_facts(run, [*run.facts, rung])


@pytest.mark.rule("Q5")
def test_m26_a_timer_that_rings_late_is_found() -> None:
    """Unless its service had died; and one that a clock rang early will ring again."""
    run = msgspec.structs.replace(true_morning(), outages=())
    (found,) = a_timer_rings_when_it_is_due(with_a_timer(run, late_ms=5_000))
    assert "deadline/p9 of queue rang 5000 ms after" in found
    assert list(a_timer_rings_when_it_is_due(with_a_timer(run, late_ms=150))) == []
    assert list(a_timer_rings_when_it_is_due(with_a_timer(run, late_ms=-5_000))) == []
    again = with_a_timer(with_a_timer(run, late_ms=-5_000), late_ms=5_000)
    assert len(list(a_timer_rings_when_it_is_due(again))) == 1
    for crash, count in (("queue#1 before write", 0), ("the broker was away", 0), ("gateway#1 poll", 1)):
        died = msgspec.structs.replace(with_a_timer(run, late_ms=5_000), crashes=(crash,))
        assert len(list(a_timer_rings_when_it_is_due(died))) == count


def test_a_number_that_is_given_twice_is_found() -> None:
    """Readers would never hear one of the two, whether facts or commands."""
    run = true_morning()
    taken = next(each for each in own_facts(run) if isinstance(each.fact, PlaceTaken))
    other = msgspec.structs.replace(taken, fact=msgspec.structs.replace(taken.fact, position=99))
    assert list(a_number_is_given_to_one_message(with_facts(run, [*run.facts, other])))
    play = next(each for each in run.commands if isinstance(each.command, Play))
    changed = msgspec.structs.replace(play, command=msgspec.structs.replace(play.command, media=("x",)))
    assert list(a_number_is_given_to_one_message(with_commands(run, [*run.commands, changed])))
    # With the same content it is a repeat, which readers drop.
    assert list(a_number_is_given_to_one_message(with_facts(run, [*run.facts, taken]))) == []


def test_a_fact_that_a_gateway_never_said_is_found() -> None:
    """Later facts were said past a failure."""
    run = true_morning()
    said = [each for each in run.facts if each.envelope.source == "gateway/cloud" and each.envelope.seq]
    gone = said[len(said) // 2]
    found = list(
        a_gateway_leaves_no_number_out(with_facts(run, [each for each in run.facts if each is not gone]))
    )
    assert len(found) == 1


@pytest.mark.rule("V6")
def test_a_customer_who_was_erased_and_is_still_in_a_record_is_found() -> None:
    """An erasure that nobody heard; one whose customer calls again proves nothing."""
    run = true_morning()
    number = next(each for each in CUSTOMERS if _is_stored(run, each))
    last = run.facts[-1]
    erased = msgspec.structs.replace(last, fact=CustomerErased(number=number, erasure_id="e"))
    found = list(an_erased_customer_is_in_no_record(with_facts(run, [*run.facts, erased])))
    assert found
    assert number in found[0]
    call = next(each for each in run.facts if number in str(each.fact) and "gateway/" in each.envelope.source)
    assert not list(an_erased_customer_is_in_no_record(with_facts(run, [*run.facts, erased, call])))


def _is_stored(run: Run, number: str) -> bool:
    stored = [records for store in run.stores.values() for records in store.stored[0].records.values()]
    called = any(number in str(each.fact) and "gateway/" in each.envelope.source for each in run.facts)
    return called and any(number.encode() in data for records in stored for data in records.values())


@pytest.mark.rule("H3")
def test_a_history_that_keeps_a_recording_in_two_contacts_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """On this morning a recorded customer is on a leg of two contacts, and both kept the recording once."""
    run = simulate(60, STORMY)
    assert not list(history_tells_everything_once(run))
    monkeypatch.setattr(contact_names, "owners", lambda _, concerned: concerned)
    (found,) = history_tells_everything_once(with_facts(run, list(run.facts)))
    assert "2 times in recordings" in found


@pytest.mark.rule("Q3")
def test_a_present_that_orders_places_in_its_own_way_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall would name another customer as the next one than the queue has."""
    run = simulate(11, STORMY)
    assert not list(the_present_is_the_queues(run))
    monkeypatch.setattr(place_standing, "rank", lambda place, _: (1, -place.joined_at, place.place_id))
    found = list(the_present_is_the_queues(with_facts(run, list(run.facts))))
    assert any("and the queue said" in each for each in found)


@pytest.mark.rule("Q3")
def test_a_place_is_compared_with_those_that_the_queue_knew_of_when_it_was_taken() -> None:
    """On this morning the queue was behind: a callback whose end it had not heard stood before the caller."""
    run = simulate(590, CALM, bend=bent_workloads.of_late_deciders)
    assert not list(the_present_is_the_queues(run))
    late = next(
        each
        for each in run.facts
        if isinstance(each.fact, PlaceTaken)
        and any(
            isinstance(heard.fact, CallbackUnreached)
            and each.envelope.cause_offset < heard.offset < each.offset
            for heard in run.facts
        )
    )
    assert late.fact.position == 2  # type: ignore[attr-defined]  # it is a place's
    wrong = msgspec.structs.replace(late, fact=msgspec.structs.replace(late.fact, position=1))
    facts = [wrong if each is late else each for each in run.facts]
    (found,) = the_present_is_the_queues(with_facts(run, facts))
    assert "is shown as 2, and the queue said 1" in found


def test_a_present_that_keeps_a_place_which_is_over_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall would count a customer for ever who has long been served."""
    run = true_morning()
    monkeypatch.setattr(queue_places, "_end", lambda *_, **__: None)
    found = list(the_present_is_the_queues(with_facts(run, list(run.facts))))
    assert any("is shown, and its contact has ended" in each for each in found)


@pytest.mark.rule("Q12")
def test_two_who_are_taken_apart_are_found() -> None:
    """Their bridge is on the log, and the hang-up says that nothing was heard of it."""
    run = true_morning()
    leg_id = next(each.fact.legs[0] for each in run.facts if isinstance(each.fact, Bridged))
    hang_up = HangUp(pbx_id=CLOUD, leg_id=leg_id, reason="silent")
    sent = msgspec.structs.replace(run.commands[-1], command=hang_up)
    assert not list(nobody_who_talks_is_hung_up_for_silence(run))
    assert list(nobody_who_talks_is_hung_up_for_silence(with_commands(run, [*run.commands, sent])))


@pytest.mark.rule("G3", "C15")
def test_a_record_of_a_leg_that_has_ended_is_found() -> None:
    """A customer's leg, and an agent's."""
    run = simulate(true_morning().seed, CALM)  # a separate morning, since its store is changed
    assert not list(a_leg_that_has_ended_keeps_nobody_busy(run))
    (records,) = run.stores["queue"].stored[0].records.values()
    leg_id = next(each.fact.leg_id for each in run.facts if isinstance(each.fact, LegEnded))
    state = QUEUE.new_state()
    state.activities.put(AgentActivity(AgentId("a0"), direct_leg_id=leg_id))
    records[f"legs/{leg_id}"] = b""
    records["lines/a0"] = next(data for data in state.activities.take_changes().values() if data is not None)
    assert sorted(a_leg_that_has_ended_keeps_nobody_busy(run)) == [
        f"a0 is kept busy by the leg {leg_id}, which is over",
        f"the queue keeps the leg {leg_id}, which is over",
    ]


def without_a_fact(run: Run) -> Run:
    """One fact of the queue's was never said."""
    gone = own_facts(run)[5]
    return with_facts(run, [each for each in run.facts if each is not gone])


def without_the_last_fact(run: Run) -> Run:
    """The end of what the queue had to say is missing."""
    gone = own_facts(run)[-1]
    return with_facts(run, [each for each in run.facts if each is not gone])


def with_another_fact(run: Run) -> Run:
    """A fact says something that does not follow."""
    taken = next(each for each in own_facts(run) if isinstance(each.fact, PlaceTaken))
    other = msgspec.structs.replace(taken, fact=msgspec.structs.replace(taken.fact, position=99))
    return with_facts(run, [other if each is taken else each for each in run.facts])


def without_a_command(run: Run) -> Run:
    """One command was never sent."""
    return with_commands(run, list(run.commands[:-1]))


def with_a_command_too_many(run: Run) -> Run:
    """A command under a number that nothing decided on."""
    last = run.commands[-1]
    envelope = msgspec.structs.replace(last.envelope, seq=last.envelope.seq + 1_000)
    return with_commands(run, [*run.commands, msgspec.structs.replace(last, envelope=envelope)])


@pytest.mark.parametrize(
    "doctored",
    [
        without_a_fact,
        without_the_last_fact,
        with_another_fact,
        without_a_command,
        with_a_command_too_many,
    ],
)
def test_a_log_that_does_not_explain_itself_is_found(doctored: Callable[[Run], Run]) -> None:
    """Missing, changed and surplus outputs are found."""
    run = doctored(true_morning())
    found = list(the_log_explains_itself(run, DECIDERS))
    assert found
    assert set(found) <= set(replay.all_follows_from_the_log(run, DECIDERS))


def test_a_forgotten_timer_is_found() -> None:
    """A state that waits for something must have set a timer for it."""
    forgetful = msgspec.structs.replace(QUEUE, owed=lambda _: ("a deadline",))
    found = list(replay.all_follows_from_the_log(true_morning(), (forgetful,)))
    assert found == ["queue has forgotten the timers ['a deadline']"]


@pytest.mark.parametrize("what", ["changed", "gone", "too many"])
def test_a_record_that_the_log_does_not_make_is_found(what: str) -> None:
    """The next owner must load exactly the records that the log makes, byte by byte."""
    run = simulate(true_morning().seed, CALM)  # a separate morning, since its store is changed
    (records,) = run.stores["queue"].stored[0].records.values()
    name = next(name for name in sorted(records) if name.startswith("agents/"))
    match what:
        case "changed":
            records[name] += b"\x00"
        case "gone":
            del records[name]
        case _:
            records["agents/nobody"] = records[name]
    (wrong,) = replay.all_follows_from_the_log(run, (QUEUE,))
    assert "1 records differ" in wrong


def test_a_free_agent_beside_a_place_is_found() -> None:
    """A queue that offers nothing inverts the order of all customers."""
    idle = msgspec.structs.replace(QUEUE, settle=None)
    found = list(replay.all_follows_from_the_log(true_morning(), (idle,)))
    assert any("is free beside" in each for each in found)
