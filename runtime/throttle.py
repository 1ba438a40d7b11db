"""Counts repeated records of one actor, so that nobody fills a trail by asking again and again."""

from collections.abc import Iterator
from typing import Final, Generic, TypeVar

from msgspec import Struct

WINDOW_MS: Final = 60_000
EACH_MAX: Final = 60
"""Records of one actor in a minute that are kept one by one: a person does not reach that."""
ACTORS_MAX: Final = 10_000

N = TypeVar("N")


class _Window(Struct, kw_only=True):
    began_at: int
    kept: int = 0
    left_out: int = 0
    newest: object = None


class Throttle(Generic[N]):
    """Admits the first records of an actor's minute one by one, and counts the others."""

    def __init__(self, each_max: int = EACH_MAX) -> None:
        self._each_max = each_max
        self._windows: dict[str, _Window] = {}

    def times(self, actor: str, now_at: int, record: N) -> int:
        """For how many records this one stands; 0: it is only counted, and `counted` tells of it later."""
        window = self._windows.get(actor)
        if window is None or window.began_at + WINDOW_MS <= now_at:
            times = 1 if window is None else 1 + window.left_out
            if window is None and len(self._windows) >= ACTORS_MAX:
                # The one known for longest; what it left out is lost to the trail and stays in the metrics.
                del self._windows[next(iter(self._windows))]
            self._windows.pop(actor, None)
            self._windows[actor] = _Window(began_at=now_at, kept=1)
            return times
        if window.kept < self._each_max:
            window.kept += 1
            return 1
        window.left_out += 1
        window.newest = record
        return 0

    def counted(self, now_at: int) -> Iterator[tuple[N, int]]:
        """Take what was only counted in minutes that are over: each actor's newest record, and how many."""
        for actor, window in list(self._windows.items()):
            if window.began_at + WINDOW_MS > now_at:
                continue
            del self._windows[actor]
            if window.left_out:
                yield window.newest, window.left_out  # type: ignore[misc]  # `newest` is set with `left_out`
