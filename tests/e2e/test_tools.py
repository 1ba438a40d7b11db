"""Programs for people against the embedded broker: what they print, and what stands on the log afterwards."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools import apply, unpark
from tools.topics import create_topics

ROOT = Path(__file__).parents[2]
OFFICE = ROOT / "examples" / "office.yaml"


@pytest.fixture
def settings(kafka_embedded: str, fresh_prefix: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A log of this test's own, named in the environment."""
    prefix = f"{fresh_prefix}."
    asyncio.run(create_topics(kafka_embedded, prefix))
    found = {"RINGBACK_KAFKA": kafka_embedded, "RINGBACK_TOPIC_PREFIX": prefix}
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.mark.kafka
def test_an_office_is_applied_once_and_seen_on_the_timeline(
    settings: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """What an administrator does on the first day, and sees."""
    assert apply.main([str(OFFICE), "--dry-run"]) == 0
    assert "nothing was said" in capsys.readouterr().out
    assert apply.main([str(OFFICE)]) == 0
    assert "+ department sales" in capsys.readouterr().out
    assert apply.main([str(OFFICE)]) == 0
    assert "nothing changed" in capsys.readouterr().out
    assert unpark.main(["severny-veter", "callback"]) == 0
    timeline = _tail(settings)
    assert timeline.count("directory.department_saved") == 2
    assert "callback reads on for the organization" in timeline
    assert "+74950001000" not in timeline


def test_a_log_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever mistypes an address reads which one, and no traceback."""
    monkeypatch.setenv("RINGBACK_KAFKA", "127.0.0.1:1")
    assert apply.main([str(OFFICE)]) == 1
    assert capsys.readouterr().err.startswith("apply: 127.0.0.1:1: ")


def test_a_file_with_errors_changes_nothing_and_names_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All or nothing, and without asking any server."""
    file = tmp_path / "office.yaml"
    file.write_text(
        OFFICE.read_text(encoding="utf-8").replace("extension: 202", "extension: 112"), encoding="utf-8"
    )
    assert apply.main([str(file)]) == 1
    assert "error: 112 is an emergency number. Take another, 200 is free" in capsys.readouterr().err


def _tail(settings: dict[str, str]) -> str:
    """What `tail --from-start` prints until Ctrl-C."""
    argv = [sys.executable, "-m", "tools", "tail", "--from-start", "--all"]
    tail = subprocess.Popen(
        argv,
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(6)
    tail.send_signal(signal.SIGINT)
    out, error = tail.communicate(timeout=20)
    assert tail.returncode == 0, error
    return out
