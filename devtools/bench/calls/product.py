"""Our side: every process of the product on its broker, Redis and S3, with an Asterisk as its PBX."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import yaml

from contracts.ids import OrganizationId
from devtools.bench.calls.pbx import OWN_LINE, PBX, BenchPbx
from devtools.bench.calls.processes import PBX_PART
from ringback.apply import office
from ringback.apply.directory_client import URL
from ringback.apply.document import read
from ringback.apply.run import save
from ringback.stack import kafka
from ringback.stack.process import StackError
from ringback.stack.services import ROOT
from ringback.stack.stack import Stack
from ringback.stack.whole_start import WholeStart

ORGANIZATION: Final = OrganizationId("bench")
DEPARTMENT: Final = "sales"
WAITING_MAX: Final = 5_000
CALLS_AT_ONCE: Final = 5_000
KNOWN_S: Final = 3.0
"""After an office is saved: until every service has read it from the log."""
UNUSED: Final = ("smtp",)


def document(agents: tuple[str, ...]) -> dict[str, Any]:
    """One department whose callers wait in silence, as Asterisk's own queue lets them."""
    names = [f"agent-{extension}" for extension in agents]
    employees = {
        name: {"name": f"Agent {extension}", "pbx": PBX, "extension": int(extension)}
        for name, extension in zip(names, agents, strict=True)
    }
    employees[names[0]]["email"] = "head@bench.example"
    department = {
        "name": "Sales",
        "pbx": str(PBX),
        "extension": 300,
        "lines": [OWN_LINE],
        "agents": names,
        "strategy": {"kind": "longest_idle", "ring": "30 s"},
        "no_answer": {"after": "1 h", "then": "hang_up"},
        "full": {"waiting_max": WAITING_MAX, "then": "hang_up"},
        "announcements_every": "10 min",
        "wrap_up": "0 s",
        "callback": {"on": False},
        "notices": {"welcome": "none"},
        "heads": [names[0]],
    }
    return {
        "organization": {"id": str(ORGANIZATION), "name": "Bench", "administrators": [names[0]]},
        "pbxs": {str(PBX): {"name": "Cloud", "kind": "cloud", "numbers": [OWN_LINE]}},
        "employees": employees,
        "departments": {DEPARTMENT: department},
    }


class Product(WholeStart):
    """All of the product for one PBX; leaving the `with` ends it."""

    def __init__(self, run: Path, pbx: BenchPbx, *, on_apache: bool) -> None:
        run.mkdir(parents=True, exist_ok=True)
        self.pbx = pbx
        self.kafka = kafka.ApacheKafka(run, dies_with_parent=True) if on_apache else None
        overrides = {"RINGBACK_LOG_FORMAT": "json"}
        if self.kafka is not None:
            overrides |= {"RINGBACK_KAFKA": self.kafka.address, "RINGBACK_ALLOW_BROKER_WITHOUT_TIME": "0"}
        self.stack = Stack(run, overrides=overrides, dies_with_parent=True)

    def _stop(self) -> None:
        self.stack.stop()
        if self.kafka is not None:
            self.kafka.stop()

    @property
    def broker(self) -> str:
        """The broker's name in the report."""
        return "Apache Kafka" if self.kafka is not None else "the embedded broker"

    @property
    def pids(self) -> dict[str, int]:
        """Every process that counts as ours, and Asterisk."""
        found = {entry.name: entry.process.pid for entry in self.stack.entries if entry.name not in UNUSED}
        if self.kafka is not None:
            # The embedded broker runs, too, and nobody uses it.
            found["broker"] = self.kafka.process.pid
        return {PBX_PART: self.pbx.instance.pid, **found}

    def anew(self, service: str) -> None:
        """`kill -9` of a service, and its start, without waiting until it is ready."""
        found = self.stack.service(service)
        found.kill()
        found.start()

    def _start(self) -> None:
        if self.kafka is not None:
            self.kafka.start()
        self.stack.start_parts()
        self.stack.create_topics()
        pbxs = {f"{ORGANIZATION}/{PBX}": self.pbx.instance.ari_address()}
        self.stack.start_services(
            extra={"gateway": {"RINGBACK_PBXS": json.dumps(pbxs)}}, not_awaited=("tts", "gateway")
        )
        self._apply()
        self.stack.service("gateway").wait_ready()
        time.sleep(KNOWN_S)

    def _apply(self) -> None:
        text = yaml.safe_dump(document(self.pbx.agents), allow_unicode=True)
        sheet, problems = office.examine(read(text, "office.yaml"))
        if sheet is None:
            raise StackError("; ".join(str(each.explanation.cause.en) for each in problems))
        settings = {**self.stack.settings("directory"), URL: self.stack.service("directory").address}
        save(settings, sheet, {})
        # As an operator does for a company with so many lines; a stolen trunk could make 200 calls at once.
        words = ["operator", "ceilings", ORGANIZATION, "--calls-at-once", str(CALLS_AT_ONCE)]
        subprocess.run(
            [sys.executable, "-m", "ringback", *words],
            cwd=ROOT,
            env={**os.environ, **settings},
            check=True,
            capture_output=True,
        )
