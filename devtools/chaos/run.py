"""Plays the mornings, one after the other, and judges them."""

import argparse
import asyncio
import logging
import shutil
import sys
import time
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from contracts.ids import OrganizationId
from devtools.chaos import lost_partition, reading, report
from devtools.chaos.asterisk_workload import asterisk_workload
from devtools.chaos.asterisks import Asterisks
from devtools.chaos.cluster import Cluster
from devtools.chaos.fault_context import Strike
from devtools.chaos.fault_injector import FaultInjector
from devtools.chaos.plan import STORM_S, UNHEARD, Kind, plan
from devtools.chaos.reading import Outage
from devtools.chaos.report import MORNINGS, Outcome
from devtools.chaos.verdict import verdict
from devtools.chaos.workload import Workload, workload
from devtools.phone_networks import SimulatedPhones
from ringback import connect, log_stretch
from ringback.export import log_file
from ringback.stack import kafka
from ringback.stack.asterisk import NoAsterisk, fetched
from ringback.stack.process import StackError
from ringback.stack.services import ROOT
from ringback.stack.signals import interrupted_by_signals
from runtime.ports import LogUnavailable

RUN: Final = ROOT / ".run" / "chaos"
TICK_S: Final = 0.1
CALM_S: Final = 4.0
"""If nothing was open for so long, the morning has ended: due timers and commands come sooner."""
AFTERMATH_S_MAX: Final = 420.0
"""The longest wait is that of an apology: two minutes of calm after its PBX was away, then its turn, two
calls, and a letter that is deferred twice."""


class Morning:
    """One run: the storm, the aftermath, the verdict."""

    def __init__(self, name: str, options: argparse.Namespace, console: Console) -> None:
        self._name = name
        self._console = console
        self._seed: int = options.seed
        self._storm_s: float = STORM_S[name] if options.minutes is None else 60 * options.minutes
        self._begun = time.monotonic()
        self._run = RUN / name
        self._planned = plan(self._seed, name, self._storm_s, options.only)
        people = asterisk_workload if name == "asterisk" else workload
        self._morning: Workload = people(self._seed, self._storm_s)
        self._told = self._file("faults.log")

    def _file(self, name: str) -> Path:
        self._run.mkdir(parents=True, exist_ok=True)
        return self._run / name

    def _tell(self, text: str) -> None:
        line = f"{time.monotonic() - self._begun:7.1f}  {text}"
        with self._told.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def play(self) -> Outcome:
        """Run everything, from the first process to the verdict."""
        self._tell(f"starting everything on {MORNINGS[self._name]}, seed {self._seed}")
        broker = "apache" if self._name == "apache" else "embedded"
        phones = Asterisks(self._morning, self._seed) if self._name == "asterisk" else SimulatedPhones()
        with Cluster(self._run, broker, self._morning, phones, seed=self._seed) as cluster:
            injector = FaultInjector(cluster, self._planned, self._seed, self._tell)
            self._tell(f"{self._morning.calls} calls and {len(self._planned)} faults begin")
            cluster.begin()
            injector.begin()
            findings = self._storm(cluster, injector)
            dialled = cluster.dialled()
            findings += cluster.stop_services()
            found = asyncio.run(self._leavings(cluster, dialled, self._note(outages(injector.doing.done))))
            self._tell(f"judging {found.records} records")
            judged = verdict(found)
            if self._name == "asterisk" and (judged.hearing is None or not judged.hearing.judged_s):
                findings.append("nobody had to hear anything, so nothing is shown")
            strikes = list(injector.doing.done)
            if any(each.kind is Kind.LOG_LOST for each in self._planned):
                findings += self._lose(cluster, strikes)
            return Outcome(
                morning=self._name,
                seed=self._seed,
                strikes=strikes,
                verdict=judged,
                findings=[
                    *injector.doing.findings,
                    *cluster.ended_by_themselves,
                    *cluster.progress.parked,
                    *findings,
                ],
                records=found.records,
                calls=self._morning.calls,
                restarts=cluster.restarts,
                disturbed=cluster.disturbed(),
                seconds=time.monotonic() - self._begun,
            )

    def _storm(self, cluster: Cluster, injector: FaultInjector) -> list[str]:
        """Run until every fault has ended and nothing is open; returns what did not end in time."""
        begun, over, quiet = time.monotonic(), None, None
        while True:
            heard = cluster.listen()
            injector.turn(heard)
            cluster.supervise()
            cluster.check_parts()
            now = time.monotonic()
            is_storm = not injector.is_over or now - begun < self._storm_s
            over = None if is_storm else over or now
            is_open = bool(cluster.progress.open() or injector.doing.unrecovered)
            quiet = None if is_storm or is_open or heard else quiet or now
            if quiet is not None and now - quiet > CALM_S:
                self._tell("everything has come to its end")
                return []
            if over is not None and now - over > AFTERMATH_S_MAX:
                return [
                    *(
                        f"still open at the end: {kind} {sorted(ids)}"
                        for kind, ids in cluster.progress.open().items()
                    ),
                    *(
                        f"never worked again after {each.kind} {each.target}"
                        for each in injector.doing.unrecovered
                    ),
                ]
            time.sleep(TICK_S)

    def _note(self, spans: list[Outage]) -> list[Outage]:
        """Keep as evidence when each fault began and was recovered from."""
        self._file("outages.json").write_bytes(msgspec.json.encode(spans))
        return spans

    async def _leavings(
        self, cluster: Cluster, dialled: dict[str, int], spans: list[Outage]
    ) -> reading.Leavings:
        settings = cluster.stack.settings()
        records = await log_stretch.of_broker(settings)
        log_file.write(self._file("log.jsonl"), records)
        sent, dead = await reading.commands(settings)
        letters = reading.kept_letters(cluster.stack.parts.smtp.letters)
        return reading.leavings(
            self._morning.companies, records, sent, dead, letters, dialled, spans, cluster.ears()
        )

    def _lose(self, cluster: Cluster, strikes: list[Strike]) -> list[str]:
        partition = asyncio.run(_partition_of(cluster, self._morning.companies[-1].organization_id))
        self._tell(f"log-lost: everything of {lost_partition.SERVICE}'s partition {partition} is deleted")
        asyncio.run(lost_partition.lose(cluster, partition))
        said, wrongs = lost_partition.judge(cluster, partition)
        begun = time.monotonic()
        strikes.append(Strike(Kind.LOG_LOST, lost_partition.SERVICE, begun, lambda: True, begun, said))
        return wrongs


def outages(strikes: list[Strike]) -> list[Outage]:
    """The time from each fault to its recovery, in ms since 1970: the log's time, on the same machine."""
    offset_s = time.time() - time.monotonic()
    found = []
    for strike in strikes:
        if strike.recovered_s is not None and strike.counts_from is not None:
            until = strike.counts_from + strike.recovered_s
            span = (round(1000 * (strike.begun_at + offset_s)), round(1000 * (until + offset_s)))
            is_for_ears, ends_calls = strike.kind not in UNHEARD, strike.kind is Kind.PBX_KILL
            found.append(Outage(span, strike.company, is_for_ears, ends_calls))
    return found


async def _partition_of(cluster: Cluster, organization_id: OrganizationId) -> int:
    async with connect.log(cluster.stack.settings()) as log:
        return await connect.partition_of(organization_id, log)


def _reason_missing(name: str) -> str | None:
    """Why a morning can't be played here."""
    if name == "apache":
        return kafka.reason_missing()
    if name == "asterisk":
        try:
            fetched()
        except NoAsterisk as error:
            return str(error)
    return None


def main(argv: list[str]) -> int:
    """Run the requested mornings; only a whole run writes docs/chaos.md."""
    parser = argparse.ArgumentParser(prog="python -m devtools chaos", description=__doc__)
    # By its former name, too: a morning was only known by its broker.
    parser.add_argument("--morning", "--broker", choices=sorted(MORNINGS), help="only this one")
    parser.add_argument("--minutes", type=float, help="of faults, in each morning; 2, and 5 on Asterisk")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=Kind, choices=list(Kind), help="only this fault, more often")
    options = parser.parse_args(argv)
    console = Console()
    # The broker's outages are intended: aiokafka would log them a hundred times a second.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    begun_at, outcomes = report.commit(), []
    for name in [options.morning] if options.morning else MORNINGS:
        reason = _reason_missing(name)
        if reason is not None:
            print(f"chaos: {reason}", file=sys.stderr)
            return 1
        shutil.rmtree(RUN / name, ignore_errors=True)
        try:
            with interrupted_by_signals():
                outcome = Morning(name, options, console).play()
        except (StackError, LogUnavailable) as error:
            print(f"chaos: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("chaos: interrupted; everything was stopped", file=sys.stderr)
            return 1
        outcomes.append(outcome)
        report.show(console, outcome)
    if len(outcomes) == len(MORNINGS) and options.only is None:
        minutes = "" if options.minutes is None else f" --minutes {options.minutes:g}"
        command = f'make chaos ARGS="--seed {options.seed}{minutes}"'
        console.print(f"written: {report.write(outcomes, command, begun_at)}", highlight=False)
    console.print(f"evidence: {RUN} (log.jsonl, faults.log, logs, letters of each morning)", highlight=False)
    return 0 if all(outcome.is_fine for outcome in outcomes) else 1
