"""docs/cluster.md: what a run of the chart on a node has measured, and what one node does not prove."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from devtools.chaos.report import machine
from devtools.chaos.verdict import Verdict
from ringback.stack.services import ROOT

PAGE: Final = ROOT / "docs" / "cluster.md"
SHOWN_MAX: Final = 40


class Kind(Enum):
    """What was done to pods."""

    ROLL = "roll of a workload"
    EVICTION = "eviction of a pod"
    KILL = "kill -9 of a pod at random"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; times are seconds since 1970, and its end is when its workload had all pods ready again."""

    kind: Kind
    target: str
    begun_at: float
    ended_at: float

    @property
    def away_s(self) -> float:
        """How long it took."""
        return self.ended_at - self.begun_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run has found."""

    commit: str
    installed_s: float
    connected_s: float
    checks: Sequence[str]
    """What `helm test` looked at, by the names of its pods."""
    pods: int
    workloads: int
    faults: Sequence[Fault]
    calls: int
    missed: int
    records: int
    restarts: Sequence[str]
    findings: Sequence[str]
    """What did not come to its end."""
    verdict: Verdict
    seconds: float

    def of(self, kind: Kind) -> list[Fault]:
        """The faults of a kind."""
        return [each for each in self.faults if each.kind is kind]

    def wrongs(self) -> list[str]:
        """All that is wrong, one line each."""
        return [*self.findings, *self.verdict.lines()]


INTRODUCTION: Final = """\
# The chart on a node, under faults

Written by `make chart-cluster NODE=1`; everything here was measured by that run. A real Kubernetes with one
node, the image of the tree, and the chart with its own values: two pods of each service that shares its work.
Three companies' customers call, wait, order, hang up, are called back and leave messages, while pods are
rolled, evicted and killed: chance chooses the moment and the pod, and no workload is killed again before all
the others were. Afterwards the whole log of the cluster's Kafka, all commands, the mail server's
folder and the phones' counts are judged by the judge of `make chaos` (`devtools/chaos/verdict.py`).
"""
NOT_PROVEN: Final = """\
## What this does not prove

* **One node.** No pod moves to another node, no node is lost, nothing is spread; an eviction brings the pod
  back to where it was. There is no network between nodes.
* **The parts are beside the cluster**, one process each: Apache Kafka, Redis (the only one with TLS here),
  PostgreSQL, S3 and a mail server. They get no faults in this run; `make chaos` gives them some.
* **The phones are simulated, in the gateway's pod.** A gateway that is rolled or evicted takes its PBXs with
  it, and every call there ends. Of its pod only the gateway itself is killed, as if the PBXs were elsewhere:
  its calls go on. `make chaos` does that, too, and its last morning with Asterisk. There is one gateway here,
  and no drain of one among several: `make sim` and `tests/integration/gateway/test_several.py` have those.
* **The phones' own counts end with their pod**: what they dialled after they were last asked is missing in
  what is compared with the log. All else is judged from the log, the commands and the mail server's folder.
* **Nobody enforces NetworkPolicies** here, and nothing acts on the objects of KEDA, of the Prometheus
  operator and of an Ingress. Images are imported, not pulled; names are answered by a program of ours in
  place of CoreDNS.
* The companies' cards come from the chaos run and not from the directory's API, except in the first callback.
"""


def page(outcome: Outcome) -> str:
    """docs/cluster.md."""
    verdict = outcome.verdict
    counts = " · ".join(f"{len(outcome.of(kind))} × {kind.value}" for kind in Kind)
    passed = f"{len(outcome.checks)} passed ({', '.join(outcome.checks)})"
    lines = [
        INTRODUCTION,
        f"**{counts} · effects lost: {verdict.lost} · effects doubled: {verdict.doubled}**",
        "",
        f"* Commit {outcome.commit} · {machine()}",
        f"* {outcome.workloads} workloads, {outcome.pods} pods: ready after {outcome.installed_s:.0f} s",
        f"* A customer's callback was connected {outcome.connected_s:.0f} s after the phones' script began",
        f"* `helm test`: {passed}",
        f"* {outcome.calls} calls; {outcome.missed} more found no PBX, since its pod was away",
        f"* {outcome.records} records on the log · {outcome.seconds:.0f} s from first fault to verdict",
        f"* Containers that ended by themselves: {', '.join(outcome.restarts) or 'none'}",
        "",
        *_away(outcome),
        *effects(outcome.verdict, outcome.wrongs()),
        NOT_PROVEN,
    ]
    return "\n".join(lines)


def _away(outcome: Outcome) -> list[str]:
    lines = [
        "| fault | times | all pods ready again, p50 s | max s |",
        "|---|---:|---:|---:|",
    ]
    for kind in Kind:
        away = [each.away_s for each in outcome.of(kind)]
        if away:
            lines.append(f"| {kind.value} | {len(away)} | {statistics.median(away):.0f} | {max(away):.0f} |")
    killed = sorted({each.target for each in outcome.of(Kind.KILL)})
    return [*lines, "", f"Killed: {', '.join(killed) or 'none'}.", ""]


def effects(verdict: Verdict, wrongs: Sequence[str]) -> list[str]:
    """What the judge has counted, and what is wrong."""
    lines = ["| effect | due | lost | doubled | announced repeats |", "|---|---:|---:|---:|---:|"]
    for each in verdict.effects:
        counts = (each.due, len(each.lost), len(each.doubled), each.repeats_allowed)
        lines.append(f"| {each.name} | {' | '.join(map(str, counts))} |")
    if wrongs:
        return [*lines, "", "What was wrong:", "", *(f"* {line}" for line in wrongs[:SHOWN_MAX]), ""]
    return [
        *lines,
        "",
        f"All {verdict.sentences} sentences hold ([chaos.md](chaos.md) explains them).",
        "",
    ]


def write(outcome: Outcome) -> Path:
    """Write the page."""
    PAGE.write_text(page(outcome), encoding="utf-8")
    return PAGE
