"""Kinds of mornings: which faults are likely, which versions run, and which invariants must hold.

Ordinary tests play storms and deploys. The others are rare coincidences made likely, each for a sentence of
the architecture that an ordinary storm proves too seldom (`hunt.py`).
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from contracts.gateway import DigitsEntered, RecordingRequested
from contracts.message import Fact
from devtools.invariants import no_organization_is_parked
from runtime.decision import Decider, Decision
from services.queue.service import SERVICE as QUEUE
from tests.sim import bent_workloads, gateways, replay
from tests.sim.deploys import NEWER_QUEUE
from tests.sim.gateways import ChangeKind
from tests.sim.invariants import (
    CHECKERS,
    OF_ANY_RUN,
    a_deadline_is_met_within_one_ring,
    a_number_is_given_to_one_message,
)
from tests.sim.ports import Faults
from tests.sim.virtual_time import START_MS
from tests.sim.world import CALM, CALMER, DECIDERS, STORMY, Run, simulate

ROOT: Final = Path(__file__).parents[2]
FaultProfile = Callable[[int, str], list[str]]
"""Plays the morning of a seed, with a planted bug by name for those who start other processes."""

MACHINES_LOST: Final = Faults(crash=0.004, fail_before=0.02, fail_after=0.02, forgets_with_crash=0.7)
"""A process's death also loses the store's last writes; no zombies, since both together are not covered."""
FRAIL_GATEWAY: Final = Faults(crash=0.01, freeze=0.01, fail_before=0.02, fail_after=0.02, only="gateway")
"""It dies between asking the PBX and saying so, or comes back beside its successor."""
FRAIL_GATEWAYS: Final = Faults(crash=0.003, fail_before=0.02, fail_after=0.02, only="gateway")
"""The same of several, which also stand still (`gateways.py`)."""
CLOCKS_AHEAD: Final = Faults(crash=1e-9)
"""No process dies and nothing fails; but some clocks are ahead, as in every storm."""
PARKED_UNTIL: Final = START_MS + 300_000


def wrongs(run: Run) -> list[str]:
    """Everything that is wrong with a morning, in words."""
    return [
        *(wrong for checker in CHECKERS for wrong in checker(run)),
        *replay.all_follows_from_the_log(run, DECIDERS),
    ]


def wrongs_of_a_deploy(run: Run) -> list[str]:
    """What must hold whichever version decides; the log follows from no single version."""
    return [wrong for checker in CHECKERS for wrong in checker(run)]


def in_a_storm(seed: int, mutant: str = "") -> list[str]:
    """Crashes, zombies, lost answers, failovers."""
    return wrongs(simulate(seed, STORMY))


def on_a_day_of_shared_rings(seed: int, mutant: str = "") -> list[str]:
    """Several agents ring at once, and some decline."""
    return wrongs(simulate(seed, CALMER, bend=bent_workloads.of_shared_rings))


def on_a_day_of_dropped_callbacks(seed: int, mutant: str = "") -> list[str]:
    """Agents drop callbacks, and customers are busy."""
    return wrongs(simulate(seed, CALMER, bend=bent_workloads.of_dropped_callbacks))


def on_a_day_of_talks_during_attempts(seed: int, mutant: str = "") -> list[str]:
    """Customers talk with another agent while one waits to call them back."""
    return wrongs(simulate(seed, CALMER, bend=bent_workloads.of_talks_during_attempts))


def on_a_day_of_late_deciders(seed: int, mutant: str = "") -> list[str]:
    """A decider stands still while customers call again, press keys and leave, and agents answer."""
    return wrongs(simulate(seed, CALM, bend=bent_workloads.of_late_deciders))


def on_a_day_of_erasures(seed: int, mutant: str = "") -> list[str]:
    """A customer is erased between a key and the queue's word about it."""
    return wrongs(simulate(seed, CALM, bend=bent_workloads.of_erasures))


def on_a_day_of_lowered_limits(seed: int, mutant: str = "") -> list[str]:
    """Customers with callbacks call again where more wait than a new limit allows."""
    return wrongs(simulate(seed, CALM, bend=bent_workloads.of_lowered_limits))


def in_a_deploy(seed: int, mutant: str = "") -> list[str]:
    """Old and new versions take over from each other."""
    return wrongs_of_a_deploy(simulate(seed, CALMER, newer={"queue": NEWER_QUEUE}))


def with_lost_machines(seed: int, mutant: str = "") -> list[str]:
    """A process and its store's last writes are lost at once, while it sends."""
    return wrongs(simulate(seed, MACHINES_LOST))


def with_lost_machines_in_a_deploy(seed: int, mutant: str = "") -> list[str]:
    """The same, and another version comes after: what stands on the log stands.

    Commands go before their facts. A machine lost between the two leaves only commands, and a version that
    decides differently gives their numbers to other commands: this is not covered (docs/operating.md).
    """
    run = simulate(seed, MACHINES_LOST, newer={"queue": NEWER_QUEUE})
    others = [checker for checker in CHECKERS if checker is not a_number_is_given_to_one_message]
    on_the_log = msgspec.structs.replace(run, commands=())
    return [
        *(wrong for checker in others for wrong in checker(run)),
        *a_number_is_given_to_one_message(on_the_log),
    ]


def with_a_frail_gateway(seed: int, mutant: str = "") -> list[str]:
    """Gateways die and freeze all the time; no other process does."""
    return wrongs(simulate(seed, FRAIL_GATEWAY))


def with_gateways_that_come_and_go(seed: int, mutant: str = "") -> list[str]:
    """Several share the PBXs, are drained in mid-call, and come back."""
    return wrongs(simulate(seed, CALM, plan=gateways.plan(seed, ChangeKind.DRAIN)))


def with_gateways_that_die(seed: int, mutant: str = "") -> list[str]:
    """Several share the PBXs, and are killed at any moment, also while they let go."""
    return wrongs(simulate(seed, FRAIL_GATEWAYS, plan=gateways.plan(seed, ChangeKind.DRAIN, ChangeKind.KILL)))


def with_gateways_that_sleep(seed: int, mutant: str = "") -> list[str]:
    """A gateway stands still while others have its PBXs, and believes after that that they are its own."""
    planned = gateways.plan(seed, ChangeKind.SLEEP, ChangeKind.ZOMBIE, ChangeKind.DRAIN)
    return wrongs(simulate(seed, FRAIL_GATEWAYS, plan=planned))


def with_gateways_that_are_cut_off(seed: int, mutant: str = "") -> list[str]:
    """A gateway reaches no broker while others have its PBXs: it has theirs, or finds them again first."""
    return wrongs(simulate(seed, CALM, plan=gateways.plan(seed, ChangeKind.CUT_OFF, ChangeKind.ISOLATE)))


def with_gateways_that_read_late(seed: int, mutant: str = "") -> list[str]:
    """A gateway stands still while others have its PBXs, and is given commands before it reads that."""
    return wrongs(simulate(seed, CALM, plan=gateways.plan(seed, ChangeKind.READ_LATE, at_a_moment=0.1)))


def with_gateways_that_lose_a_pbx_as_it_records(seed: int, mutant: str = "") -> list[str]:
    """A gateway hears no more of a PBX that it has just asked to record, often until the call has ended."""
    planned = gateways.plan(seed, ChangeKind.UNPLUG, moments=(RecordingRequested,), at_a_moment=0.7)
    return wrongs(simulate(seed, CALM, plan=planned))


def with_clocks_ahead(seed: int, mutant: str = "") -> list[str]:
    """A timer rings long before the log's time has come, and only asking again helps."""
    return wrongs(simulate(seed, CLOCKS_AHEAD))


def _breaking(state: Any, fact: Fact) -> Decision:
    if isinstance(fact, DigitsEntered) and state.now_at < PARKED_UNTIL:
        raise ArithmeticError("this version can't take a key")
    decision: Decision = QUEUE.decide(state, fact)
    return decision


BREAKING_QUEUE: Final[Decider[Any]] = msgspec.structs.replace(QUEUE, decide=_breaking)


def with_parking(seed: int, mutant: str = "") -> list[str]:
    """A broken version parks the organization, and the next version reads on."""
    breaking = (BREAKING_QUEUE, *(each for each in DECIDERS if each is not QUEUE))
    run = simulate(seed, CALMER, deciders=breaking, newer={"queue": QUEUE})
    # A parked organization is late, and says so.
    allowed = (no_organization_is_parked, a_deadline_is_met_within_one_ring)
    return [wrong for checker in OF_ANY_RUN if checker not in allowed for wrong in checker(run)]


def under_two_hash_seeds(seed: int, mutant: str = "") -> list[str]:
    """Two processes with different orders of sets must make the same log and the same records."""
    # Other hash seeds for every seed: the few names of a morning have the same order under many.
    playing = [_fingerprinting(seed, mutant, hash_seed) for hash_seed in (seed, 1_000 + seed)]
    one, other = (each.communicate()[0] for each in playing)
    assert all(each.returncode == 0 for each in playing), "a morning was not played to its end"
    return [] if one == other else [f"under two hash seeds: {one.strip()} and {other.strip()}"]


def _fingerprinting(seed: int, mutant: str, hash_seed: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.sim.fingerprint", str(seed), mutant],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
        stdout=subprocess.PIPE,
        text=True,
    )


FAULT_PROFILES: Final[tuple[FaultProfile, ...]] = (
    in_a_storm,
    in_a_deploy,
    with_lost_machines,
    with_lost_machines_in_a_deploy,
    with_a_frail_gateway,
    with_gateways_that_come_and_go,
    with_gateways_that_die,
    with_gateways_that_sleep,
    with_gateways_that_are_cut_off,
    with_gateways_that_read_late,
    with_gateways_that_lose_a_pbx_as_it_records,
    with_clocks_ahead,
    with_parking,
    on_a_day_of_shared_rings,
    on_a_day_of_dropped_callbacks,
    on_a_day_of_talks_during_attempts,
    on_a_day_of_late_deciders,
    on_a_day_of_erasures,
    on_a_day_of_lowered_limits,
    under_two_hash_seeds,
)
