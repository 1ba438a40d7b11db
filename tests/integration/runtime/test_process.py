"""The host as a real process on real parts: it starts, is killed, refuses, and names missing parts."""

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.codec import Envelope, encode, headers
from contracts.ids import OrganizationId
from contracts.message import type_name
from ringback.stack.parts import S3
from ringback.stack.process import Process, free_port
from ringback.stack.services import ROOT
from ringback.topics import create_topics
from runtime.kafka_log import KafkaLog
from runtime.ports import LogRecord, Outgoing
from tests.unit.runtime.worlds import a_call, accepted

CALLS = 200
ORGANIZATIONS = 7


@pytest.fixture(params=["embedded", "apache"])
def settings(
    request: pytest.FixtureRequest, redis_server: str, s3_server: S3, fresh_prefix: str
) -> dict[str, str]:
    """A toy service's environment on fresh topics."""
    bootstrap: str = request.getfixturevalue(f"kafka_{request.param}")
    asyncio.run(create_topics(bootstrap, f"{fresh_prefix}."))
    found = {
        "RINGBACK_KAFKA": bootstrap,
        "RINGBACK_TOPIC_PREFIX": f"{fresh_prefix}.",
        "RINGBACK_REDIS": redis_server,
        "RINGBACK_STORE_PREFIX": fresh_prefix,
        "RINGBACK_S3_ENDPOINT": s3_server.address,
        "RINGBACK_S3_BUCKET": s3_server.bucket,
        "RINGBACK_S3_ACCESS_KEY": s3_server.access_key,
        "RINGBACK_S3_SECRET_KEY": s3_server.secret_key,
        "RINGBACK_HTTP_PORT": str(free_port()),
    }
    if request.param == "embedded":
        found |= {"RINGBACK_PARTITIONS": "all", "RINGBACK_ALLOW_BROKER_WITHOUT_TIME": "1"}
    else:
        found |= {"RINGBACK_REPLICA": "toy-0"}
    return found


@pytest.fixture
def toy_process(settings: dict[str, str], tmp_path: Path) -> Iterator[Process]:
    """The toy, not started yet."""
    process = Process(
        "toy",
        [sys.executable, "-m", "tests.integration.runtime.toy_service"],
        tmp_path,
        env={**settings, "PYTHONPATH": str(ROOT)},
        dies_with_parent=True,
    )
    yield process
    process.stop()


def is_ready(port: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def started(process: Process, port: str) -> None:
    process.start()
    process.wait_until(lambda: is_ready(port), "readiness", 60)


async def calls(settings: dict[str, str], numbers: range) -> None:
    log = KafkaLog(settings["RINGBACK_KAFKA"], prefix=settings["RINGBACK_TOPIC_PREFIX"])
    await log.start()
    for number in numbers:
        organization_id = OrganizationId(f"o{number % ORGANIZATIONS}")
        fact = a_call(f"c{number}")
        made = Envelope(
            id=f"test/{number}", type=type_name(fact), source="test", organization_id=organization_id
        )
        record = Outgoing("facts", organization_id, tuple(headers(made)), encode(fact), 0)
        await log.append(await log.partition_of("facts", organization_id), [record])
    await log.stop()


async def said(settings: dict[str, str], wanted: int, timeout_s: float = 60) -> list[str]:
    """The toy's facts as a reader accepts them, once there are enough or a timeout has passed."""
    log = KafkaLog(settings["RINGBACK_KAFKA"], prefix=settings["RINGBACK_TOPIC_PREFIX"])
    await log.start()
    found: dict[int, list[LogRecord]] = {each: [] for each in range(log.partitions)}
    until = time.monotonic() + timeout_s
    heard: list[str] = []
    while time.monotonic() < until and len(heard) < wanted:
        for partition, records in found.items():
            offset = records[-1].offset + 1 if records else 0
            records += await log.read(partition, offset, records_max=1000, wait_ms=50)
        heard = sorted(
            f"{organization_id} {fact.notice_id} {fact.version}"  # type: ignore[attr-defined]
            for records in found.values()
            for organization_id, _, fact in accepted(records, "toy")
            if fact.reason != "timer"  # type: ignore[attr-defined]
        )
    await log.stop()
    return heard


@pytest.mark.rule("Q12")
@pytest.mark.timeout(240)
def test_a_process_killed_in_mid_traffic_loses_and_doubles_nothing(
    settings: dict[str, str], toy_process: Process
) -> None:
    """After kill -9 three times during calls, the log has every call's facts once (Q12)."""
    port = settings["RINGBACK_HTTP_PORT"]
    started(toy_process, port)
    for start in range(0, CALLS, CALLS // 4):
        asyncio.run(calls(settings, range(start, start + CALLS // 4)))
        if start < CALLS * 3 // 4:
            toy_process.kill()
            toy_process.start()
    expected = sorted(
        line
        for number in range(CALLS)
        for line in (
            f"o{number % ORGANIZATIONS} c{number} {number // ORGANIZATIONS + 1}",
            f"o{number % ORGANIZATIONS} second {number // ORGANIZATIONS + 1}",
        )
    )
    assert asyncio.run(said(settings, 2 * CALLS)) == expected
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        assert "ringback_facts_total" in answer.read().decode()


@pytest.mark.parametrize("settings", ["embedded"], indirect=True)
def test_sigterm_ends_with_code_0(settings: dict[str, str], toy_process: Process) -> None:
    """A deploy is not a failure."""
    started(toy_process, settings["RINGBACK_HTTP_PORT"])
    assert toy_process.stop(15) == 0


@pytest.mark.parametrize("settings", ["embedded"], indirect=True)
@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"RINGBACK_KAFKA": ""}, "RINGBACK_KAFKA"),
        ({"RINGBACK_REDIS": "redis://127.0.0.1:1/0"}, "Redis at 127.0.0.1"),
        ({"RINGBACK_TOPIC_PREFIX": "nothing."}, "ringback topics"),
        ({"RINGBACK_ALLOW_BROKER_WITHOUT_TIME": "0"}, "does not set the time"),
        ({"RINGBACK_HTTP_PORT": "many"}, "RINGBACK_HTTP_PORT"),
    ],
)
def test_what_is_missing_is_said_with_its_remedy(
    settings: dict[str, str], change: dict[str, str], word: str
) -> None:
    """An operator reads one line and knows what to do; exit code 3."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.integration.runtime.toy_service"],
        env={**settings, **change, "PYTHONPATH": str(ROOT), "PATH": "/usr/bin"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 3, ended.stderr[-2000:]
    assert word in ended.stderr
    assert "Traceback" not in ended.stderr
    assert json.loads(ended.stderr.splitlines()[-1]) if change != {"RINGBACK_HTTP_PORT": "many"} else True
