"""Where figures were measured: the machine, its load, the code; without names of people or paths."""

import asyncio
import contextlib
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ringback.stack.services import ROOT

LOOK_S = 0.05
"""A conversion lasts seconds; its peak can be read as long as it runs."""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader needs to judge and repeat a figure."""

    processor: str
    cores: int
    memory_gib: float
    system: str
    python: str
    load: float
    commit: str
    at: str


def described() -> Machine:
    """Describe this machine now."""
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3,
        system=f"{platform.system()} {platform.release().partition('-')[0]}",
        python=platform.python_version(),
        load=os.getloadavg()[0],
        commit=_commit(),
        at=datetime.now(tz=UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    """The commit, and whether the tree differs from it; None without git."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        changed = _git(
            "status", "--porcelain", "--", "contracts", "runtime", "services", "ringback", "devtools"
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head} with changes" if changed else head


def _git(*words: str) -> str:
    asked = ["git", *words]
    return subprocess.run(asked, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def rss_bytes(pid: int | str = "self") -> int:
    """A process's resident memory."""
    pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def processor_s(pid: int) -> float:
    """The processor time of a process, including its system calls."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Peak:
    """The largest resident memory of a process or any of its children."""

    def __init__(self) -> None:
        self.largest_bytes = 0

    async def watch(self, pid: int) -> None:
        """Look repeatedly until cancelled."""
        while True:
            self.look(pid)
            await asyncio.sleep(LOOK_S)

    def look(self, pid: int) -> None:
        """Look once."""
        for each in (pid, *_children(pid)):
            # The child may have ended since it was listed.
            with contextlib.suppress(OSError, IndexError):
                status = Path(f"/proc/{each}/status").read_text(encoding="utf-8", errors="replace")
                peak_kib = int(status.partition("VmHWM:")[2].split()[0])
                self.largest_bytes = max(self.largest_bytes, 1024 * peak_kib)


def _children(pid: int) -> list[int]:
    """The children of all threads of a process."""
    found: list[int] = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found.extend(int(each) for each in file.read_text(encoding="ascii").split())
    return found
