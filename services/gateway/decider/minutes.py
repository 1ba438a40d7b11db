"""The minutes of talk that an organization has dialled over the public network today (C10).

Counted from the gateways' own facts, of all the organization's PBXs, by the days (UTC) of the log's time:
whoever reads the log from its start counts the same. A leg counts while it is answered, while it runs too.
"""

from typing import Any, Final

from contracts.addresses import is_public
from contracts.gateway import LegAnswered, LegEnded, LegRequested, PbxFact
from contracts.ids import Instant, LegId
from services.gateway.decider.calls_at_once import CallsAtOnce

MINUTE_MS: Final = 60_000
DAY_MS: Final = 24 * 60 * MINUTE_MS
CALL_MS_MAX: Final = 4 * 60 * MINUTE_MS
"""No call lasts longer (G3): a leg whose end was never said stops counting."""
LEGS_MAX: Final = 20_000
"""Legs without an end; beyond this the oldest were lost by PBXs that are gone."""


class Minutes:
    """One organization's minutes; the machines of all its PBXs ask the same count."""

    def __init__(self) -> None:
        self._legs: dict[LegId, Instant | None] = {}
        self._day = 0
        self._ended_ms = 0
        self._alarmed_on = 0
        self.calls = CallsAtOnce()
        """Counted beside, from the same facts."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "Minutes":
        """A machine that is copied goes on asking the count that all share."""
        return self

    def hear(self, fact: PbxFact, at: Instant) -> None:
        """Read one fact of a gateway about one of the organization's PBXs."""
        self.calls.hear(fact, at)
        match fact:
            case LegRequested() if is_public(fact.address):
                self._legs[fact.leg_id] = None
                if len(self._legs) > LEGS_MAX:
                    del self._legs[next(iter(self._legs))]
            case LegAnswered() if fact.leg_id in self._legs:
                self._legs[fact.leg_id] = at
            case LegEnded() if fact.leg_id in self._legs:
                answered_at = self._legs.pop(fact.leg_id)
                self._begin(at)
                if answered_at is not None:
                    self._ended_ms += self._of_today(answered_at, at)
            case _:
                pass

    def used_ms(self, at: Instant) -> int:
        """How much of today's has been talked until now."""
        self._begin(at)
        running = (self._of_today(each, at) for each in self._legs.values() if each is not None)
        return self._ended_ms + sum(running)

    def are_used_up(self, at: Instant, minutes_max: int) -> bool:
        """Whether no further leg may be dialled today; those that run go on."""
        return self.used_ms(at) >= minutes_max * MINUTE_MS

    def is_alarm(self, at: Instant, minutes_max: int) -> bool:
        """Whether four fifths are used, for the first time today."""
        day = at // DAY_MS
        if self._alarmed_on == day or self.used_ms(at) * 5 < minutes_max * MINUTE_MS * 4:
            return False
        self._alarmed_on = day
        return True

    def _begin(self, at: Instant) -> None:
        if at // DAY_MS > self._day:
            self._day, self._ended_ms = at // DAY_MS, 0

    def _of_today(self, answered_at: Instant, at: Instant) -> int:
        """The part of a leg's talk that lies within today."""
        begun_at = max(answered_at, self._day * DAY_MS)
        return max(0, min(at, answered_at + CALL_MS_MAX) - begun_at)
