"""The service as a process: a company made by the command line is on the log, and its API answers."""

import asyncio
import json
import os
import re
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from contracts import codec
from contracts.directory import DepartmentSaved
from ringback.stack.services import ROOT, Service
from runtime.kafka_log import KafkaLog

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(300)]


def _create(given: dict[str, str], *more: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "ringback", "operator", "create", "vostok", "--name", "Восток"]
    argv += ["--administrator", "Гусев Родион", "--pbx", "Москва", "--number", "+74950001000"]
    argv += ["--email", "gusev@vostok.example", *more]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **given}
    return subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


async def _departments(given: dict[str, str]) -> list[DepartmentSaved]:
    """Read the log until a department is on it."""
    log = KafkaLog(given["RINGBACK_KAFKA"], prefix=given["RINGBACK_TOPIC_PREFIX"])
    await log.start()
    try:
        partition = await log.partition_of("facts", "vostok")
        offset, found = 0, list[Any]()
        while not found:
            for record in await log.read(partition, offset, records_max=100, wait_ms=200):
                offset = record.offset + 1
                envelope = codec.envelope(record.headers)
                if envelope.type == "directory.department_saved":
                    found.append(codec.decode(envelope.type, record.value))
    finally:
        await log.stop()
    return [each for each in found if isinstance(each, DepartmentSaved)]


def test_a_company_made_from_a_shell_is_on_the_log_and_its_administrator_logs_in(
    directory_settings: dict[str, str], tmp_path: Path
) -> None:
    """From an empty database to a department that can be called: one command, one service."""
    made = _create(directory_settings)
    assert made.returncode == 0, made.stderr
    assert stat.S_IMODE((tmp_path / "book.db").stat().st_mode) == 0o600, "whoever has read it, has every card"
    password = re.search(r"one-time password: (\S+)", made.stdout)
    assert password is not None
    service = Service("directory", directory_settings, tmp_path, dies_with_parent=True)
    service.start()
    service.wait_ready(120)
    [department] = asyncio.run(_departments(directory_settings))
    assert department.name == "Отдел продаж"
    body = {"organization": "vostok", "login": "gusev.r", "password": password[1]}
    request = urllib.request.Request(  # noqa: S310  # on loopback
        f"{service.address}/sessions",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        assert json.load(answer)["password"]
    assert service.stop(30) == 0, service.process.last_words()


def test_what_can_not_be_made_is_said_in_one_line(directory_settings: dict[str, str]) -> None:
    """A taken id or a malformed number: the cause, and no traceback."""
    assert _create(directory_settings).returncode == 0
    again = _create(directory_settings)
    assert again.returncode == 3
    assert "vostok" in again.stderr
    wrong = _create(directory_settings, "--number", "12")
    assert wrong.returncode == 3
    assert "--number" in wrong.stderr
    assert "Traceback" not in again.stderr + wrong.stderr
