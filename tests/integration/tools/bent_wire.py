"""A wire to a real server that somebody in between bends: what a client asks, or what it is answered."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Answered = Callable[[bytes], bytes | None]
"""An answer in place of the server's to a request, which ends the connection; None: pass it on."""
Changed = Callable[[bytes], bytes]
"""What the client gets of what the server sent, piece by piece."""


@contextmanager
def bent(
    server: str, *, answered: Answered = lambda _: None, changed: Changed = lambda data: data
) -> Iterator[str]:
    """`host:port` that leads to a server at `host:port`, except for what is bent."""
    host, _, port = server.rpartition(":")
    listening = socket.create_server(("127.0.0.1", 0))
    open_: list[socket.socket] = []

    def ask(client: socket.socket, there: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65_536):
                answer = answered(data)
                if answer is not None:
                    client.sendall(answer)
                    client.shutdown(socket.SHUT_RDWR)
                    break
                there.sendall(data)
        with contextlib.suppress(OSError):
            there.shutdown(socket.SHUT_RDWR)

    def answer(client: socket.socket, there: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := there.recv(65_536):
                client.sendall(changed(data))
            client.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listening.accept()
                there = socket.create_connection((host, int(port)))
                open_.extend((client, there))
                for carry in (ask, answer):
                    threading.Thread(target=carry, args=(client, there), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        # Closing alone would not wake a thread that accepts.
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(timeout=10)
        for each in open_:
            each.close()
