"""Fixtures for the real parts, each started when the first test of a worker asks for it.

Every xdist worker has parts of its own, so that tests never share state across workers; the tests
on Apache Kafka carry `xdist_group("apache")` (put on by tests/conftest.py) and so all run on one worker, with
one node. Tests share a part within a worker: use a topic prefix, key prefix and object prefix per test
(`fresh_prefix`).
"""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.stack import kafka, parts, postgres


@pytest.fixture(scope="session")
def parts_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this worker's parts keep data and logs."""
    return tmp_path_factory.mktemp("parts")


@pytest.fixture(scope="session")
def kafka_embedded(parts_folder: Path) -> Iterator[str]:
    """`host:port` of the embedded broker (tansu): no append time, see libraries.md for what else it lacks."""
    broker = parts.start_broker(parts_folder, dies_with_parent=True)
    yield broker.address
    broker.process.stop()


@pytest.fixture(scope="session")
def kafka_apache_node(parts_folder: Path) -> Iterator[kafka.ApacheKafka]:
    """Apache Kafka itself, for tests that kill or restart it; `.address` is its `host:port`."""
    reason = kafka.reason_missing()
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"in CI the tests on Apache Kafka must run: {reason}")
        pytest.skip(reason)
    node = kafka.ApacheKafka(parts_folder, dies_with_parent=True)
    node.start()
    yield node
    node.stop()


@pytest.fixture(scope="session")
def kafka_apache(kafka_apache_node: kafka.ApacheKafka) -> str:
    """`host:port` of Apache Kafka 4."""
    return kafka_apache_node.address


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


@pytest.fixture(scope="session")
def postgres_server(parts_folder: Path) -> Iterator[postgres.Postgres]:
    """PostgreSQL from the system's package; where it is missing, its tests are skipped, not in CI."""
    reason = postgres.reason_missing()
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"in CI the tests on PostgreSQL must run: {reason}")
        pytest.skip(reason)
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
