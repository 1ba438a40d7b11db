"""What one's own page asks the APIs, with the person's token."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from services.console.activities.api_client import NONE, ApiClient, Route, Unreachable
from services.console.activities.history import BEAT, END, RIGHTS, RightsChanged, StreamEnd, events
from services.console.state.own import (
    CardShown,
    OwnNow,
    PauseChange,
    RulesShown,
    WrapUpChange,
)

NOW: Final = Route("GET", "/me/call", OwnNow)
EVENTS: Final = "/me/call/events"
PAUSE: Final = Route("PUT", "/agents/{agent_id}/pause", NONE, PauseChange)
WRAP_UP: Final = Route("PUT", "/agents/{agent_id}/wrap-up", NONE, WrapUpChange)
CARD: Final = Route("GET", "/employees/{agent_id}", CardShown)
RULES: Final = Route("GET", "/employees/{agent_id}/rules", RulesShown)
CHANGED: Final = "now"

HISTORY_ROUTES: Final = (NOW,)
DIRECTORY_ROUTES: Final = (PAUSE, WRAP_UP, CARD, RULES)


class OwnPage:
    """Calls of one person. Each raises Refused and Unreachable."""

    def __init__(self, history: ApiClient, directory: ApiClient) -> None:
        self._history = history
        self._directory = directory

    async def now(self, token: str, address: str) -> OwnNow:
        """What one does now, and the call in which one is."""
        return await self._history.call(NOW, token=token, address=address)

    @asynccontextmanager
    async def following(self, token: str, address: str) -> AsyncIterator[AsyncIterator[OwnNow | None]]:
        """The same, after each change, until history ends the stream; None is a sign of life.

        Raises RightsChanged, too, while it is read.
        """
        async with self._history.opened(EVENTS, token=token, address=address) as lines:
            yield self._changes(lines)

    async def _changes(self, lines: AsyncIterator[str]) -> AsyncIterator[OwnNow | None]:
        async for kind, data in events(lines, has_beats=True):
            try:
                if kind == BEAT:
                    yield None
                elif kind == CHANGED:
                    yield msgspec.json.decode(data, type=OwnNow)
                elif kind == END:
                    if msgspec.json.decode(data, type=StreamEnd).reason == RIGHTS:
                        raise RightsChanged
                    return
            except msgspec.DecodeError as error:
                raise Unreachable(self._history.service, f"an event of its stream: {error}") from error

    async def pause(self, token: str, address: str, agent_id: str, change: PauseChange) -> None:
        """Begin or end one's pause."""
        path = {"agent_id": agent_id}
        await self._directory.call(PAUSE, token=token, address=address, path=path, body=change)

    async def wrap_up(self, token: str, address: str, agent_id: str, until_at: int | None) -> None:
        """End the time for notes, or let it last until then."""
        path, change = {"agent_id": agent_id}, WrapUpChange(until_at=until_at)
        await self._directory.call(WRAP_UP, token=token, address=address, path=path, body=change)

    async def card(self, token: str, address: str, agent_id: str) -> tuple[CardShown, RulesShown]:
        """Which phones ring and when, and what becomes of calls that one does not take."""
        path = {"agent_id": agent_id}
        card, rules = await asyncio.gather(
            self._directory.call(CARD, token=token, address=address, path=path),
            self._directory.call(RULES, token=token, address=address, path=path),
        )
        return card, rules
