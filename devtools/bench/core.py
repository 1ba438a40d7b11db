"""Measures the decider alone: facts a second, growth with the queue's length, bytes per waiting place."""

import subprocess
import sys

import msgspec

from devtools.bench import prepared
from devtools.bench.bench import Bench
from devtools.bench.figures import Figure, at_most, median, ratio_at_most
from devtools.bench.traffic import Traffic
from ringback.stack.services import ROOT

SHORT, MIDDLE, LONG = 10, 1_000, 100_000
QUICK_LONG = 5_000
STRETCHES = 7
"""The cost of a fact is the median of this many stretches: other load spoils one or two."""
PLACE_BYTES_MAX = 2048
LOADED_BYTES_MAX = 1658
"""Three quarters of what a loaded place took when this was set as a goal."""


def facts(bench: Bench) -> list[Figure]:
    """Measure mixed traffic in one department of ten agents with a thousand waiting callers."""
    bench.say("the decider alone, a thousand waiting")
    traffic = prepared.filled(MIDDLE)
    heard, said, seconds = _measured(traffic, bench.size(4_000, 500))
    handled = heard + said
    return [
        Figure(
            name="decider core",
            unit="facts/s",
            measured=handled / seconds,
            how="apply + decide of the queue, one core, no I/O: facts heard and facts said "
            "(each is applied and decided on), a thousand waiting, ten agents",
        )
    ]


def growth(bench: Bench) -> list[Figure]:
    """Measure the cost of a fact with few and with very many waiting callers, with the same mix of facts."""
    long = bench.size(LONG, QUICK_LONG)
    turns = bench.size(200, 60)
    bench.say(f"growth: {SHORT}, {MIDDLE:,} and {long:,} wait")
    mornings = [prepared.filled(SHORT), prepared.filled(MIDDLE), bench.morning(long)]
    costs: list[list[float]] = [[], [], []]
    # In turns, so that other load on the machine affects all three alike.
    for _ in range(STRETCHES):
        for number, traffic in enumerate(mornings):
            heard, said, seconds = _measured(traffic, turns)
            costs[number].append(seconds / (heard + said) * 1e6)
    first, middle, last = (median(each) for each in costs)
    how = "processor time of apply + decide per fact, median of seven stretches taken in turns"
    return [
        Figure(name=f"growth: a fact with {SHORT} waiting", unit="µs", measured=first, how=how),
        Figure(
            name=f"growth: a fact with {MIDDLE:,} waiting",
            unit="µs",
            measured=middle,
            baseline=first,
            against=f"a fact with {SHORT} waiting",
            how=how,
        ),
        Figure(
            name=f"growth: a fact with {long:,} waiting",
            unit="µs",
            measured=last,
            baseline=first,
            against=f"a fact with {SHORT} waiting",
            goal=ratio_at_most(1.5),
            how=how,
            bound_by="ranks and sorted lists cost O(log n)",
        ),
    ]


def _measured(traffic: Traffic, turns: int) -> tuple[int, int, float]:
    heard, said, seconds = traffic.facts_heard, traffic.facts_said, traffic.seconds
    for _ in range(turns):
        traffic.turn()
    return traffic.facts_heard - heard, traffic.facts_said - said, traffic.seconds - seconds


def memory(bench: Bench) -> list[Figure]:
    """Measure the bytes per waiting place, in separate processes."""
    long = bench.size(LONG, QUICK_LONG)
    bench.say("memory: a process that hears arrivals, and one that loads records")
    found = bench.prepared(long)
    records = bench.run / "records"
    records.write_bytes(msgspec.msgpack.encode(found.records))
    by_facts = long // 4
    how = "growth of the resident memory of a process"
    bound_by = (
        "a place is four records (the place, its leg, two timers) with their keys, and its rank in three "
        "sorted lists"
    )
    return [
        Figure(
            name="memory: a waiting place, from facts",
            unit="bytes",
            measured=_grown("facts", str(by_facts)) / by_facts,
            goal=at_most(PLACE_BYTES_MAX),
            how=f"{how} by {by_facts:,} callers who arrived, heard the welcome and wait",
            bound_by=bound_by,
        ),
        Figure(
            name="memory: a waiting place, loaded",
            unit="bytes",
            measured=_grown("records", str(records)) / found.waiting,
            goal=at_most(LOADED_BYTES_MAX),
            how=f"{how} by {found.waiting:,} such callers loaded from stored records",
            bound_by=f"{bound_by}; texts are shared among records while they load, as facts do, numbers not",
        ),
        Figure(
            name="memory: a waiting place, stored",
            unit="bytes",
            measured=sum(len(name) + len(data) for name, data in found.records.items()) / found.waiting,
            how="names and bytes of its records in the store",
        ),
    ]


def _grown(*words: str) -> float:
    argv = [sys.executable, "-m", "devtools.bench.grown", *words]
    return float(subprocess.run(argv, check=True, capture_output=True, text=True, cwd=ROOT).stdout)
