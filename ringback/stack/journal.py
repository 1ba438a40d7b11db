"""Lists a run's processes on disk, so that another process can end them (`make down` after `make up`).

Each process writes its own line between fork and exec, before its program starts. So even `kill -9` of the
starting process leaves no unlisted process.
"""

import contextlib
import os
import signal
from pathlib import Path

import msgspec

from ringback.stack.process import Process, end_pid, start_ticks


class Started(msgspec.Struct, frozen=True):
    """One process; `ticks` is its start time (pids are reused), `grace_s` how long stopping may take."""

    name: str
    pid: int
    ticks: int | None
    log: str
    grace_s: float

    def is_alive(self) -> bool:
        """Whether exactly this process runs."""
        return self.ticks is not None and start_ticks(self.pid) == self.ticks

    def ask_to_stop(self) -> None:
        """Ask without waiting, so that several stop concurrently; then `end` each."""
        if self.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def end(self) -> bool:
        """Stop it, or kill it if it does not stop; False if it had ended already."""
        return end_pid(self.pid, self.ticks, self.grace_s)


class Journal:
    """A file with a line for each process, in the order of their start."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def add_myself(self, process: Process) -> None:
        """Add the calling child in one write, so that lines of several processes never mix."""
        pid = os.getpid()
        entry = Started(process.name, pid, start_ticks(pid), str(process.log), process.grace_s)
        to = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(to, msgspec.json.encode(entry) + b"\n")
        os.close(to)

    def started(self) -> list[Started]:
        """All listed processes, including ended ones."""
        try:
            lines = self.file.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        return [msgspec.json.decode(line, type=Started) for line in lines]

    def alive(self) -> list[Started]:
        """The listed processes that still run."""
        return [entry for entry in self.started() if entry.is_alive()]

    def forget(self) -> None:
        """Remove the file after the run's end."""
        self.file.unlink(missing_ok=True)
