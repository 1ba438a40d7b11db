"""Fixtures for the real parts, each started when the first test of a worker asks for it.

Every xdist worker has parts of its own, so that tests never share state across workers; the tests
on Apache Kafka carry `xdist_group("apache")` (put on by tests/conftest.py) and so all run on one worker, with
one node. Tests share a part within a worker: use a topic prefix, key prefix and object prefix per test
(`fresh_prefix`).
"""

import asyncio
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringback.stack import asterisk, kafka, parts, postgres
from ringback.topics import create_topics
from runtime.token_keys import SigningKeys
from tests import closed_kafka


@pytest.fixture(scope="session")
def parts_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this worker's parts keep data and logs."""
    return tmp_path_factory.mktemp("parts")


@pytest.fixture(scope="session")
def kafka_embedded(parts_folder: Path) -> Iterator[str]:
    """`host:port` of the embedded broker (tansu), which keeps no append time."""
    broker = parts.start_broker(parts_folder, dies_with_parent=True)
    yield broker.address
    broker.process.stop()


@pytest.fixture(scope="session")
def kafka_apache_node(parts_folder: Path) -> Iterator[kafka.ApacheKafka]:
    """Apache Kafka itself, for tests that kill or restart it; `.address` is its `host:port`."""
    demand_apache_kafka()
    node = kafka.ApacheKafka(parts_folder, dies_with_parent=True)
    node.start()
    yield node
    node.stop()


@pytest.fixture(scope="session")
def kafka_closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[closed_kafka.ClosedKafka]:
    """Apache Kafka with TLS, SCRAM and an authorizer; a user for each service, without any rights yet."""
    demand_apache_kafka()
    closed = closed_kafka.made(tmp_path_factory.mktemp("closed"))
    closed.node.start()
    yield closed
    closed.node.stop()


def demand_apache_kafka() -> None:
    reason = kafka.reason_missing()
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"in CI the tests on Apache Kafka must run: {reason}")
        pytest.skip(reason)


@pytest.fixture(scope="session")
def kafka_apache(kafka_apache_node: kafka.ApacheKafka) -> str:
    """`host:port` of Apache Kafka 4."""
    return kafka_apache_node.address


@pytest.fixture(scope="session")
def asterisk_root() -> asterisk.Root:
    """Asterisk itself, unpacked; where it can't be had its tests are skipped, not in CI."""
    try:
        return asterisk.fetched()
    except asterisk.NoAsterisk as failure:
        if os.environ.get("CI") == "true":
            pytest.fail(f"in CI the tests on Asterisk must run: {failure}")
        pytest.skip(str(failure))


@pytest.fixture(scope="session")
def redis_part(parts_folder: Path) -> Iterator[parts.Redis]:
    """Valkey as a part, for tests that kill or restart it."""
    redis = parts.start_redis(parts_folder, dies_with_parent=True)
    yield redis
    redis.process.stop()


@pytest.fixture(scope="session")
def redis_server(redis_part: parts.Redis) -> str:
    """`redis://` URL of an embedded Valkey with append-only file and noeviction."""
    return redis_part.address


@pytest.fixture(scope="session")
def s3_server(parts_folder: Path) -> Iterator[parts.S3]:
    """SeaweedFS: `.address` (endpoint), `.access_key`, `.secret_key`, `.bucket`, `.region`, `.client()`."""
    s3 = parts.start_s3(parts_folder, dies_with_parent=True)
    yield s3
    s3.process.stop()


def demand_postgres() -> None:
    """Skip a test where PostgreSQL is missing; in CI it fails."""
    reason = postgres.reason_missing()
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"in CI the tests on PostgreSQL must run: {reason}")
        pytest.skip(reason)


@pytest.fixture(scope="session")
def postgres_server(parts_folder: Path) -> Iterator[postgres.Postgres]:
    """PostgreSQL from the system's package."""
    demand_postgres()
    server = postgres.start(parts_folder, dies_with_parent=True)
    yield server
    server.stop()


@pytest.fixture
def postgres_database(postgres_server: postgres.Postgres, fresh_prefix: str) -> str:
    """The URL (`postgresql://…`) of an empty database of this test's own."""
    return postgres_server.database(fresh_prefix)


@pytest.fixture
def smtp_sink(tmp_path: Path) -> Iterator[parts.Smtp]:
    """A mail server of this test's own: `.port`, `.letters` (folder), `.refuse(...)`; it starts in 0.2 s."""
    smtp = parts.start_smtp(tmp_path, dies_with_parent=True)
    yield smtp
    smtp.process.stop()


@pytest.fixture
def fresh_prefix() -> str:
    """A name no other test uses, for topics (`<prefix>.facts`), keys and objects."""
    return f"t{secrets.token_hex(5)}"


@pytest.fixture
def directory_settings(
    kafka_embedded: str, s3_server: parts.S3, smtp_sink: parts.Smtp, fresh_prefix: str, tmp_path: Path
) -> dict[str, str]:
    """All that a directory's process needs, on topics of this test's own."""
    asyncio.run(create_topics(kafka_embedded, f"{fresh_prefix}."))
    return {
        "RINGBACK_KAFKA": kafka_embedded,
        "RINGBACK_TOPIC_PREFIX": f"{fresh_prefix}.",
        "RINGBACK_S3_ENDPOINT": s3_server.address,
        "RINGBACK_S3_BUCKET": s3_server.bucket,
        "RINGBACK_S3_ACCESS_KEY": s3_server.access_key,
        "RINGBACK_S3_SECRET_KEY": s3_server.secret_key,
        "RINGBACK_SMTP": smtp_sink.address,
        "RINGBACK_MAIL_FROM": "ringback@localhost",
        "RINGBACK_PARTITIONS": "all",
        "RINGBACK_ALLOW_BROKER_WITHOUT_TIME": "1",
        "RINGBACK_DIRECTORY_DATABASE": f"sqlite:///{tmp_path / 'book.db'}",
        "RINGBACK_DIRECTORY_KEY": "k" * 32,
        "RINGBACK_TOKEN_KEYS": SigningKeys.generate().as_private_json(),
    }
