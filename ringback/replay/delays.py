"""How long commands took from decision to effect: the recorded delay if known, else the usual one.

A few milliseconds can decide whether an agent or a deadline comes first, so known delays are used exactly.
"""

import statistics
from collections.abc import Collection
from typing import Final

from contracts import callback as c
from contracts import queue as q
from contracts.gateway import Bridged, LegRequested, PlayFinished
from contracts.log import TimerDue
from contracts.message import Fact

REQUEST_MS: Final = 10
DONE_MS: Final = 25
TIMER_MS: Final = 5
"""Typical of a machine that is not busy; used if the stretch has no sample."""


class Delays:
    """Learns delays from the facts; a fact's time is that of its decision."""

    def __init__(self) -> None:
        self._decided: dict[str, int] = {}
        self._requested: dict[str, int] = {}
        self._bridged: dict[str, int] = {}
        self._timers: list[int] = []
        self._middles: dict[str, int] = {}

    def hear(self, at: int, fact: Fact) -> None:
        """Hear a fact. A command's effect may be on the log before the fact that explains it."""
        match fact:
            case q.OfferMade() | q.FallbackRung():
                self._decided.update((leg.leg_id, at) for leg in fact.legs if leg.dial_at <= at)
            case q.OfferLegDialled() | c.CustomerDialled() | c.ApologyDialled():
                self._decided[fact.leg_id] = at
            case q.OfferAccepted():
                self._decided[f"{fact.offer_id}.b"] = at
            case PlayFinished() if fact.play_id.endswith((".w", ".r")):
                # The bridge waits for this whisper, or notice of a recorded call.
                self._decided[f"{fact.play_id[:-1]}b"] = at
            case PlayFinished() if fact.play_id.endswith(".recorded"):
                self._decided[f"{fact.leg_id}.bridge"] = at
            case c.CustomerAnswered():
                self._decided[f"{fact.leg_id}.bridge"] = at
            case LegRequested():
                self._requested[fact.leg_id] = at
            case Bridged():
                self._bridged[fact.bridge_id] = at
            case TimerDue() if at >= fact.due_at:
                self._timers.append(at - fact.due_at)
            case _:
                pass

    def request_ms(self, leg_id: str) -> int:
        """From a decision to dial until the gateway begins to dial."""
        return self._took(self._requested, leg_id, "request", REQUEST_MS)

    def bridge_ms(self, bridge_id: str) -> int:
        """From a decision to bridge until the two legs hear each other."""
        return self._took(self._bridged, bridge_id, "bridge", DONE_MS)

    def done_ms(self) -> int:
        """From any other command until it is done: about as long as a bridge takes."""
        return self.bridge_ms("")

    def timer_ms(self) -> int:
        """How late timers are."""
        return _middle(self._timers, TIMER_MS)

    def _took(self, done: dict[str, int], name: str, kind: str, otherwise: int) -> int:
        if name in done and name in self._decided:
            return max(0, done[name] - self._decided[name])
        if kind not in self._middles:
            known = [max(0, done[each] - self._decided[each]) for each in done if each in self._decided]
            self._middles[kind] = _middle(known, otherwise)
        return self._middles[kind]


def _middle(found: Collection[int], otherwise: int) -> int:
    return round(statistics.median(found)) if found else otherwise
