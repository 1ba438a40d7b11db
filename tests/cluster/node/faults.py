"""What is done to the pods of a release while customers call, and how long each of them was away."""

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from devtools.cluster.report import Fault, Kind
from tests.cluster.kubernetes import Kubernetes

BACK_S: Final = 900
"""A pod starts in ten seconds on an idle machine, and in minutes on one that does ten other things."""
POLL_S: Final = 1.0
PAUSE_S: Final = (5.0, 20.0)
"""Between two kills: shorter and longer than a pod takes to come back."""
WORKLOADS: Final = "statefulsets,deployments"


@dataclass(frozen=True)
class Away:
    """A pod that was killed; `life` is the container that has ended."""

    name: str
    life: str
    owner: str
    begun_at: float


@dataclass
class Faults:
    """The faults of a run, in order."""

    kubernetes: Kubernetes
    namespace: str
    meanwhile: Callable[[], None]
    """Called while a pod is waited for."""
    done: list[Fault]
    killed: Counter[str] = field(default_factory=Counter)
    """How often a container alone was killed, by its pod's uid."""

    def roll(self) -> None:
        """Restart every workload at once, as an upgrade does; each rolls pod by pod."""
        before = {each["metadata"]["name"]: each["metadata"]["generation"] for each in self.workloads()}
        begun = time.time()
        self.kubernetes.kubectl("rollout", "restart", WORKLOADS, "--namespace", self.namespace)

        def are_rolled() -> bool:
            for each in self.workloads():
                name = each["metadata"]["name"]
                if name in before and each["metadata"]["generation"] > before[name] and _has_all(each):
                    del before[name]
                    self._note(Kind.ROLL, name, begun)
            return not before

        self._wait(are_rolled, "every workload's new pods")

    def evict(self) -> None:
        """Evict every pod, one after the other, as a drain does; the budgets decide whether it may go."""
        # Those that a roll has replaced may still be ending.
        for pod in [each["metadata"] for each in self.pods() if _is_ready(each)]:
            begun = time.time()
            self._wait(partial(self._is_evicted, pod["name"]), f"permission to evict {pod['name']}")
            self._wait(partial(self._is_replaced, pod["uid"]), f"the pod in place of {pod['name']}")
            self._note(Kind.EVICTION, pod["name"], begun)

    def kill(self, for_s: float, seed: int) -> None:
        """Kill a pod at random again and again; others that are not back yet are none of the victims."""
        chance = random.Random(f"kills on a node {seed}")
        away: list[Away] = []
        spared: list[str] = []
        end = time.monotonic() + for_s
        while time.monotonic() < end:
            there = [each for each in self.pods() if _is_ready(each)]
            if there:
                away.append(self._killed(_dealt(there, spared, chance)))
            pause = time.monotonic() + chance.uniform(*PAUSE_S)
            while time.monotonic() < pause:
                away = self._without_returned(away)
                self._pass()
        deadline = time.monotonic() + BACK_S
        while away := self._without_returned(away):
            assert time.monotonic() < deadline, f"{away} are not back {BACK_S} s after they were killed"
            self._pass()

    def _killed(self, pod: dict[str, Any]) -> Away:
        """Kill a pod, or of one with phones in it the service alone: its PBX is another machine elsewhere."""
        name, life = pod["metadata"]["name"], _life(pod)
        if pod["spec"].get("initContainers"):
            kill(pod, life)
            self.killed[pod["metadata"]["uid"]] += 1
            return Away(f"{name}, the service beside its phones", life, _owner(pod), time.time())
        kill(pod)
        begun = time.time()
        deleting = ("--namespace", self.namespace, "--grace-period=0", "--force", "--wait=false")
        self.kubernetes.kubectl("delete", "pod", name, *deleting, may_fail=True)
        return Away(name, life, _owner(pod), begun)

    def not_ready(self) -> list[str]:
        """Pods that are not ready when all has come to its end: what they can't do, nobody has judged."""
        names = [each["metadata"]["name"] for each in self.pods() if not _is_ready(each)]
        return [f"{name} is not ready at the end" for name in names]

    def restarts(self) -> list[str]:
        """Containers that ended by themselves and were started again in their pod, with how they ended."""
        found = []
        for pod in self.pods():
            for each in pod["status"].get("containerStatuses", []):
                restarts = each["restartCount"] - self.killed[pod["metadata"]["uid"]]
                if restarts:
                    ended = each.get("lastState", {}).get("terminated", {})
                    why = f"{ended.get('reason', 'unknown')}, exit code {ended.get('exitCode', 'unknown')}"
                    found.append(f"{pod['metadata']['name']}/{each['name']}: {restarts} ({why})")
        return found

    def _without_returned(self, away: list[Away]) -> list[Away]:
        """Note those whose workload has all its pods again, and leave the others."""
        if not away:
            return []
        pods = self.pods()
        wanted = {each["metadata"]["name"]: each["spec"]["replicas"] for each in self.workloads()}
        left = []
        for one in away:
            own = [each for each in pods if _owner(each) == one.owner and _is_ready(each)]
            if len(own) >= wanted[one.owner] and all(_life(each) != one.life for each in own):
                self._note(Kind.KILL, one.name, one.begun_at)
            else:
                left.append(one)
        return left

    def _note(self, kind: Kind, target: str, begun: float) -> None:
        fault = Fault(kind, target, begun, time.time())
        print(f"cluster: {kind.value} {target}: back after {fault.away_s:.0f} s", flush=True)
        self.done.append(fault)

    def _wait(self, is_done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + BACK_S
        while not is_done():
            assert time.monotonic() < deadline, f"{what} did not come within {BACK_S} s"
            self._pass()

    def _pass(self) -> None:
        self.meanwhile()
        time.sleep(POLL_S)

    def _is_evicted(self, name: str) -> bool:
        path = f"/api/v1/namespaces/{self.namespace}/pods/{name}/eviction"
        told = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
        said = self.kubernetes.kubectl(
            "create", "--raw", path, "--filename=-", told=json.dumps(told), may_fail=True
        )
        return '"status":"Success"' in said.replace(" ", "")

    def _is_replaced(self, uid: str) -> bool:
        is_there = any(each["metadata"]["uid"] == uid for each in self.pods())
        return not is_there and all(map(_has_all, self.workloads()))

    def workloads(self) -> list[dict[str, Any]]:
        """The release's."""
        found: list[dict[str, Any]] = self.kubernetes.get(WORKLOADS, "--namespace", self.namespace)["items"]
        return found

    def pods(self) -> list[dict[str, Any]]:
        """Those of services: not the doctors' of `helm test`."""
        found = self.kubernetes.get("pods", "--namespace", self.namespace)["items"]
        return [each for each in found if each["metadata"].get("ownerReferences")]


def _has_all(workload: dict[str, Any]) -> bool:
    """Whether a workload's pods are all of its newest template, and ready."""
    status, wanted = workload["status"], workload["spec"]["replicas"]
    is_seen = status.get("observedGeneration", 0) >= workload["metadata"]["generation"]
    counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas")]
    return is_seen and counts == [wanted] * len(counts)


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", [])
    is_ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return is_ready and "deletionTimestamp" not in pod["metadata"]


def _owner(pod: dict[str, Any]) -> str:
    """The workload of a pod; a Deployment's ReplicaSet has a hash at the end of its name."""
    owner = pod["metadata"]["ownerReferences"][0]
    name: str = owner["name"]
    return name.rpartition("-")[0] if owner["kind"] == "ReplicaSet" else name


def _life(pod: dict[str, Any]) -> str:
    """The id of the container in which the service of a pod runs: a restart gives it another one."""
    containers = pod["status"].get("containerStatuses", [])
    found: str = containers[0].get("containerID", "") if containers else ""
    return found.rpartition("/")[2]


def _dealt(there: list[dict[str, Any]], spared: list[str], chance: random.Random) -> dict[str, Any]:
    """A pod of one of the workloads that were spared since all were hit: chance alone would spare some."""
    owners = sorted({_owner(each) for each in there})
    if not set(spared) & set(owners):
        spared[:] = chance.sample(owners, len(owners))
    hit = next(each for each in spared if each in owners)
    spared.remove(hit)
    return chance.choice([each for each in there if _owner(each) == hit])


def kill(pod: dict[str, Any], container: str = "") -> None:
    """SIGKILL to every process of a pod of this node, or of one container, so that none finishes anything."""
    uid = pod["metadata"]["uid"]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            groups = (process / "cgroup").read_text(encoding="ascii")
            if f"pod{uid}" in groups and container in groups:
                os.kill(int(process.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            continue
