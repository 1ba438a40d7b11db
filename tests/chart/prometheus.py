"""What alerts and dashboards are checked against: promtool, and the metrics that services export."""

import functools
import importlib
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from ringback.stack.services import ROOT, startable_names

RULES: Final = ROOT / "charts" / "ringback" / "rules"
DASHBOARDS: Final = ROOT / "charts" / "ringback" / "dashboards"
RULE_TESTS: Final = ROOT / "tests" / "chart" / "rules"

TARGET_LABELS: Final = frozenset({"job", "namespace", "instance"})
"""What Prometheus adds to every series of a target."""
SELECTOR: Final = re.compile(r"\b((?:ringback_|up\b)\w*)(?:\{([^}]*)\})?")
LABEL: Final = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"")


_SERIES: Final = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
"""Endings of a metric's series by its type."""


@functools.cache
def exported() -> Mapping[str, frozenset[str]]:
    """Every series that services export, by name, with its labels: from the registry, once all are loaded."""
    for service in startable_names():
        importlib.import_module(f"services.{service}.service")
    found: dict[str, frozenset[str]] = {"up": TARGET_LABELS}
    for collector in list(REGISTRY._collector_to_names):
        if not isinstance(collector, MetricWrapperBase):
            continue
        for metric in collector.describe():
            labels = frozenset(collector._labelnames) | TARGET_LABELS
            for ending in _SERIES[metric.type]:
                found[metric.name + ending] = labels | ({"le"} if ending == "_bucket" else set())
    return found


def unknown(expression: str) -> list[str]:
    """What a query names that no service exports: metrics, and labels of a selector."""
    known = exported()
    wrong = []
    for name, selector in SELECTOR.findall(expression):
        if name not in known:
            wrong.append(name)
            continue
        wrong += [f"{name}{{{label}}}" for label in LABEL.findall(selector) if label not in known[name]]
    return wrong


class Alert(NamedTuple):
    """One alert of the chart's rules."""

    name: str
    file: str
    expression: str
    severity: str
    annotations: Mapping[str, str]


def alerts() -> list[Alert]:
    """Every alert of the chart's rules."""
    return [
        Alert(rule["alert"], path.name, rule["expr"], rule["labels"]["severity"], rule["annotations"])
        for path in sorted(RULES.glob("*.yaml"))
        for group in _loaded(path)["groups"]
        for rule in group["rules"]
    ]


def cases() -> list[dict[str, Any]]:
    """Every case of the alerts' unit tests."""
    return [case for path in sorted(RULE_TESTS.glob("*.yaml")) for case in _loaded(path)["tests"]]


def _loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def promtool(*arguments: str | Path, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run promtool, which `make setup` brings along; `text` is its standard input."""
    program = shutil.which("promtool") or ROOT / ".venv" / "bin" / "promtool"
    return subprocess.run([program, *arguments], check=False, capture_output=True, text=True, input=text)
