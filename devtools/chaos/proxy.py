"""A TCP proxy in front of S3 or the mail server that delays, cuts connections, or answers in their place.

It runs in its own thread; `behave` takes effect at once, also for open connections.
"""

import asyncio
import contextlib
import random
import threading
from enum import StrEnum
from typing import Final

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


class Proxy(threading.Thread):
    """Listens on a loopback port and forwards to another; counts the connections that it disturbed."""

    def __init__(self, name: str, port: int, target: int, *, seed: int) -> None:
        super().__init__(name=f"proxy before {name}", daemon=True)
        self.port = port
        self.disturbed = 0
        self._target = target
        self._mood = Mood.OPEN
        self._answer = b""
        self._chance = random.Random(seed)
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._stopped = asyncio.Event()

    def run(self) -> None:
        """The thread's own loop, until `stop`."""
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    def begin(self) -> None:
        """Start, and wait until it listens."""
        self.start()
        self._listening.wait(10)

    def behave(self, mood: Mood, answer: bytes = b"") -> None:
        """Behave so from now on; open connections are cut unless everything passes."""
        self._loop.call_soon_threadsafe(self._change, mood, answer)

    def stop(self) -> None:
        """Close everything and end the thread."""
        if self.is_alive():
            self._loop.call_soon_threadsafe(self._stopped.set)
            self.join(10)

    def _change(self, mood: Mood, answer: bytes) -> None:
        self._mood, self._answer = mood, answer
        if mood in (Mood.CUT, Mood.ANSWER):
            for writer in self._open:
                self.disturbed += 1
                writer.transport.abort()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self._listening.set()
        await self._stopped.wait()
        server.close()
        for writer in self._open:
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            if self._mood is Mood.ANSWER:
                await self._answered(reader, writer)
            else:
                await self._passed(reader, writer)
        self._open.discard(writer)
        writer.transport.abort()

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
