"""One client's stream: events that wait to be sent, and why it ended (server-sent events).

What waits is bounded: a client that reads too slowly is cut off, and starts over from where it is.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Final

import msgspec

from runtime.metrics import LIVE_STREAMS, LIVE_STREAMS_ENDED
from services.history.activities.authentication import Principal
from services.history.rules.live_reach import LiveReach

HEARTBEAT_S: Final = 15.0
"""Proxies end what says nothing for a minute, some for thirty seconds."""
RETRY_MS_MIN: Final = 500
RETRY_MS_SPREAD: Final = 2_500
"""How long a browser waits before it comes back: each another time, or all would come at once."""
WAITING_EVENTS_MAX: Final = 200
WAITING_BYTES_MAX: Final = 1024 * 1024
"""A snapshot of a thousand places is half of that."""
HEARTBEAT: Final = b": still here\n\n"
_ENCODER: Final = msgspec.json.Encoder()


class Ended(StrEnum):
    """Why the server ends a stream."""

    SLOW = "slow"
    RIGHTS = "rights"
    """The login or its token is over, or sees another part of the present now."""
    RESTARTED = "restarted"
    """The tables are being made anew, or this process stops."""
    UNAVAILABLE = "unavailable"
    """The database can't be read, so nobody knows who may see what."""
    LEFT = "left"
    """The client has gone."""


class EventKind(StrEnum):
    """What an event has: all of the present, what has changed, what is one's own, or why the stream ends."""

    SNAPSHOT = "snapshot"
    CHANGES = "changes"
    NOW = "now"
    END = "end"


def event(kind: EventKind, said: msgspec.Struct, id_: str = "") -> bytes:
    """An event as it goes over the wire; JSON has no line breaks."""
    begin = b"id: %b\n" % id_.encode() if id_ else b""
    return b"%bevent: %b\ndata: %b\n\n" % (begin, kind.encode(), _ENCODER.encode(said))


class Stream:
    """One open stream. Only its own client's task awaits `lines`; the feed pushes and ends."""

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self.ended: Ended | None = None
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._is_ready = asyncio.Event()
        LIVE_STREAMS.inc()

    def push(self, data: bytes) -> None:
        """Let an event be sent, unless too much waits already: then the stream ends."""
        if self.ended is not None:
            return
        if len(self._waiting) >= WAITING_EVENTS_MAX or self._bytes + len(data) > WAITING_BYTES_MAX:
            self.end(Ended.SLOW)
            return
        self._waiting.append(data)
        self._bytes += len(data)
        self._is_ready.set()

    def end(self, reason: Ended) -> None:
        """End it; what waits is not sent any more. The first reason counts."""
        if self.ended is not None:
            return
        self.ended = reason
        self._waiting.clear()
        self._bytes = 0
        self._is_ready.set()
        LIVE_STREAMS.dec()
        LIVE_STREAMS_ENDED.labels(reason).inc()

    async def lines(self) -> AsyncIterator[bytes]:
        """What goes to the client, until the stream ends."""
        yield b"retry: %d\n\n" % (RETRY_MS_MIN + secrets.randbelow(RETRY_MS_SPREAD))
        while self.ended is None:
            if not self._waiting:
                self._is_ready.clear()
                try:
                    async with asyncio.timeout(HEARTBEAT_S):
                        await self._is_ready.wait()
                except TimeoutError:
                    yield HEARTBEAT
                continue
            data = self._waiting.popleft()
            self._bytes -= len(data)
            yield data
        yield b'event: end\ndata: {"reason": "%b"}\n\n' % self.ended.encode()


class LiveStream(Stream):
    """A stream of what a reach shows."""

    def __init__(self, principal: Principal, reach: LiveReach) -> None:
        super().__init__(principal)
        self.reach = reach
