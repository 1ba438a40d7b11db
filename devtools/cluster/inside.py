"""Process 1 of a cluster's namespaces: starts its programs in order, and watches them.

It also carries the connections of clients outside to the API server, whose address is 127.0.0.1 of this
network namespace.
"""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

from devtools.cluster import relay
from devtools.cluster.control_plane import ControlPlane
from devtools.cluster.node import Node
from devtools.cluster.programs import fetched
from ringback.stack.process import Process, StackError

WATCHED_EVERY_S: Final = 0.5


def _reap(processes: list[Process]) -> None:
    """Collect ended orphans, which process 1 inherits; its own children's ends are for `is_alive`."""
    ours = {process.pid for process in processes}
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid in ours:
            return
        os.waitpid(ended.si_pid, 0)


async def _watch(processes: list[Process]) -> None:
    while True:
        _reap(processes)
        for process in processes:
            if not process.is_alive():
                raise StackError(f"{process.name} has ended; {process.last_words()}")
        await asyncio.sleep(WATCHED_EVERY_S)


async def _serve(outside: socket.socket, port: int, processes: list[Process]) -> None:
    await relay.serve(outside, port)
    await _watch(processes)


def main(folder: str, port: str, outside: str, *options: str) -> int:
    """Start everything, say so in the file `ready`, and stay until a program ends or we are ended."""
    run = Path(folder)
    has_node = "--node" in options
    programs = fetched(has_node=has_node)
    socket.sethostname("ringback-node")
    try:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        plane = ControlPlane(run, int(port), programs)
        plane.start()
        if has_node:
            Node(run, plane, programs).start()
        (run / "ready").touch()
        with socket.socket(fileno=int(outside)) as listener:
            asyncio.run(_serve(listener, int(port), plane.processes))
    except (StackError, subprocess.CalledProcessError) as failure:
        print(f"cluster: {failure}", file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
