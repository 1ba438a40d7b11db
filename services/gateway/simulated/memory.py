"""The adapter for tests and simulation: a simulated PBX in the same process, which the caller advances."""

from collections.abc import Callable, Sequence

from contracts.ids import PbxId
from services.gateway.port import AnyPbxEvent, Lack, Request
from services.gateway.simulated.pbx import SimulatedPbx


class MemoryPbx:
    """Adapter to a simulated PBX; `now` gives the simulation's time."""

    lacks: frozenset[Lack] = frozenset()

    def __init__(self, pbx: SimulatedPbx, now: Callable[[], int]) -> None:
        self.pbx_id: PbxId = pbx.pbx_id
        self._pbx = pbx
        self._now = now
        self._is_new = True

    def ask(self, number: int, request: Request) -> None:
        """Send a request."""
        self._pbx.command(self._now(), number, request)

    def take(self) -> Sequence[AnyPbxEvent]:
        """The events since the last call; at first, all that the PBX has."""
        if self._is_new and self._pbx.is_there:
            self._is_new = False
            return [self._pbx.there(self._now())]
        return self._pbx.events(self._now())
