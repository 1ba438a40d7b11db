"""Two numbers with a mark between them: a time, a day of the year, or neither (`8.30`, `9-00`, `31.12`).

Notices on doors and web pages write times and days in ways that elsewhere mean fractions or ranges. The
numbers tell what a pair can be; the words around it, which differ by language, tell what it is. The modules
of the languages bring times and days to one form, `8:30` and a day with its month, and read that.
"""

from datetime import date
from enum import Enum
from typing import Final

LEAP_YEAR: Final = 2024
"""A leap year, so that 29.02 is a day."""
PAIR_START: Final = r"(?<![\w.,:/-])(?<!\d )"
"""Where a pair may begin: not within another number, whose thousands a space may group."""
PAIR_END: Final = r"(?![\w/]|[.,:-]\d)"
TIGHT_END: Final = r"(?![\w/]|[.,:]\d)"
"""For the first pair of a range, which a dash follows."""


class Kind(Enum):
    """What two numbers may be."""

    TIME = "time"
    DAY = "day"


def is_time(hour: str, minute: str) -> bool:
    """Whether a clock shows such a time; «24:00» counts."""
    return len(minute) == 2 and ((int(hour) < 24 and int(minute) < 60) or (hour, minute) == ("24", "00"))


def is_day(day: str, month: str) -> bool:
    """Whether a calendar has such a day; its month has two digits, unlike many fractions."""
    if len(month) != 2 or not 1 <= int(month) <= 12:
        return False
    try:
        date(LEAP_YEAR, int(month), int(day))
    except ValueError:
        return False
    return True


def kinds(left: str, mark: str, right: str) -> frozenset[Kind]:
    """What a pair can be by its numbers; a day is never written with a dash, a time never with a slash."""
    found = set()
    if is_time(left, right) and mark != "/":
        found.add(Kind.TIME)
    if mark != "-" and is_day(left, right):
        found.add(Kind.DAY)
    return frozenset(found)


def likeliest(found: frozenset[Kind]) -> Kind | None:
    """The likeliest kind: a day, because times with the minutes 01 to 12 are rare."""
    return Kind.DAY if Kind.DAY in found else Kind.TIME if found else None


def year(written: str) -> str:
    """«26» is 2026: notices speak of this century."""
    return written if len(written) == 4 else f"20{written}"


def clock(hour: str, minute: str) -> str:
    """The one form of a time."""
    return f"{int(hour)}:{minute}"
