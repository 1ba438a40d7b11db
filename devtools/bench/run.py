"""One run: groups of figures in sequence, reported as they come; a failure does not stop the rest."""

import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog
from rich.console import Console

from devtools.bench import (
    core,
    cost,
    dialling,
    fairness,
    host,
    machine,
    organizations,
    past,
    present,
    replicas,
    report,
    restart,
    seeds,
    speech,
    voicemail,
    whole_call,
)
from devtools.bench.bench import Bench
from devtools.bench.calls import table as calls
from devtools.bench.figures import Figure, short
from ringback.stack.services import ROOT
from ringback.stack.signals import interrupted_by_signals

Measure = Callable[[Bench], list[Figure]]

GROUPS: Final[dict[str, Measure]] = {
    "core": core.facts,
    "simulation": seeds.measure,
    "host": host.measure,
    "speech": speech.measure,
    "voicemail": voicemail.measure,
    "history": past.measure,
    "live": present.measure,
    "fairness": fairness.measure,
    "cost": cost.measure,
    "whole-call": whole_call.measure,
    "latency": dialling.latency,
    "hand-over": dialling.hand_over,
    "restart": restart.measure,
    "replicas": replicas.measure,
    "organizations": organizations.measure,
    "phones": calls.measure,
    "memory": core.memory,
    # Last, since it changes the morning whose records the three groups before it use.
    "growth": core.growth,
}


TABLE_WIDTH: Final = 160


def run(names: list[str], *, is_quick: bool, writes: bool) -> int:
    """Measure these groups; 0 if all could be measured, whatever the figures are."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    # Without a terminal (a log, a pipe) the table is as wide as it needs to be.
    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else TABLE_WIDTH)
    where = machine.described()
    if where.load > where.cores / 2:
        console.print(
            f"bench: the load is {where.load:.1f} on {where.cores} cores: figures will be worse than they are"
        )
    folder = Path(tempfile.mkdtemp(prefix="ringback-bench-"))
    began = time.monotonic()
    figures: list[Figure] = []
    failures: list[tuple[str, str]] = []
    try:
        with (
            interrupted_by_signals(),
            Bench(folder, is_quick=is_quick, say=lambda words: console.print(f"bench: {words}")) as bench,
        ):
            for name in names:
                _measure(name, bench, figures, failures)
    except KeyboardInterrupt:
        print("bench: interrupted; everything was stopped", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    made = report.Report(
        machine=where,
        figures=tuple(figures),
        failures=tuple(failures),
        seconds=time.monotonic() - began,
        is_quick=is_quick,
    )
    console.print(report.table(made))
    for name, why in failures:
        console.print(f"bench: {name} could not be measured: {why}", style="bold red")
    if writes:
        report.write(made, ROOT / "docs", is_part=set(names) != set(GROUPS))
        console.print("bench: written to docs/benchmarks.md and docs/benchmarks.json")
    return 1 if failures else 0


def _measure(name: str, bench: Bench, figures: list[Figure], failures: list[tuple[str, str]]) -> None:
    bench.say(f"── {name}")
    try:
        found = GROUPS[name](bench)
    except Exception as error:  # noqa: BLE001  # the other groups are still worth measuring
        failures.append((name, f"{type(error).__name__}: {error}"))
        bench.say(f"{name} failed: {error}")
        return
    figures.extend(found)
    for figure in found:
        word = report.WORDS[figure.reached]
        ratio = "" if figure.ratio is None else f", ratio {short(figure.ratio)}"
        bench.say(f"   {figure.name}: {short(figure.measured)} {figure.unit}{ratio} {word}")
