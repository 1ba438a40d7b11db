"""Legs whose end is on the log before the fact that says what they were for.

Another decider's commands go before its facts, and it may be behind: a phone can ring, and its leg end or be
refused, before that decider's fact about it comes. Nothing more is said of such a leg, so a queue that took
it for a live one would do so for ever.
"""

from typing import Final

from sortedcontainers import SortedList

from contracts.ids import Instant, LegId
from runtime.records import Record, State

KEPT_MS: Final = 3_600_000
"""Longer than any decider is behind while phones ring. Most are legs of direct calls that nobody asks for."""


class EarlyEnd(Record, frozen=True, array_like=True):
    """A leg that ended, or was never dialled, when the queue did not know it."""

    leg_id: LegId
    at: Instant


class EarlyEnds:
    """These legs. Old ones are dropped when others come: a timer of each would put a fact on the log."""

    def __init__(self, state: State) -> None:
        self._ends = state.table("early_ends", EarlyEnd, self._index)
        self._oldest: SortedList[tuple[Instant, LegId]] = SortedList()

    def _index(self, old: EarlyEnd | None, new: EarlyEnd | None) -> None:
        if old is not None:
            self._oldest.remove((old.at, old.leg_id))
        if new is not None:
            self._oldest.add((new.at, new.leg_id))

    def note(self, leg_id: LegId, now_at: Instant) -> None:
        """Note the end of an unknown leg. Only in `apply`."""
        while self._oldest and self._oldest[0][0] <= now_at - KEPT_MS:
            self._ends.drop(self._oldest[0][1])
        self._ends.put(EarlyEnd(leg_id, now_at))

    def take(self, leg_id: LegId) -> bool:
        """Whether this leg's end came early; it is asked for once. Only in `apply`."""
        is_early = leg_id in self._ends
        self._ends.drop(leg_id)
        return is_early
