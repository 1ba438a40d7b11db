"""Plants each bug in turn and looks for the first morning that betrays it (`make sim-mutants`)."""

import logging
import sys
import time
from collections.abc import Callable

import msgspec
import pytest
import structlog
from rich.console import Console
from rich.table import Table

from tests.sim.deploys import NEWER_QUEUE
from tests.sim.mutants import MUTANTS, Patch
from tests.sim.test_simulation import wrongs, wrongs_of_a_deploy
from tests.sim.world import CALMER, STORMY, simulate

SEEDS_MAX = 60
"""A bug that sixty mornings of each weather do not betray is one that the simulation can't find."""


class Betrayal(msgspec.Struct, frozen=True):
    """Where a planted bug showed, and how."""

    seed: int
    weather: str
    wrong: str


def in_a_storm(seed: int) -> list[str]:
    """What is wrong with a stormy morning."""
    return wrongs(simulate(seed, STORMY))


def in_a_deploy(seed: int) -> list[str]:
    """What is wrong with a morning on which old and new versions take turns."""
    return wrongs_of_a_deploy(simulate(seed, CALMER, newer={"queue": NEWER_QUEUE}))


WEATHERS: dict[str, Callable[[int], list[str]]] = {"storm": in_a_storm, "deploy": in_a_deploy}


def betrayed(mutant: Patch, seeds_max: int = SEEDS_MAX) -> Betrayal | None:
    """The first seed and weather in which the bug shows, or None. An exception betrays it, too."""
    for seed in range(1, seeds_max + 1):
        for weather, play in WEATHERS.items():
            with pytest.MonkeyPatch.context() as patch:
                mutant(patch)
                try:
                    found = play(seed)
                except Exception as error:  # noqa: BLE001  # whatever a planted bug does to us
                    found = [repr(error)]
            if found:
                return Betrayal(seed, weather, found[0])
    return None


def main(names: list[str]) -> int:
    """Hunt all mutants, or those whose names contain one of the words given; 1 if any is not found."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    console = Console()
    table = Table("planted bug", "found by", "after", "as", title="Planted bugs")
    missed = 0
    for mutant in MUTANTS:
        if names and not any(name in mutant.__name__ for name in names):
            continue
        started = time.monotonic()
        found = betrayed(mutant)
        missed += found is None
        took = f"{time.monotonic() - started:.0f} s"
        name = mutant.__name__.replace("_", " ")
        console.print(
            f"{name}: {'not found' if found is None else f'seed {found.seed}, {found.weather}'} ({took})"
        )
        if found is None:
            table.add_row(name, "[red]nothing", took, "")
        else:
            table.add_row(name, f"seed {found.seed}, {found.weather}", took, found.wrong[:70])
    console.print(table)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
