"""Clients of event streams, over ASGI: httpx reads an answer to its end, and theirs has none."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from contracts.ids import AgentId
from tests.integration.history.harness import HistoryHarness, token_of

SOON_S = 20.0
"""Far longer than anything here takes: a test that waits for it fails."""


class Event:
    """One event: its kind, its id and its data."""

    def __init__(self, text: str) -> None:
        fields = dict(line.partition(": ")[::2] for line in text.splitlines())
        self.kind = fields.get("event", "")
        self.id = fields.get("id", "")
        self.data: dict[str, Any] = json.loads(fields.get("data", "{}"))


class LiveClient:
    """One open stream; `is_reading` cleared: it takes nothing more, as over a connection that is full."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.is_reading = asyncio.Event()
        self.is_reading.set()
        self.is_over = asyncio.Event()
        self.has_gone = asyncio.Event()
        self._has_begun = asyncio.Event()
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._text = ""
        self.raw = ""

    async def receive(self) -> dict[str, Any]:
        """What the client sends: nothing, until it goes."""
        await self.has_gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        """What the client is sent."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
            self._has_begun.set()
            return
        await self.is_reading.wait()
        if not message.get("more_body", False):
            # So does a server once it has sent an answer whole.
            self.has_gone.set()
        self.raw += message.get("body", b"").decode()
        self._text += message.get("body", b"").decode()
        while "\n\n" in self._text:
            said, _, self._text = self._text.partition("\n\n")
            if "event: " in said:
                self._events.put_nowait(Event(said))

    async def begun(self) -> int:
        """The status."""
        async with asyncio.timeout(SOON_S):
            await self._has_begun.wait()
        return self.status

    async def event(self, kind: str = "") -> Event:
        """The next event; with a kind, the next of that kind."""
        async with asyncio.timeout(SOON_S):
            while True:
                found = await self._events.get()
                if kind in ("", found.kind):
                    return found

    async def over(self) -> None:
        """The answer has ended."""
        async with asyncio.timeout(SOON_S):
            await self.is_over.wait()


@asynccontextmanager
async def watching(
    harness: HistoryHarness,
    agent_id: AgentId | None,
    *,
    last_event_id: str = "",
    token: str = "",
    family: str = "login",
    path: str = "/live/events",
) -> AsyncIterator[LiveClient]:
    """A client that watches as this agent, or with this token."""
    found = LiveClient()
    bearer = token or ("" if agent_id is None else token_of(agent_id, family=family))
    headers = [(b"authorization", f"Bearer {bearer}".encode())]
    if last_event_id:
        headers.append((b"last-event-id", last_event_id.encode()))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("history", 80),
    }

    async def run() -> None:
        try:
            await harness.app(scope, found.receive, found.send)  # type: ignore[arg-type]
        finally:
            found.is_over.set()

    task = asyncio.create_task(run())
    try:
        await found.begun()
        yield found
    finally:
        found.has_gone.set()
        found.is_reading.set()
        async with asyncio.timeout(SOON_S):
            await asyncio.wait([task])
