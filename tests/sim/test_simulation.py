"""Many mornings, each with its crashes, zombies, lost answers and vanishing PBXs, and what must hold."""

import os

import pytest

from contracts.callback import AttemptFailed
from contracts.gateway import RecordingFinished
from tests.sim import bent_workloads, mutants
from tests.sim.coverage import Gathered
from tests.sim.fault_profiles import (
    FaultProfile,
    in_a_deploy,
    on_a_day_of_dropped_callbacks,
    on_a_day_of_erasures,
    on_a_day_of_late_deciders,
    on_a_day_of_shared_rings,
    on_a_day_of_talks_during_attempts,
    under_two_hash_seeds,
    with_a_frail_gateway,
    with_clocks_ahead,
    with_lost_machines,
    with_lost_machines_in_a_deploy,
    with_parking,
    wrongs,
)
from tests.sim.timeline import timeline
from tests.sim.virtual_time import START_MS
from tests.sim.world import AFTERMATH_S, CALM, CALMER, STORMY, simulate

SEEDS = int(os.environ.get("SEEDS", "100"))
"""A hundred in every test run; `make sim` plays two hundred, enough to judge coverage."""
SEED_FROM = int(os.environ.get("SEED_FROM", "1"))
ONE = os.environ.get("SEED")
KEPT = (215, 266, 316, 361, 445)
"""215, 266: an agent dropped a callback for the second time, long after answering, and was rung for others
within ten seconds. That was right; the checker of turns counted from the answer, not from the drop.
316: two callers of one number were told of the callback's place, and the later key had no answer.
361: a customer called again before callback had ended the callback that the talk had settled, and too many
waited. Sending him away was right; the checker counted the callback until callback's own word.
445: a customer with a denied number was erased, and an agent was rung for the callback until it had ended."""
MORNINGS = sorted({*range(SEED_FROM, SEED_FROM + SEEDS), *KEPT})
KEPT_LATE = (21, 26, 35, 39, 167, 242, 263)
"""21: a dial was refused before callback spoke of it, and its number was engaged for ever.
26: a queue that was behind counted a callback whose end stood on the log; the checker of the present did not.
35: a customer who had answered was bridged late, and hung up at that moment.
39: a dial gave way to the customer's own call, the next was refused, and the apology was right.
167: a caller had moved a deadline by taking a callback's place; the checker of M-12 read the order's.
242, 263: a customer called twice during an attempt, and was dialled when one of these had ended (M-23)."""

KEPT_RARE = ((on_a_day_of_talks_during_attempts, 3),)
"""3: queue was away when a talk ended, callback heard no word of it, and dialled the customer (M-22)."""

KEPT_UNHEARD = 1289
"""Of a day of shared rings: a gateway that was frozen in one call took its successor's event of an agent who
hung up. The checker of C6 read the late end by us, and took the agent for one who was cut off."""

KEPT_SLOW = (286, 390)
"""Talks of five minutes that a slow PBX sent for fifty: the morning ended before, and its checkers blamed the
gateway, which was right to wait."""


@pytest.mark.rule("Q2", "Q3", "Q9", "Q12", "C3", "C4", "C13", "V4", "G2", "G3")
@pytest.mark.parametrize("seed", [int(ONE)] if ONE else MORNINGS)
def test_a_stormy_morning_loses_nobody_and_does_nothing_twice(seed: int, gathered: Gathered) -> None:
    """Whichever process dies, at any moment; repeat one morning with `make sim SEED=n`."""
    run = simulate(seed, STORMY)
    gathered.note(run)
    assert wrongs(run) == [], f"seed {seed}: {len(run.crashes)} crashes"


def test_a_calm_morning_is_the_same_every_time() -> None:
    """A failing seed must be repeatable."""
    first, second = simulate(1, CALM), simulate(1, CALM)
    assert wrongs(first) == []
    assert [(each.at, each.fact) for each in first.facts if each.envelope.type != "gateway.pbx_claimed"] == [
        (each.at, each.fact) for each in second.facts if each.envelope.type != "gateway.pbx_claimed"
    ]


@pytest.mark.rule("R1", "V7", "V8")
@pytest.mark.parametrize("seed", KEPT_SLOW)
def test_a_long_talk_is_kept_however_long_its_pbx_takes_to_send_it(seed: int) -> None:
    """Its gateway dies meanwhile, and the next one goes on where the sending was interrupted."""
    run = simulate(seed, STORMY)
    assert run.workload is not None
    usual_end_at = START_MS + 1000 * (run.workload.ends_at_s + AFTERMATH_S)
    told = [(each.at, each.fact) for each in run.facts if isinstance(each.fact, RecordingFinished)]
    late = [fact.ok for at, fact in told if at > usual_end_at + 1000 * AFTERMATH_S]
    assert late == [True], "everything was sent in time: the seed proves nothing"
    assert wrongs(run) == []


@pytest.mark.rule("V7", "V8")
@pytest.mark.parametrize("seed", KEPT_SLOW)
def test_waiting_for_a_slow_pbx_still_finds_a_recording_that_nobody_fetches(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The morning ends although a recording is still with its PBX, and says so."""
    mutants.a_successor_that_leaves_a_recording_half_sent(monkeypatch)
    run = simulate(seed, STORMY)
    kept = run.remains.recordings
    assert kept
    assert {f"the recording {each} ended 0 times" for each in kept} <= set(wrongs(run))


@pytest.mark.rule("Q12")
@pytest.mark.parametrize("seed", range(1, 1 + max(1, SEEDS // 10)))
def test_old_and_new_versions_take_over_from_each_other(seed: int) -> None:
    """A deploy changes later decisions, but no fact of an earlier version."""
    assert in_a_deploy(seed) == []


@pytest.mark.rule("Q12")
@pytest.mark.parametrize(
    "weather",
    [
        with_lost_machines,
        with_lost_machines_in_a_deploy,
        with_a_frail_gateway,
        with_clocks_ahead,
        with_parking,
        on_a_day_of_shared_rings,
        on_a_day_of_dropped_callbacks,
        on_a_day_of_talks_during_attempts,
        on_a_day_of_erasures,
    ],
)
@pytest.mark.parametrize("seed", range(1, 1 + max(1, SEEDS // 50)))
def test_rare_coincidences_lose_nobody_either(weather: FaultProfile, seed: int) -> None:
    """Each was made for a bug that ordinary storms do not show; without the bug it must pass."""
    assert weather(seed, "") == []


@pytest.mark.rule("Q12", "C14")
@pytest.mark.parametrize(("weather", "seed"), KEPT_RARE)
def test_what_a_seed_has_shown_of_rare_coincidences_stays_mended(weather: FaultProfile, seed: int) -> None:
    """Without its fix each of these mornings shows the fault again (`run_mutants.py`)."""
    assert weather(seed, "") == []


@pytest.mark.rule("C6")
def test_an_agent_who_hung_up_where_only_a_superseded_gateway_heard_it_was_not_cut_off() -> None:
    """When the attempt failed, its notice could not be played, and the leg was hung up at once."""
    run = simulate(KEPT_UNHEARD, CALMER, bend=bent_workloads.of_shared_rings)
    failed = {each.fact.agent_leg_id for each in run.facts if isinstance(each.fact, AttemptFailed)}
    assert failed & timeline(run).hung_up_unheard().keys(), "every end was heard: the seed proves nothing"
    assert wrongs(run) == []


@pytest.mark.rule("Q12", "Q7", "C15")
@pytest.mark.parametrize("seed", [*range(1, 1 + max(1, SEEDS // 10)), *KEPT_LATE])
def test_a_decider_that_is_behind_keeps_every_promise_when_it_goes_on(seed: int) -> None:
    """Customers press keys and leave, and agents answer, before it hears of any of it."""
    assert on_a_day_of_late_deciders(seed) == []


def test_no_order_of_a_set_decides_anything() -> None:
    """A replay in another process, or on another day, makes the same log and the same records."""
    assert under_two_hash_seeds(3, "") == []
