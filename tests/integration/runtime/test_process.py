"""The host as a real process on real parts: it starts, is killed, refuses, and names missing parts."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
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
BEFORE_THE_LOG = (
    "RINGBACK_INTERNAL_PORT",
    "RINGBACK_ALLOW_PLAINTEXT_TO",
    "RINGBACK_SMTP_FILE: /nowhere/smtp can't be read",
)
"""Settings that can't be read are said before there is a log in JSON."""


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
        "RINGBACK_INTERNAL_PORT": str(free_port()),
        "RINGBACK_WAIT_FOR_PARTS_S": "0",
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
        umask=0o022,
    )
    yield process
    process.stop()


class LeavingBroker:
    """An address of the broker that is gone from the moment that a client of this name asks for it."""

    def __init__(self, broker: str, leaves_at: bytes) -> None:
        host, _, port = broker.partition(":")
        self._broker = (host, int(port))
        self._leaves_at = leaves_at
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self.has_left = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while not self.has_left.is_set():
            client, _ = self._listening.accept()
            asked = client.recv(4096)
            if self._leaves_at in asked:
                self._listening.close()
                client.close()
                self.has_left.set()
                return
            broker = socket.create_connection(self._broker)
            broker.sendall(asked)
            for source, sink in ((client, broker), (broker, client)):
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, sink: socket.socket) -> None:
        while data := source.recv(65_536):
            sink.sendall(data)
        sink.close()


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
    port = settings["RINGBACK_INTERNAL_PORT"]
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
        told = answer.read().decode()
    assert "ringback_facts_total" in told
    assert "\nringback_ready 1.0\n" in told


@pytest.mark.parametrize("settings", ["embedded"], indirect=True)
def test_sigterm_ends_with_code_0(settings: dict[str, str], toy_process: Process) -> None:
    """A deploy is not a failure. Files of a service are its own, whatever its supervisor says."""
    started(toy_process, settings["RINGBACK_INTERNAL_PORT"])
    assert "Umask:\t0077" in Path(f"/proc/{toy_process.pid}/status").read_text(encoding="utf-8")
    assert toy_process.stop(15) == 0


@pytest.mark.parametrize("settings", ["embedded"], indirect=True)
def test_a_process_that_does_not_end_says_what_holds_it_and_ends(
    settings: dict[str, str], tmp_path: Path
) -> None:
    """A supervisor would kill it without a word, and nobody would learn why a roll takes so long."""
    argv = [sys.executable, "-m", "tests.integration.runtime.unending_service"]
    env = {**settings, "PYTHONPATH": str(ROOT)}
    process = Process("unending", argv, tmp_path, env=env, dies_with_parent=True)
    started(process, settings["RINGBACK_INTERNAL_PORT"])
    assert process.stop(120) == 1
    told = process.log.read_text(encoding="utf-8")
    assert "does not end, and is ended" in told
    assert "Process._stop_in_order > end_never > to_thread" in told, "the coroutines"
    assert "in wait_for_ever" in told, "the thread"


@pytest.mark.parametrize("settings", ["embedded"], indirect=True)
@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"RINGBACK_KAFKA": ""}, "RINGBACK_KAFKA"),
        ({"RINGBACK_SMTP_FILE": "/nowhere/smtp"}, "RINGBACK_SMTP_FILE: /nowhere/smtp can't be read"),
        ({"RINGBACK_REDIS": "redis://127.0.0.1:1/0"}, "Redis at 127.0.0.1"),
        ({"RINGBACK_TOPIC_PREFIX": "nothing."}, "ringback topics"),
        ({"RINGBACK_ALLOW_BROKER_WITHOUT_TIME": "0"}, "does not set the time"),
        ({"RINGBACK_INTERNAL_HOST": "192.0.2.1", "RINGBACK_ALLOW_PLAINTEXT_TO": "http"}, "can't be opened"),
        ({"RINGBACK_INTERNAL_HOST": "::"}, "name http in RINGBACK_ALLOW_PLAINTEXT_TO"),
        ({"RINGBACK_INTERNAL_CERTIFICATE": "/nowhere.pem"}, "RINGBACK_INTERNAL_KEY"),
        ({"RINGBACK_ALLOW_PLAINTEXT_TO": "https"}, "RINGBACK_ALLOW_PLAINTEXT_TO"),
        ({"RINGBACK_INTERNAL_PORT": "many"}, "RINGBACK_INTERNAL_PORT"),
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
    assert json.loads(ended.stderr.splitlines()[-1]) if word not in BEFORE_THE_LOG else True


@pytest.mark.timeout(240)
@pytest.mark.parametrize("settings", ["embedded"], indirect=True)
def test_a_broker_that_goes_while_a_service_starts_ends_it_and_leaves_it_hanging_nowhere(
    settings: dict[str, str],
) -> None:
    """Whoever restarts it tries again: nobody would notice a process that neither serves nor ends."""
    broker = LeavingBroker(settings["RINGBACK_KAFKA"], b"ringback-toy-app")
    ended = subprocess.run(
        [sys.executable, "-m", "tests.integration.runtime.toy_service"],
        env={**os.environ, **settings, "RINGBACK_KAFKA": broker.address, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert broker.has_left.is_set()
    assert ended.returncode == 3
    said = map(json.loads, ended.stderr.splitlines())
    assert "Kafka" in next(found["reason"] for found in said if found["event"] == "refused to start")
