"""The lines of `python -m ringback acls` on Apache Kafka: services do their work, and nothing else."""

import asyncio
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError

from contracts.topics import FACTS, TOPICS
from ringback import acls
from ringback.doctor import log as doctors_log
from ringback.doctor.findings import Mark
from ringback.doctor.scope import Settings, scope
from ringback.stack.kafka import ADMIN
from ringback.stack.parts import S3
from ringback.stack.services import ROOT, Service, service_names
from ringback.topics import create_topics
from runtime.kafka_clients import Clients, group_of
from runtime.kafka_log import KafkaLog
from runtime.ports import LogUnavailable
from tests.closed_kafka import ACL_COMMAND, PRINCIPALS, ClosedKafka

PREFIX, OTHER = "ruled.", "other."
NAMES = [topic.name for topic in TOPICS]

# Twenty short Java programs add the rules, and a node starts before them.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def ruled(kafka_closed: ClosedKafka) -> ClosedKafka:
    """One installation has its rules, and topics made by their own user; another one has topics only."""
    kafka_closed.allow(PREFIX)
    asyncio.run(create_topics(kafka_closed.clients(PRINCIPALS + acls.TOPICS_USER), PREFIX))
    asyncio.run(create_topics(kafka_closed.clients(ADMIN), OTHER))
    return kafka_closed


def _clients(closed: ClosedKafka, service: str) -> Clients:
    return closed.clients(PRINCIPALS + service)


def _allowed(user: str, operation: str) -> set[str]:
    rules = [each for each in acls.rules(PREFIX) if (each.user, each.operation) == (user, operation)]
    return {topic for rule in rules for topic in rule.topics}


async def _writes(clients: Clients, topics: list[str]) -> set[str]:
    """The topics to which a record could be written."""
    producer = clients.producer(acks="all", enable_idempotence=False)
    await producer.start()
    written = set()
    for topic in topics:
        try:
            await producer.send_and_wait(topic, b"{}", partition=0)
        except TopicAuthorizationFailedError:
            continue
        written.add(topic)
    await producer.stop()
    return written


async def _reads(clients: Clients, topics: list[str]) -> set[str]:
    """The topics whose first record could be read."""
    read = set()
    for topic in topics:
        consumer = clients.consumer(auto_offset_reset="earliest", enable_auto_commit=False)
        await consumer.start()
        consumer.assign([TopicPartition(topic, 0)])
        try:
            await consumer._client.force_metadata_update()
            # aiokafka waits for a topic that it may not see until it may.
            if topic not in consumer._client.cluster.unauthorized_topics:
                await asyncio.wait_for(consumer.getone(), 20)
                read.add(topic)
        except TopicAuthorizationFailedError:
            continue
        finally:
            await consumer.stop()
    return read


@pytest.mark.parametrize("user", [*service_names(), acls.OPERATOR, acls.TOPICS_USER])
async def test_a_user_writes_and_reads_the_topics_of_its_rules_and_no_others(
    ruled: ClosedKafka, user: str
) -> None:
    """Neither other topics of the installation, nor those of another installation on the cluster."""
    topics = [prefix + name for prefix in (PREFIX, OTHER) for name in NAMES]
    # What is read must hold a record.
    assert await _writes(ruled.clients(ADMIN), topics) == set(topics)
    assert await _writes(_clients(ruled, user), topics) == _allowed(user, "Write")
    assert await _reads(_clients(ruled, user), topics) == _allowed(user, "Read")


async def test_a_services_user_belongs_to_its_own_groups_only(ruled: ClosedKafka) -> None:
    """A thief in the group of another service would take its partitions away from it."""
    for group, is_own in ((group_of(PREFIX, "queue"), True), (group_of(PREFIX, "routing"), False)):
        consumer = _clients(ruled, "queue").consumer(group_id=group, enable_auto_commit=False)
        consumer.subscribe([PREFIX + FACTS.name])
        if is_own:
            await consumer.start()
            assert await asyncio.wait_for(consumer.getmany(timeout_ms=100), 20) is not None
        else:
            with pytest.raises(GroupAuthorizationFailedError):
                await consumer.start()
        await consumer.stop()


async def test_the_log_of_another_installation_is_not_seen(ruled: ClosedKafka) -> None:
    """A wrong prefix and a missing rule look the same, and both are named."""
    with pytest.raises(LogUnavailable, match=r"no topic other\.facts .* that our user may see"):
        await KafkaLog(_clients(ruled, "queue"), prefix=OTHER).start()


async def _doctor(closed: ClosedKafka, user: str, looks_as: str) -> dict[str, tuple[Mark, str]]:
    """What the doctor finds in Kafka with a user's login, by what it looked at."""
    named = closed.settings(PRINCIPALS + user) | {"RINGBACK_TOPIC_PREFIX": PREFIX}
    fields = {name.removeprefix("RINGBACK_").lower(): value for name, value in named.items()}
    found = await doctors_log.examine(Settings.model_validate(fields), scope([looks_as]), [])
    return {each.what: (each.mark, each.words) for each in found.findings}


@pytest.mark.parametrize("service", service_names())
async def test_the_doctor_is_green_with_the_rules_of_the_service_that_it_looks_as(
    ruled: ClosedKafka, service: str
) -> None:
    """Append time as well: who may not write facts, such as tts, is told so, and that is no fault."""
    found = await _doctor(ruled, service, service)
    assert {what: words for what, (mark, words) in found.items() if mark is Mark.RED} == {}
    assert found["rights"] == (
        Mark.GREEN,
        f"{PRINCIPALS}{service} may read and write what {service} does",
    )


async def test_the_doctor_names_each_right_that_another_services_user_lacks(ruled: ClosedKafka) -> None:
    """A login in the wrong place: its group and topics are named, and how to look as it should."""
    mark, words = (await _doctor(ruled, "queue", "callback"))["rights"]
    assert mark is Mark.RED
    assert words.startswith(f"{PRINCIPALS}queue may not ")
    assert f"join {group_of(PREFIX, 'callback')}" in words
    assert "run the lines of `python -m ringback acls` for that user, or name with --service" in words


async def test_the_doctor_names_the_one_rule_that_is_missing(ruled: ClosedKafka) -> None:
    """A broker tells a user's rights with its topics; no service has to fail for somebody to see it."""
    facts = PREFIX + FACTS.name
    [rule] = [each for each in acls.rules(PREFIX) if (each.user, each.operation) == ("history", "Write")]
    assert facts in rule.topics
    principal = f"User:{PRINCIPALS}{rule.user}"
    options = ["--allow-principal", principal, "--operation", "Write", "--topic", facts]
    ruled.node.administer(ACL_COMMAND, "--remove", "--force", *options)
    try:
        found = await _doctor(ruled, rule.user, rule.user)
    finally:
        ruled.node.administer(ACL_COMMAND, "--add", *options)
    mark, words = found["rights"]
    assert mark is Mark.RED
    assert words.startswith(f"{PRINCIPALS}history may not write {facts}: run the lines of `python -m ring")
    assert found["append time"] == (Mark.NOT_TRIED, "our user may not write facts")
    assert (await _doctor(ruled, rule.user, rule.user))["rights"][0] is Mark.GREEN


@pytest.fixture
def start(
    ruled: ClosedKafka, redis_server: str, s3_server: S3, fresh_prefix: str, tmp_path: Path
) -> Callable[[str], Service]:
    """Starts a service with its own user, and waits until it is ready."""

    def start(name: str) -> Service:
        settings = {
            **ruled.settings(PRINCIPALS + name),
            "RINGBACK_TOPIC_PREFIX": PREFIX,
            "RINGBACK_REDIS": redis_server,
            "RINGBACK_STORE_PREFIX": fresh_prefix,
            "RINGBACK_S3_ENDPOINT": s3_server.address,
            "RINGBACK_S3_BUCKET": s3_server.bucket,
            "RINGBACK_S3_ACCESS_KEY": s3_server.access_key,
            "RINGBACK_S3_SECRET_KEY": s3_server.secret_key,
            "RINGBACK_SPOOL": str(tmp_path / "spool"),
            "RINGBACK_REPLICA": f"{name}-0",
        }
        service = Service(name, settings, tmp_path, dies_with_parent=True)
        service.start()
        service.wait_ready(120)
        return service

    return start


@pytest.mark.parametrize("name", ["queue", "gateway", "tts"])
def test_a_service_is_ready_with_the_rights_of_its_user(start: Callable[[str], Service], name: str) -> None:
    """A decider, an edge that reads facts and commands, and one that reads commands."""
    service = start(name)
    log = service.process.log.read_text(encoding="utf-8")
    service.stop()
    assert "AuthorizationFailed" not in log


def test_a_rotated_password_makes_a_service_unready_and_is_said(
    ruled: ClosedKafka, start: Callable[[str], Service]
) -> None:
    """The service tries again, and is ready when its password is right again."""
    service = start("gateway")
    user = f"{PRINCIPALS}gateway"
    ruled.change_password(user, "another")
    ruled.node.kill()
    ruled.node.start()
    service.process.wait_until(
        lambda: any("refuses the login of" in each for each in _reasons(service)), "refusal", 60
    )
    ruled.change_password(user, ruled.passwords[user])
    service.process.wait_until(lambda: _reasons(service) == [], "readiness", 60)
    service.stop()


def _reasons(service: Service) -> list[str]:
    """Why a service is not ready; empty if it is."""
    try:
        with urllib.request.urlopen(f"{service.internal_address}/health/ready", timeout=5):  # noqa: S310
            return []
    except urllib.error.HTTPError as error:
        return [str(each) for each in json.loads(error.read())["reasons"]]


@pytest.mark.parametrize(
    ("user", "changed", "said"),
    [
        ("tts", {"PASSWORD": "guessed"}, "refuses the login of 'ringback-tts'"),
        ("queue", {}, "no topic ruled.speech on"),
    ],
)
def test_a_service_that_lacks_a_login_or_a_right_says_so_and_exits_with_3(
    ruled: ClosedKafka, s3_server: S3, user: str, changed: dict[str, str], said: str
) -> None:
    """Its supervisor sees what to change, and no stack of calls; no topic is awaited without a word."""
    settings = {
        **ruled.settings(PRINCIPALS + user, **changed),
        "RINGBACK_TOPIC_PREFIX": PREFIX,
        "RINGBACK_S3_ENDPOINT": s3_server.address,
        "RINGBACK_S3_BUCKET": s3_server.bucket,
        "RINGBACK_S3_ACCESS_KEY": s3_server.access_key,
        "RINGBACK_S3_SECRET_KEY": s3_server.secret_key,
        "PYTHONPATH": str(ROOT),
        "PATH": os.environ["PATH"],
    }
    argv = [sys.executable, "-m", "services.tts"]
    ended = subprocess.run(argv, check=False, capture_output=True, text=True, env=settings, timeout=120)
    assert ended.returncode == 3, ended.stderr
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "guessed" not in ended.stderr
