"""What a run has started, on disk, so that another process can end it (`make down` after `make up`).

Each process writes its own line, between fork and exec: it is on the list before it is what it is to be, and
before anybody waits for it. So even `kill -9` of the one who starts leaves no process that nobody knows.
"""

import contextlib
import os
import signal
from pathlib import Path

import msgspec

from ringback.stack.process import Process, end_pid, start_ticks


class Started(msgspec.Struct, frozen=True):
    """One process; `ticks` is its start time (pids are used again), `grace_s` how long it may stop for."""

    name: str
    pid: int
    ticks: int | None
    log: str
    grace_s: float

    def is_alive(self) -> bool:
        """Whether that very process runs."""
        return self.ticks is not None and start_ticks(self.pid) == self.ticks

    def ask_to_stop(self) -> None:
        """Ask and do not wait: several stop beside each other, then `end` each."""
        if self.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def end(self) -> bool:
        """Stop it, kill it when it does not; False when it had ended."""
        return end_pid(self.pid, self.ticks, self.grace_s)


class Journal:
    """A file with a line for each process, in the order of their start."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def add_myself(self, process: Process) -> None:
        """Called in the child: one write, so that lines of several never mix."""
        pid = os.getpid()
        entry = Started(process.name, pid, start_ticks(pid), str(process.log), process.grace_s)
        to = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(to, msgspec.json.encode(entry) + b"\n")
        os.close(to)

    def started(self) -> list[Started]:
        """All of them, those that have ended included."""
        try:
            lines = self.file.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        return [msgspec.json.decode(line, type=Started) for line in lines]

    def alive(self) -> list[Started]:
        """Those that run."""
        return [entry for entry in self.started() if entry.is_alive()]

    def forget(self) -> None:
        """The run is over: nothing of it is left."""
        self.file.unlink(missing_ok=True)
