"""Measures how long the simulation's mornings of a test run take."""

import os
import subprocess
import sys
import time

from devtools.bench.bench import Bench
from devtools.bench.figures import Figure, at_most
from ringback.stack.services import ROOT

SEEDS, QUICK_SEEDS = 200, 20
SECONDS_MAX = 60
STORMS = "tests/sim/test_simulation.py::test_a_stormy_morning_loses_nobody_and_does_nothing_twice"


class Betrayed(Exception):
    """A simulated morning failed, so there is no figure."""


def measure(bench: Bench) -> list[Figure]:
    """Measure the storms of one test run, on three workers as in `make test`."""
    count = bench.size(SEEDS, QUICK_SEEDS)
    bench.say(f"simulation: {count} mornings")
    argv = [sys.executable, "-m", "pytest", "-q", "-n", "3", "--dist", "loadgroup", STORMS]
    began = time.perf_counter()
    done = subprocess.run(
        argv,
        cwd=ROOT,
        env={**os.environ, "SEEDS": str(count)},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        raise Betrayed(f"`make sim SEEDS={count}` fails: {done.stdout.strip().rpartition(chr(10))[2]}")
    return [
        Figure(
            name=f"simulation: {count} seeds",
            unit="s",
            measured=seconds,
            goal=at_most(SECONDS_MAX) if count == SEEDS else None,
            how=f"{count} stormy mornings on three workers, each judged and replayed; pytest's start counts",
            bound_by="a morning is played by the real hosts and edges, in Python; nearly half of it are the "
            "hosts' turns, by a sampled profile",
        )
    ]
