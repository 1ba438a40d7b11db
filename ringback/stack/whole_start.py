"""What starts as a whole in a `with`: a start that fails ends what it has begun."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class WholeStart(ABC):
    """Entering the `with` starts all of it; leaving it, and a start that fails, end what runs."""

    @abstractmethod
    def _start(self) -> None:
        """Start one thing after the other."""

    @abstractmethod
    def _stop(self) -> None:
        """End what was started, also if that is only a part."""

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
