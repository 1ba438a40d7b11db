"""One process of the stack: its command, its log, and how it ends.

Only processes started here are ever ended, by pid. A pid from a file is first checked against the process's
start time, since pids are reused.
"""

import contextlib
import ctypes
import errno
import functools
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ringback.stack.signals import signals_held
from runtime import private_files

if TYPE_CHECKING:
    from ringback.stack.journal import Journal

# Linux's prctl option: the signal a process gets when its parent dies (linux/prctl.h).
PR_SET_PDEATHSIG = 1
# Below Linux's ephemeral range, which starts at 32768: no outgoing connection can sit on a port we chose.
PORT_MIN, PORT_MAX = 20_000, 32_700
POLL_S = 0.02

_ports_given: set[int] = set()


class StackError(Exception):
    """A part of the stack does not start; the message says which, and where its log is."""


def free_port() -> int:
    """A free loopback port below 32768, never the same one twice in this process."""
    while True:
        port = random.SystemRandom().randint(PORT_MIN, PORT_MAX)
        if port in _ports_given:
            continue
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # As servers do: a port in TIME_WAIT is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                _ports_given.add(port)
                return port


def is_listening(port: int, address: str = "127.0.0.1") -> bool:
    """Whether a process accepts connections on a port, of loopback if not told otherwise."""
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


def why_port_is_refused(port: int, error: OSError | OverflowError) -> str:
    """Why a program can't listen on a port, with the remedy."""
    if isinstance(error, OverflowError):
        return f"{port} is not a port: give one from 1024 to 65535 with --port"
    match error.errno:
        case errno.EADDRINUSE:
            return f"port {port} is taken: give another one with --port, or end what listens there"
        case errno.EACCES:
            return f"port {port} is reserved for root: give one above 1023 with --port"
        case _:
            return f"port {port} can't be opened: {error.strerror}"


def start_ticks(pid: int) -> int | None:
    """When a process was started, in clock ticks since boot; None if there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name (field 2) may contain spaces and brackets: count from its end. Field 22 is the start time.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


def end_pid(pid: int, started_ticks: int | None, grace_s: float = 10) -> bool:
    """Stop a process that we started earlier, or kill it if it does not stop; False if it had ended."""
    if started_ticks is None or start_ticks(pid) != started_ticks:
        return False
    for sign, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            # Each leads a session. A killed process can't end its children: the signal goes to all of them.
            (os.killpg if sign is signal.SIGKILL else os.kill)(pid, sign)
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            # Our own child stays a zombie until waited for, which start_ticks reads as ended.
            if start_ticks(pid) != started_ticks:
                return True
            time.sleep(POLL_S)
    return True


class Process:
    """A named child process whose output goes to `<run>/logs/<name>.log`."""

    def __init__(
        self,
        name: str,
        argv: list[str],
        run: Path,
        *,
        env: Mapping[str, str] | None = None,
        dies_with_parent: bool = False,
        grace_s: float = 10,
        journal: "Journal | None" = None,
        umask: int = private_files.UMASK,
    ) -> None:
        """`env` is added to ours; `dies_with_parent` is for tests, whose runner may be killed.

        `grace_s` is how long it may take to stop before it is killed; `journal` lists processes that outlive
        the program that starts them.
        """
        self.grace_s = grace_s
        self._journal = journal
        self._umask = umask
        self.name = name
        self.argv = argv
        self.log = run / "logs" / f"{name}.log"
        self.env = dict(env or {})
        self.dies_with_parent = dies_with_parent
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The pid of the running or ended process."""
        if self._popen is None:
            raise StackError(f"{self.name} was never started")
        return self._popen.pid

    def start(self) -> None:
        """Start it in its own session, so that Ctrl-C in a terminal reaches only us."""
        if self.is_alive():
            raise StackError(f"{self.name} is running already, pid {self.pid}")
        if self.dies_with_parent and threading.current_thread() is not threading.main_thread():
            # For the kernel the parent is the *thread*: the end of a pool's thread would end the process.
            raise StackError(
                f"{self.name} ends with the thread that starts it: start it from the main thread"
            )
        private_files.folder(self.log.parent)
        try:
            if self.dies_with_parent or self._journal is not None:
                with signals_held():
                    self._fork(functools.partial(self._before_program, os.getpid()))
            else:
                self._fork(None)
        except OSError as error:
            raise StackError(f"{self.name} can't be started: {error}") from error
        except KeyboardInterrupt:
            # A signal came while signals were held: the process runs, and only this code knows it yet.
            self.stop()
            raise

    def _fork(self, before_program: Callable[[], None] | None) -> None:
        to = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, private_files.FILE_MODE)
        with os.fdopen(to, "ab") as log:
            self._popen = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.env},
                start_new_session=True,
                umask=self._umask,
                preexec_fn=before_program,
            )

    def _before_program(self, parent: int) -> None:
        """In the child, between fork and exec."""
        if self.dies_with_parent:
            # Request SIGKILL when the starting thread ends; it may have ended already.
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)
        if self._journal is not None:
            self._journal.add_myself(self)

    def start_until(self, is_ready: Callable[[], bool], what: str, timeout_s: float) -> None:
        """Start it and wait until it is ready; if the waiting ends early, the process ends, too."""
        self.start()
        try:
            self.wait_until(is_ready, what, timeout_s)
        except BaseException:
            self.stop()
            raise

    def is_alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self._popen is not None and self._popen.poll() is None

    def ask_to_stop(self) -> None:
        """Ask it to stop without waiting, so that several stop concurrently; then `stop` each."""
        if self._popen is not None and self.is_alive():
            self._popen.terminate()

    def stop(self, grace_s: float | None = None) -> int | None:
        """Ask it to stop, or kill it if it does not in time; its exit code, None if never started."""
        if self._popen is None:
            return None
        if self.is_alive():
            self._popen.terminate()
            try:
                self._popen.wait(self.grace_s if grace_s is None else grace_s)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._popen.pid, signal.SIGKILL)
        return self._popen.wait()

    def kill(self) -> None:
        """`kill -9`, and wait until it has ended."""
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait()

    def freeze(self) -> None:
        """SIGSTOP: it keeps its connections and does nothing (a zombie owner)."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT after `freeze`."""
        os.kill(self.pid, signal.SIGCONT)

    def wait_until(self, is_ready: Callable[[], bool], what: str, timeout_s: float) -> None:
        """Wait until `is_ready`. Raises StackError with its log if it ends or takes too long."""
        deadline = time.monotonic() + timeout_s
        while not is_ready():
            if not self.is_alive():
                raise StackError(f"{self.name} ended before {what}; {self.last_words()}")
            if time.monotonic() > deadline:
                raise StackError(f"{self.name}: no {what} after {timeout_s:g} s; {self.last_words()}")
            time.sleep(POLL_S)

    def last_words(self, lines: int = 15) -> str:
        """Its log's path and last lines, for an error message."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        tail = "\n".join(text.splitlines()[-lines:])
        return f"its log is {self.log} and ends:\n{tail}"
