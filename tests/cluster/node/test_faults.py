"""Pods are rolled, evicted and killed during calls; the judge of `make chaos` reads what is left behind."""

import os
import time
from typing import Final

import pytest

from devtools.chaos import report
from devtools.chaos.verdict import verdict
from devtools.cluster import report as cluster_report
from devtools.cluster.given import KILLED_S, KILLS_OF_TESTS
from devtools.cluster.report import Outcome
from tests.cluster.node.faults import Faults
from tests.cluster.node.judging import Court, Ear, aftermath
from tests.cluster.node.office import Office
from tests.cluster.node.phones import Customers

SEED: Final = 1


@pytest.mark.timeout(7200)
def test_nothing_is_lost_or_doubled_while_pods_are_rolled_evicted_and_killed(
    office: Office, court: Court
) -> None:
    """A run with the whole five minutes of kills writes docs/cluster.md."""
    killed_s = float(os.environ.get(KILLS_OF_TESTS, KILLED_S))
    begun = time.monotonic()
    ear, customers = Ear(court.settings), Customers(court.phones, SEED)

    def meanwhile() -> None:
        court.phones.connect()
        ear.listen()

    faults = Faults(office.kubernetes, office.namespace, meanwhile, [])
    court.phones.connect()
    customers.start()
    try:
        faults.roll()
        faults.evict()
        faults.kill(killed_s, SEED)
        customers.stop()
        findings = aftermath(ear, meanwhile)
    finally:
        ear.stop()
        for each in faults.done:
            court.excuse(each.begun_at, each.ended_at)
    findings += [*ear.progress.parked, *faults.not_ready()]
    found = court.leavings("cluster-faults")
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
