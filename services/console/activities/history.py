"""History's API as the console uses it: the present, its changes as they come, and figures."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from services.console.activities.api_client import ApiClient, Route, Unreachable
from services.console.rules.present import Present
from services.console.state.live import Changes, Figures, Live

LIVE: Final = Route("GET", "/live", Live)
FIGURES: Final = Route(
    "GET", "/statistics", Figures, query=("since_day", "until_day", "zone", "service_level_s")
)
EVENTS: Final = "/live/events"
EVENT_BYTES_MAX: Final = 2 * 1024 * 1024
"""History's snapshot of a thousand places is a quarter of that."""
SNAPSHOT: Final = "snapshot"
CHANGES: Final = "changes"
END: Final = "end"
BEAT: Final = ":"
"""A comment of a stream that has nothing to say."""
RIGHTS: Final = "rights"

ROUTES: Final = (LIVE, FIGURES)


class RightsChanged(Exception):
    """The login is over, or sees another part of the present now."""


class StreamEnd(msgspec.Struct):
    """Why history ends a stream."""

    reason: str


class History:
    """Calls of history. Each raises Refused and Unreachable; `address` is the person's own."""

    def __init__(self, client: ApiClient) -> None:
        self.client = client

    async def live(self, token: str, address: str) -> Live:
        """The present."""
        return await self.client.call(LIVE, token=token, address=address)

    async def figures_of(self, token: str, address: str, *, day: str, zone: str, within_s: int) -> Figures:
        """The figures of a day, by the clock of a zone; the service level is that of so many seconds."""
        query = {"since_day": day, "until_day": day, "zone": zone, "service_level_s": str(within_s)}
        return await self.client.call(FIGURES, token=token, address=address, query=query)

    @asynccontextmanager
    async def following(self, token: str, address: str) -> AsyncIterator[AsyncIterator[Present]]:
        """The present, again after each event, until history ends the stream.

        Raises Refused, Unreachable, and RightsChanged while it is read.
        """
        async with self.client.opened(EVENTS, token=token, address=address) as lines:
            yield self._presents(lines)

    async def _presents(self, lines: AsyncIterator[str]) -> AsyncIterator[Present]:
        present: Present | None = None
        async for kind, data in events(lines):
            try:
                if kind == SNAPSHOT:
                    present = Present(msgspec.json.decode(data, type=Live))
                elif kind == CHANGES and present is not None:
                    present.change(msgspec.json.decode(data, type=Changes))
                elif kind == END:
                    if msgspec.json.decode(data, type=StreamEnd).reason == RIGHTS:
                        raise RightsChanged
                    return
            except msgspec.DecodeError as error:
                raise Unreachable(self.client.service, f"an event of its stream: {error}") from error
            if present is not None:
                yield present


async def events(lines: AsyncIterator[str], *, has_beats: bool = False) -> AsyncIterator[tuple[str, str]]:
    """Kind and data of each server-sent event; with `has_beats` also BEAT for each sign of life."""
    kind, data = "", list[str]()
    async for line in lines:
        field, _, value = line.partition(":")
        match field:
            case "event":
                kind = value.removeprefix(" ")
            case "data":
                data.append(value.removeprefix(" "))
            case "" if not line:
                if data:
                    yield kind, "\n".join(data)
                kind, data = "", []
            case "" if has_beats:
                yield BEAT, ""
            case _:
                pass
