"""Processes of the stack end as they should, and say what went wrong."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ringback.stack.journal import Journal
from ringback.stack.process import Process, StackError, end_pid, free_port, is_listening, start_ticks
from ringback.stack.signals import interrupted_by_signals

SLEEPER = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('here', flush=True); time.sleep(60)",
]


def _started(argv: list[str], folder: Path) -> Process:
    """A process that has printed its first word."""
    process = Process("one", argv, folder, dies_with_parent=True, grace_s=0.2)
    process.start()
    process.wait_until(lambda: process.log.exists() and "here" in process.log.read_text(), "first word", 20)
    return process


def test_a_process_that_ends_too_early_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    """The user who starts the stack learns the cause at once."""
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
    """After a crash, the log before it matters."""
    process = _started(SLEEPER, tmp_path)
    process.kill()
    process.start()
    process.wait_until(lambda: process.log.read_text().count("here") == 2, "second first word", 20)
    process.stop()


def test_a_pid_that_now_belongs_to_another_process_is_left_alone(tmp_path: Path) -> None:
    """Pids are reused, and a state file may be old."""
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


def test_n1_a_process_is_on_the_list_before_it_is_waited_for(tmp_path: Path) -> None:
    """A program with only the list, such as `make down`, can end it."""
    journal = Journal(tmp_path / "started.jsonl")
    process = Process("one", SLEEPER, tmp_path, journal=journal, grace_s=2)
    process.start()
    assert [(entry.name, entry.pid, entry.grace_s) for entry in journal.alive()] == [("one", process.pid, 2)]
    assert journal.alive()[0].end()
    # It stopped when asked: it has its own signals again, which were held during its start.
    assert process.stop() == -signal.SIGTERM
    assert journal.alive() == []
    assert len(journal.started()) == 1


def test_n1_whoever_stops_waiting_for_a_process_ends_it(tmp_path: Path) -> None:
    """Ctrl-C while the S3 starts: no other program knows of it yet."""
    process = Process("one", SLEEPER, tmp_path, dies_with_parent=True, grace_s=2)

    def interrupted() -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process.start_until(interrupted, "readiness", 20)
    assert not process.is_alive()
    with pytest.raises(StackError, match="no readiness"):
        process.start_until(lambda: False, "readiness", 0.1)
    assert not process.is_alive()


def test_n1_a_signal_while_a_process_is_being_started_is_heard_when_it_is_known(tmp_path: Path) -> None:
    """Between fork and its answer no program could end it."""
    process = Process("one", SLEEPER, tmp_path, dies_with_parent=True, grace_s=2)
    with interrupted_by_signals():
        fork = process._fork

        def interrupted(before_program: Callable[[], None] | None) -> None:
            os.kill(os.getpid(), signal.SIGHUP)
            fork(before_program)

        process._fork = interrupted  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            process.start()
        # An impatient user sends a second one.
        os.kill(os.getpid(), signal.SIGTERM)
    assert process.stop() == -signal.SIGTERM


def test_n1_a_signal_that_was_ignored_stays_ignored(tmp_path: Path) -> None:
    """`nohup make up`: the terminal may close."""
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupted_by_signals():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, former)


def test_n1_who_is_killed_takes_its_children_along(tmp_path: Path) -> None:
    """A service that hangs can't end the encoder it has started."""
    parent = (
        "import signal, subprocess, time; signal.signal(15, signal.SIG_IGN);"
        "child = subprocess.Popen(['sleep', '600']); print('here', child.pid, flush=True); time.sleep(60)"
    )
    for is_known_by_pid_only in (False, True):
        process = _started([sys.executable, "-c", parent], tmp_path)
        child = int(process.log.read_text(encoding="utf-8").split()[-1])
        if is_known_by_pid_only:
            end_pid(process.pid, start_ticks(process.pid), grace_s=0.2)
        else:
            process.stop()
        deadline = time.monotonic() + 10
        while start_ticks(child) is not None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert start_ticks(child) is None


def test_a_program_that_is_not_there_is_an_error_of_the_stack(tmp_path: Path) -> None:
    """The error names the program, and the other processes are stopped."""
    with pytest.raises(StackError, match="one can't be started"):
        Process("one", [str(tmp_path / "nothing")], tmp_path).start()


@pytest.mark.parametrize("verb", ["phones", "smtp_sink"])
def test_n11_a_taken_port_is_told_in_one_sentence_with_the_remedy(verb: str, tmp_path: Path) -> None:
    """A traceback would help only programmers."""
    script = tmp_path / "script.yaml"
    script.write_text("pbxs: { cloud: {} }\n", encoding="utf-8")
    words = ["--script", str(script)] if verb == "phones" else ["--dir", str(tmp_path)]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for wanted, said in (
            (
                str(port),
                f"{verb}: port {port} is taken: give another one with --port, or end what listens there",
            ),
            ("70000", f"{verb}: 70000 is not a port: give one from 1024 to 65535 with --port"),
        ):
            argv = [sys.executable, "-m", "ringback", verb, "--port", wanted, *words]
            done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=120)
            assert (done.returncode, done.stderr) == (1, f"{said}\n")
