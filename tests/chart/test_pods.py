"""The pods of each profile: their settings are the services' own, and they get what they need and no more."""

import importlib
from pathlib import Path
from typing import Final

import pytest

from ringback.stack.services import WITHOUT_LOG, service_names
from runtime.settings import KafkaSettings, RuntimeSettings
from runtime.token_keys import SigningKeys
from runtime.urls import is_loopback
from tests.chart import rendering
from tests.chart.rendering import PROFILES, PUBLIC, SECRETS, SERVICES, STATEFUL, WORKLOADS, of_kind, pods

WHO_NEEDS: Final = {
    "redis": {"routing", "queue", "callback", "voicemail", "console"},
    "redis-ca": {"routing", "queue", "callback", "voicemail", "console"},
    "redis-client": {"routing", "queue", "callback", "voicemail", "console"},
    "sentinels": {"routing", "queue", "callback", "voicemail", "console"},
    "s3": set(service_names()),
    "s3-ca": {*service_names(), "console"},
    "smtp": {"voicemail", "directory"},
    "smtp-ca": {"voicemail", "directory"},
    "kafka-login": {*service_names(), "topics"},
    "kafka-ca": {*service_names(), "topics"},
    "kafka-client": {*service_names(), "topics"},
    "internal-tls": set(SERVICES),
    "http-tls": set(PUBLIC),
    "token-keys": {"directory"},
    "token-public-keys": {"history"},
    "earlier": {"directory", "history"},
    "directory-database": {"directory"},
    "directory-client": {"directory"},
    "history-database": {"history"},
    "history-client": {"history"},
    "postgresql-ca": {"directory", "history"},
    "directory-key": {"directory"},
    "keys-before": {"directory"},
    "console-key": {"directory", "console"},
    "console-sessions": {"console"},
    "api-ca": {"console"},
    "texts": {"directory"},
    "pbxs": {"gateway"},
    "pbxs-ca": {"gateway"},
}
"""The Secrets of the full profile. The doctor that looks as a service has those of that service."""

NOT_SET: Final = {
    "partitions": "`all` is for the embedded broker",
    "allow_broker_without_time": "for brokers on loopback",
    "tts_engine": "the image has one",
}
"""Settings that the chart gives no way to set, and why."""


def _settings(service: str) -> type[RuntimeSettings]:
    found: type[RuntimeSettings] = importlib.import_module(f"services.{service}.settings").Settings
    return found


def _told(container: rendering.Object) -> set[str]:
    """The settings that a container's environment has, as fields."""
    names = (each for each in rendering.env_of(container) if each.startswith("RINGBACK_"))
    return {each.removeprefix("RINGBACK_").removesuffix("_FILE").lower() for each in names}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("service", SERVICES)
def test_every_variable_is_a_setting_of_that_service(profile: str, service: str) -> None:
    """A setting that a service does not know is ignored without a word."""
    (container,) = pods(rendering.objects(profile))[service]["spec"]["containers"]
    assert container["args"] == ["-m", f"services.{service}"]
    assert _told(container) <= set(_settings(service).model_fields)


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_can_be_set(service: str) -> None:
    """An operator never needs to change the chart to use what the product has."""
    (container,) = pods(rendering.objects("full"))[service]["spec"]["containers"]
    needed = set(_settings(service).model_fields) - _unused_by(service)
    lacking = needed - _told(container) - NOT_SET.keys()
    if service not in STATEFUL:
        lacking -= {"replica"}
    if service == "gateway":
        # The simulated phones and the Secret are two ways to the same setting.
        lacking -= {"pbxs"}
    assert not lacking


def _unused_by(service: str) -> set[str]:
    """Settings that every service has, and this one has no use for."""
    unused = set()
    if service not in (*rendering.DECIDERS, "console"):
        unused |= {name for name in RuntimeSettings.model_fields if name.startswith("redis")}
    if service not in rendering.DECIDERS:
        unused |= {"linger_ms"}
    if service not in ("voicemail", "directory"):
        unused |= {"smtp", "smtp_ca", "mail_from"}
    if service not in PUBLIC:
        unused |= {name for name in RuntimeSettings.model_fields if name.startswith("http_")}
        unused -= {"http_connections_max"}
    if service in WITHOUT_LOG:
        unused |= {name for name in RuntimeSettings.model_fields if name.startswith(("kafka", "s3_"))}
        # It reads audio by links that are signed elsewhere: it knows the bucket, and none of its keys.
        unused -= {"s3_endpoint", "s3_bucket", "s3_region", "s3_ca"}
    return unused


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_what_its_pod_is_given(
    profile: str, service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each value has the form that its setting wants, and each file is where its variable says."""
    pod = pods(rendering.objects(profile))[service]
    _mount(pod, tmp_path)
    (container,) = pod["spec"]["containers"]
    for name, value in rendering.env_of(container).items():
        monkeypatch.setenv(name, value.replace(SECRETS, f"{tmp_path}/"))

    read = _settings(service)()

    assert (read.kafka != "") == (service not in WITHOUT_LOG)
    assert (read.replica != "") == (service in STATEFUL)
    assert not is_loopback(read.internal_host), "kubelet asks from outside of the pod"
    for name in type(read).model_fields:
        if name.endswith(("_ca", "_certificate")) and getattr(read, name):
            assert Path(getattr(read, name)).is_file(), name


def _mount(pod: rendering.Object, folder: Path) -> None:
    """Write what the Secrets would have: the right kind of text for each key."""
    keys = SigningKeys.generate()
    texts = {
        "tokens/private": keys.as_private_json(),
        "tokens/public": keys.public.as_json(),
        "pbxs/pbxs.json": '{"vostok/moskva": "ari+https://ringback:secret@10.0.0.5:8089/ari"}',
    }
    (volume,) = (each for each in pod["spec"]["volumes"] if each["name"] == "secrets")
    for source in volume["projected"]["sources"]:
        for item in source["secret"]["items"]:
            path = folder / item["path"]
            path.parent.mkdir(exist_ok=True)
            path.write_text(texts.get(item["path"], "x" * 40), encoding="utf-8")


def test_each_secret_goes_to_those_who_need_it_alone() -> None:
    """A service that is broken into gives away its own secrets and no other's."""
    has: dict[str, set[str]] = {}
    for name, pod in pods(rendering.objects("full")).items():
        for secret in rendering.secret_keys(pod):
            has.setdefault(secret, set()).add(name.removeprefix("doctor-"))
    assert has == WHO_NEEDS


@pytest.mark.parametrize("secret", ["ringback-kafka-login", "ringback-redis"])
def test_a_service_with_a_user_of_its_own_gets_no_other_password(secret: str) -> None:
    """One Secret may hold the passwords of all: a pod sees its own."""
    for component, pod in pods(rendering.objects("production")).items():
        name = component.removeprefix("doctor-")
        assert rendering.secret_keys(pod).get(secret, {name}) == {name}, component
        (container,) = pod["spec"]["containers"]
        if name in rendering.secret_keys(pod).get("ringback-kafka-login", set()):
            assert rendering.env_of(container)["RINGBACK_KAFKA_USERNAME"] == f"ringback-{name}"


@pytest.mark.parametrize("profile", PROFILES)
def test_secrets_come_as_files_and_never_in_the_environment(profile: str) -> None:
    """Whoever may describe a pod, or reads a process's environment, sees no secret."""
    for pod in pods(rendering.objects(profile)).values():
        for container in rendering.containers(pod):
            for each in container["env"]:
                assert "secretKeyRef" not in each.get("valueFrom", {}), each
                assert not container.get("envFrom")


@pytest.mark.parametrize("profile", PROFILES)
def test_every_pod_is_of_the_restricted_standard(profile: str) -> None:
    """A namespace that enforces it takes them, and an intruder finds little."""
    for name, pod in pods(rendering.objects(profile)).items():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["enableServiceLinks"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == 10001
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not any(spec.get(each) for each in ("hostNetwork", "hostPID", "hostIPC"))
        for container in rendering.containers(pod):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert container["resources"]["requests"]["memory"]
            assert container["resources"]["limits"]["memory"]
        kinds = {kind for volume in spec["volumes"] for kind in volume if kind != "name"}
        assert kinds <= {"emptyDir", "projected", "persistentVolumeClaim", "configMap"}, name
        assert all(each["emptyDir"]["sizeLimit"] for each in spec["volumes"] if "emptyDir" in each)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("service", SERVICES)
def test_probes_ask_the_internal_port(profile: str, service: str) -> None:
    """Liveness is the event loop's alone; the public's port is never needed for a probe."""
    (container,) = pods(rendering.objects(profile))[service]["spec"]["containers"]
    has_tls = "RINGBACK_INTERNAL_CERTIFICATE" in rendering.env_of(container)
    for probe, path in (
        ("startupProbe", "/health/live"),
        ("livenessProbe", "/health/live"),
        ("readinessProbe", "/health/ready"),
    ):
        asked = container[probe]["httpGet"]
        assert (asked["path"], asked["port"]) == (path, "internal")
        assert asked["scheme"] == ("HTTPS" if has_tls else "HTTP")
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert str(ports["internal"]) == rendering.env_of(container)["RINGBACK_INTERNAL_PORT"]
    assert ("http" in ports) == (service in PUBLIC)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("service", SERVICES)
def test_a_pod_has_the_time_that_its_service_needs_to_stop(profile: str, service: str) -> None:
    """10 s of connections, 8 of handlers and 10 of a batch, and the pause before SIGTERM on top."""
    pod = pods(rendering.objects(profile))[service]
    pause = (
        pod["spec"]["containers"][0]
        .get("lifecycle", {})
        .get("preStop", {})
        .get("sleep", {})
        .get("seconds", 0)
    )
    assert pod["spec"]["terminationGracePeriodSeconds"] - pause == 45
    assert (pause > 0) == (service in (*PUBLIC, "gateway"))


@pytest.mark.parametrize("profile", PROFILES)
def test_lasting_names_are_for_those_that_keep_them(profile: str) -> None:
    """With a name that does not last, each roll would wait 20 s for a member that is gone."""
    found = {rendering.component(each): each for each in of_kind(rendering.objects(profile), *WORKLOADS)}
    for service in SERVICES:
        (container,) = rendering.pod_of(found[service])["spec"]["containers"]
        replica = rendering.env_of(container).get("RINGBACK_REPLICA")
        if service in STATEFUL:
            assert (found[service]["kind"], replica) == ("StatefulSet", "(metadata.name)")
            assert found[service]["spec"]["podManagementPolicy"] == "Parallel"
        else:
            assert (found[service]["kind"], replica) == ("Deployment", None)


def test_the_job_gets_settings_that_it_knows() -> None:
    """It reads what every client of the log reads, and the prefix of topics."""
    (container,) = pods(rendering.objects("full"))["topics"]["spec"]["containers"]
    known = {*KafkaSettings.model_fields, "topic_prefix", "store_prefix", "version"}
    assert _told(container) <= known


@pytest.mark.parametrize("service", SERVICES)
def test_the_doctor_looks_as_each_service(service: str) -> None:
    """`helm test` finds a missing right, which a login of its own would not have missed."""
    pod = pods(rendering.objects("full"))[f"doctor-{service}"]
    (doctor,) = pod["spec"]["containers"]
    assert doctor["args"] == ["-m", "ringback", "doctor", "--service", service]
    (own,) = pods(rendering.objects("full"))[service]["spec"]["containers"]
    of_the_service = rendering.env_of(own)
    for name, value in rendering.env_of(doctor).items():
        assert of_the_service[name] == value, name
    assert pod["spec"]["serviceAccountName"].endswith(f"-{service}")


def test_the_doctor_leaves_out_what_lies_inside_of_a_pod() -> None:
    """A database in a file and simulated phones can't be reached from outside."""
    found = {name for name in pods(rendering.objects("minimal")) if name.startswith("doctor-")}
    assert found == {
        f"doctor-{name}" for name in ("callback", "console", "queue", "routing", "tts", "voicemail")
    }


def test_the_simulated_phones_are_a_sidecar_with_the_keys_of_s3_alone() -> None:
    """They are on loopback, start before the gateway, and play what lies in S3."""
    pod = pods(rendering.objects("minimal"))["gateway"]
    (phones,) = pod["spec"]["initContainers"]
    assert phones["restartPolicy"] == "Always"
    assert {each for each in rendering.env_of(phones) if each.endswith("_FILE")} == {
        "RINGBACK_S3_ACCESS_KEY_FILE",
        "RINGBACK_S3_SECRET_KEY_FILE",
    }
    (gateway,) = pod["spec"]["containers"]
    assert rendering.env_of(gateway)["RINGBACK_PBXS"] == '{"vostok/moskva":"tcp://127.0.0.1:5038"}'
