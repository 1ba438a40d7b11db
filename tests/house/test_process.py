"""Processes of the stack end as they should, and say what went wrong."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tools.stack.process import Process, StackError, end_pid, free_port, is_listening, start_ticks

SLEEPER = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('here', flush=True); time.sleep(60)",
]


def _started(argv: list[str], folder: Path) -> Process:
    """A process that has said its first word."""
    process = Process("one", argv, folder, dies_with_parent=True, grace_s=0.2)
    process.start()
    process.wait_until(lambda: process.log.exists() and "here" in process.log.read_text(), "first word", 20)
    return process


def test_a_process_that_ends_too_early_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    """Whoever starts the stack learns the cause without looking for it."""
    process = Process("one", [sys.executable, "-c", "raise SystemExit('no such file')"], tmp_path)
    process.start()
    with pytest.raises(StackError, match="no such file"):
        process.wait_until(lambda: False, "readiness", 20)


def test_a_process_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    """`make down` leaves nothing behind."""
    process = _started(STUBBORN, tmp_path)
    assert process.stop() == -9
    assert not process.is_alive()


def test_a_killed_process_starts_again_and_its_log_goes_on(tmp_path: Path) -> None:
    """What happened before a crash is what one looks for after it."""
    process = _started(SLEEPER, tmp_path)
    process.kill()
    process.start()
    process.wait_until(lambda: process.log.read_text().count("here") == 2, "second first word", 20)
    process.stop()


def test_a_pid_that_now_belongs_to_another_process_is_left_alone(tmp_path: Path) -> None:
    """Pids are used again, and a state file may be old."""
    process = _started(SLEEPER, tmp_path)
    ticks = start_ticks(process.pid)
    assert ticks is not None
    assert not end_pid(process.pid, ticks - 1)
    assert process.is_alive()
    assert end_pid(process.pid, ticks)
    assert not process.is_alive()


def test_a_free_port_is_below_the_ephemeral_range_and_given_once() -> None:
    """An outgoing connection must never sit on the port that a part is about to open."""
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    assert max(ports) < 32768
    assert not is_listening(ports[0])


def test_a_process_that_dies_with_its_parent_is_not_started_from_a_passing_thread(tmp_path: Path) -> None:
    """The kernel ends it with the thread that started it: a broker would vanish under the next test."""
    process = Process("one", SLEEPER, tmp_path, dies_with_parent=True)
    with ThreadPoolExecutor(1) as pool, pytest.raises(StackError, match="main"):
        pool.submit(process.start).result()
    assert not process.is_alive()
