"""A TCP proxy in front of S3 or the mail server that delays, cuts connections, or answers in their place.

It runs in its own thread; `behave` takes effect at once, also for open connections.
"""

import asyncio
import contextlib
import random
from abc import abstractmethod
from enum import StrEnum
from typing import Final

from devtools.chaos.loop_thread import LoopThread

CHUNK_BYTES: Final = 64 * 1024
DELAY_S: Final = (0.2, 1.5)
"""The delay per chunk: a request of several chunks takes seconds, and some reach their timeout."""
CUT_BYTES_MAX: Final = 20_000
"""After how much at most a connection is cut: within headers, a recording, or an answer."""


class Mood(StrEnum):
    """How the proxy behaves."""

    OPEN = "open"
    DELAY = "delay"
    CUT = "cut"
    ANSWER = "answer"


def http_answer(code: int) -> bytes:
    """The answer of a failing S3."""
    reason = {403: "AccessDenied", 500: "InternalError", 503: "SlowDown"}[code]
    body = f"<?xml version='1.0'?><Error><Code>{reason}</Code><Message>on demand</Message></Error>".encode()
    head = f"HTTP/1.1 {code} {reason}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body


class ProxyThread(LoopThread):
    """Listens on a loopback port in its own thread, and knows its open connections."""

    def __init__(self, name: str, port: int) -> None:
        super().__init__(f"proxy before {name}")
        self.port = port
        self.disturbed = 0
        """How many connections or messages it disturbed."""
        self._open: set[asyncio.StreamWriter] = set()

    async def _live(self) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self._begun.set()
        await self._stopped.wait()
        server.close()
        self._abort_all()
        open_tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in open_tasks:
            task.cancel()
        await asyncio.gather(*open_tasks, return_exceptions=True)

    def _abort_all(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        # `stop` cancels connections that wait; asyncio's own callback would log that as a fault.
        ends = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError)
        with contextlib.suppress(*ends):
            await self._handle(reader, writer)
        self._open.discard(writer)
        writer.transport.abort()

    @abstractmethod
    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""


class Proxy(ProxyThread):
    """Forwards to another loopback port in the ordered mood; counts the connections that it disturbed."""

    def __init__(self, name: str, port: int, target: int, *, seed: int) -> None:
        super().__init__(name, port)
        self._target = target
        self._mood = Mood.OPEN
        self._answer = b""
        self._chance = random.Random(seed)

    def behave(self, mood: Mood, answer: bytes = b"") -> None:
        """Behave so from now on; open connections are cut unless everything passes."""
        self._soon(self._change, mood, answer)

    def _change(self, mood: Mood, answer: bytes) -> None:
        self._mood, self._answer = mood, answer
        if mood in (Mood.CUT, Mood.ANSWER):
            self.disturbed += len(self._open)
            self._abort_all()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mood is Mood.ANSWER:
            await self._answered(reader, writer)
        else:
            await self._passed(reader, writer)

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.disturbed += 1
        if self._answer.startswith(b"HTTP/"):
            await reader.readuntil(b"\r\n\r\n")
        writer.write(self._answer)
        await writer.drain()
        # Read the remaining bytes, or a reset connection would lose the answer.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                while await reader.read(CHUNK_BYTES):
                    pass

    async def _passed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        self._open.add(back)
        ways = [
            asyncio.create_task(self._pump(reader, back)),
            asyncio.create_task(self._pump(there, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._open.discard(back)
            back.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        left = self._chance.randrange(CUT_BYTES_MAX)
        while data := await source.read(CHUNK_BYTES):
            if self._mood is Mood.DELAY:
                self.disturbed += 1
                await asyncio.sleep(self._chance.uniform(*DELAY_S))
            if self._mood is Mood.CUT:
                left -= len(data)
                if left < 0:
                    self.disturbed += 1
                    sink.write(data[: max(0, len(data) + left)])
                    return
            sink.write(data)
            await sink.drain()
        await sink.drain()
