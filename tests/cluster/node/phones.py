"""The simulated phones in the gateway's pod, and the customers who call there until they are told to stop."""

import contextlib
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from contracts.ids import PbxId
from devtools.chaos.workload import Workload, workload
from ringback.phones import control
from ringback.stack.process import Process, StackError, free_port, is_listening
from services.gateway.simulated.script import Behaviour, Call
from services.gateway.simulated.wire import Control
from tests.cluster.kubernetes import Kubernetes

PORT: Final = 5038
FORWARDED_S: Final = 60
ROUND_S: Final = 120
"""People behave anew so often: each has some behaviours, and the last of them would go on forever."""
PACE: Final = 2 / 3
"""A chaos run's calls in two thirds of their time: of fewer, each finds a free agent, and nobody orders."""


class Phones:
    """Reached through `kubectl port-forward`, since they listen on their pod's loopback."""

    def __init__(self, kubernetes: Kubernetes, namespace: str, pod: str, run: Path) -> None:
        self._kubernetes = kubernetes
        self._where = ("--namespace", namespace, f"pod/{pod}")
        self._run = run
        self._port = free_port()
        self._forward: Process | None = None
        self._is_broken = True
        self._counts: list[dict[str, int]] = [{}]
        """The last counts of each life of these phones, which end with their pod."""

    def control(self, message: Control) -> bool:
        """Let the phones do something; False if they are away."""
        if self._is_broken:
            return False
        try:
            counts = control(self._port, message)
        except (OSError, ValueError):
            self._is_broken = True
            return False
        if sum(counts.values()) < sum(self._counts[-1].values()):
            self._counts.append({})
        self._counts[-1] = counts
        return True

    def connect(self) -> None:
        """Forward a port to the pod, unless that works; the next `connect` tries again."""
        if not self._is_broken:
            return
        self.stop()
        argv = self._kubernetes.argv("kubectl", "port-forward", *self._where, f"{self._port}:{PORT}")
        self._forward = Process(
            "port-forward", argv, self._run, env=self._kubernetes.environment(), dies_with_parent=True
        )
        with contextlib.suppress(StackError):
            self._forward.start_until(lambda: is_listening(self._port), "open port", FORWARDED_S)
            self._is_broken = False

    def dialled(self) -> Counter[str]:
        """How often each phone was dialled, by the last answer of each of the phones' lives."""
        total: Counter[str] = Counter()
        for counts in self._counts:
            total.update(counts)
        return total

    def stop(self) -> None:
        """End the forwarding."""
        if self._forward is not None:
            self._forward.stop()


class Customers(threading.Thread):
    """Customers of a chaos run's companies, who call until `stop`; who finds no PBX does not call."""

    def __init__(self, phones: Phones, seed: int) -> None:
        super().__init__(name="customers", daemon=True)
        self.calls = 0
        self.missed = 0
        """Calls to a PBX that was away with its pod."""
        self.error: BaseException | None = None
        self._phones = phones
        self._seed = seed
        self._stopped = threading.Event()

    def run(self) -> None:
        """Round after round."""
        try:
            for number in itertools.count():
                if self._stopped.is_set():
                    return
                self._play(workload(self._seed + number, ROUND_S / PACE))
        except BaseException as error:  # noqa: BLE001  # the main thread raises it
            self.error = error

    def _play(self, plan: Workload) -> None:
        begun = time.monotonic()
        for message in behaviours(plan):
            self._phones.control(message)
        for at_s, message in calls(plan):
            if self._stopped.wait(max(0.0, begun + PACE * at_s - time.monotonic())):
                return
            if self._phones.control(message):
                self.calls += 1
            else:
                self.missed += 1
        self._stopped.wait(max(0.0, begun + ROUND_S - time.monotonic()))

    def stop(self) -> None:
        """Nobody calls any more; raises what has gone wrong."""
        self._stopped.set()
        self.join(FORWARDED_S)
        if self.error is not None:
            raise self.error


def behaviours(plan: Workload) -> Iterator[Control]:
    """How everybody reacts to our calls in this round."""
    numbers = plan.script["public"]
    for pbx_id, pbx in plan.script["pbxs"].items():
        company = next(each for each in plan.companies if each.pbx_id == pbx_id)
        own = {f"tel:{number}": numbers[number] for number in numbers if f"tel:{number}" in company.addresses}
        for address, phone in {**pbx["phones"], **own}.items():
            found = msgspec.convert(phone["behaviours"], tuple[Behaviour, ...])
            yield Control(pbx_id=PbxId(pbx_id), address=address, behave=found)


def calls(plan: Workload) -> list[tuple[float, Control]]:
    """Who calls in this round, and when, in order."""
    made = []
    for pbx_id, pbx in plan.script["pbxs"].items():
        for told in pbx["calls"]:
            call = msgspec.convert({**told, "at_s": 0.0}, Call)
            made.append((told["at_s"], Control(pbx_id=PbxId(pbx_id), call=call)))
    return sorted(made, key=lambda each: each[0])


def script(plan: Workload, before: dict[str, Any]) -> str:
    """The phones of `before` and those of a plan, who don't call by themselves, for the chart's value."""
    quiet = {pbx_id: {**pbx, "calls": []} for pbx_id, pbx in plan.script["pbxs"].items()}
    whole = {
        **plan.script,
        "pbxs": {**before["pbxs"], **quiet},
        "public": {**before["public"], **plan.script["public"]},
    }
    return json.dumps(whole, ensure_ascii=False)
