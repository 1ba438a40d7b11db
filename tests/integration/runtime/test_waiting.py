"""A service that starts while a part is away waits for it; what no time brings ends it at once."""

import asyncio
import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ringback.stack import parts, postgres
from ringback.stack.process import Process, free_port, is_listening
from ringback.stack.services import ROOT, Service
from ringback.topics import create_topics
from tests.parts import demand_postgres

EXIT_MISSING = 3
READY_S = 180
"""For a busy machine; no test is judged by it."""
pytestmark = pytest.mark.timeout(400)
WAITS = "waits for what is missing"


@pytest.fixture
def settings(
    kafka_embedded: str, redis_server: str, s3_server: parts.S3, fresh_prefix: str
) -> dict[str, str]:
    """A toy service's environment, all parts there; it waits longer than any test lasts."""
    asyncio.run(create_topics(kafka_embedded, f"{fresh_prefix}."))
    return {
        "RINGBACK_KAFKA": kafka_embedded,
        "RINGBACK_TOPIC_PREFIX": f"{fresh_prefix}.",
        "RINGBACK_PARTITIONS": "all",
        "RINGBACK_ALLOW_BROKER_WITHOUT_TIME": "1",
        "RINGBACK_REDIS": redis_server,
        "RINGBACK_STORE_PREFIX": fresh_prefix,
        "RINGBACK_S3_ENDPOINT": s3_server.address,
        "RINGBACK_S3_BUCKET": s3_server.bucket,
        "RINGBACK_S3_ACCESS_KEY": s3_server.access_key,
        "RINGBACK_S3_SECRET_KEY": s3_server.secret_key,
        "RINGBACK_INTERNAL_PORT": str(free_port()),
        "RINGBACK_WAIT_FOR_PARTS_S": "3600",
    }


@pytest.fixture
def start(settings: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts the toy with some settings changed, and ends it with the test."""
    started: list[Process] = []

    def start(**changed: str) -> Process:
        env = {**settings, **changed, "PYTHONPATH": str(ROOT)}
        argv = [sys.executable, "-m", "tests.integration.runtime.toy_service"]
        process = Process("toy", argv, tmp_path, env=env, dies_with_parent=True)
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        process.stop()


def asked(settings: Mapping[str, str], page: str) -> tuple[int, Any]:
    """The status and the content of one of the internal port's pages; (0, None) if the port is closed."""
    url = f"http://127.0.0.1:{settings['RINGBACK_INTERNAL_PORT']}{page}"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except OSError:
        return 0, None


def reasons(settings: Mapping[str, str]) -> list[str]:
    """Why it is not ready; empty while nobody answers, or if it is."""
    status, content = asked(settings, "/health/ready")
    return list(content["reasons"]) if status == 503 else []


def becomes_ready(process: Process, settings: Mapping[str, str]) -> None:
    process.wait_until(lambda: asked(settings, "/health/ready")[0] == 200, "readiness", READY_S)


def ended(process: Process) -> int:
    """The exit code of a process that ends by itself."""
    deadline = time.monotonic() + READY_S
    while process.is_alive():
        assert time.monotonic() < deadline, process.last_words()
        time.sleep(0.05)
    code = process.stop()
    assert code is not None
    return code


def said(process: Process) -> list[dict[str, Any]]:
    lines = process.log.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_a_service_waits_for_a_store_that_comes_late(
    settings: dict[str, str], start: Callable[..., Process], tmp_path: Path
) -> None:
    """Alive, and not ready, with the reason: whoever looks knows it, and nobody restarts the service."""
    redis = parts.start_redis(tmp_path, dies_with_parent=True)
    redis.process.stop()
    process = start(RINGBACK_REDIS=redis.address)
    process.wait_until(lambda: reasons(settings) != [], "reason", READY_S)
    [reason] = reasons(settings)
    assert "Redis at 127.0.0.1" in reason
    assert asked(settings, "/health/live")[0] == 200
    assert asked(settings, "/nothing")[0] == 404
    [waits] = [each for each in said(process) if each["event"] == WAITS][:1]
    assert waits["missing"] == [reason]
    assert 3000 < waits["left_s"] <= 3600
    redis.process.start_until(lambda: is_listening(redis.port), "open port", READY_S)
    becomes_ready(process, settings)
    assert process.stop() == 0
    redis.process.stop()


def test_a_service_waits_for_a_broker_and_then_for_its_topics(
    settings: dict[str, str], start: Callable[..., Process], tmp_path: Path
) -> None:
    """On Kubernetes both may come after the service: the broker's pod, and the job that makes the topics."""
    port = free_port()
    where = f"127.0.0.1:{port}"
    process = start(RINGBACK_KAFKA=where)
    process.wait_until(lambda: any(where in each for each in reasons(settings)), "reason", READY_S)
    broker = parts.start_broker(tmp_path, port=port, dies_with_parent=True)
    process.wait_until(lambda: any("no topic" in each for each in reasons(settings)), "next reason", READY_S)
    asyncio.run(create_topics(where, settings["RINGBACK_TOPIC_PREFIX"]))
    becomes_ready(process, settings)
    assert process.stop() == 0
    broker.process.stop()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"RINGBACK_REDIS": "redis://:wrong@{redis}/0"}, "check the user and the password"),
        (
            {"RINGBACK_REDIS": "redis://127.0.0.1:1/0", "RINGBACK_S3_SECRET_KEY": "wrong"},
            "Redis at 127.0.0.1",
        ),
    ],
    ids=["password", "key, and a store that is away"],
)
def test_what_no_time_brings_ends_a_service_at_once(
    settings: dict[str, str], start: Callable[..., Process], change: dict[str, str], word: str
) -> None:
    """An operator who mistyped a password sees it now, and not after five minutes."""
    there = settings["RINGBACK_REDIS"].rpartition("@")[2].partition("/")[0]
    process = start(**{name: value.format(redis=there) for name, value in change.items()})
    assert ended(process) == EXIT_MISSING
    assert any(word in each["what"] for each in said(process) if each["event"] == "missing")
    assert WAITS not in {each["event"] for each in said(process)}


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_service_that_waits_ends_when_it_is_told_to(
    settings: dict[str, str], start: Callable[..., Process], sign: signal.Signals
) -> None:
    """A deploy that is withdrawn is not a failure."""
    process = start(RINGBACK_REDIS="redis://127.0.0.1:1/0")
    process.wait_until(lambda: reasons(settings) != [], "reason", READY_S)
    os.kill(process.pid, sign)
    assert ended(process) == 0


def test_a_wait_that_is_over_ends_as_one_that_never_was(
    settings: dict[str, str], start: Callable[..., Process]
) -> None:
    process = start(RINGBACK_REDIS="redis://127.0.0.1:1/0", RINGBACK_WAIT_FOR_PARTS_S="1")
    assert ended(process) == EXIT_MISSING
    events = [each["event"] for each in said(process)]
    assert WAITS in events
    assert events[-1] == "missing"


def test_a_service_works_without_an_object_store_that_is_away_and_says_so(
    settings: dict[str, str], start: Callable[..., Process], tmp_path: Path
) -> None:
    """Its state is in Redis: a queue that is started anew must not stand still for want of recordings."""
    s3 = parts.start_s3(tmp_path, dies_with_parent=True)
    there = {"RINGBACK_S3_ENDPOINT": s3.address, "RINGBACK_S3_BUCKET": s3.bucket}
    there |= {"RINGBACK_S3_ACCESS_KEY": s3.access_key, "RINGBACK_S3_SECRET_KEY": s3.secret_key}
    first = start(**there)
    becomes_ready(first, settings)
    assert first.stop() == 0
    s3.process.stop()

    again = start(**there)

    again.wait_until(lambda: reasons(settings) != [], "reason", READY_S)
    assert s3.address in reasons(settings)[0]
    becomes_ready(again, settings)
    [works] = [each for each in said(again) if each["event"] == "works without what is missing"][:1]
    assert s3.address in works["missing"][0]
    s3.process.start()
    again.wait_until(
        lambda: "what was missing is there" in {each["event"] for each in said(again)}, "store", READY_S
    )
    assert again.stop() == 0
    s3.process.stop()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[postgres.Postgres]:
    """A PostgreSQL of this test's own."""
    demand_postgres()
    found = postgres.start(tmp_path, dies_with_parent=True)
    yield found
    found.stop()


def test_a_service_waits_for_its_database(
    directory_settings: dict[str, str], database: postgres.Postgres, tmp_path: Path
) -> None:
    """Migrations run at the start: without its database there is nothing to start with."""
    url = database.database("book")
    database.process.stop()
    there = {"RINGBACK_DIRECTORY_DATABASE": url, "RINGBACK_WAIT_FOR_PARTS_S": "3600"}
    service = Service("directory", {**directory_settings, **there}, tmp_path, dies_with_parent=True)
    service.start()
    port = {"RINGBACK_INTERNAL_PORT": str(service.internal_port)}
    service.process.wait_until(lambda: reasons(port) != [], "reason", READY_S)
    [reason] = reasons(port)
    assert "check that it runs, and RINGBACK_DIRECTORY_DATABASE" in reason
    database.process.start()
    service.wait_ready()
    assert service.stop(READY_S) == 0
    password = url.partition(":")[2].partition(":")[2].partition("@")[0]
    assert password not in service.process.log.read_text(encoding="utf-8")
