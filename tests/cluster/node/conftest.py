"""A release whose pods run, on a node of our own with the parts beside it: `make chart-cluster NODE=1`.

These tests run inside the cluster's network namespace, where services and pods have their addresses.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.cluster import parts
from devtools.cluster.given import IMAGE_OF_TESTS
from devtools.cluster.parts import NodeParts
from ringback.stack.services import ROOT
from tests.cluster.kubernetes import Kubernetes
from tests.cluster.node.office import Office

CHART = ROOT / "charts" / "ringback"
READY_S = 600
"""tts speaks its standard prompts first, which took a minute on a busy machine."""


@pytest.fixture(scope="session")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeParts]:
    """Apache Kafka, Redis with TLS, PostgreSQL, S3 and a mail server, at the node's address."""
    started = parts.start(tmp_path_factory.mktemp("parts"))
    yield started
    started.stop()


@pytest.fixture(scope="session")
def office(
    kubernetes: Kubernetes, beside: NodeParts, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    """The release, with every service ready, and simulated phones in the gateway's pod."""
    namespace = kubernetes.make_namespace()
    kubernetes.kubectl(
        "create", "--namespace", namespace, "--filename=-", told=parts.as_list(beside.objects())
    )
    repository, _, tag = os.environ[IMAGE_OF_TESTS].rpartition(":")
    values = beside.values()
    values["image"] = {"repository": repository, "tag": tag, "pullPolicy": "Never"}
    values["simulatedPhones"] = {"enabled": True}
    file = tmp_path_factory.mktemp("values") / "values.json"
    file.write_text(json.dumps(values), encoding="utf-8")
    where = ("--namespace", namespace, "--values", str(file))
    kubernetes.run("helm4", "install", "office", str(CHART), *where, "--wait", f"--timeout={READY_S}s")
    yield Office(kubernetes, namespace)
    kubernetes.run("helm4", "uninstall", "office", "--namespace", namespace, "--wait")
    kubernetes.remove_namespace(namespace)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a node of our own its tests are not there: a given cluster has neither image nor parts."""
    if IMAGE_OF_TESTS not in os.environ:
        here = Path(__file__).parent
        items[:] = [item for item in items if here not in item.path.parents]
