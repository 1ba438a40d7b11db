"""How many files are passed on at once: slow readers must not take the connections that pages need."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

AT_ONCE_MAX: Final = 40
OF_ONE_MAX: Final = 6
"""A browser opens as many connections to one host."""


class TooManyAtOnce(Exception):
    """So many files are under way that this one has to wait."""


class Turns:
    """The files under way in this process, by whoever reads them."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    @contextmanager
    def one(self, whose: str) -> Iterator[None]:
        """Hold one of the places meanwhile. Raises TooManyAtOnce."""
        if self._open.total() >= AT_ONCE_MAX or self._open[whose] >= OF_ONE_MAX:
            raise TooManyAtOnce
        self._open[whose] += 1
        try:
            yield
        finally:
            self._open[whose] -= 1
            if not self._open[whose]:
                del self._open[whose]
