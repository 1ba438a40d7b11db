"""Begins a cluster's namespaces; started by `Cluster.start`, never by hand.

The socket on which clients outside reach the API server is opened here, before the network namespace is
made: a socket stays in the namespace it was opened in. Then this process becomes `unshare`, whose child is
process 1 of the new PID namespace; when that one ends, the kernel ends all others there, pods included.
"""

import os
import socket
import sys
from typing import Final

UNSHARE: Final = (
    *("unshare", "--mount", "--net", "--pid", "--uts", "--fork", "--mount-proc", "--propagation", "private"),
    # Whoever ends `unshare` ends process 1, too.
    "--kill-child=SIGKILL",
)


def main(folder: str, port: str, *options: str) -> None:
    """Open the socket and become process 1's parent."""
    outside = socket.create_server(("127.0.0.1", int(port)))
    outside.set_inheritable(True)
    inside = [sys.executable, "-m", "devtools.cluster.inside", folder, port, str(outside.fileno()), *options]
    # Its words are these, and no shell reads them.
    os.execvp(UNSHARE[0], [*UNSHARE, *inside])  # noqa: S606


if __name__ == "__main__":
    main(*sys.argv[1:])
