"""What will happen in the simulated network, and when."""

import heapq
from collections.abc import Callable


class Agenda:
    """Planned actions, in order of time and then of planning; `now` is the instant reached so far."""

    def __init__(self) -> None:
        self._planned: list[tuple[int, int, Callable[[int], None]]] = []
        self._number = 0
        self.now = 0

    def put(self, at: int, act: Callable[[int], None]) -> None:
        """Plan an action; it is called with its instant."""
        self._number += 1
        heapq.heappush(self._planned, (at, self._number, act))

    def next_at(self) -> int | None:
        """When the next action is due."""
        return self._planned[0][0] if self._planned else None

    def run(self, now: int) -> None:
        """Do everything that is due."""
        while self._planned and self._planned[0][0] <= now:
            at, _, act = heapq.heappop(self._planned)
            self.now = max(self.now, at)
            act(at)
        self.now = max(self.now, now)
