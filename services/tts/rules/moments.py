"""Two numbers with a mark between them: a time, a day of the year, or neither (`8.30`, `9-00`, `31.12`).

Doors and web pages write times and days in ways that are fractions or ranges elsewhere. What such a pair can
be follows from its numbers; what it is, the words around it say, which differ by language. Each language's
module turns what it finds into one form, a clock's with a colon or a day with its month, and reads that.
"""

from datetime import date
from enum import Enum
from typing import Final

LEAP_YEAR: Final = 2024
"""29.02 is a day, too."""
PAIR_START: Final = r"(?<![\w.,:/-])(?<!\d )"
"""Where a pair may begin: not within another number. A space after a digit groups thousands."""
PAIR_END: Final = r"(?![\w/]|[.,:-]\d)"
TIGHT_END: Final = r"(?![\w/]|[.,:]\d)"
"""For the first pair of a range, behind which the dash stands."""


class Kind(Enum):
    """What two numbers may be."""

    TIME = "time"
    DAY = "day"


def is_time(hour: str, minute: str) -> bool:
    """Whether a clock shows it, «24:00» included."""
    return len(minute) == 2 and ((int(hour) < 24 and int(minute) < 60) or (hour, minute) == ("24", "00"))


def is_day(day: str, month: str) -> bool:
    """Whether a calendar has it; its month is written in two digits, as fractions of a kind are not."""
    if len(month) != 2 or not 1 <= int(month) <= 12:
        return False
    try:
        date(LEAP_YEAR, int(month), int(day))
    except ValueError:
        return False
    return True


def kinds(left: str, mark: str, right: str) -> frozenset[Kind]:
    """What a pair can be by its numbers; a day is never written with a dash."""
    found = set()
    if is_time(left, right) and mark != "/":
        found.add(Kind.TIME)
    if mark != "-" and is_day(left, right):
        found.add(Kind.DAY)
    return frozenset(found)


def likeliest(found: frozenset[Kind]) -> Kind | None:
    """Which of several: minutes of 01 to 12 are rare, and months are nothing else."""
    return Kind.DAY if Kind.DAY in found else Kind.TIME if found else None


def year(written: str) -> str:
    """«26» is 2026: nobody is told of days of another century."""
    return written if len(written) == 4 else f"20{written}"


def clock(hour: str, minute: str) -> str:
    """The one form of a time."""
    return f"{int(hour)}:{minute}"
