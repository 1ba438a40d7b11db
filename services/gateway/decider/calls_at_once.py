"""An organization's calls at once, and how fast they may arrive, over all its PBXs (O1).

What counts is a live leg that somebody else pays or waits for: one that arrived, or one dialled over the
public network. The facts of all gateways say which there are, of PBXs that other processes serve too; legs of
this process count from the moment they begin, before their facts are read back.
"""

from enum import Enum, auto
from typing import Any, Final

from contracts.addresses import is_public
from contracts.gateway import CallArrived, LegEnded, LegRequested, PbxFact
from contracts.ids import Instant, LegId
from services.gateway.state import Bucket

AT_ONCE_MAX: Final = 200
"""Until the organization's card is heard."""
ARRIVALS_PER_S: Final = 20
"""Ten times what a company with two hundred lines sees; one with more lines has a tenth of them a second."""
ARRIVALS_BURST: Final = 100
CALL_MS_MAX: Final = 4 * 3_600_000
"""No call lasts longer (G3): a leg whose end was never said stops counting."""
LEGS_MAX: Final = 20_000
"""Legs in memory, whatever an operator allows at once."""


class Verdict(Enum):
    """What is done with a call that arrives."""

    TAKEN = auto()
    BUSY = auto()
    """The organization has all its calls: rejected as busy, which the log says."""
    FLOOD = auto()
    """Calls arrive faster than anybody takes them: rejected as busy, and nothing is said of it."""


class CallsAtOnce:
    """One organization's live calls; the machines of all its PBXs ask the same count."""

    def __init__(self) -> None:
        self.at_once_max = AT_ONCE_MAX
        self._live: dict[LegId, Instant] = {}
        self._rejected: dict[LegId, None] = {}
        self._arrivals = Bucket()

    def __deepcopy__(self, memo: dict[int, Any]) -> "CallsAtOnce":
        """A machine that is copied goes on asking the count that all share."""
        return self

    def hear(self, fact: PbxFact, at: Instant) -> None:
        """Read one fact of a gateway about one of the organization's PBXs."""
        match fact:
            case CallArrived() if fact.leg_id not in self._rejected:
                self.begin(fact.leg_id, at)
            case LegRequested() if is_public(fact.address):
                self.begin(fact.leg_id, at)
            case LegEnded():
                self.end(fact.leg_id)
            case _:
                pass

    def begin(self, leg_id: LegId, at: Instant) -> None:
        """A leg counts from now on."""
        self._live.setdefault(leg_id, at)
        self._forget_oldest(self._live)

    def end(self, leg_id: LegId) -> None:
        """A leg counts no longer, if it did."""
        self._live.pop(leg_id, None)
        self._rejected.pop(leg_id, None)

    def is_full(self, now: int) -> bool:
        """Whether no call may be added."""
        while self._live:
            oldest, began_at = next(iter(self._live.items()))
            if began_at + CALL_MS_MAX > now:
                break
            del self._live[oldest]
        return len(self._live) >= self.at_once_max

    def arrives(self, leg_id: LegId, now: Instant) -> Verdict:
        """Decide on a call that arrives, and count it."""
        if not self._is_in_time(now):
            return Verdict.FLOOD
        if self.is_full(now):
            self._rejected[leg_id] = None
            self._forget_oldest(self._rejected)
            return Verdict.BUSY
        self.begin(leg_id, now)
        return Verdict.TAKEN

    def _is_in_time(self, now: Instant) -> bool:
        burst = max(ARRIVALS_BURST, self.at_once_max)
        per_s = max(ARRIVALS_PER_S, self.at_once_max / 10)
        return self._arrivals.take(now, burst=burst, per_s=per_s)

    @staticmethod
    def _forget_oldest(legs: dict[LegId, Any]) -> None:
        if len(legs) > LEGS_MAX:
            del legs[next(iter(legs))]
