"""A company on a release, as its administrator and its customers use it."""

import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from tests.cluster.kubernetes import POLL_S, Kubernetes

NAME: Final = "office"
RELEASE: Final = f"{NAME}-ringback"
"""How the chart's objects begin."""
LINE: Final = "+74950001100"
BEGIN: Final = (
    "from ringback.phones import control; from services.gateway.simulated.wire import Control;"
    "print(control(5038, Control(begin=True)))"
)
PASSWORD: Final = "a long password of my own"
CONNECTED_S: Final = 600
"""Half a minute on an idle machine."""
DOCTORS_S: Final = 900
"""Seven pods, one after the other."""


@dataclass
class Office:
    """A release in a namespace, reached from inside of the cluster's network."""

    kubernetes: Kubernetes
    namespace: str
    values: Path
    """The chart's values, with the image of this tree."""
    installed_s: float
    """How long all pods took until they were ready."""
    token: str = ""
    connected_s: float = 0.0
    doctors: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether the first callback was connected and `helm test` passed, in this run."""
        return bool(self.connected_s and self.doctors)

    def service(self, name: str) -> str:
        """The URL of a service's API, at its address in the cluster."""
        found = self.kubernetes.get("service", f"{RELEASE}-{name}", "--namespace", self.namespace)
        port = next(each["port"] for each in found["spec"]["ports"] if each["name"] == "http")
        return f"http://{found['spec']['clusterIP']}:{port}"

    def execute(self, where: str, *words: str) -> str:
        """What a program prints in a pod, such as `deployment/…` or `pod --container=…`."""
        return self.kubernetes.kubectl("exec", "--namespace", self.namespace, *where.split(), "--", *words)

    def begin_company(self) -> None:
        """The first steps of an operator: company, administrator's password, an agent, a department."""
        told = ["--name", "Восток", "--administrator", "Гусев Родион", "--email", "gusev@vostok.example"]
        told += ["--pbx", "Москва", "--number", LINE]
        directory = f"deployment/{RELEASE}-directory"
        said = self.execute(directory, "python", "-m", "ringback", "operator", "create", "vostok", *told)
        once = re.search(r"^one-time password: (.*)$", said, re.MULTILINE)
        assert once is not None, said
        login = {"organization": "vostok", "login": "gusev.r", "password": once[1]}
        choice = self.call("POST", "/sessions", login)["password"]
        self.token = choice
        self.token = self.call("PUT", "/me/password", {"old": once[1], "new": PASSWORD})["access"]
        self.call(
            "POST", "/employees", {"name": "Зимина Вера", "pbx_id": "moskva"}, **{"Idempotency-Key": "z"}
        )
        card = self.call("GET", "/departments/sales")["card"]
        card["lines"] = [LINE]
        card["agents"] = [{"agent_id": "zimina-v"}]
        card["callback"]["invitation_after_ms"] = 5000
        self.call("PUT", "/departments/sales", card, **{"If-Match": '"1"'})

    def run_doctors(self) -> list[str]:
        """Run `helm test`; the checks that passed, by the components of their pods. Raises AssertionError."""
        where = ("--namespace", self.namespace)
        # The logs say which check was red.
        told = (*where, "--logs", f"--timeout={DOCTORS_S}s")
        said = self.kubernetes.run("helm4", "test", NAME, *told, may_fail=True)
        found = self.kubernetes.get("pods", *where)["items"]
        ended = {
            each["metadata"]["labels"]["app.kubernetes.io/component"]: each["status"]["phase"]
            for each in found
            if "helm.sh/hook" in each["metadata"].get("annotations", {})
        }
        assert ended, said
        assert set(ended.values()) == {"Succeeded"}, said
        self.doctors = sorted(ended)
        return self.doctors

    def let_phones_begin(self) -> None:
        """Start the script of the simulated phones."""
        self.execute(f"{RELEASE}-gateway-0 --container=phones", "python", "-c", BEGIN)

    def call(self, method: str, path: str, body: Any = None, *, of: str = "directory", **headers: str) -> Any:
        """What an API answers. Raises AssertionError."""
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        url = self.service(of) + path
        answer = httpx.request(method, url, json=body, headers=headers, timeout=30)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def history_until(self, said: str) -> str:
        """History's answer, as soon as it has a text. Raises AssertionError."""
        deadline = time.monotonic() + CONNECTED_S
        while True:
            found = httpx.get(
                f"{self.service('history')}/history",
                headers={"Authorization": f"Bearer {self.token}"},
                timeout=30,
            ).text
            if said in found:
                return found
            assert time.monotonic() < deadline, f"{said} did not come within {CONNECTED_S} s: {found[-2000:]}"
            time.sleep(POLL_S)
