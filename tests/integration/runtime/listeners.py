"""A listener with limits on loopback, and a client that says exactly what it is told."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from runtime.http_limits import Admit, Guard, Limits, anybody
from runtime.http_server import LINGER_S_MAX, ConnectionLimits, bound, listener
from runtime.server_tls import ServedCertificate

WAIT_S = 10.0
HEAD = b"POST /cards HTTP/1.1\r\nHost: test\r\n"


class Answer(NamedTuple):
    """What came back until the server closed or the answer was whole."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The stable code of an error."""
        return str(json.loads(self.body)["code"])


class Echo:
    """An application that reads each body and says how long it was."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.is_reading = True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        data = b""
        while self.is_reading:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            data += message["body"]
            if not message["more_body"]:
                break
        self.bodies.append(data)
        body = str(len(data)).encode()
        headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Endless:
    """An application whose answer goes on until its reader is gone."""

    def __init__(self, kind: str = "application/octet-stream", *, pause_s: float = 0.0) -> None:
        self.headers = [(b"content-type", kind.encode())]
        self.pause_s = pause_s
        self.has_ended = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.headers})
        disconnected = asyncio.create_task(self._disconnected(receive))
        while not disconnected.done():
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
            await asyncio.sleep(self.pause_s)
        self.has_ended.set()

    async def _disconnected(self, receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass


class Slow:
    """An application whose answer takes longer than a stream is waited for."""

    def __init__(self) -> None:
        self.has_begun = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"la", "more_body": True})
        self.has_begun.set()
        await asyncio.sleep(1.5 * LINGER_S_MAX)
        await send({"type": "http.response.body", "body": b"te"})


@contextlib.asynccontextmanager
async def served(
    app: Any,
    limits: Limits | None = None,
    connections: ConnectionLimits | None = None,
    *,
    hidden: str = "",
    admit: Admit = anybody,
    proxies: str = "",
    certificate: ServedCertificate | None = None,
    is_patient: bool = False,
) -> AsyncIterator[int]:
    """The port of a running listener; a patient one waits for its answers when it stops."""
    socket = bound("127.0.0.1", 0)
    port = int(socket.getsockname()[1])
    server = listener(
        app if isinstance(app, Guard) else Guard(app, limits or Limits(), hidden=hidden, admit=admit),
        has_lifespan=False,
        limits=connections or ConnectionLimits(),
        proxies=proxies,
        certificate=certificate,
    )
    serving = asyncio.create_task(server.serve(sockets=[socket]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield port
    finally:
        server.should_exit = True
        server.force_exit = not is_patient
        await serving


async def said(port: int, *pieces: bytes, pause_s: float = 0.0, tls: ssl.SSLContext | None = None) -> Answer:
    """Send pieces with pauses between them, and read the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    try:
        with contextlib.suppress(OSError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause_s)
        return await asyncio.wait_for(read(reader), WAIT_S)
    finally:
        writer.close()


async def read(reader: asyncio.StreamReader) -> Answer:
    """One answer."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(": ")
        headers[name.lower()] = value
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Answer(int(first.split()[1]), headers, body)
