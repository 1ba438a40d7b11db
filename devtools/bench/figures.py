"""What a figure is: a number, what it is compared with, what it should be, and whether it is."""

from enum import StrEnum
from typing import Any

import msgspec


class Of(StrEnum):
    """What a goal is about."""

    RATIO = "ratio"
    MEASURED = "measured"


class Goal(msgspec.Struct, frozen=True):
    """A limit, and the side of it on which a figure should lie."""

    of: Of
    is_at_most: bool
    limit: float

    def __str__(self) -> str:
        """As reports show it."""
        return f"{self.of} {'≤' if self.is_at_most else '≥'} {short(self.limit)}"

    def is_reached(self, value: float) -> bool:
        """Whether a value lies on the right side; the limit itself does."""
        return value <= self.limit if self.is_at_most else value >= self.limit


def ratio_at_most(limit: float) -> Goal:
    """The ratio to the baseline shall not be higher."""
    return Goal(Of.RATIO, True, limit)


def ratio_at_least(limit: float) -> Goal:
    """The ratio to the baseline shall not be lower."""
    return Goal(Of.RATIO, False, limit)


def at_most(limit: float) -> Goal:
    """The measured value shall not be higher."""
    return Goal(Of.MEASURED, True, limit)


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the report. Without a goal it is only printed.

    `baseline` was measured in the same run; `against` says what it is. `bound_by` says what the figure is
    made of, so that a missed one comes with its reason.
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
        """Measured by baseline."""
        return None if not self.baseline else self.measured / self.baseline

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached, by the numbers alone; None without a goal or a baseline for it."""
        if self.goal is None:
            return None
        value = self.ratio if self.goal.of is Of.RATIO else self.measured
        return None if value is None else self.goal.is_reached(value)

    def as_json(self) -> dict[str, Any]:
        """As docs/benchmarks.json has it."""
        return {
            "name": self.name,
            "measured": self.measured,
            "baseline": self.baseline,
            "ratio": self.ratio,
            "goal": None if self.goal is None else str(self.goal),
            "reached": self.reached,
            "unit": self.unit,
            "against": self.against,
        }


def short(value: float) -> str:
    """A number as people read it: three digits that count."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def percentile(values: list[float], share: float) -> float:
    """The value below which a share of all lies, the nearest one that was measured."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def mean(values: list[float]) -> float:
    """The arithmetic mean."""
    return sum(values) / len(values)


def median(values: list[float]) -> float:
    """The middle one."""
    return percentile(values, 0.5)
