"""Many mornings, each with its crashes, zombies, lost answers and vanishing PBXs, and what must hold."""

import os

import pytest

from services.queue.service import SERVICE as QUEUE
from tests.sim import replay
from tests.sim.checkers import CHECKERS
from tests.sim.coverage import Gathered
from tests.sim.deploys import NEWER_QUEUE
from tests.sim.world import CALM, CALMER, DECIDERS, STORMY, Run, simulate

SEEDS = int(os.environ.get("SEEDS", "200"))
SEED_FROM = int(os.environ.get("SEED_FROM", "1"))
ONE = os.environ.get("SEED")


def wrongs(run: Run) -> list[str]:
    """Everything that is wrong with a morning, in words."""
    return [
        *(wrong for checker in CHECKERS for wrong in checker(run)),
        *replay.the_log_explains_itself(run, DECIDERS),
        *replay.the_state_survives_reloading(run, DECIDERS),
        *replay.no_offer_inverts_the_order(run, QUEUE),
    ]


@pytest.mark.rule("Q2", "Q3", "Q9", "Q12", "C3", "C4", "C13", "V4", "G2", "G3")
@pytest.mark.parametrize("seed", [int(ONE)] if ONE else range(SEED_FROM, SEED_FROM + SEEDS))
def test_a_stormy_morning_loses_nobody_and_does_nothing_twice(seed: int, gathered: Gathered) -> None:
    """Whatever dies, and whenever: repeat one with `make sim SEED=n`."""
    run = simulate(seed, STORMY)
    gathered.note(run)
    assert wrongs(run) == [], f"seed {seed}: {len(run.crashes)} crashes"


def test_a_calm_morning_is_the_same_every_time() -> None:
    """A seed that does not repeat is no seed."""
    first, second = simulate(1, CALM), simulate(1, CALM)
    assert wrongs(first) == []
    assert [(each.at, each.fact) for each in first.facts if each.envelope.type != "gateway.pbx_claimed"] == [
        (each.at, each.fact) for each in second.facts if each.envelope.type != "gateway.pbx_claimed"
    ]


@pytest.mark.rule("Q12")
@pytest.mark.parametrize("seed", range(1, 1 + max(1, SEEDS // 10)))
def test_old_and_new_versions_take_over_from_each_other(seed: int) -> None:
    """A deploy changes decisions, and nothing that an earlier version has said."""
    run = simulate(seed, CALMER, newer={"queue": NEWER_QUEUE})
    assert wrongs_of_a_deploy(run) == []


def wrongs_of_a_deploy(run: Run) -> list[str]:
    """What must hold whichever version decides; the log explains itself to no single one."""
    return [wrong for checker in CHECKERS for wrong in checker(run)]
