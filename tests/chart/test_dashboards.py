"""The dashboards: every query is one that Prometheus reads, of metrics and labels that services export."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devtools import dashboards
from tests.chart.prometheus import DASHBOARDS, exported, promtool, unknown

FILES = sorted(path.name for path in DASHBOARDS.glob("*.json"))
BY = re.compile(r"by \(([\w, ]+)\)")
BRACES = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def loaded(file: str) -> Any:
    return json.loads((DASHBOARDS / file).read_text(encoding="utf-8"))


def targets(file: str) -> Iterator[dict[str, Any]]:
    """Every query of a dashboard, with its legend."""
    for panel in loaded(file)["panels"]:
        yield from panel["targets"]


def plain(expression: str) -> str:
    """A query as Grafana sends it, with its variables filled in."""
    return expression.replace("$__rate_interval", "5m").replace("$namespace", ".*")


def as_rules(expressions: list[str]) -> str:
    """Queries as recording rules, which promtool reads without a server."""
    rules = [{"record": f"query:{number}", "expr": each} for number, each in enumerate(expressions)]
    return json.dumps({"groups": [{"name": "queries", "rules": rules}]})


def test_every_dashboard_is_there() -> None:
    """Operations, the service level of callbacks, voicemail."""
    assert sorted(f"{each.name}.json" for each in dashboards.DASHBOARDS) == FILES


@pytest.mark.parametrize("file", FILES)
def test_prometheus_reads_every_query(file: str, tmp_path: Path) -> None:
    """A dashboard with a broken query shows an empty panel, as health does."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(as_rules([plain(each["expr"]) for each in targets(file)]), encoding="utf-8")
    done = promtool("check", "rules", rules)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_broken_query_is_noticed(tmp_path: Path) -> None:
    """Otherwise the check above would prove nothing."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(as_rules(["sum by (job) (up", "up"]), encoding="utf-8")
    assert promtool("check", "rules", rules).returncode != 0


@pytest.mark.parametrize("file", FILES)
def test_every_query_is_of_what_services_export(file: str) -> None:
    """Metrics by the services' registry, labels by each metric."""
    assert [found for each in targets(file) for found in unknown(plain(each["expr"]))] == []


@pytest.mark.parametrize("file", FILES)
def test_queries_keep_labels_that_their_metrics_have_and_legends_name_those(file: str) -> None:
    """Prometheus gives an empty text for a label that is not there."""
    known = exported()
    for each in targets(file):
        kept = [{label.strip() for label in found.split(",")} for found in BY.findall(each["expr"])]
        metrics = set(re.findall(r"\b(?:ringback_\w+|up)\b", each["expr"]))
        for labels in kept:
            assert all(labels <= known[metric] for metric in metrics), each["expr"]
        shown = set(BRACES.findall(each["legendFormat"]))
        assert shown <= (set.intersection(*kept) if kept else set()), each["legendFormat"]


@pytest.mark.parametrize("file", FILES)
def test_every_query_is_of_the_chosen_installation(file: str) -> None:
    """Two installations in one Prometheus are not added up."""
    for each in targets(file):
        selectors = re.findall(r"\bringback_\w+(\{[^}]*\})?", each["expr"])
        assert all('namespace=~"$namespace"' in found for found in selectors), each["expr"]


@pytest.mark.parametrize("file", FILES)
def test_panels_neither_overlap_nor_stand_out(file: str) -> None:
    """Grafana would move them, and everybody would see another order."""
    taken: set[tuple[int, int]] = set()
    for panel in loaded(file)["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= dashboards.WIDTH
        taken |= cells


def test_names_of_panels_are_unique_in_a_dashboard() -> None:
    """Who tells another about a panel says its name."""
    for file in FILES:
        titles = [panel["title"] for panel in loaded(file)["panels"]]
        assert len(titles) == len(set(titles)), file
