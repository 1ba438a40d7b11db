"""docs/cluster-upgrade.md: what a run has measured of an upgrade and a downgrade with calls under way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devtools.chaos.report import machine
from devtools.chaos.verdict import Verdict
from devtools.cluster.report import effects
from ringback.stack.services import ROOT

PAGE: Final = ROOT / "docs" / "cluster-upgrade.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command of the operator's page; times are seconds since 1970."""

    way: str
    """`up` or `back`."""
    changed: Sequence[str]
    """The services that have the other version after it."""
    under_way: Mapping[str, int]
    """How many things were open when it began, by kind."""
    begun_at: float
    ended_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeOutcome:
    """What a run has found."""

    commit: str
    release: str
    """The last release's commit."""
    commits_between: int
    kept: Sequence[str]
    """The services that stay on this version, since it has migrated their tables."""
    steps: Sequence[Step]
    calls: int
    missed: int
    records: int
    restarts: Sequence[str]
    findings: Sequence[str]
    verdict: Verdict
    seconds: float

    def wrongs(self) -> list[str]:
        """All that is wrong, one line each."""
        return [*self.findings, *self.verdict.lines()]


INTRODUCTION: Final = """\
# Upgrade and downgrade on the node, with calls under way

Written by `make chart-cluster NODE=1`; everything here was measured by that run. On the node of [the page
of the chart under faults](cluster.md) a release of this tree's chart is first taken back to the last
release, as preparation and without calls: to its chart (`tests/golden/charts`), and to its image, which
is built of the commit that kept the chart, by that commit's Containerfile. Then three companies'
customers call, wait, order, hang up, are called back and leave messages, while the commands of [the
operator's page](operating/upgrade.md) lead from the last release (N−1) to this tree (N), and back. Which
version each pod runs is looked at after each step. The judge of `make chaos` reads the whole log,
including that of the tests before.
"""
NOT_PROVEN: Final = """\
## What this does not prove

* **No released version is among them** as long as there is none: N−1 is the tree of the day on which the
  chart was kept.
* **One step of versions.** Who skips some goes by the changelog, and nobody has tried it here.
* **A gateway that changes takes its simulated PBXs with it**, since they are in its pod; its calls end there.
* What else one node does not prove is [on the other page](cluster.md#what-this-does-not-prove).
"""


def page(outcome: UpgradeOutcome) -> str:
    """docs/cluster-upgrade.md."""
    verdict = outcome.verdict
    kept = "N has migrated no tables since N−1, so that every service goes back"
    if outcome.kept:
        whose = ", ".join(outcome.kept)
        kept = (
            f"N migrates the tables of {whose} on the way up, with calls under way, and so stays there on "
            "the way back. N−1 had an empty database for it, and read the log into it"
        )
    lines = [
        INTRODUCTION,
        f"**N−1 → N → N−1 · effects lost: {verdict.lost} · effects doubled: {verdict.doubled}**",
        "",
        f"* N: commit {outcome.commit} · N−1: {outcome.release[:12]}, {outcome.commits_between} commits back",
        f"* {kept}",
        f"* {machine()}",
        f"* {outcome.calls} calls; {outcome.missed} more found no PBX, since its pod was away",
        f"* {outcome.records} records on the log · {outcome.seconds:.0f} s from preparation to verdict",
        f"* Containers that ended by themselves: {', '.join(outcome.restarts) or 'none'}",
        "",
        "| way | services that change | under way when it began | all pods ready, s |",
        "|---|---|---|---:|",
        *map(_row, outcome.steps),
        "",
        *effects(verdict, outcome.wrongs()),
        NOT_PROVEN,
    ]
    return "\n".join(lines)


def _row(step: Step) -> str:
    under_way = ", ".join(f"{kind} {count}" for kind, count in sorted(step.under_way.items()))
    seconds = step.ended_at - step.begun_at
    return f"| {step.way} | {', '.join(step.changed)} | {under_way or 'nothing'} | {seconds:.0f} |"


def write(outcome: UpgradeOutcome) -> Path:
    """Write the page."""
    PAGE.write_text(page(outcome), encoding="utf-8")
    return PAGE
