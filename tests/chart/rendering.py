"""Renders the chart with real Helm, and finds things in what comes out."""

import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from devtools.charts.helm import Major, helm
from ringback.stack.services import ROOT

CHART: Final = ROOT / "charts" / "ringback"
PROFILES: Final = {
    "minimal": CHART / "values-minimal.yaml",
    "production": CHART / "values-production.yaml",
    "full": Path(__file__).parent / "values-full.yaml",
}
CUSTOM_APIS: Final = ("keda.sh/v1alpha1", "monitoring.coreos.com/v1")
WORKLOADS: Final = ("Deployment", "StatefulSet", "Job", "Pod")
SERVICES: Final = (
    "callback",
    "console",
    "directory",
    "gateway",
    "history",
    "queue",
    "routing",
    "tts",
    "voicemail",
)
PUBLIC: Final = ("directory", "history", "console")
DECIDERS: Final = ("callback", "queue", "routing", "voicemail")
STATEFUL: Final = (*DECIDERS, "gateway", "history")
SECRETS: Final = "/etc/ringback/secrets/"

Object = dict[str, Any]


def run_helm(*argv: str, major: Major = 4) -> subprocess.CompletedProcess[str]:
    """Run Helm, which sees no cluster and no settings of the person who tests."""
    # Helm 4 looks for a cluster's address even where it needs none.
    env = {"HOME": "/nonexistent", "PATH": "/usr/bin:/bin", "KUBECONFIG": "/nonexistent"}
    return subprocess.run([str(helm(major)), *argv], check=False, capture_output=True, text=True, env=env)


@cache
def rendered(profile: str, *, sets: tuple[str, ...] = (), has_crds: bool = True, major: Major = 4) -> str:
    """What `helm template` writes for a profile."""
    argv = ["template", "ringback", str(CHART), "--namespace", "phones", "--values", str(PROFILES[profile])]
    argv += ["--kube-version", "1.34.0"]
    argv += [word for each in sets for word in ("--set-json", each)]
    argv += [word for api in CUSTOM_APIS if has_crds for word in ("--api-versions", api)]
    done = run_helm(*argv, major=major)
    assert done.returncode == 0, done.stderr
    return done.stdout


def notes(profile: str) -> str:
    """What Helm says after an installation."""
    argv = ["install", "ringback", str(CHART), "--namespace", "phones", "--values", str(PROFILES[profile])]
    done = run_helm(*argv, "--dry-run=client")
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("NOTES:")[2]


@cache
def _objects(profile: str, sets: tuple[str, ...], has_crds: bool) -> tuple[Object, ...]:
    text = rendered(profile, sets=sets, has_crds=has_crds)
    return tuple(each for each in yaml.load_all(text, yaml.CSafeLoader) if each)


def objects(profile: str, *, sets: tuple[str, ...] = (), has_crds: bool = True) -> list[Object]:
    """The objects of a profile."""
    return list(_objects(profile, sets, has_crds))


def of_kind(found: list[Object], *kinds: str) -> list[Object]:
    """The objects of some kinds."""
    return [each for each in found if each["kind"] in kinds]


def component(thing: Object) -> str:
    """Which service, or program, an object or a pod is for."""
    return str(thing["metadata"]["labels"]["app.kubernetes.io/component"])


def pod_of(workload: Object) -> Object:
    """The pod's template of a workload."""
    return workload if workload["kind"] == "Pod" else dict(workload["spec"]["template"])


def pods(found: list[Object]) -> dict[str, Object]:
    """The pods' templates, by component."""
    return {component(each): pod_of(each) for each in of_kind(found, *WORKLOADS)}


def containers(pod: Object) -> Iterator[Object]:
    """Every container of a pod, sidecars too."""
    yield from pod["spec"].get("initContainers", [])
    yield from pod["spec"]["containers"]


def env_of(container: Object) -> dict[str, str]:
    """A container's environment; a value that Kubernetes fills in is `(field path)`."""
    return {
        each["name"]: each["value"] if "value" in each else f"({each['valueFrom']['fieldRef']['fieldPath']})"
        for each in container["env"]
    }


def secret_keys(pod: Object) -> dict[str, set[str]]:
    """Which keys of which Secrets a pod gets."""
    found: dict[str, set[str]] = {}
    for volume in pod["spec"]["volumes"]:
        for source in volume.get("projected", {}).get("sources", []):
            keys = found.setdefault(source["secret"]["name"], set())
            keys |= {each["key"] for each in source["secret"]["items"]}
    return found


def is_selected(selector: Object, pod: Object) -> bool:
    """Whether a selector by labels matches a pod's template."""
    return bool(selector["matchLabels"].items() <= pod["metadata"]["labels"].items())
