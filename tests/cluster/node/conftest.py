"""A release whose pods run, on a node of our own with the parts beside it: `make chart-cluster NODE=1`.

These tests run inside the cluster's network namespace, where services and pods have their addresses.
"""

import json
import os
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import yaml

from devtools.chaos.workload import Workload, workload
from devtools.cluster import parts
from devtools.cluster.given import IMAGE_OF_TESTS
from devtools.cluster.parts import NodeParts
from ringback.stack.services import ROOT
from tests.cluster.kubernetes import Kubernetes
from tests.cluster.node import phones
from tests.cluster.node.judging import Court
from tests.cluster.node.office import NAME, RELEASE, Office
from tests.cluster.node.phones import PACE, ROUND_S, Phones

CHART = ROOT / "charts" / "ringback"
PHONES = CHART / "files" / "phones.yaml"
SEED = 1
READY_S = 900
"""tts speaks its standard prompts first, which took a minute on a busy machine."""


@pytest.fixture(scope="session")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeParts]:
    """Apache Kafka, Redis with TLS, PostgreSQL, S3 and a mail server, at the node's address."""
    started = parts.start(tmp_path_factory.mktemp("parts"))
    yield started
    started.stop()


@pytest.fixture(scope="session")
def companies() -> Workload:
    """The companies of a chaos run, whose customers call while pods come and go."""
    return workload(SEED, ROUND_S / PACE)


@pytest.fixture(scope="session")
def office(
    kubernetes: Kubernetes,
    beside: NodeParts,
    companies: Workload,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Office]:
    """The release, with every service ready, and simulated phones in the gateway's pod."""
    namespace = kubernetes.make_namespace()
    kubernetes.kubectl(
        "create", "--namespace", namespace, "--filename=-", told=parts.as_list(beside.objects())
    )
    repository, _, tag = os.environ[IMAGE_OF_TESTS].rpartition(":")
    values = beside.values()
    values["image"] = {"repository": repository, "tag": tag, "pullPolicy": "Never"}
    before = yaml.safe_load(PHONES.read_text(encoding="utf-8"))
    pbxs = ["vostok/moskva", *(f"{each.organization_id}/{each.pbx_id}" for each in companies.companies)]
    script = phones.script(companies, before)
    values["simulatedPhones"] = {"enabled": True, "pbxs": pbxs, "script": script}
    file = tmp_path_factory.mktemp("values") / "values.json"
    file.write_text(json.dumps(values), encoding="utf-8")
    where = ("--namespace", namespace, "--values", str(file))
    begun = time.monotonic()
    kubernetes.run("helm4", "install", NAME, str(CHART), *where, "--wait", f"--timeout={READY_S}s")
    yield Office(kubernetes, namespace, file, time.monotonic() - begun)
    kubernetes.run("helm4", "uninstall", NAME, "--namespace", namespace, "--wait")
    kubernetes.remove_namespace(namespace)


@pytest.fixture(scope="session")
def court(
    office: Office, beside: NodeParts, companies: Workload, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Court]:
    """The companies, of which everybody knows the cards."""
    reached = Phones(
        office.kubernetes, office.namespace, f"{RELEASE}-gateway-0", tmp_path_factory.mktemp("phones")
    )
    made = Court(beside, companies, reached)
    made.say_books()
    yield made
    reached.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure tells what the pods say that are not ready: all of them are gone when the run ends."""
    made = yield
    kubernetes = getattr(item, "funcargs", {}).get("kubernetes")
    if made.failed and kubernetes is not None:
        made.sections.append(("pods that are not ready", kubernetes.why_not_ready()))
    return made


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a node of our own its tests are not there: a given cluster has neither image nor parts.

    Tests of the large release, which stays to the end, come last; of these the faults: history of an older
    release reads the log from its beginning and may stop at what it did not understand yet, such as a message
    of a customer who called in while being called back.
    """
    if IMAGE_OF_TESTS not in os.environ:
        here = Path(__file__).parent
        items[:] = [item for item in items if here not in item.path.parents]
    # Two releases at once ask for more than a node of two processors has.
    items.sort(
        key=lambda item: ("office" in getattr(item, "fixturenames", ()), item.path.name == "test_faults.py")
    )
