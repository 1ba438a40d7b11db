"""The objects around the pods: budgets, policies, scaling, the Ingress, monitoring and the Job for topics."""

import json
from typing import Any

import pytest
import yaml

from contracts.topics import DELIVERY, FACTS, SPEECH
from devtools.charts import values_table
from ringback.stack.services import ROOT, startable_names
from runtime.kafka_clients import group_of
from services.console.activities.static_files import StaticFiles
from services.console.api import app as console_api
from services.directory.api import app as directory_api
from services.history.api import app as history_api
from tests.chart import rendering
from tests.chart.rendering import CHART, PROFILES, PUBLIC, SERVICES, Object, component, of_kind, pods


def test_the_chart_knows_every_service() -> None:
    """A new service needs a row in `_services.tpl`, and its line in these tests."""
    assert set(SERVICES) == set(startable_names())
    assert set(pods(rendering.objects("full"))) == {
        *SERVICES,
        "topics",
        *(f"doctor-{name}" for name in SERVICES),
    }


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("major", [3, 4])
def test_helm_finds_nothing_wrong(profile: str, major: Any) -> None:
    """`helm lint --strict` of both versions."""
    done = rendering.run_helm("lint", "--strict", str(CHART), "--values", str(PROFILES[profile]), major=major)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("profile", PROFILES)
def test_both_versions_of_helm_render_the_same(profile: str) -> None:
    """Whoever upgrades Helm does not roll the pods."""
    assert _loaded(rendering.rendered(profile, major=3)) == _loaded(rendering.rendered(profile, major=4))


def _loaded(text: str) -> list[Object]:
    found = [each for each in yaml.load_all(text, yaml.CSafeLoader) if each]
    return sorted(found, key=lambda each: (each["kind"], each["metadata"]["name"]))


@pytest.mark.parametrize("profile", PROFILES)
def test_every_object_says_whose_it_is(profile: str) -> None:
    """`kubectl get --selector app.kubernetes.io/instance=…` finds all of a release."""
    for each in rendering.objects(profile):
        labels = each["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == "ringback", each["metadata"]["name"]
        assert labels["app.kubernetes.io/component"]
        assert each["metadata"]["namespace"] == "phones"


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("service", SERVICES)
def test_a_drain_takes_one_pod_after_the_other(profile: str, service: str) -> None:
    """And it is never blocked: not by a single replica, nor by a pod that is not ready."""
    found = rendering.objects(profile)
    (budget,) = (each for each in of_kind(found, "PodDisruptionBudget") if component(each) == service)
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    selected = {
        name for name, pod in pods(found).items() if rendering.is_selected(budget["spec"]["selector"], pod)
    }
    assert selected == {service}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("service", SERVICES)
def test_replicas_are_spread_over_zones_and_nodes(profile: str, service: str) -> None:
    """Counted by revision, so that the old pods of a roll do not count."""
    workloads = of_kind(rendering.objects(profile), "Deployment", "StatefulSet")
    (workload,) = (each for each in workloads if component(each) == service)
    revision = "pod-template-hash" if workload["kind"] == "Deployment" else "controller-revision-hash"
    spread = rendering.pod_of(workload)["spec"]["topologySpreadConstraints"]
    assert {each["topologyKey"] for each in spread} == {
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    }
    assert all(each["matchLabelKeys"] == [revision] for each in spread)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_pod_is_denied_everything_that_is_not_named(profile: str) -> None:
    """The Job and the test's pod too: whatever is not said below can't be reached."""
    found = rendering.objects(profile)
    policies = of_kind(found, "NetworkPolicy")
    (deny,) = (each for each in policies if component(each) == "network")
    assert "ingress" not in deny["spec"]
    assert "egress" not in deny["spec"]
    assert deny["spec"]["policyTypes"] == ["Ingress", "Egress"]
    for name, pod in pods(found).items():
        assert rendering.is_selected(deny["spec"]["podSelector"], pod), name
        own = [
            each
            for each in policies
            if each is not deny and rendering.is_selected(each["spec"]["podSelector"], pod)
        ]
        assert [component(each) for each in own] == [name]


def _ports(rules: list[Object]) -> set[Any]:
    return {port["port"] for rule in rules for port in rule["ports"]}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("routing", {53, 9093, 6379, 443}),
        ("tts", {53, 9093, 443}),
        ("voicemail", {53, 9093, 6379, 443, 587, "internal"}),
        ("directory", {53, 9093, 443, 587, 5432}),
        ("history", {53, 9093, 443, 5432}),
        ("gateway", {53, 9093, 443, 8089}),
        ("console", {53, 6379, 443, "http"}),
        ("topics", {53, 9093}),
    ],
)
def test_a_pod_reaches_the_parts_that_it_needs(name: str, wanted: set[Any]) -> None:
    """By their ports; where they are is the operator's to say."""
    policies = of_kind(rendering.objects("production"), "NetworkPolicy")
    (policy,) = (each for each in policies if component(each) == name)
    assert _ports(policy["spec"]["egress"]) == wanted


def test_only_the_named_may_ask_a_pod() -> None:
    """The Ingress asks the API, Prometheus the internal port, and recordings are for voicemail."""
    policies = of_kind(rendering.objects("production"), "NetworkPolicy")
    ingress = {component(each): each["spec"].get("ingress", []) for each in policies}
    assert {name for name, rules in ingress.items() if "http" in _ports(rules)} == set(PUBLIC)
    assert {name for name, rules in ingress.items() if "internal" in _ports(rules)} == set(SERVICES)
    assert not any(rules for name, rules in ingress.items() if name not in SERVICES)
    for rules in ingress.values():
        assert all(rule["from"] for rule in rules)
    (spool,) = (rule for rule in ingress["gateway"] if any("podSelector" in peer for peer in rule["from"]))
    readers = {
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        for peer in spool["from"]
        if "podSelector" in peer
    }
    assert readers == {"voicemail"}


@pytest.mark.parametrize("profile", PROFILES)
def test_services_find_their_pods(profile: str) -> None:
    """Each selects the pods of one service, which have its ports by name."""
    found = rendering.objects(profile)
    for each in of_kind(found, "Service"):
        selected = [
            pod
            for pod in pods(found).values()
            if rendering.is_selected({"matchLabels": each["spec"]["selector"]}, pod)
        ]
        assert [component(pod) for pod in selected] == [component(each)]
        (container,) = selected[0]["spec"]["containers"]
        named = {port["name"] for port in container["ports"]}
        assert {port["targetPort"] for port in each["spec"]["ports"]} <= named
    for each in of_kind(found, "StatefulSet"):
        headless = [
            one for one in of_kind(found, "Service") if one["metadata"]["name"] == each["spec"]["serviceName"]
        ]
        assert [one["spec"]["clusterIP"] for one in headless] == ["None"]


def test_the_spool_is_asked_at_the_pod_that_has_it() -> None:
    """A recording lies on one gateway's volume: no Service in between may choose another."""
    for profile, scheme in (("minimal", "http"), ("production", "https")):
        (container,) = pods(rendering.objects(profile))["gateway"]["spec"]["containers"]
        address = rendering.env_of(container)["RINGBACK_SPOOL_URL"]
        assert address == f"{scheme}://$(RINGBACK_REPLICA).ringback-gateway-pods.phones.svc:8081"
        names = [each["name"] for each in container["env"]]
        assert names.index("RINGBACK_REPLICA") < names.index("RINGBACK_SPOOL_URL"), (
            "Kubernetes fills in what it knows"
        )


@pytest.mark.parametrize("name", ["gateway", "directory", "history"])
def test_what_must_not_be_lost_lies_on_a_volume(name: str) -> None:
    """Recordings that S3 has not got yet, and SQLite where there is no PostgreSQL."""
    found = rendering.objects("minimal")
    (workload,) = (each for each in of_kind(found, "Deployment", "StatefulSet") if component(each) == name)
    (container,) = rendering.pod_of(workload)["spec"]["containers"]
    assert {"name": "data", "mountPath": "/var/lib/ringback"} in container["volumeMounts"]
    told = rendering.env_of(container)
    files = {told.get(f"RINGBACK_{each}", "") for each in ("SPOOL", "DIRECTORY_DATABASE", "HISTORY_DATABASE")}
    assert all("/var/lib/ringback/" in each for each in files - {""})
    assert files - {""}
    if workload["kind"] == "Deployment":
        assert workload["spec"]["strategy"] == {"type": "Recreate"}
        (claim,) = of_kind(found, "PersistentVolumeClaim")
        assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


LAGS = {
    "routing": [FACTS],
    "queue": [FACTS],
    "callback": [FACTS],
    "voicemail": [FACTS, DELIVERY],
    "history": [FACTS],
    "tts": [SPEECH],
}


def test_keda_follows_the_lag_of_the_groups_that_the_services_are_in() -> None:
    """By the names of the contracts: a group that does not exist would have no lag for ever."""
    found = rendering.objects("full")
    scaled = {component(each): each["spec"] for each in of_kind(found, "ScaledObject")}
    assert scaled.keys() == LAGS.keys()
    for name, spec in scaled.items():
        asked = [(each["metadata"]["topic"], each["metadata"]["consumerGroup"]) for each in spec["triggers"]]
        # Readers of facts are in their service's group, readers of another topic in one with its name.
        wanted = [
            (f"ringback.{topic.name}", group_of("ringback.", name, None if topic is FACTS else topic))
            for topic in LAGS[name]
        ]
        assert asked == wanted
        assert 1 <= spec["minReplicaCount"] <= spec["maxReplicaCount"]
        assert spec["maxReplicaCount"] <= min(topic.partitions for topic in LAGS[name]) or name == "voicemail"
        assert spec["fallback"]["replicas"] >= 1
        assert spec["cooldownPeriod"] >= 300


def test_who_is_scaled_has_no_fixed_number_of_replicas() -> None:
    """An upgrade would otherwise undo what KEDA did; without KEDA the number is fixed."""
    for has_crds in (True, False):
        for each in of_kind(rendering.objects("full", has_crds=has_crds), "Deployment", "StatefulSet"):
            is_scaled = has_crds and component(each) in LAGS
            assert ("replicas" in each["spec"]) != is_scaled, component(each)


def test_without_their_definitions_custom_objects_are_left_out() -> None:
    """The chart installs on a cluster that has neither KEDA nor the Prometheus operator."""
    kinds = {each["apiVersion"].partition("/")[0] for each in rendering.objects("full", has_crds=False)}
    assert not kinds & {"keda.sh", "monitoring.coreos.com"}
    kinds = {each["apiVersion"].partition("/")[0] for each in rendering.objects("full", has_crds=True)}
    assert {"keda.sh", "monitoring.coreos.com"} <= kinds


SHARED = {"/me": "directory", "/me/call": "history"}
"""What two services have: an Ingress goes by the longest path, and by no method."""


def test_the_ingress_leads_to_the_apis_and_to_nothing_else() -> None:
    """Each path of each service's routes, and no health, metrics or spool."""
    (ingress,) = of_kind(rendering.objects("production"), "Ingress")
    (rule,) = ingress["spec"]["rules"]
    leads = {
        each["path"]: each["backend"]["service"]["name"].removeprefix("ringback-")
        for each in rule["http"]["paths"]
    }
    wanted = {path: name for name in PUBLIC for path in _first_segments(name)}
    assert leads == wanted | SHARED


def _first_segments(service: str) -> set[str]:
    """What the paths of a service's API begin with, from its own routes."""
    nothing: Any = None
    app = {
        "history": lambda: history_api.build(nothing, lambda: True),
        "directory": lambda: directory_api.build(nothing),
        "console": lambda: console_api.build(nothing, StaticFiles()),
    }[service]()
    return {f"/{route.path.split('/')[1]}" for route in app.routes} - {"/schema"}


def test_the_topics_are_made_before_anybody_reads_them() -> None:
    """As a hook of Helm, or as a plain Job with a name that changes with its settings."""
    (hook,) = of_kind(rendering.objects("production"), "Job")
    assert hook["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    (container,) = rendering.pod_of(hook)["spec"]["containers"]
    assert container["args"] == ["-m", "ringback", "topics", "--replication", "3"]
    (plain,) = of_kind(rendering.objects("full"), "Job")
    (other,) = of_kind(
        rendering.objects("full", sets=('topics={"replication": 5, "partitions": 24}',)), "Job"
    )
    assert "annotations" not in plain["metadata"]
    assert plain["metadata"]["name"] != other["metadata"]["name"]
    (container,) = rendering.pod_of(other)["spec"]["containers"]
    assert container["args"][-2:] == ["--partitions", "24"]
    assert "serviceAccountName" not in rendering.pod_of(hook)["spec"], (
        "a hook runs before the accounts are there"
    )


def test_prometheus_asks_every_pod() -> None:
    """One ServiceMonitor finds the internal port of all services; `job` is the service's name."""
    found = rendering.objects("production")
    (monitor,) = of_kind(found, "ServiceMonitor")
    selector = monitor["spec"]["selector"]["matchLabels"].items()
    asked = [each for each in of_kind(found, "Service") if selector <= each["metadata"]["labels"].items()]
    assert {component(each) for each in asked} == set(SERVICES)
    assert {each["metadata"]["labels"][monitor["spec"]["jobLabel"]] for each in asked} == set(SERVICES)
    assert {port["name"] for each in asked for port in each["spec"]["ports"]} == {"internal"}
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["scheme"] == "https"
    assert endpoint["tlsConfig"]["serverName"] == "ringback.internal"


def test_rules_and_dashboards_are_the_files_of_the_chart() -> None:
    """What is tested with promtool is what is installed, to the letter."""
    found = rendering.objects("production")
    rules = {each["metadata"]["name"]: each["spec"] for each in of_kind(found, "PrometheusRule")}
    wanted = {
        f"ringback-{path.stem}": yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in sorted((CHART / "rules").glob("*.yaml"))
    }
    assert rules == wanted
    dashboards = {
        name: json.loads(text)
        for each in of_kind(found, "ConfigMap")
        if component(each) == "monitoring"
        for name, text in each["data"].items()
    }
    assert dashboards == {
        path.name: json.loads(path.read_text(encoding="utf-8"))
        for path in (CHART / "dashboards").glob("*.json")
    }


def test_a_service_may_stay_behind_while_an_upgrade_goes_in_an_order() -> None:
    """Its image and the version that it says it is."""
    found = pods(rendering.objects("full"))
    for name in SERVICES:
        (container,) = found[name]["spec"]["containers"]
        tag = "1.9" if name == "queue" else "2.0"
        assert container["image"] == f"registry.example.org/ringback:{tag}"
        assert rendering.env_of(container)["RINGBACK_VERSION"] == tag
    (container,) = pods(rendering.objects("production"))["queue"]["spec"]["containers"]
    assert container["image"].startswith("registry.example.org/ringback@sha256:")
    assert rendering.env_of(container)["RINGBACK_VERSION"] == "000000000000"


def test_the_phones_of_the_chart_are_those_of_the_tutorial() -> None:
    """A package of the chart has only what lies in its folder; the page of the tutorial proves the script."""
    wanted = (ROOT / "examples" / "tutorial.yaml").read_text(encoding="utf-8")
    assert (CHART / "files" / "phones.yaml").read_text(encoding="utf-8") == wanted
    (script,) = (
        each for each in of_kind(rendering.objects("minimal"), "ConfigMap") if component(each) == "gateway"
    )
    assert yaml.safe_load(script["data"]["script.yaml"]) == yaml.safe_load(wanted)


def test_the_table_of_values_is_what_values_yaml_says() -> None:
    """The README is the chart's manual: a value that is not in it does not exist for its readers."""
    assert not values_table.GENERATED.stale(ROOT), "\n".join(values_table.GENERATED.stale(ROOT))


def test_a_value_without_a_comment_is_found() -> None:
    """The table has no empty lines."""
    with pytest.raises(values_table.Undescribed, match=r"kafka\.servers"):
        values_table.values("kafka:\n  servers: a\n  # Encrypt the wire.\n  tls: true\n")
