"""What is done to the pods of a release while customers call, and how long each of them was away."""

import json
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass
class Faults:
    """The faults of a run, in order."""

    kubernetes: Kubernetes
    namespace: str
    meanwhile: Callable[[], None]
    """Called while a pod is waited for."""
    done: list[Fault]

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
        away: list[tuple[str, str, str, float]] = []
        end = time.monotonic() + for_s
        while time.monotonic() < end:
            there = [each for each in self.pods() if _is_ready(each)]
            if there:
                victim = chance.choice(there)
                kill(victim)
                name, uid = victim["metadata"]["name"], victim["metadata"]["uid"]
                away.append((name, uid, _owner(victim), time.time()))
                deleting = ("--namespace", self.namespace, "--grace-period=0", "--force", "--wait=false")
                self.kubernetes.kubectl("delete", "pod", name, *deleting, may_fail=True)
            pause = time.monotonic() + chance.uniform(*PAUSE_S)
            while time.monotonic() < pause:
                away = self._without_returned(away)
                self._pass()
        deadline = time.monotonic() + BACK_S
        while away := self._without_returned(away):
            assert time.monotonic() < deadline, f"{away} are not back {BACK_S} s after they were killed"
            self._pass()

    def not_ready(self) -> list[str]:
        """Pods that are not ready when all has come to its end: what they can't do, nobody has judged."""
        names = [each["metadata"]["name"] for each in self.pods() if not _is_ready(each)]
        return [f"{name} is not ready at the end" for name in names]

    def restarts(self) -> list[str]:
        """Containers that ended by themselves and were started again in their pod, with how they ended."""
        found = []
        for pod in self.pods():
            for each in pod["status"].get("containerStatuses", []):
                if each["restartCount"]:
                    ended = each.get("lastState", {}).get("terminated", {})
                    why = f"{ended.get('reason', 'unknown')}, exit code {ended.get('exitCode', 'unknown')}"
                    found.append(f"{pod['metadata']['name']}/{each['name']}: {each['restartCount']} ({why})")
        return found

    def _without_returned(self, away: list[tuple[str, str, str, float]]) -> list[tuple[str, str, str, float]]:
        """Note those whose workload has all its pods again, and leave the others."""
        if not away:
            return []
        pods = self.pods()
        wanted = {each["metadata"]["name"]: each["spec"]["replicas"] for each in self.workloads()}
        left = []
        for name, uid, owner, begun in away:
            own = [each for each in pods if _owner(each) == owner and _is_ready(each)]
            if len(own) >= wanted[owner] and all(each["metadata"]["uid"] != uid for each in own):
                self._note(Kind.KILL, name, begun)
            else:
                left.append((name, uid, owner, begun))
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


def kill(pod: dict[str, Any]) -> None:
    """SIGKILL to every process of a pod of this node, so that none of them finishes anything."""
    uid = pod["metadata"]["uid"]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            is_of_pod = f"pod{uid}" in (process / "cgroup").read_text(encoding="ascii")
            if is_of_pod:
                os.kill(int(process.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            continue
