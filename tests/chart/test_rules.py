"""Each alert is of known metrics, fires when it should and only then, and has its section in the runbooks."""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest

from ringback.stack.services import ROOT, startable_names
from tests.chart import rendering
from tests.chart.prometheus import (
    RULE_TESTS,
    RULES,
    Alert,
    alerts,
    cases,
    exported,
    promtool,
    unknown,
)

ALERTS = {alert.name: alert for alert in alerts()}
RUNBOOKS = ROOT / "docs" / "runbooks.md"
WANTED = re.compile(r'ALERTS\{alertname="(\w+)",alertstate="firing"\}')


def of_alert(case: dict[str, Any]) -> tuple[str, bool]:
    """The alert that a case is about, and whether it fires."""
    (test,) = case["promql_expr_test"]
    found = WANTED.fullmatch(test["expr"])
    assert found, f"«{case['name']}» does not ask for one alert"
    return found[1], bool(test["exp_samples"])


def fired() -> dict[str, set[bool]]:
    """Whether each alert fires in some case, and is silent in another."""
    found: dict[str, set[bool]] = defaultdict(set)
    for case in cases():
        name, does_fire = of_alert(case)
        found[name].add(does_fire)
    return found


def anchors() -> set[str]:
    """The anchors of the runbooks' sections, as they are made of headings."""
    headings = re.findall(r"^## (.+)$", RUNBOOKS.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("file", sorted(path.name for path in RULES.glob("*.yaml")))
def test_prometheus_accepts_the_rules(file: str) -> None:
    """Names of labels, durations and templates included."""
    done = promtool("check", "rules", RULES / file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_refuses_a_broken_rule(tmp_path: Path) -> None:
    """Otherwise the check above would prove nothing."""
    broken = tmp_path / "broken.yaml"
    broken.write_text(
        (RULES / "voicemail.yaml").read_text(encoding="utf-8").replace("time()", "time("), "utf-8"
    )
    assert promtool("check", "rules", broken).returncode != 0


@pytest.mark.parametrize("file", sorted(path.name for path in RULE_TESTS.glob("*.yaml")))
def test_each_alert_fires_when_it_should_and_only_then(file: str) -> None:
    """By Prometheus itself, on series of hours."""
    done = promtool("test", "rules", RULE_TESTS / file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_limit_that_was_moved_is_noticed(tmp_path: Path) -> None:
    """Letters that wait for two hours would not be told any more."""
    moved = (RULES / "voicemail.yaml").read_text(encoding="utf-8").replace("> 7200", "> 720000")
    (tmp_path / "voicemail.yaml").write_text(moved, "utf-8")
    test = (RULE_TESTS / "voicemail.yaml").read_text(encoding="utf-8")
    (tmp_path / "test.yaml").write_text(
        test.replace("../../../charts/ringback/rules/voicemail.yaml", "voicemail.yaml"), "utf-8"
    )
    done = promtool("test", "rules", tmp_path / "test.yaml")
    assert done.returncode != 0
    assert "RingbackLettersOld" in done.stdout + done.stderr


def in_the_chart(profile: str) -> dict[str, Any]:
    """The rule files as the chart renders them."""
    return {
        each["metadata"]["name"].removeprefix("ringback-").removeprefix("full-") + ".yaml": each["spec"]
        for each in rendering.of_kind(rendering.objects(profile), "PrometheusRule")
    }


MOVED = {
    "RingbackOldestPlace": 3600,
    "RingbackReaderBehind": 5000,
    "RingbackLettersOld": 36000,
    "RingbackSpoolOld": 7200,
    "RingbackSpoolGrowing": 400,
}
"""The limits that values-full.yaml sets."""


def test_a_limit_that_is_a_value_is_that_of_its_alert_and_of_no_other() -> None:
    found = {
        rule["alert"]: rule
        for file in in_the_chart("full").values()
        for group in file["groups"]
        for rule in group["rules"]
    }
    assert found.keys() == ALERTS.keys()
    for name, rule in found.items():
        ours = (
            re.sub(r"> \d+\Z", f"> {MOVED[name]}", ALERTS[name].expression.strip()) if name in MOVED else None
        )
        assert rule["expr"].strip() == (ours or ALERTS[name].expression.strip())
        assert (rule["expr"] != ALERTS[name].expression) == (name in MOVED)


def test_prometheus_alerts_at_the_limit_of_the_value(tmp_path: Path) -> None:
    """A letter may be ten hours old here, so two hours raise nothing."""
    (tmp_path / "voicemail.yaml").write_text(yaml.safe_dump(in_the_chart("full")["voicemail.yaml"]), "utf-8")
    test = (RULE_TESTS / "voicemail.yaml").read_text(encoding="utf-8")
    (tmp_path / "test.yaml").write_text(
        test.replace("../../../charts/ringback/rules/voicemail.yaml", "voicemail.yaml"), "utf-8"
    )
    assert promtool("check", "rules", tmp_path / "voicemail.yaml").returncode == 0
    done = promtool("test", "rules", tmp_path / "test.yaml")
    assert done.returncode != 0
    assert "RingbackLettersOld" in done.stdout + done.stderr
    assert "RingbackMailRefusesUs" not in done.stdout + done.stderr


def test_alerts_link_to_the_runbooks_only_where_their_address_is_known() -> None:
    """A link that leads nowhere is worse than the page's name."""
    for profile, address in (("production", None), ("full", "https://docs.example.org/ringback/runbooks")):
        for file in in_the_chart(profile).values():
            for rule in (each for group in file["groups"] for each in group["rules"]):
                link = rule["annotations"].get("runbook_url")
                assert link == (address and f"{address}#{rule['alert'].lower()}")
                assert rule["annotations"]["runbook"].partition("#")[2] in anchors()


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_each_alert_has_a_case_where_it_fires_and_one_where_it_is_silent(name: str) -> None:
    """An alert that can't fire looks like health."""
    assert fired()[name] == {True, False}


def test_a_silent_case_is_about_the_alerts_own_metric() -> None:
    """Without the metric every alert is silent."""
    for case in cases():
        name, _ = of_alert(case)
        series = {each["series"].partition("{")[0] for each in case["input_series"]}
        assert any(each in ALERTS[name].expression for each in series), case["name"]


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_each_alert_asks_for_what_services_export(name: str) -> None:
    """A metric that was renamed would silence its alert for ever."""
    assert unknown(ALERTS[name].expression) == []


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        ("ringback_lag_seconds > 1", ["ringback_lag_seconds"]),
        ("ringback_dead_letters > 1", ["ringback_dead_letters"]),
        ('rate(ringback_offers_total{ending="missed"}[5m])', ["ringback_offers_total{ending}"]),
        ('up{job="queue"}', []),
    ],
)
def test_an_unknown_metric_or_label_is_noticed(expression: str, wrong: list[str]) -> None:
    """A counter's series ends in _total."""
    assert unknown(expression) == wrong


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_each_alert_says_what_is_seen_and_where_to_read_on(name: str) -> None:
    """At three in the morning nobody searches."""
    alert = ALERTS[name]
    assert alert.severity in ("critical", "warning")
    assert alert.annotations.keys() == {"summary", "description", "runbook"}
    page, _, anchor = alert.annotations["runbook"].partition("#")
    assert (page, anchor) == ("docs/runbooks.md", name.lower())
    assert anchor in anchors()


def test_no_section_of_the_runbooks_is_about_an_alert_that_is_gone() -> None:
    """A page that speaks of yesterday's alerts is not believed."""
    assert anchors() == {name.lower() for name in ALERTS}


def labels_used(alert: Alert) -> set[str]:
    """The labels that an alert's texts name."""
    text = " ".join(alert.annotations.values())
    return set(re.findall(r"\$labels\.(\w+)", text))


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_a_text_names_only_labels_that_its_alert_keeps(name: str) -> None:
    """Prometheus prints nothing for another one, and says nothing about it."""
    kept = re.findall(r"by \(([\w, ]+)\)", ALERTS[name].expression)
    assert kept, f"{name} does not say which labels it keeps"
    common = set.intersection(*({label.strip() for label in each.split(",")} for each in kept))
    assert labels_used(ALERTS[name]) <= common


def test_prometheus_accepts_the_names_of_our_metrics() -> None:
    """Base units, endings, and no name twice."""
    exported()
    done = promtool("check", "metrics", text=generate_latest().decode())
    assert [line for line in done.stdout.splitlines() if "ringback_" in line] == []


def test_every_service_is_watched() -> None:
    """A service that is added without its name here could be gone unnoticed."""
    named = re.search(r'job=~"([^"]+)"', ALERTS["RingbackServiceDown"].expression)
    assert named
    assert tuple(named[1].split("|")) == startable_names()
