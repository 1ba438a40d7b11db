"""Presents figures: a table on the screen, docs/benchmarks.md and docs/benchmarks.json."""

import json
import os
from pathlib import Path
from typing import Any

import msgspec
from rich.table import Table

from devtools.bench.figures import Figure, short
from devtools.bench.machine import Machine

MENDED = Path(__file__).with_name("mended.md")
"""What was slow, and how it was mended; written by hand."""
WORDS = {True: "reached", False: "missed", None: ""}


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One run: the machine, the figures, and what could not be measured."""

    machine: Machine
    figures: tuple[Figure, ...]
    failures: tuple[tuple[str, str], ...] = ()
    """Groups of figures that failed, each with its error."""
    seconds: float = 0.0
    is_quick: bool = False


def table(report: Report) -> Table:
    """The table for the screen."""
    made = Table(title="Ringback's figures", show_lines=False)
    made.add_column("figure")
    for name in ("measured", "baseline", "ratio"):
        made.add_column(name, justify="right")
    made.add_column("goal")
    made.add_column("")
    styles = {True: "green", False: "bold red", None: ""}
    for figure in report.figures:
        made.add_row(*_cells(figure), WORDS[figure.reached], style=styles[figure.reached])
    return made


def _cells(figure: Figure) -> tuple[str, str, str, str, str]:
    return (
        figure.name,
        f"{short(figure.measured)} {figure.unit}",
        "" if figure.baseline is None else f"{short(figure.baseline)} {figure.unit}",
        "" if figure.ratio is None else short(figure.ratio),
        "" if figure.goal is None else str(figure.goal),
    )


def as_json(report: Report) -> str:
    """The content of docs/benchmarks.json."""
    content: dict[str, Any] = {
        "figures": [figure.as_json() for figure in report.figures],
        "machine": msgspec.to_builtins(report.machine),
        "seconds": report.seconds,
        "is_quick": report.is_quick,
        "not_measured": [name for name, _ in report.failures],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def as_markdown(report: Report) -> str:
    """The content of docs/benchmarks.md."""
    return "\n".join((*_head(report), *_figures(report), *_missed(report), *_how(report), *_mended()))


def _head(report: Report) -> list[str]:
    machine = report.machine
    reached = [figure.reached for figure in report.figures if figure.reached is not None]
    kind = "A quick run: small sizes, no judgement. " if report.is_quick else ""
    size = f"{machine.processor}, {machine.cores} cores, {machine.memory_gib:.0f} GiB, {machine.system}"
    return [
        "# Benchmarks",
        "",
        "Written by `make bench`; nothing here is edited by hand. Timings are judged as ratios to a baseline",
        "measured in the same run, since machines differ and are noisy; no test asserts a time.",
        "",
        f"{kind}{sum(reached)} of {len(reached)} goals are reached.",
        "",
        "| | |",
        "|---|---|",
        f"| machine | {size} |",
        f"| load before the run | {machine.load:.1f} |",
        f"| Python | {machine.python} |",
        f"| commit | {machine.commit} |",
        f"| measured | {machine.at}, in {report.seconds / 60:.0f} min |",
        "",
        "To repeat: `make bench` on an idle machine; `python -m devtools bench --only host` for one group of",
        "figures, `--quick` for small sizes. The parts are the embedded ones of `make up`, and Apache Kafka",
        "where Java and Maven are.",
        "",
    ]


def _figures(report: Report) -> list[str]:
    lines = [
        "| figure | measured | baseline | ratio | goal | |",
        "|---|---:|---:|---:|---|---|",
    ]
    for figure in report.figures:
        word = WORDS[figure.reached]
        cells = (*_cells(figure), f"**{word}**" if figure.reached is False else word)
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _missed(report: Report) -> list[str]:
    lines = [
        f"- **{figure.name}**: {_value(figure)}, wanted {figure.goal}. {_sentence(figure.bound_by)}"
        for figure in report.figures
        if figure.reached is False
    ]
    lines += [f"- **{name}** could not be measured: {why}" for name, why in report.failures]
    return ["## Missed, and why", "", *(lines or ["Nothing."]), ""]


def _value(figure: Figure) -> str:
    measured = f"{short(figure.measured)} {figure.unit}"
    return measured if figure.ratio is None else f"{measured}, a ratio of {short(figure.ratio)}"


def _how(report: Report) -> list[str]:
    lines = ["## How each was measured", ""]
    for figure in report.figures:
        against = f" Against: {_sentence(figure.against)}" if figure.against else ""
        lines.append(f"- **{figure.name}**: {_sentence(figure.how)}{against}")
    return [*lines, ""]


def _sentence(words: str) -> str:
    if not words:
        return "No reason is known yet."
    return words if words.endswith(".") else f"{words}."


def _mended() -> list[str]:
    return MENDED.read_text(encoding="utf-8").splitlines() if MENDED.exists() else []


def merged(part: Report, known: str) -> Report:
    """A run of some groups among the figures of an earlier whole one: replaced by name, or added at the end.

    `known` is the content of docs/benchmarks.json. What is put in says when it was measured, at which load.
    """
    found = json.loads(known)
    where = part.machine
    kind = "a quick run" if part.is_quick else "a run"
    when = f" Measured in {kind} of its own: {where.at}, commit {where.commit}, load {where.load:.1f} before"
    if nice := os.nice(0):
        when += f", nice {nice}"
    fresh = {
        each.name: msgspec.structs.replace(each, how=f"{_sentence(each.how)}{when}.") for each in part.figures
    }
    figures = [Figure.read(each) for each in found["figures"]]
    names = {each.name for each in figures}
    return Report(
        machine=msgspec.convert(found["machine"], Machine),
        figures=(
            *(fresh.get(each.name, each) for each in figures),
            *(each for name, each in fresh.items() if name not in names),
        ),
        failures=tuple((name, "") for name in found["not_measured"]),
        seconds=found["seconds"],
        is_quick=found["is_quick"],
    )


def write(report: Report, docs: Path, *, is_part: bool = False) -> None:
    """Write both files; of a part, put its figures among those that are there."""
    known = docs / "benchmarks.json"
    if is_part and known.exists():
        report = merged(report, known.read_text(encoding="utf-8"))
    (docs / "benchmarks.md").write_text(as_markdown(report).rstrip() + "\n", encoding="utf-8")
    known.write_text(as_json(report), encoding="utf-8")
