"""A release is upgraded and taken back during calls, by the operator's page and in its order."""

import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from devtools.chaos import report
from devtools.chaos.verdict import verdict
from devtools.cluster import release, upgrade_report
from devtools.cluster.given import IMAGE_BEFORE_OF_TESTS, IMAGE_OF_TESTS
from devtools.cluster.parts import NodeParts
from devtools.cluster.upgrade_report import Step, UpgradeOutcome
from ringback.stack.services import service_names
from services.gateway.simulated.wire import Control
from tests.cluster.node import upgrade_page
from tests.cluster.node.faults import Faults
from tests.cluster.node.judging import Court, Ear, aftermath
from tests.cluster.node.office import NAME, Office
from tests.cluster.node.phones import Customers
from tests.cluster.node.upgrade_page import BACK, CHART, READY, UP, Command, Names

SEED: Final = 101
CALLS_BEFORE: Final = 10
"""So many customers have called before the first step, so that places and callbacks are under way."""
POLL_S: Final = 1.0


@pytest.fixture(scope="module")
def tags() -> tuple[str, str]:
    """The tags of the last release's image and of this tree's."""
    if IMAGE_BEFORE_OF_TESTS not in os.environ:
        pytest.skip("git does not have the commit of the last release here: git fetch --unshallow")
    before, now = (os.environ[each].rpartition(":")[2] for each in (IMAGE_BEFORE_OF_TESTS, IMAGE_OF_TESTS))
    return before, now


class Operator:
    """Changes the versions of a release, and looks which of them run."""

    def __init__(self, office: Office, tags: tuple[str, str]) -> None:
        self._office = office
        self._old, self._new = tags
        self._where = ("--namespace", office.namespace)

    def take_back(self, databases: dict[str, str]) -> Names:
        """Go to the last release without any order, and without calls; then the page can be followed.

        `databases`: new, empty ones, for services that would not start on the tables of this version.
        """
        patch = json.dumps({"stringData": databases})
        self._office.kubernetes.kubectl("patch", "secret", "databases", *self._where, f"--patch={patch}")
        told = ("--values", str(self._office.values), f"--set=image.tag={self._old}")
        upgrade = (NAME, str(release.chart()), *self._where, *told, "--wait", f"--timeout={READY}")
        self._office.kubernetes.run("helm4", "upgrade", *upgrade)
        listed = self._office.kubernetes.run("helm4", "list", *self._where, "--output=json")
        [found] = json.loads(listed)
        assert self.versions() == self.expected(frozenset(service_names()))
        return Names(
            release=NAME,
            namespace=self._office.namespace,
            values=self._office.values,
            old=self._old,
            new=self._new,
            revision=int(found["revision"]),
        )

    def return_to_this(self) -> None:
        """This version again, for the tests that come after this one."""
        told = ("--values", str(self._office.values), "--wait", f"--timeout={READY}")
        self._office.kubernetes.run("helm4", "upgrade", NAME, str(CHART), *self._where, *told)

    def versions(self) -> dict[str, set[str]]:
        """The tags of each service's containers that run."""
        found: dict[str, set[str]] = {}
        for pod in self._office.kubernetes.get("pods", *self._where)["items"]:
            if "deletionTimestamp" in pod["metadata"]:
                continue
            name = pod["metadata"]["labels"]["app.kubernetes.io/component"]
            images = (each["image"] for each in pod["spec"]["containers"])
            found.setdefault(name, set()).update(each.rpartition(":")[2] for each in images)
        return {name: found[name] for name in service_names()}

    def expected(self, held: frozenset[str]) -> dict[str, set[str]]:
        """What must run when these have the last release's version."""
        return {name: {self._old if name in held else self._new} for name in service_names()}

    def follow(self, way: str, command: Command, ear: Ear, meanwhile: Callable[[], None]) -> Step:
        """Run a command while customers call, and look which version each service has after it."""
        before = self.versions()
        meanwhile()
        under_way = {kind: len(ids) for kind, ids in ear.progress.open().items()}
        begun = time.time()
        with ThreadPoolExecutor(1) as shell:
            running = shell.submit(self._office.kubernetes.shell, command.lines)
            while not running.done():
                meanwhile()
                time.sleep(POLL_S)
            running.result()
        ended, after = time.time(), self.versions()
        assert after == self.expected(command.held), command.lines
        changed = sorted(name for name, tags in after.items() if tags != before[name])
        print(
            f"cluster: {way}: {', '.join(changed)}: {ended - begun:.0f} s, under way {under_way}", flush=True
        )
        return Step(way=way, changed=changed, under_way=under_way, begun_at=begun, ended_at=ended)


@pytest.fixture
def operator(office: Office, tags: tuple[str, str]) -> Iterator[Operator]:
    """Leaves this version behind."""
    made = Operator(office, tags)
    yield made
    made.return_to_this()


@pytest.mark.timeout(7200)
def test_nothing_is_lost_or_doubled_while_a_release_is_upgraded_and_taken_back(
    office: Office, court: Court, beside: NodeParts, tags: tuple[str, str], operator: Operator
) -> None:
    """N−1 → N → N−1, in the order of the operator's page; it writes docs/cluster-upgrade.md."""
    assert len(set(tags)) == len(tags), "the last release's image is this tree's"
    before = release.commit()
    assert before is not None
    kept, begun = release.migrated_since(before), time.monotonic()
    names = operator.take_back({each: beside.database(f"{each}_of_the_release") for each in kept})
    ways = (("up", UP, names), ("back", BACK, names._replace(kept=frozenset(kept))))
    ear, customers = Ear(court.settings), Customers(court.phones, SEED)

    def meanwhile() -> None:
        court.phones.connect()
        ear.listen()

    faults = Faults(office.kubernetes, office.namespace, meanwhile, [])
    # Those of the gateway's pod before are gone, and nobody has noticed yet.
    while not court.phones.control(Control()):
        court.phones.connect()
    customers.start()
    steps: list[Step] = []
    try:
        while customers.calls < CALLS_BEFORE:
            meanwhile()
            time.sleep(POLL_S)
        for way, heading, called in ways:
            for command in upgrade_page.commands(heading, called):
                steps.append(operator.follow(way, command, ear, meanwhile))
                court.excuse(steps[-1].begun_at, steps[-1].ended_at)
        customers.stop()
        findings = aftermath(ear, meanwhile)
    finally:
        ear.stop()
    findings += [*ear.progress.parked, *faults.not_ready()]
    found = court.leavings("cluster-upgrade")
    outcome = UpgradeOutcome(
        commit=report.commit(),
        release=before,
        commits_between=release.commits_since(before),
        kept=sorted(kept),
        steps=steps,
        calls=customers.calls,
        missed=customers.missed,
        records=found.records,
        restarts=faults.restarts(),
        findings=findings,
        verdict=verdict(found),
        seconds=time.monotonic() - begun,
    )
    print(upgrade_report.page(outcome))
    upgrade_report.write(outcome)
    changed = sorted((step.way, name) for step in steps for name in step.changed)
    expected = [("up", name) for name in service_names()]
    expected += [("back", name) for name in service_names() if name not in kept]
    assert changed == sorted(expected), "each service changes once on each way"
    assert outcome.wrongs() == []
