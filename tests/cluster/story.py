"""The life of a release on a cluster, told once for each pair of Helms; the tests look at what was seen.

Without a node pods stay pending, so nothing is waited for but their admission, and hooks are left out: a Job
would never complete.
"""

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from devtools.cluster import release
from ringback.stack.services import ROOT
from tests.cluster.kubernetes import POLL_S, SETTLED_S, Kubernetes

CHART: Final = ROOT / "charts" / "ringback"
VALUES: Final = Path(__file__).parent / "values.yaml"
RELEASE: Final = "office"
WORKLOADS: Final = "statefulsets,deployments,jobs"
NEW_TAG: Final = "tag-of-the-upgrade"
TAG_BEFORE: Final = "tag-of-the-installation"


@dataclass
class Story:
    """What was seen of a release in its namespace, step by step."""

    helms: str
    has_crds: bool
    pods_missing: dict[str, str] = field(default_factory=dict)
    """Workload → what the controllers say, of those that did not get all their pods."""
    kinds: Counter[str] = field(default_factory=Counter)
    images: dict[str, set[str]] = field(default_factory=dict)
    """Step → the images of all workloads after it."""
    left: set[str] = field(default_factory=set)
    """What is there after the uninstallation and was not before the installation."""


def told(kubernetes: Kubernetes, namespace: str, *, helms: tuple[int, int], has_crds: bool) -> Story:
    """Install with the first Helm; upgrade, roll back and uninstall with the second."""
    first, second = (f"helm{major}" for major in helms)
    where = (RELEASE, "--namespace", namespace)
    story = Story(helms=f"{first}, {second}", has_crds=has_crds)
    before = kubernetes.objects(namespace) | kubernetes.shared_objects(namespace)
    chart = release.chart()
    install = ("--values", str(chart.with_suffix(".yaml")), "--no-hooks", "--set", f"image.tag={TAG_BEFORE}")
    kubernetes.run(first, "install", RELEASE, str(chart), *where[1:], *install)
    story.pods_missing = _pods_missing(kubernetes, namespace)
    story.kinds = Counter(each.partition("/")[0] for each in kubernetes.objects(namespace) - before)
    story.images["install"] = _images(kubernetes, namespace)
    upgrade = ("--values", str(VALUES), "--no-hooks", "--set", f"image.tag={NEW_TAG}")
    kubernetes.run(second, "upgrade", RELEASE, str(CHART), *where[1:], *upgrade)
    story.images["upgrade"] = _images(kubernetes, namespace)
    kubernetes.run(second, "rollback", RELEASE, "1", *where[1:], "--no-hooks")
    story.images["rollback"] = _images(kubernetes, namespace)
    kubernetes.run(second, "uninstall", *where, "--no-hooks")
    story.left = _left(kubernetes, namespace, before)
    return story


def _pods_missing(kubernetes: Kubernetes, namespace: str) -> dict[str, str]:
    """Wait until each workload has its pods. Helm says *deployed* also while their admission is refused."""
    deadline = time.monotonic() + SETTLED_S
    while True:
        wanted, there = _pods_wanted(kubernetes, namespace), _pods_there(kubernetes, namespace)
        missing = {name for name, number in wanted.items() if there[name] < number}
        refused = _refused(kubernetes, namespace)
        if not missing or refused or time.monotonic() > deadline:
            return {name: refused.get(name, "no pod came, and nobody says why") for name in missing} | refused
        time.sleep(POLL_S)


def _pods_wanted(kubernetes: Kubernetes, namespace: str) -> dict[str, int]:
    found = kubernetes.get(WORKLOADS, "--namespace", namespace)["items"]
    return {each["metadata"]["name"]: each["spec"].get("replicas", 1) for each in found}


def _pods_there(kubernetes: Kubernetes, namespace: str) -> Counter[str]:
    """How many pods a workload has; those of a Deployment belong to its ReplicaSet."""
    there: Counter[str] = Counter()
    sets = kubernetes.get("replicasets", "--namespace", namespace)["items"]
    deployments = {each["metadata"]["name"]: _owner(each) for each in sets}
    for pod in kubernetes.get("pods", "--namespace", namespace)["items"]:
        owner = _owner(pod)
        there[deployments.get(owner, owner)] += 1
    return there


def _owner(of: dict[str, Any]) -> str:
    name: str = of["metadata"]["ownerReferences"][0]["name"]
    return name


def _refused(kubernetes: Kubernetes, namespace: str) -> dict[str, str]:
    events = kubernetes.get("events", "--namespace", namespace, "--field-selector=reason=FailedCreate")[
        "items"
    ]
    return {each["involvedObject"]["name"]: each["message"] for each in events}


def _images(kubernetes: Kubernetes, namespace: str) -> set[str]:
    workloads = kubernetes.get(WORKLOADS, "--namespace", namespace)["items"]
    return {
        container["image"]
        for each in workloads
        for container in each["spec"]["template"]["spec"]["containers"]
    }


def _left(kubernetes: Kubernetes, namespace: str, before: set[str]) -> set[str]:
    """What is left as soon as it no longer changes: the garbage collector needs its time."""
    deadline = time.monotonic() + SETTLED_S
    while True:
        now = kubernetes.objects(namespace) | kubernetes.shared_objects(namespace)
        left = {each for each in now - before if not each.startswith("persistentvolumeclaim/")}
        if not left or time.monotonic() > deadline:
            return now - before
        time.sleep(POLL_S)
