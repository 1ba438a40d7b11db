"""The adapter for tests and simulation: a `Pbx` in the same process, driven by whoever keeps the time."""

from collections.abc import Callable, Sequence

from contracts.ids import PbxId
from services.gateway.port import AnyHappening, Request
from services.gateway.simulated.exchange import SimulatedPbx


class MemoryPbx:
    """Adapter to a simulated PBX; `now` gives the simulation's time."""

    def __init__(self, pbx: SimulatedPbx, now: Callable[[], int]) -> None:
        self.pbx_id: PbxId = pbx.pbx_id
        self._pbx = pbx
        self._now = now
        self._is_new = True

    def ask(self, number: int, request: Request) -> None:
        """Send a request."""
        self._pbx.command(self._now(), number, request)

    def take(self) -> Sequence[AnyHappening]:
        """What was told; at first, all that there is."""
        if self._is_new and self._pbx.is_there:
            self._is_new = False
            return [self._pbx.there(self._now())]
        return self._pbx.events(self._now())
