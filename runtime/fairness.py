"""Turns between organizations: whatever one of them brings, the next one is served after a single turn (O1).

`Turns` is a queue with a lane for each organization. `FairRoom` is a semaphore on top of it: a number of
places, of which one organization holds a few at most, and whoever waits is let in by turns.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class Turns(Generic[T]):
    """Items by organization, taken one organization after the other, `per_organization_max` at once.

    An organization is anything with a name here; what nobody owns has a lane of its own, too.
    """

    def __init__(self, per_organization_max: int) -> None:
        self._most = per_organization_max
        self._lanes: OrderedDict[str, deque[T]] = OrderedDict()
        """Those whose turn is next first; one that may begin nothing more now keeps its place."""
        self._begun: dict[str, int] = {}
        self.size = 0

    def put(self, organization: str, item: T) -> None:
        """Add to the end of the organization's lane."""
        self._lanes.setdefault(organization, deque()).append(item)
        self.size += 1

    def take(self) -> tuple[str, T] | None:
        """The next item whose organization may begin one more; `end` must follow. None: there is none."""
        for organization in self._lanes:
            if self._begun.get(organization, 0) < self._most:
                break
        else:
            return None
        lane = self._lanes[organization]
        item = lane.popleft()
        self.size -= 1
        if lane:
            self._lanes.move_to_end(organization)
        else:
            del self._lanes[organization]
        self._begun[organization] = self._begun.get(organization, 0) + 1
        return organization, item

    def end(self, organization: str) -> None:
        """One that was taken is done."""
        left = self._begun.pop(organization) - 1
        if left:
            self._begun[organization] = left


class FairRoom:
    """A semaphore with `places`, of which one organization has `per_organization_max`."""

    def __init__(self, places: int, per_organization_max: int) -> None:
        self._free = places
        self._turns: Turns[asyncio.Future[None]] = Turns(per_organization_max)

    @asynccontextmanager
    async def place(self, organization: str) -> AsyncIterator[None]:
        """Wait for the organization's turn, and hold a place for the block."""
        let_in: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turns.put(organization, let_in)
        self._let_in()
        try:
            await let_in
        except asyncio.CancelledError:
            if let_in.done() and not let_in.cancelled():
                self._leave(organization)
            raise
        try:
            yield
        finally:
            self._leave(organization)

    def _leave(self, organization: str) -> None:
        self._turns.end(organization)
        self._free += 1
        self._let_in()

    def _let_in(self) -> None:
        while self._free and (found := self._turns.take()) is not None:
            organization, waiting = found
            if waiting.done():
                # It was given up while it waited.
                self._turns.end(organization)
                continue
            self._free -= 1
            waiting.set_result(None)
