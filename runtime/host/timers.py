"""Finds organizations with a due timer, and repeats `timer_due` until the timer is dropped.

The index comes from the store at every claim, so that idle organizations wake, too. The machine's clock only
decides when to append `timer_due`; the record's own time decides whether the timer is due.
"""

from collections.abc import Iterator, Mapping

from sortedcontainers import SortedSet

from contracts.ids import Instant, OrganizationId
from runtime.records import State, Timer

PAUSE_S_MIN = 1.0
"""The pause after the first request, and after each one that did not reach the log."""
PAUSE_S_MAX = 64.0
"""A timer that is still set after two minutes waits for a fault: once a minute is enough."""
TIMERS_MAX = 500
"""The most timers appended in one turn: records must not wait for a thousand that fall due together."""


class DueIndex:
    """Indexes organizations by their earliest timer."""

    def __init__(self, stored: Mapping[OrganizationId, Instant]) -> None:
        self._due = dict(stored)
        self._order: SortedSet[tuple[Instant, OrganizationId]] = SortedSet(
            (at, organization_id) for organization_id, at in stored.items()
        )

    def set(self, organization_id: OrganizationId, due_at: Instant | None) -> bool:
        """Set an organization's earliest timer; whether that is a change."""
        old = self._due.get(organization_id)
        if old == due_at:
            return False
        if old is not None:
            self._order.discard((old, organization_id))
            del self._due[organization_id]
        if due_at is not None:
            self._order.add((due_at, organization_id))
            self._due[organization_id] = due_at
        return True

    def due(self, now: Instant) -> Iterator[OrganizationId]:
        """Organizations with a timer at or before `now`, earliest first."""
        if not self._order or self._order[0][0] > now:
            return  # The usual case, too frequent to make an iterator for.
        for at, organization_id in self._order:
            if at > now:
                return
            yield organization_id

    def next_after(self, now: Instant) -> Instant | None:
        """The next instant after `now` at which a timer falls due."""
        found = self._order.bisect_left((Instant(now + 1), OrganizationId("")))
        return self._order[found][0] if found < len(self._order) else None

    def all(self) -> dict[OrganizationId, Instant]:
        """The whole index, for a snapshot."""
        return {organization_id: at for at, organization_id in self._order}


class Asked:
    """Timers that were appended and are still set; they are appended again after 1, 2, 4 … s."""

    def __init__(self) -> None:
        self._asked: dict[tuple[OrganizationId, str, int], tuple[float, float]] = {}

    def wanted(
        self, organization_id: OrganizationId, state: State, now: Instant, elapsed: float
    ) -> list[Timer]:
        """This organization's due timers to append now."""
        return [
            timer
            for timer in state.due(now)
            if self._again_at(organization_id, state, timer, elapsed) <= elapsed
        ]

    def _again_at(self, organization_id: OrganizationId, state: State, timer: Timer, elapsed: float) -> float:
        """When to append a timer: at once, after its pause, or when the log's time reaches it.

        A `timer_due` that came back too early shows how far this machine's clock is ahead of the log's;
        a long pause would miss the deadline.
        """
        key = (organization_id, timer.timer_id, timer.due_at)
        if key not in self._asked:
            return 0.0
        again_at, pause = self._asked[key]
        left_ms = timer.due_at - state.now_at
        if left_ms > 0:
            again_at = min(again_at, elapsed + (left_ms + 1) / 1000)
            self._asked[key] = (again_at, pause)
        return again_at

    def note(self, organization_id: OrganizationId, timer: Timer, elapsed: float) -> bool:
        """Note that a timer was appended; whether it was appended before."""
        key = (organization_id, timer.timer_id, timer.due_at)
        _, before = self._asked.get(key, (0.0, 0.0))
        pause = min(2 * before, PAUSE_S_MAX) if before else PAUSE_S_MIN
        self._asked[key] = (elapsed + pause, pause)
        return bool(before)

    def put_off(self, organization_id: OrganizationId, timer: Timer, elapsed: float) -> None:
        """Note that a timer could not be appended: it goes again in a second, and its pause does not grow.

        With a clock that is ahead the pause may be a minute by the time the timer is due; were it waited for
        then, one failure of the log would make a customer wait a minute longer.
        """
        key = (organization_id, timer.timer_id, timer.due_at)
        _, before = self._asked.get(key, (0.0, 0.0))
        self._asked[key] = (elapsed + PAUSE_S_MIN, before)

    def forget_dropped(self, organization_id: OrganizationId, state: State) -> None:
        """Forget timers that the state has dropped or set to another instant."""
        for key in [key for key in self._asked if key[0] == organization_id]:
            timer = state.timers.get(key[1])
            if timer is None or timer.due_at != key[2]:
                del self._asked[key]

    def next_at(self) -> float | None:
        """When to append the next one again, in elapsed seconds."""
        return min((at for at, _ in self._asked.values()), default=None)
