"""A cluster as the tests of the chart use it: kubectl, both Helms, and what is in a namespace."""

import json
import os
import secrets
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from devtools.charts import helm

SETTLED_S: Final = 120
"""How long controllers may take for what they do within a second on an idle machine."""
POLL_S: Final = 0.3
RESTRICTED: Final = "restricted"
NAMESPACE: Final = "ringback-test-"
"""How the namespaces of these tests begin."""
LAST_LINES: Final = 30
"""Of a container's log: what it said as it ended, or why it is not ready."""
OF_RELEASE: Final = "meta.helm.sh/release-namespace"
"""Helm writes it on each object that it makes."""
PASSING: Final = frozenset({"events", "events.events.k8s.io", "leases.coordination.k8s.io"})
"""Kinds whose objects come and go by themselves."""


@dataclass(frozen=True)
class Kubernetes:
    """A cluster that is reached by a KUBECONFIG; `home` keeps what Helm writes for itself."""

    kubeconfig: Path
    home: Path

    def argv(self, program: str, *words: str) -> list[str]:
        """The words that run kubectl or a Helm."""
        return [str(helm.kubectl().with_name(program)), *words]

    def environment(self) -> dict[str, str]:
        """The environment in which they find this cluster, and nothing that their user has set for Helm.

        HOME stays the user's: a KUBECONFIG may name a program that logs in with what is kept there.
        """
        ours = {name: value for name, value in os.environ.items() if not name.startswith("HELM_")}
        helm_ = {f"HELM_{each}_HOME": str(self.home / each.lower()) for each in ("CACHE", "CONFIG", "DATA")}
        return {**ours, **helm_, "KUBECONFIG": str(self.kubeconfig), "KUBECACHEDIR": str(self.home / "kube")}

    def run(self, program: str, *words: str, told: str = "", may_fail: bool = False) -> str:
        """What a program prints; its warnings and errors follow if it may fail. Raises AssertionError."""
        argv, env = self.argv(program, *words), self.environment()
        done = subprocess.run(argv, input=told, capture_output=True, text=True, check=False, env=env)
        if may_fail:
            return done.stdout + done.stderr
        assert done.returncode == 0, f"{program} {' '.join(words)} says:\n{done.stderr[-3000:]}"
        return done.stdout

    def kubectl(self, *words: str, told: str = "", may_fail: bool = False) -> str:
        """What kubectl prints. Raises AssertionError."""
        return self.run("kubectl", *words, told=told, may_fail=may_fail)

    def shell(self, script: str) -> None:
        """Run lines of a shell, which find kubectl and both Helms by their names. Raises AssertionError."""
        path = os.pathsep.join([str(helm.kubectl().parent), os.environ.get("PATH", os.defpath)])
        env = self.environment() | {"PATH": path}
        argv = ["bash", "-euo", "pipefail", "-c", script]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env=env)
        assert done.returncode == 0, f"{script}\nsays:\n{done.stderr[-3000:]}"

    def get(self, *words: str) -> dict[str, Any]:
        """An object, or a list of objects, as kubectl gets it. Raises AssertionError."""
        found: dict[str, Any] = json.loads(self.kubectl("get", *words, "--output=json"))
        return found

    def make_namespace(self) -> str:
        """A namespace that takes only pods of the standard *restricted*, and warns of every other object."""
        name = f"{NAMESPACE}{secrets.token_hex(4)}"
        self.kubectl("create", "namespace", name)
        modes = ("enforce", "warn", "audit")
        labels = [f"pod-security.kubernetes.io/{mode}={RESTRICTED}" for mode in modes]
        self.kubectl("label", "namespace", name, *labels)
        self.settle(lambda: "default" in self._names("serviceaccounts", name), "its service account")
        return name

    def remove_namespace(self, name: str) -> None:
        """Remove it with all that is in it, and wait until it is gone."""
        self.kubectl("delete", "namespace", name, "--timeout=120s")

    def why_not_ready(self) -> str:
        """State, events and last lines, also of before a restart, of these tests' pods that are not ready."""
        told: list[str] = []
        for pod in self.get("pods", "--all-namespaces")["items"]:
            name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
            conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions", [])}
            is_done = pod["status"]["phase"] == "Succeeded"
            if not namespace.startswith(NAMESPACE) or is_done or conditions.get("Ready") == "True":
                continue
            where = (name, "--namespace", namespace)
            logs = ("logs", *where, "--all-containers", "--prefix", f"--tail={LAST_LINES}")
            told += [
                self.kubectl("describe", "pod", *where, may_fail=True),
                self.kubectl(*logs, may_fail=True),
                self.kubectl(*logs, "--previous", may_fail=True),
            ]
        return "\n".join(told)

    def objects(self, namespace: str) -> set[str]:
        """`kind/name` of every object of a namespace, of kinds that don't come and go by themselves."""
        listed = self.kubectl("api-resources", "--namespaced", "--verbs=list", "--output=name").split()
        kinds = sorted(set(listed) - PASSING)
        return set(self.kubectl("get", ",".join(kinds), "--namespace", namespace, "--output=name").split())

    def shared_objects(self, namespace: str) -> set[str]:
        """`kind/name` of the objects that are in no namespace, and that Helm made for a release in this one.

        A given cluster has other users, whose objects come and go meanwhile.
        """
        listed = self.kubectl("api-resources", "--namespaced=false", "--verbs=list,delete", "--output=name")
        kinds = sorted(set(listed.split()) - {"namespaces", "nodes", "persistentvolumes"})
        return {
            f"{each['kind'].lower()}/{each['metadata']['name']}"
            for each in self.get(",".join(kinds))["items"]
            if each["metadata"].get("annotations", {}).get(OF_RELEASE) == namespace
        }

    def settle(self, is_settled: Callable[[], bool], what: str) -> None:
        """Wait for what controllers do. Raises AssertionError."""
        deadline = time.monotonic() + SETTLED_S
        while not is_settled():
            assert time.monotonic() < deadline, f"{what} did not come within {SETTLED_S} s"
            time.sleep(POLL_S)

    def _names(self, kind: str, namespace: str) -> set[str]:
        found = self.get(kind, "--namespace", namespace)
        return {each["metadata"]["name"] for each in found["items"]}
