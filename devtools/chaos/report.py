"""Reports the result of a chaos run: a table on the terminal, and docs/chaos.md."""

import platform
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from devtools.chaos.fault_context import Strike
from devtools.chaos.plan import SAYS, Kind
from devtools.chaos.verdict import Verdict
from ringback.stack.services import ROOT

PAGE: Final = ROOT / "docs" / "chaos.md"
KILLS: Final = (Kind.KILL, Kind.KILL_AT)
MORNINGS: Final = {
    "embedded": "the embedded broker",
    "apache": "Apache Kafka",
    "asterisk": "Asterisk with SIP phones",
}
SHOWN_MAX: Final = 40


HOW_TO_READ: Final = """\
## How to read it

* *Recovered*: a killed service's new process has claimed its partitions (the log says so) and is
  ready; a zombie's partitions were claimed by another process; after FLUSHALL all twelve
  partitions of the deciders were claimed anew; after S3 or the mail server misbehaved, every
  recording or letter that was open then has come to its end (a letter is tried again after a
  minute, and then two).
  Starting Python is most of a killed service's time.
* – : no recording, letter or call came in the way of that fault.
* Calls that come and go while the gateway is down are the PBX's alone: they are none of the due.
  Who hung up before routing was back has no place, and is an abandoned call in history.
* *Announced repeats*: second copies of a letter whose answer was lost on the way, with the same
  Message-ID, which the log says may exist (V4). They are counted here and are no doubled effects.
* Sentences: those of the simulation (`devtools/invariants.py`) and, among others, that *the log
  explains itself*: an offline run of all deciders over the final log says exactly what stands
  on it (`devtools/oracle.py`).
* On Asterisk each PBX's ARI is behind a proxy that lies (`devtools/chaos/ari_proxy.py`) and its
  trunk behind a relay; one phone of each company is no Asterisk (`devtools/chaos/lone_phone.py`).
  *Recovered* is then: the gateway has the PBX again; the legs have ended that were there when the
  trunk got well, or that led to the phone that was gone; each of the two hundred callers has a
  place; the long conversation is recorded to its end.
* *Nobody is left in silence*: a person who is connected hears something (music, speech, a tone,
  the other side) at least every two seconds. That is not judged while the person leaves a message
  or thinks about a key, in the pauses of a ringing tone, while an agent waits for the notice that a
  call is recorded, while the other side of a conversation says nothing, until each of two hundred
  callers has a place, and from a fault of the own PBX, of the network to it or of any of our
  processes until two seconds after its recovery (`devtools/chaos/silences.py`).
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one morning."""

    morning: str
    seed: int
    strikes: Sequence[Strike]
    verdict: Verdict
    findings: Sequence[str]
    records: int
    calls: int
    restarts: int
    disturbed: int
    seconds: float

    @property
    def is_fine(self) -> bool:
        """Whether nothing was lost or doubled, every invariant holds, and every process recovered."""
        return self.verdict.is_fine and not self.findings

    def kills(self) -> int:
        """How many kill -9 of our services."""
        return sum(strike.kind in KILLS for strike in self.strikes)


def recoveries(strikes: Sequence[Strike], kind: Kind) -> tuple[int, str, str]:
    """How many of a kind, and the median and longest time to recover, as text."""
    found = [strike for strike in strikes if strike.kind is kind]
    known = [strike.recovered_s for strike in found if strike.recovered_s is not None and strike.was_felt]
    if not known:
        return len(found), "–", "–"
    return len(found), f"{statistics.median(known):.1f}", f"{max(known):.1f}"


def show(console: Console, outcome: Outcome) -> None:
    """Print one morning's tables."""
    table = Table(title=f"faults on {MORNINGS[outcome.morning]}, seed {outcome.seed}", title_justify="left")
    table.add_column("fault")
    for column in ("times", "recovered p50, s", "max, s"):
        table.add_column(column, justify="right")
    for kind in Kind:
        count, median, longest = recoveries(outcome.strikes, kind)
        if count:
            table.add_row(SAYS[kind], str(count), median, longest)
    console.print(table)
    effects = Table(title="effects, counted afterwards", title_justify="left")
    effects.add_column("effect")
    for column in ("due", "lost", "doubled", "announced repeats"):
        effects.add_column(column, justify="right")
    for effect in outcome.verdict.effects:
        effects.add_row(
            effect.name,
            str(effect.due),
            str(len(effect.lost)),
            str(len(effect.doubled)),
            str(effect.repeats_allowed),
        )
    console.print(effects)
    for line in wrongs(outcome)[:SHOWN_MAX]:
        console.print(f"[red]✗[/] {line}", highlight=False, soft_wrap=True)
    heard = outcome.verdict.hearing
    if heard is not None:
        console.print(
            f"{heard.calls} calls heard · {heard.judged_s:.0f} of {heard.answered_s:.0f} s judged · "
            f"longest silence {heard.longest_s:.1f} s",
            highlight=False,
        )
    console.print(
        f"{outcome.kills()} kill -9 · {outcome.calls} calls · {outcome.records} records · "
        f"{outcome.verdict.sentences} sentences · {outcome.seconds:.0f} s",
        highlight=False,
    )


def wrongs(outcome: Outcome) -> list[str]:
    """All faults found, one line each."""
    return [*outcome.findings, *outcome.verdict.lines()]


def page(outcomes: Sequence[Outcome], command: str, begun_at: str) -> str:
    """docs/chaos.md."""
    faults = sum(len(outcome.strikes) for outcome in outcomes)
    kills = sum(outcome.kills() for outcome in outcomes)
    lost = sum(outcome.verdict.lost for outcome in outcomes)
    doubled = sum(outcome.verdict.doubled for outcome in outcomes)
    lines = [
        "# Faults on real parts",
        "",
        "Written by `make chaos`; everything here was measured by that run. Real processes, Redis, S3,",
        "mail server and broker, and in the last morning a real Asterisk for each company, with SIP phones;",
        "three companies whose customers wait, hang up, order, call again and do not answer. Afterwards the",
        "whole log, all commands, the mail server's folder, the phones' own dial counts and what they heard",
        "are read, and what was lost or doubled is decided from them alone (`devtools/chaos/verdict.py`).",
        "",
        f"**{kills} kill -9, {faults} faults in all · effects lost: {lost} · effects doubled: {doubled}**",
        "",
        f"* Repeat: `{command}`. A seed fixes who calls and which faults come when; how they fall between",
        "  two instructions is up to the machine, so a repetition is another run and not the same one.",
        f"* {_commits(begun_at)} · {machine()}",
        "",
    ]
    for outcome in outcomes:
        lines += _section(outcome)
    lines.append(HOW_TO_READ)
    return "\n".join(lines)


def _section(outcome: Outcome) -> list[str]:
    sessions = " · group mode, sessions of 6 s, two replicas of each decider" * (outcome.morning == "apache")
    lines = [
        f"## On {MORNINGS[outcome.morning]}",
        "",
        f"Seed {outcome.seed}{sessions} · {outcome.calls} calls · {outcome.records} records on the log",
        f"· {outcome.restarts} restarts by the supervisor · {outcome.disturbed} {_disturbed(outcome)} by",
        f"the proxies · {outcome.seconds:.0f} s",
        "",
        "| fault | times | recovered, p50 s | max s |",
        "|---|---:|---:|---:|",
    ]
    for kind in Kind:
        count, median, longest = recoveries(outcome.strikes, kind)
        if count:
            lines.append(f"| {SAYS[kind]} | {count} | {median} | {longest} |")
    lines += [
        "",
        "| effect | due | lost | doubled | announced repeats |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {effect.name} | {effect.due} | {len(effect.lost)} | {len(effect.doubled)} "
            f"| {effect.repeats_allowed} |"
            for effect in outcome.verdict.effects
        ),
        "",
    ]
    heard = outcome.verdict.hearing
    if heard is not None:
        lines += [
            f"What the phones heard of {heard.calls} calls, {heard.answered_s:.0f} s, was judged: for",
            f"{heard.judged_s:.0f} s people had to hear something, and the longest silence in that was",
            f"{heard.longest_s:.1f} s.",
            "",
        ]
    found = wrongs(outcome)
    if found:
        lines += ["What was wrong:", "", *(f"* {line}" for line in found[:SHOWN_MAX]), ""]
    else:
        lines += [f"All {outcome.verdict.sentences} sentences hold.", ""]
    return lines


def _disturbed(outcome: Outcome) -> str:
    return "messages disturbed" if outcome.morning == "asterisk" else "connections disturbed"


def write(outcomes: Sequence[Outcome], command: str, begun_at: str) -> Path:
    """Write the page."""
    PAGE.write_text(page(outcomes, command, begun_at), encoding="utf-8")
    return PAGE


def commit() -> str:
    """The tree's commit, and whether the tree differs from it."""
    done = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"],
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip() or "unknown"


def _commits(begun_at: str) -> str:
    """The commit at the run's beginning, and later commits whose code ran if the tree changed meanwhile."""
    ended_at = commit()
    return f"Commit {begun_at}" if begun_at == ended_at else f"Commits {begun_at} to {ended_at} (it changed)"


def machine() -> str:
    """Processors, kernel, Python and load, for a report."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    load = Path("/proc/loadavg").read_text(encoding="utf-8").split()[0]
    return (
        f"{len(models)} × {models[0] if models else platform.machine()} · Linux {platform.release()} · "
        f"Python {platform.python_version()} · load {load} at the end"
    )
