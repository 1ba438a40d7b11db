"""A figure: a measured number, its baseline, its goal, and whether the goal is reached."""

from enum import StrEnum
from typing import Any, Self

import msgspec


class Of(StrEnum):
    """Which number a goal limits."""

    RATIO = "ratio"
    MEASURED = "measured"


class Goal(msgspec.Struct, frozen=True):
    """A limit, and whether a figure should be below or above it."""

    of: Of
    is_at_most: bool
    limit: float

    def __str__(self) -> str:
        """The goal in reports."""
        return f"{self.of} {'≤' if self.is_at_most else '≥'} {short(self.limit)}"

    @classmethod
    def read(cls, words: str) -> Self:
        """A goal as reports have it."""
        of, sign, limit = words.split()
        return cls(Of(of), sign == "≤", float(limit.replace(",", "")))

    def is_reached(self, value: float) -> bool:
        """Whether a value reaches the goal; the limit itself does."""
        return value <= self.limit if self.is_at_most else value >= self.limit


def ratio_at_most(limit: float) -> Goal:
    """A goal for the highest ratio to the baseline."""
    return Goal(Of.RATIO, True, limit)


def ratio_at_least(limit: float) -> Goal:
    """A goal for the lowest ratio to the baseline."""
    return Goal(Of.RATIO, False, limit)


def at_most(limit: float) -> Goal:
    """A goal for the highest measured value."""
    return Goal(Of.MEASURED, True, limit)


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the report. Without a goal it is only printed.

    `baseline` was measured in the same run; `against` describes it. `bound_by` says what determines the
    figure, so that a missed goal comes with its reason.
    """

    name: str
    unit: str
    measured: float
    baseline: float | None = None
    against: str = ""
    goal: Goal | None = None
    how: str = ""
    bound_by: str = ""

    @property
    def ratio(self) -> float | None:
        """The measured value divided by the baseline."""
        return None if not self.baseline else self.measured / self.baseline

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None without a goal or without the baseline that it needs."""
        if self.goal is None:
            return None
        value = self.ratio if self.goal.of is Of.RATIO else self.measured
        return None if value is None else self.goal.is_reached(value)

    def as_json(self) -> dict[str, Any]:
        """The figure in docs/benchmarks.json."""
        return {
            "name": self.name,
            "measured": self.measured,
            "baseline": self.baseline,
            "ratio": self.ratio,
            "goal": None if self.goal is None else str(self.goal),
            "reached": self.reached,
            "unit": self.unit,
            "against": self.against,
            "how": self.how,
            "bound_by": self.bound_by,
        }

    @classmethod
    def read(cls, found: dict[str, Any]) -> Self:
        """A figure of docs/benchmarks.json."""
        goal = found["goal"]
        kept = {name: found[name] for name in ("name", "unit", "measured", "baseline")}
        words = {name: found.get(name, "") for name in ("against", "how", "bound_by")}
        return cls(**kept, **words, goal=None if goal is None else Goal.read(goal))


def short(value: float) -> str:
    """A number with three significant digits."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def percentile(values: list[float], share: float) -> float:
    """The percentile, as the nearest measured value."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def mean(values: list[float]) -> float:
    """The arithmetic mean."""
    return sum(values) / len(values)


def median(values: list[float]) -> float:
    """The median."""
    return percentile(values, 0.5)
