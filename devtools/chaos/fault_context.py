"""What every fault needs: the cluster, randomness, a list of faults, and a schedule for later actions."""

import heapq
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from devtools.chaos.cluster import Cluster
from devtools.chaos.plan import Kind

IsWorking = Callable[[], bool]


@dataclass(slots=True)
class Strike:
    """One injected fault; `recovered_s` is None until the parts have recovered."""

    kind: Kind
    target: str
    begun_at: float
    is_working: IsWorking
    counts_from: float | None
    """From when recovery counts; None until the fault itself has ended."""
    recovered_s: float | None = None
    was_felt: bool = True
    """False: S3 or the mail server was not in use then, so recovery means nothing."""
    company: str = ""
    """Whose PBX, trunk or phone it was; empty: it concerns all companies."""


@dataclass(order=True, slots=True)
class _Later:
    at: float
    number: int
    act: Callable[[], None] = field(compare=False)


class Doing:
    """Shared by all faults. Nothing here waits: the main loop calls again and again."""

    def __init__(self, cluster: Cluster, seed: int) -> None:
        self.cluster = cluster
        self.done: list[Strike] = []
        self.findings: list[str] = []
        self.chance = random.Random(f"chaos strikes {seed}")
        self.held: set[str] = set()
        """Services and parts that have a fault now and must not get a second one."""
        self._later: list[_Later] = []
        self._number = 0

    @property
    def is_waiting(self) -> bool:
        """Whether a fault has not ended yet."""
        return bool(self._later)

    @property
    def unrecovered(self) -> list[Strike]:
        """Faults from which the parts have not recovered yet."""
        return [each for each in self.done if each.recovered_s is None]

    def add(self, kind: Kind, target: str, is_working: IsWorking, *, counts: bool = True) -> Strike:
        """Note a fault; with `counts` False, recovery counts from a later moment."""
        now = time.monotonic()
        strike = Strike(kind, target, now, is_working, now if counts else None)
        self.done.append(strike)
        return strike

    def start_counting(self, strike: Strike) -> None:
        """The fault itself has ended: recovery counts from now."""
        strike.counts_from = time.monotonic()

    def lasted_s(self, strike: Strike) -> float:
        """How long ago a fault began."""
        return time.monotonic() - strike.begun_at

    def soon(self, seconds: float, act: Callable[[], None]) -> None:
        """Schedule an action in some seconds."""
        self._number += 1
        heapq.heappush(self._later, _Later(time.monotonic() + seconds, self._number, act))

    def turn(self, now: float) -> None:
        """Run the due actions."""
        while self._later and self._later[0].at <= now:
            heapq.heappop(self._later).act()
