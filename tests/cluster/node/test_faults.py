"""Pods are rolled, evicted and killed during calls; the judge of `make chaos` reads what is left behind."""

import asyncio
import os
import shutil
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from devtools.chaos import reading, report
from devtools.chaos.progress import Progress
from devtools.chaos.reading import Leavings, Outage
from devtools.chaos.verdict import verdict
from devtools.chaos.workload import Workload
from devtools.cluster import report as cluster_report
from devtools.cluster.given import KILLED_S, KILLS_OF_TESTS
from devtools.cluster.parts import NodeParts
from devtools.cluster.report import Fault, Outcome
from ringback import connect, log_stretch
from ringback import log as facts_log
from ringback.export import log_file
from ringback.log import Reading
from ringback.log_reader import LogReader
from ringback.stack.services import ROOT
from tests.cluster.node.faults import Faults
from tests.cluster.node.office import RELEASE, Office
from tests.cluster.node.phones import Customers, Phones

SEED: Final = 1
CALM_S: Final = 10.0
"""If nothing was open for so long, all has come to its end: due timers and commands come sooner."""
AFTERMATH_S_MAX: Final = 900.0
"""A callback's attempts and letters that are tried again, on a machine that is busy."""
EVIDENCE: Final = ROOT / ".run" / "cluster-faults"


class Ear:
    """Hears the log as it grows."""

    def __init__(self, settings: dict[str, str]) -> None:
        self.progress = Progress()
        self._heard: deque[Reading] = deque()
        self._reader = LogReader(settings, self._heard.append)
        self._reader.start()

    def listen(self) -> bool:
        """Whether there was something new. Raises what has ended the reader."""
        if self._reader.error is not None:
            raise self._reader.error
        is_new = bool(self._heard)
        while self._heard:
            self.progress.hear(self._heard.popleft())
        return is_new

    def stop(self) -> None:
        """End it."""
        self._reader.stop()


@pytest.mark.timeout(7200)
def test_nothing_is_lost_or_doubled_while_pods_are_rolled_evicted_and_killed(
    office: Office, beside: NodeParts, companies: Workload, tmp_path: Path
) -> None:
    """A run with the whole five minutes of kills writes docs/cluster.md."""
    killed_s = float(os.environ.get(KILLS_OF_TESTS, KILLED_S))
    settings, begun = beside.settings(), time.monotonic()
    asyncio.run(_say_books(settings, companies))
    phones = Phones(office.kubernetes, office.namespace, f"{RELEASE}-gateway-0", tmp_path)
    ear, customers = Ear(settings), Customers(phones, SEED)

    def meanwhile() -> None:
        phones.connect()
        ear.listen()

    faults = Faults(office.kubernetes, office.namespace, meanwhile, [])
    phones.connect()
    customers.start()
    try:
        faults.roll()
        faults.evict()
        faults.kill(killed_s, SEED)
        customers.stop()
        findings = _aftermath(ear, meanwhile)
    finally:
        ear.stop()
        phones.stop()
    findings += [*ear.progress.parked, *faults.not_ready()]
    found = asyncio.run(_leavings(settings, companies, beside, phones, faults.done))
    outcome = Outcome(
        commit=report.commit(),
        installed_s=office.installed_s,
        connected_s=office.connected_s,
        checks=office.doctors,
        pods=len(faults.pods()),
        workloads=len(faults.workloads()),
        faults=faults.done,
        calls=customers.calls,
        missed=customers.missed,
        records=found.records,
        restarts=faults.restarts(),
        findings=findings,
        verdict=verdict(found),
        seconds=time.monotonic() - begun,
    )
    print(cluster_report.page(outcome))
    if killed_s >= KILLED_S and office.is_whole:
        cluster_report.write(outcome)
    assert outcome.wrongs() == []


async def _say_books(settings: dict[str, str], companies: Workload) -> None:
    """The companies' cards, as the directory would say them."""
    async with connect.log(settings) as log:
        for company in companies.companies:
            partition = await connect.partition_of(company.organization_id, log)
            facts = [
                (f"directory/{company.organization_id}/{number}", fact)
                for number, fact in enumerate(company.book)
            ]
            await facts_log.say(log, partition, company.organization_id, facts)


def _aftermath(ear: Ear, meanwhile: Callable[[], None]) -> list[str]:
    """Wait until nothing is open; returns what does not end."""
    deadline, quiet = time.monotonic() + AFTERMATH_S_MAX, time.monotonic()
    while time.monotonic() - quiet < CALM_S:
        if time.monotonic() > deadline:
            return [
                f"still open at the end: {kind} {sorted(ids)}" for kind, ids in ear.progress.open().items()
            ]
        meanwhile()
        if ear.progress.open():
            quiet = time.monotonic()
        time.sleep(1)
    return []


async def _leavings(
    settings: dict[str, str],
    companies: Workload,
    beside: NodeParts,
    phones: Phones,
    faults: list[Fault],
) -> Leavings:
    records = await log_stretch.of_broker(settings)
    shutil.rmtree(EVIDENCE, ignore_errors=True)
    EVIDENCE.mkdir(parents=True)
    log_file.write(EVIDENCE / "log.jsonl", records)
    sent, dead = await reading.commands(settings)
    # The directory's own letters, such as those to new administrators, are not on the log.
    domains = tuple(f"@{company.organization_id}.example" for company in companies.companies)
    letters = [
        each
        for each in reading.kept_letters(beside.smtp.letters)
        if any(recipient.endswith(domains) for recipient in each.recipients)
    ]
    outages = [Outage((round(1000 * each.begun_at), round(1000 * each.ended_at))) for each in faults]
    return reading.leavings(companies.companies, records, sent, dead, letters, phones.dialled(), outages)
