"""Waits, abandons and expiries of a run of facts: the same arithmetic for the recording and the model."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from contracts import callback as c
from contracts import queue as q
from contracts.directory import DepartmentSaved
from contracts.ids import DepartmentId, PlaceId
from contracts.message import Fact
from contracts.queue import DivertReason

PERCENTILE: Final = 0.95


@dataclass(slots=True)
class Place:
    """One place and its end in a run."""

    place_id: PlaceId
    department_id: DepartmentId
    joined_at: int
    end: str = ""
    """connected, callback, abandoned, deadline, nobody, full, a callback's end, merged; "": not yet."""
    ended_at: int | None = None
    settled_at: int | None = None
    """When its callback ended; the queue says so a moment later."""
    has_ordered: bool = False
    is_late: bool = False

    @property
    def waited_ms(self) -> int | None:
        """From joining to the end."""
        return None if self.ended_at is None else self.ended_at - self.joined_at


DIVERTED: Final = {
    DivertReason.DEADLINE: "deadline",
    DivertReason.FALLBACK_UNANSWERED: "deadline",
    DivertReason.NOBODY_CAN_COME: "nobody",
    DivertReason.QUEUE_FULL: "full",
}


@dataclass(slots=True)
class Run:
    """All places of a run, and its offers."""

    places: dict[PlaceId, Place] = field(default_factory=dict)
    departments: dict[DepartmentId, str] = field(default_factory=dict)
    offers: dict[DepartmentId, int] = field(default_factory=dict)
    missed: dict[DepartmentId, int] = field(default_factory=dict)


def of(facts: Iterable[tuple[int, Fact]]) -> Run:
    """Read a run of accepted facts without repeats."""
    run = Run()
    reasons: dict[PlaceId, DivertReason] = {}
    for at, fact in facts:
        match fact:
            case DepartmentSaved():
                run.departments[fact.department_id] = fact.name
            case q.PlaceTaken():
                run.places[fact.place_id] = Place(fact.place_id, fact.department_id, fact.joined_at)
            case q.NoAnswerReached():
                reasons[fact.place_id] = fact.reason
                _note_late(run, fact)
            case q.DeadlinePassed():
                _note_late(run, fact)
            case c.CallbackOrdered() if fact.place_id in run.places:
                run.places[fact.place_id].has_ordered = True
            case q.OfferMade():
                run.offers[fact.department_id] = run.offers.get(fact.department_id, 0) + 1
            case q.OfferMissed() if fact.place_id in run.places:
                home = run.places[fact.place_id].department_id
                run.missed[home] = run.missed.get(home, 0) + 1
            case _:
                _note_end(run, at, fact, reasons)
    return run


def _note_late(run: Run, fact: q.NoAnswerReached | q.DeadlinePassed) -> None:
    is_late = isinstance(fact, q.DeadlinePassed) or fact.reason is DivertReason.DEADLINE
    if fact.place_id in run.places and is_late:
        run.places[fact.place_id].is_late = True


def _note_end(run: Run, at: int, fact: Fact, reasons: dict[PlaceId, DivertReason]) -> None:
    match fact:
        case q.PlaceConnected():
            _end(run, fact.place_id, at, "connected")
        case q.PlaceAbandoned():
            _end(run, fact.place_id, at, "abandoned")
        case q.PlaceDiverted():
            # A place that the fallback employee did not take has its earlier reason.
            _end(run, fact.place_id, at, DIVERTED[reasons.get(fact.place_id, fact.reason)])
        case q.CallbackTakenOver():
            _end(run, fact.new_place_id, at, "merged")
        case c.CallbackEnd() if fact.place_id in run.places:
            run.places[fact.place_id].settled_at = at
        case q.PlaceClosed():
            ends = {"connected": "callback", "confirmed": "merged"}
            settled_at = run.places[fact.place_id].settled_at if fact.place_id in run.places else None
            _end(run, fact.place_id, settled_at or at, ends.get(fact.outcome, fact.outcome))
        case _:
            pass


def _end(run: Run, place_id: PlaceId, at: int, end: str) -> None:
    place = run.places.get(place_id)
    if place is not None and not place.end:
        place.end, place.ended_at = end, at


@dataclass(slots=True, frozen=True)
class Figure:
    """One line of the comparison: a count, or a time span in ms; None without places to measure."""

    name: str
    number: int | None
    is_ms: bool = False


def figures(run: Run, department_id: DepartmentId | None = None) -> list[Figure]:
    """The figures of a department, or of all."""
    places = [each for each in run.places.values() if department_id in (None, each.department_id)]

    def count(*ends: str) -> int:
        return sum(1 for each in places if each.end in ends)

    reached = [each.waited_ms for each in places if each.end in ("connected", "callback")]
    waits = sorted(ms for ms in reached if ms is not None)
    left = sorted(ms for each in places if each.end == "abandoned" and (ms := each.waited_ms) is not None)
    offers, missed = (
        sum(number for home, number in each.items() if department_id in (None, home))
        for each in (run.offers, run.missed)
    )
    return [
        Figure("places", len(places)),
        Figure("talked to an agent", count("connected", "callback")),
        Figure("   of these called back", count("callback")),
        Figure("wait until then, mean", _mean(waits), True),
        Figure("   middle", _at(waits, 0.5), True),
        Figure("   19 of 20 within", _at(waits, PERCENTILE), True),
        Figure("   longest", waits[-1] if waits else None, True),
        Figure("abandoned", count("abandoned")),
        Figure("   after, mean", _mean(left), True),
        Figure("deadline reached", sum(1 for each in places if each.is_late)),
        Figure("no-answer action: deadline", count("deadline")),
        Figure("   nobody can come", count("nobody")),
        Figure("   too many waiting", count("full")),
        Figure("callbacks ordered", sum(1 for each in places if each.has_ordered)),
        Figure("   expired", count("expired")),
        Figure("   unreached", count("unreached")),
        Figure("   cancelled or refused", count("cancelled", "barred")),
        Figure("offers made", offers),
        Figure("   missed", missed),
        Figure("merged with an earlier place", count("merged")),
        Figure("not ended on this stretch", count("")),
    ]


def _mean(found: list[int]) -> int | None:
    return round(sum(found) / len(found)) if found else None


def _at(found: list[int], share: float) -> int | None:
    """The percentile by nearest rank."""
    if not found:
        return None
    return found[max(0, -(-len(found) * round(share * 100) // 100) - 1)]


TOLERANCE_MS: Final = 2_000
"""Late timers and the network have their usual delays in the model, so waits may differ by this much."""


def differences(one: Run, other: Run, *, stalls: Iterable[tuple[int, int]] = ()) -> list[str]:
    """The places at which two runs differ by more than the tolerance: they show how far to trust the model.

    Time in which services stood still during the first run's place is added to its tolerance.
    """
    known, found = tuple(stalls), []
    for place_id in dict.fromkeys((*one.places, *other.places)):
        mine, yours = one.places.get(place_id), other.places.get(place_id)
        if mine is None or yours is None or mine.end != yours.end or _is_later(mine, yours, known):
            found.append(f"{place_id}: {_told(mine)} then, {_told(yours)} in the replay")
    return found


def _is_later(mine: Place, yours: Place, stalls: tuple[tuple[int, int], ...]) -> bool:
    """Whether one wait is longer than the other by more than the tolerance."""
    apart_ms = abs((mine.waited_ms or 0) - (yours.waited_ms or 0))
    return apart_ms > TOLERANCE_MS + _stalled_ms(mine, stalls)


def _told(place: Place | None) -> str:
    if place is None:
        return "no such place"
    ended = place.end or "not ended"
    return ended if place.waited_ms is None else f"{ended} after {clock(place.waited_ms)}"


def clock(ms: int) -> str:
    """A time span as minutes and seconds."""
    seconds = round(ms / 1000)
    return f"{seconds // 60}:{seconds % 60:02d}"


def _stalled_ms(place: Place, stalls: tuple[tuple[int, int], ...]) -> int:
    """How long services stood still while a place was there."""
    ended_at = place.joined_at if place.ended_at is None else place.ended_at
    overlaps = (min(until, ended_at) - max(begun, place.joined_at) for begun, until in stalls)
    return sum(ms for ms in overlaps if ms > 0)
