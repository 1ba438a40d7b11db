"""Counts that add up: what one row counts, and the sum of any rows, each as one number (H6).

A number has lanes: 64 bits for a sum of milliseconds, then 32 bits for each count. Adding two numbers adds
all of their counts at once, and a row that changes is taken out by a subtraction. A lane holds four thousand
million, more than any period has.

Waits are counted by steps, so that medians of hours give the median of a month: `STEPS_S` are exact for the
service level, and a percentile is told as the end of its step. The error is below one step.
"""

import struct
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from contracts.ids import Instant
from services.history.state import CallbackEnd, PlaceEnd, TryEnd, TryKind

BY_OTHER_CALL: Final = "by_other_call"
"""The end, in its row, of a callback whose customer talked with the department by another call (C14)."""

SUM_BITS: Final = 64
LANE_BITS: Final = 32
STEPS_S: Final[tuple[int, ...]] = (
    *range(1, 61),
    *range(65, 121, 5),
    *range(130, 301, 10),
    *range(330, 901, 30),
    *range(960, 1_801, 60),
    *range(2_100, 7_201, 300),
    *(hours * 3_600 for hours in (3, 4, 6, 8, 12, 24, 48, 168)),
)
"""The ends of the steps: a second up to a minute, then 3 to 8 percent of the wait up to half an hour."""
_STEPS_MS: Final[tuple[int, ...]] = tuple(each * 1_000 for each in STEPS_S)
_ANSWERED, _ABANDONED, _MISSED = range(3)
_PLACE_ENDS: Final[dict[str, int]] = {PlaceEnd.CONNECTED: _ANSWERED, PlaceEnd.ABANDONED: _ABANDONED}
_CALLBACK_ENDS: Final[dict[str | None, int]] = {
    **{end: 4 + index for index, end in enumerate(CallbackEnd)},
    None: 9,
    BY_OTHER_CALL: 10,
}
_TRY_ENDS: Final[dict[str | None, int]] = {TryEnd.ACCEPTED: 0, TryEnd.MISSED: 1, TryEnd.DECLINED: 2, None: 3}
_OTHER: Final = 4
_TIMED: Final = 5


def _one(lane: int) -> int:
    return 1 << (SUM_BITS + LANE_BITS * lane)


def of_place(end: str | None, waited_ms: int) -> int:
    """What a place counts. One whose caller went on in another (C8) counts only there."""
    if end == PlaceEnd.CONTINUED:
        return 0
    if end is None:
        return _one(0)
    waited_ms = max(0, waited_ms)
    step = min(bisect_left(_STEPS_MS, waited_ms), len(STEPS_S) - 1)
    return waited_ms + _one(1 + 3 * step + _PLACE_ENDS.get(end, _MISSED))


def of_callback(
    agent_at: Instant | None, dialled_at: Instant | None, reached_at: Instant | None, end: str | None
) -> int:
    """What a callback counts: the steps that it has reached, and its end."""
    steps = (True, agent_at is not None, dialled_at is not None, reached_at is not None)
    return sum(_one(lane) for lane, is_reached in enumerate(steps) if is_reached) + _one(_CALLBACK_ENDS[end])


def of_try(kind: str, end: str | None, rang_ms: int | None) -> int:
    """What a try counts for its employee; one of an outside number is nobody's."""
    if kind == TryKind.EXTERNAL:
        return 0
    counted = _one(_TRY_ENDS.get(end, _OTHER))
    if end == TryEnd.ACCEPTED and rang_ms is not None:
        counted += _one(_TIMED) + max(0, rang_ms)
    return counted


class PlaceCounts(Struct, frozen=True, kw_only=True):
    """Places: those open, and by the step of their wait those that ended in each way."""

    wait_ms_sum: int
    open: int
    answered: tuple[int, ...]
    abandoned: tuple[int, ...]
    missed: tuple[int, ...]

    def waits(self) -> list[int]:
        """All that ended, by step."""
        return [a + b + c for a, b, c in zip(self.answered, self.abandoned, self.missed, strict=True)]


class Funnel(Struct, frozen=True, kw_only=True):
    """Callbacks step by step; the ends and `open` add up to `ordered`.

    `by_other_call`: the customer talked in another call (C14); it counts there, and not as *connected*.
    """

    ordered: int = 0
    agent: int = 0
    dialled: int = 0
    reached: int = 0
    connected: int = 0
    expired: int = 0
    unreached: int = 0
    cancelled: int = 0
    refused: int = 0
    open: int = 0
    by_other_call: int = 0


class TryCounts(Struct, frozen=True, kw_only=True):
    """An employee's tries by their end; `timed` of those answered have a time, `answer_ms_sum` in all."""

    answer_ms_sum: int
    answered: int
    missed: int
    declined: int
    open: int
    other: int
    timed: int


def place_counts(number: int) -> PlaceCounts:
    """The counts of places in a number."""
    sum_ms, lanes = _lanes(number, 1 + 3 * len(STEPS_S))
    return PlaceCounts(
        wait_ms_sum=sum_ms,
        open=lanes[0],
        answered=lanes[1 + _ANSWERED :: 3],
        abandoned=lanes[1 + _ABANDONED :: 3],
        missed=lanes[1 + _MISSED :: 3],
    )


def funnel(number: int) -> Funnel:
    """The counts of callbacks in a number."""
    names = Funnel.__struct_fields__
    _, lanes = _lanes(number, len(names))
    return Funnel(**dict(zip(names, lanes, strict=True)))


def try_counts(number: int) -> TryCounts:
    """The counts of an employee's tries in a number."""
    sum_ms, lanes = _lanes(number, _TIMED + 1)
    answered, missed, declined, still, other, timed = lanes
    return TryCounts(
        answer_ms_sum=sum_ms,
        answered=answered,
        missed=missed,
        declined=declined,
        open=still,
        other=other,
        timed=timed,
    )


def _lanes(number: int, count: int) -> tuple[int, tuple[int, ...]]:
    data = number.to_bytes((SUM_BITS + LANE_BITS * count) // 8, "little")
    sum_ms, *lanes = struct.unpack(f"<Q{count}I", data)
    return sum_ms, tuple(lanes)


def within(by_step: Sequence[int], seconds: int) -> int:
    """How many waited no longer than that; `seconds` is one of `STEPS_S`."""
    return sum(by_step[: bisect_left(STEPS_S, seconds) + 1])


def percentile_ms(by_step: Sequence[int], percent: int) -> int | None:
    """The end of the step in which the nearest rank lies, in ms; None where nothing is counted."""
    rank = -(-sum(by_step) * percent // 100)
    if not rank:
        return None
    reached = 0
    for step_ms, count in zip(_STEPS_MS, by_step, strict=True):
        reached += count
        if reached >= rank:
            return step_ms
    raise AssertionError("the counts add up to their own sum")
