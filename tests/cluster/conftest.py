"""A cluster for the tests of the chart: the one that RINGBACK_TEST_KUBECONFIG names, or one of our own."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.cluster.cluster import Cluster
from devtools.cluster.given import KUBECONFIG_OF_TESTS
from devtools.cluster.programs import PARTS
from tests.cluster.kubernetes import Kubernetes


def pytest_itemcollected(item: pytest.Item) -> None:
    """Every test here needs a cluster, whose start may have to wait for its programs to be built."""
    if Path(__file__).parent in item.path.parents:
        item.add_marker(pytest.mark.cluster)
        item.add_marker(pytest.mark.timeout(1800))


@pytest.fixture(scope="session")
def kubernetes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    """The cluster."""
    home = tmp_path_factory.mktemp("home")
    given = os.environ.get(KUBECONFIG_OF_TESTS)
    if given is not None:
        yield Kubernetes(Path(given), home)
        return
    cluster = Cluster(tmp_path_factory.mktemp("cluster") / "run", dies_with_parent=True)
    cluster.start()
    try:
        yield Kubernetes(cluster.kubeconfig, home)
    finally:
        cluster.stop()


@pytest.fixture(scope="session", params=["without CRDs", "with CRDs"])
def crds(request: pytest.FixtureRequest, kubernetes: Kubernetes) -> Iterator[bool]:
    """Whether the cluster knows the objects of KEDA and of the Prometheus operator; nobody acts on them."""
    files = sorted(PARTS["crds"].fetched().glob("*.yaml"))
    named = {file: _name(kubernetes, file) for file in files}
    there = set(kubernetes.kubectl("get", "crds", "--output=name").split())
    if request.param == "without CRDs":
        if there & set(named.values()):
            pytest.skip("this cluster has KEDA or the Prometheus operator, so it can't be tried without them")
        yield False
        return
    # What a given cluster has of its own stays as it is.
    made = [file for file, name in named.items() if name not in there]
    for file in made:
        # Server-side: the largest don't fit into the annotation of a plain `apply`.
        kubernetes.kubectl("apply", "--server-side", "--filename", str(file))
    for file in made:
        kubernetes.kubectl("wait", "--for=condition=Established", "--timeout=120s", named[file])
    yield True
    for file in made:
        kubernetes.kubectl("delete", "--filename", str(file))


def _name(kubernetes: Kubernetes, file: Path) -> str:
    said = kubernetes.kubectl("create", "--dry-run=client", "--output=json", "--filename", str(file))
    name: str = json.loads(said)["metadata"]["name"]
    return f"customresourcedefinition.apiextensions.k8s.io/{name}"


@pytest.fixture
def namespace(kubernetes: Kubernetes) -> Iterator[str]:
    """An empty namespace that takes only pods of the standard *restricted*."""
    name = kubernetes.make_namespace()
    yield name
    kubernetes.remove_namespace(name)
