"""A cluster seen from outside: start it, reach it by its KUBECONFIG, run a command inside, end it."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from devtools.cluster import node
from devtools.cluster.cache import Say, say_on_stderr
from devtools.cluster.namespaces import UNSHARE
from devtools.cluster.programs import OTHER_CLUSTER, Programs, fetched
from ringback.stack.journal import Journal
from ringback.stack.process import Process, StackError, free_port, start_ticks
from ringback.stack.services import ROOT
from runtime import private_files

READY_S: Final = 300
"""Three waits of `inside` at worst, of which the last one has its own, clearer message."""
GONE_S: Final = 20


def reason_impossible() -> str | None:
    """Why no cluster can be started on this machine, with the remedy; None if one can."""
    if os.geteuid() != 0:
        return f"a cluster of our own needs root, for its namespaces: become root, {OTHER_CLUSTER}"
    for program in ("unshare", "nsenter", "ip"):
        if shutil.which(program) is None:
            return f"there is no {program}: apt-get install util-linux iproute2, {OTHER_CLUSTER}"
    tried = subprocess.run(
        [*UNSHARE, "ip", "link", "set", "lo", "up"], capture_output=True, text=True, check=False
    )
    if tried.returncode != 0:
        said = tried.stderr.strip() or f"unshare ends with {tried.returncode}"
        return f"this machine lets nobody make namespaces ({said}): allow it (CAP_SYS_ADMIN), {OTHER_CLUSTER}"
    return None


class Cluster:
    """One cluster in namespaces of its own, with its state below `run`; `stop` leaves nothing of it."""

    def __init__(
        self,
        run: Path,
        *,
        has_node: bool = False,
        dies_with_parent: bool = False,
        journal: Journal | None = None,
    ) -> None:
        self._run = run
        self._has_node = has_node
        self._port = free_port()
        argv = [sys.executable, "-m", "devtools.cluster.namespaces", str(run), str(self._port)]
        self.process = Process(
            "cluster",
            [*argv, *(["--node"] if has_node else [])],
            run,
            env={"PYTHONPATH": str(ROOT)},
            dies_with_parent=dies_with_parent,
            # `unshare` heeds no SIGTERM, and its cluster has nothing to finish.
            grace_s=0,
            journal=journal,
        )

    @property
    def kubeconfig(self) -> Path:
        """The administrator's; it works outside and inside."""
        return self._run / "kubeconfig"

    def start(self, say: Say = say_on_stderr) -> Programs:
        """Start it and wait until it works; its programs. Raises StackError."""
        reason = reason_impossible()
        if reason is not None:
            raise StackError(reason)
        programs = fetched(has_node=self._has_node, say=say)
        private_files.folder(self._run)
        began = time.monotonic()
        self.process.start_until((self._run / "ready").exists, "readiness", READY_S)
        say(f"the cluster is ready after {time.monotonic() - began:.0f} s: KUBECONFIG={self.kubeconfig}")
        return programs

    def stop(self) -> None:
        """End every process of it, and remove its state."""
        first = first_process(self.process.pid)
        self.process.kill()
        clear(self._run, first)


def first_process(unshare: int) -> int | None:
    """The pid, outside, of process 1 of a cluster; None if it is not there."""
    try:
        children = Path(f"/proc/{unshare}/task/{unshare}/children").read_text(encoding="ascii").split()
    except OSError:
        return None
    return int(children[0]) if children else None


def entered(first: int, words: list[str]) -> list[str]:
    """The words that run a command inside a cluster, whose process 1 has this pid outside."""
    return [
        "nsenter",
        "--target",
        str(first),
        "--mount",
        "--net",
        "--pid",
        "--uts",
        f"--wd={Path.cwd()}",
        *words,
    ]


def clear(run: Path, first: int | None) -> None:
    """Wait until process 1 is gone, and with it its namespaces; then remove what is on disk."""
    deadline = time.monotonic() + GONE_S
    while first is not None and start_ticks(first) is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    shutil.rmtree(run, ignore_errors=True)
    for group in node.cgroups(run):
        for folder, _, _ in os.walk(group, topdown=False):
            Path(folder).rmdir()
