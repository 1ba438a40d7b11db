"""A proxy between a gateway and an Asterisk's ARI that lies as networks, proxies and a busy Asterisk do.

It passes WebSocket messages on unchanged, pings included, and plain HTTP (the sound of recordings) as bytes.
A late message delays none that comes after it unless both are about the same thing: a reply is one thing, and
so are all events of one channel, bridge, playback or recording.
"""

import asyncio
import contextlib
import heapq
import json
import random
import re
from collections.abc import Coroutine
from enum import StrEnum
from typing import Any, Final

from devtools.chaos.frames import Message, Opcode, read_message
from devtools.chaos.proxy import CHUNK_BYTES, ProxyThread

LATE_S: Final = 3.0
"""By how much a slow network delays every message, in each direction."""
OVERTAKEN_S_MAX: Final = 0.8
"""By how much a message is late that others overtake: longer than anything takes that ARI does."""
DROPPED_SHARE: Final = 0.4
"""The share of replies that get lost: often two in a row, and never all."""
DOUBLED_SHARE: Final = 0.4
HEAD_S_MAX: Final = 10.0
UPGRADE: Final = b"upgrade: websocket"
EXTENSIONS: Final = re.compile(rb"\r\nSec-WebSocket-Extensions:[^\r]*\r\n", re.IGNORECASE)
"""Nobody is offered compression, or the proxy could not read what it passes; Asterisk has none anyway."""
REPLY: Final = "RESTResponse"
SUBJECTS: Final = ("channel", "bridge", "playback", "recording", "peer", "device_state")
"""What an event can be about; its first one decides with which events it keeps its order."""


class Lie(StrEnum):
    """How the proxy treats what passes."""

    NONE = "none"
    DELAY = "delay"
    DROP = "drop"
    REORDER = "reorder"
    DOUBLE = "double"
    """Only what Asterisk says: no network sends a request twice, and Asterisk would dial twice by itself."""
    CUT = "cut"
    """Connections are reset, and new ones are not accepted."""
    HOLE = "hole"
    """Nothing passes and nobody is told, as if a cable was pulled."""


def subject(message: Message) -> str:
    """What a message of Asterisk is about; messages of one subject keep their order."""
    if message.is_control or message.opcode != Opcode.TEXT:
        return ""
    try:
        said = json.loads(message.payload)
    except ValueError:
        return ""
    if not isinstance(said, dict):
        return ""
    if said.get("type") == REPLY:
        return f"reply {said.get('request_id')}"
    for name in SUBJECTS:
        about = said.get(name)
        if isinstance(about, dict):
            return f"{name} {about.get('id') or about.get('name') or about.get('target_uri')}"
    return ""


class AriProxy(ProxyThread):
    """Listens on a loopback port and forwards to one Asterisk's ARI."""

    def __init__(self, name: str, port: int, target: tuple[str, int], *, seed: int) -> None:
        super().__init__(name, port)
        self._target = target
        self._lie = Lie.NONE
        self._chance = random.Random(f"ari proxy {name} {seed}")
        self._passes = asyncio.Event()
        self._passes.set()

    def tell(self, lie: Lie) -> None:
        """Treat messages so from now on, also on open connections."""
        self._soon(self._change, lie)

    def _change(self, lie: Lie) -> None:
        self._lie = lie
        if lie is Lie.HOLE:
            self.disturbed += len(self._open)
            self._passes.clear()
        else:
            self._passes.set()
        if lie is Lie.CUT:
            self.disturbed += len(self._open)
            self._abort_all()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._passes.wait()
        if self._lie is Lie.CUT:
            self.disturbed += 1
            return
        async with asyncio.timeout(HEAD_S_MAX):
            head = await reader.readuntil(b"\r\n\r\n")
        there, back = await asyncio.open_connection(*self._target)
        self._open.add(back)
        try:
            back.write(EXTENSIONS.sub(b"\r\n", head))
            ways = (
                [self._messages(reader, back, is_reply=False), self._answered_upgrade(there, writer)]
                if UPGRADE in head.lower()
                else [self._bytes(reader, back), self._bytes(there, writer)]
            )
            await _until_one_ends(*ways)
        finally:
            self._open.discard(back)
            back.transport.abort()

    async def _bytes(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        is_first = True
        while data := await source.read(CHUNK_BYTES):
            if is_first and self._lie is Lie.DELAY:
                self.disturbed += 1
                await asyncio.sleep(LATE_S)
            is_first = False
            await self._passes.wait()
            sink.write(data)
            await sink.drain()

    async def _answered_upgrade(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await there.readuntil(b"\r\n\r\n")
        await self._passes.wait()
        writer.write(head)
        if b" 101 " in head.partition(b"\r\n")[0]:
            await self._messages(there, writer, is_reply=True)
        else:
            await self._bytes(there, writer)

    async def _messages(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_reply: bool
    ) -> None:
        """Pass messages on until the source ends; then what is late comes before the end."""
        line = _Line(sink, self._passes)
        parts: list[Message] = []
        try:
            while True:
                try:
                    message = await read_message(source, parts)
                except (OSError, asyncio.IncompleteReadError):
                    break
                for late_s in self._lateness(message, is_reply=is_reply):
                    line.send(message.raw, late_s, subject(message) if is_reply else "")
            await line.all_sent()
        finally:
            line.end()

    def _lateness(self, message: Message, *, is_reply: bool) -> tuple[float, ...]:
        """By how much each copy of a message is late; none: it gets lost."""
        is_text = message.opcode == Opcode.TEXT
        match self._lie:
            case Lie.DELAY:
                late: tuple[float, ...] = (LATE_S,)
            case Lie.DROP if is_reply and is_text and subject(message).startswith("reply "):
                late = () if self._chance.random() < DROPPED_SHARE else (0.0,)
            case Lie.REORDER if is_reply and is_text:
                late = (self._chance.uniform(0, OVERTAKEN_S_MAX),)
            case Lie.DOUBLE if is_reply and is_text and self._chance.random() < DOUBLED_SHARE:
                late = (0.0, 0.0)
            case _:
                return (0.0,)
        self.disturbed += late != (0.0,)
        return late


async def _until_one_ends(*ways: Coroutine[Any, Any, None]) -> None:
    """Run both directions of a connection; it ends with either of them."""
    tasks = [asyncio.create_task(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Line:
    """Sends each message when it is due; those of one subject in their order."""

    def __init__(self, sink: asyncio.StreamWriter, passes: asyncio.Event) -> None:
        self._sink = sink
        self._passes = passes
        self._loop = asyncio.get_running_loop()
        self._waiting: list[tuple[float, int, bytes]] = []
        self._last: dict[str, float] = {}
        self._number = 0
        self._is_ended = False
        self._changed = asyncio.Event()
        self._sending = asyncio.create_task(self._send_due())

    def send(self, raw: bytes, late_s: float, about: str) -> None:
        """Send it in some seconds, and not before what was said of the same subject."""
        due = max(self._loop.time() + late_s, self._last.get(about, 0.0))
        self._last[about] = due
        self._number += 1
        heapq.heappush(self._waiting, (due, self._number, raw))
        self._changed.set()

    async def all_sent(self) -> None:
        """Wait until nothing is late any more."""
        self._is_ended = True
        self._changed.set()
        await self._sending

    def end(self) -> None:
        """Forget what was not sent."""
        self._sending.cancel()

    async def _send_due(self) -> None:
        while self._waiting or not self._is_ended:
            wait_s = self._waiting[0][0] - self._loop.time() if self._waiting else None
            if wait_s is None or wait_s > 0:
                self._changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._changed.wait()
                continue
            await self._passes.wait()
            _, _, raw = heapq.heappop(self._waiting)
            self._sink.write(raw)
            await self._sink.drain()
