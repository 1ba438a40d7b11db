"""What belongs together in a values file: the chart says all that is wrong at once, and what to write."""

import json

import pytest

from contracts.topics import FACTS
from tests.chart.rendering import CHART, PROFILES, notes, run_helm


def _refusal(profile: str, **values: object) -> str:
    argv = ["template", "ringback", str(CHART), "--values", str(PROFILES[profile])]
    for name, value in values.items():
        argv += ["--set-json", f"{name.replace('__', '.')}={json.dumps(value)}"]
    refused = run_helm(*argv)
    assert refused.returncode != 0, refused.stdout
    return refused.stderr


def test_whoever_sets_nothing_is_told_everything_that_is_required() -> None:
    """One message, not one at each try."""
    refused = run_helm("template", "ringback", str(CHART))

    assert refused.returncode != 0
    for value in (
        *("kafka.bootstrapServers", "redis.existingSecret", "smtp.existingSecret", "smtp.from"),
        *("directory.database.existingSecret", "history.database.existingSecret"),
        "directory.key.existingSecret",
        *("tokens.privateKeys.existingSecret", "tokens.publicKeys.existingSecret"),
        *("internal.tls.existingSecret", "http.tls.existingSecret"),
    ):  # fmt: skip
        assert f"- {value} is empty" in refused.stderr, value


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kafka__tls__enabled": False}, "add kafka to allowPlaintextTo"),
        ({"s3__endpoint": "http://s3.example.org"}, "add s3 to allowPlaintextTo"),
        ({"settings__otlpEndpoint": "http://traces.example.org"}, "add otlp to allowPlaintextTo"),
        ({"internal__tls__existingSecret": ""}, "add http and spool to allowPlaintextTo"),
        ({"internal__tls__existingSecret": "", "allowPlaintextTo": ["http"]}, "add http and spool"),
        ({"http__tls__existingSecret": ""}, "add http to allowPlaintextTo"),
        ({"kafka__login": {"existingSecret": "", "username": "me"}}, "kafka.login.existingSecret is not"),
        ({"directory__sqlite__enabled": True}, "directory.sqlite.enabled are both set"),
        ({"history__sqlite__enabled": True}, "services.history.autoscaling.enabled is true"),
        ({"tokens__earlierKey__existingSecret": "old"}, "belong together"),
        ({"simulatedPhones__enabled": True}, "simulatedPhones.enabled are both set"),
        ({"ingress__host": ""}, "ingress.host is empty"),
        ({"services__queue__autoscaling": {"enabled": True, "min": 3, "max": 2}}, "min is more than max"),
        ({"keda__login__existingSecret": ""}, "keda.login.existingSecret is empty"),
        ({"console__url": ""}, "console.url is empty"),
        ({"console__sessionKeys__existingSecret": ""}, "console.sessionKeys.existingSecret is empty"),
        ({"directory__consoleKey__existingSecret": ""}, "directory.consoleKey.existingSecret is empty"),
        ({"monitoring__serviceMonitor__serverName": ""}, "monitoring.serviceMonitor.serverName is empty"),
    ],
    ids=lambda given: ",".join(given) if isinstance(given, dict) else "",
)
def test_what_contradicts_itself_is_refused_with_the_remedy(values: dict[str, object], said: str) -> None:
    """The services would refuse the same, when pods are already waiting."""
    assert said in _refusal("production", **values)


@pytest.mark.parametrize("service", ["routing", "queue", "callback", "voicemail", "history"])
def test_replicas_are_at_most_as_many_as_partitions(service: str) -> None:
    """A replica more is paid for and does nothing. The number is the log's, which the chart can't see."""
    replicas, scaled = f"services__{service}__replicas", f"services__{service}__autoscaling__max"
    of_all = FACTS.partitions
    too_many = _refusal("production", **{replicas: of_all + 1})
    assert f"services.{service}.replicas is {of_all + 1}: of the facts' {of_all} partitions" in too_many
    chosen = _refusal("production", **{scaled: 25, replicas: 24, "topics__partitions": 24})
    assert f"services.{service}.autoscaling.max is 25: of the facts' 24 partitions" in chosen
    assert f"services.{service}.replicas" not in chosen


def test_simulated_phones_are_for_one_gateway() -> None:
    """Each pod would have phones of its own, and a call would be in one of them only."""
    told = _refusal("minimal", services__gateway__replicas=2)
    assert "services.gateway.replicas is 2: simulatedPhones" in told


def test_sqlite_is_for_one_replica() -> None:
    """Two processes on one file would each have half of the truth."""
    assert "services.directory.replicas is 2" in _refusal("minimal", services__directory__replicas=2)


INSTEAD = {
    "replicaCount": ("services.<service>.replicas", 2),
    "resources": ("defaults.resources", {"limits": {}}),
    "nodeSelector": ("defaults.nodeSelector", {}),
    "tolerations": ("defaults.tolerations", []),
    "affinity": ("defaults.affinity", {}),
    "podAnnotations": ("defaults.podAnnotations", {}),
    "imagePullSecrets": ("image.pullSecrets", ["registry"]),
    "autoscaling": ("services.<service>.autoscaling", {"enabled": True}),
    "serviceMonitor": ("monitoring.serviceMonitor", {"enabled": True}),
    "persistence": ("gateway.spool", {"size": "1Gi"}),
    "kafka.brokers": ("kafka.bootstrapServers", "a:9092"),
    "kafka.password": ("kafka.login.existingSecret", "secret"),
    "redis.url": ("redis.existingSecret", "redis://redis"),
    "redis.password": ("redis.existingSecret", "secret"),
    "s3.accessKey": ("s3.existingSecret", "key"),
    "s3.secretKey": ("s3.existingSecret", "secret"),
    "smtp.url": ("smtp.existingSecret", "smtp://mail"),
    "smtp.password": ("smtp.existingSecret", "secret"),
}


def test_a_value_that_is_called_otherwise_is_refused_with_its_name_here() -> None:
    """People write what other charts have; what is wrong stands in one message."""
    said = _refusal("production", **{name.replace(".", "__"): value for name, (_, value) in INSTEAD.items()})

    for name, (instead, value) in INSTEAD.items():
        assert f"- {name} is not there: write {instead}" in said, name
        assert str(value) != "secret" or ": secret" not in said, "a password is not repeated"


def test_every_name_that_the_schema_lets_through_is_refused_here() -> None:
    """A deprecated name without a word of what to write instead would be a value that does nothing."""
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    let_through = {name for name, each in schema["properties"].items() if each.get("deprecated")} | {
        f"{part}.{name}"
        for part, each in schema["properties"].items()
        for name, inner in each.get("properties", {}).items()
        if inner.get("deprecated")
    }
    assert let_through == set(INSTEAD)


def test_the_notes_say_the_next_three_commands() -> None:
    """Whoever installed the chart goes on by copying."""
    said = notes("minimal")
    assert "helm test ringback" in said
    assert "deployment/ringback-directory -- python -m ringback operator create" in said
    assert "kubectl port-forward" in said
    assert "control(5038, Control(begin=True))" in said
