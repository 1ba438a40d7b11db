"""Brings times, days, signs and ranges, as English-speaking offices write them, to the form `english` reads.

«9.00-18.30», «9-5», «9am–5pm», «until 31.12», «12/31/2026», «-5 degrees». As in Russian, the words before
and after tell a time or a day from a fraction.
"""

import re
from typing import Final

from services.tts.rules.date_times import (
    PAIR_END,
    PAIR_START,
    TIGHT_END,
    Kind,
    clock,
    is_day,
    kinds,
    likeliest,
    year,
)

MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_NOT_MEASURED: Final = (
    r"(?!\s*(?:[%₽$€£°]|(?:percent|degree|dollar|euro|pound|cent|pence|rouble|thousand|million|billion|times|"
    r"point|met(?:er|re)|kilomet|mile|inch|feet|foot|lit(?:er|re)|gram|kilo|ton|hour|minute|second|day|week|"
    r"month|year|people|person|m\b|km\b|kg\b|hrs?\b|mins?\b|secs?\b|gb\b|mb\b|kw\b)))"
)
_HALF: Final = r"(?:\s?[ap]\.?m\b\.?)"
_HALF_NEXT: Final = rf"(?={_HALF})"
_DASH: Final = r"\s*[-–—]\s*"
_P1: Final = r"(?P<a>\d{1,2})(?P<x>[.:/])(?P<b>\d\d)"
_P2: Final = r"(?P<c>\d{1,2})(?P<y>[.:/])(?P<d>\d\d)"
_WORDS_BEFORE: Final = (
    "at|from|until|till|til|to|by|before|after|since|between|and|on|through|around|about|starting|ending"
)

_DOTTED_HALF: Final = re.compile(
    rf"(?<![\w.,:/])(?P<a>0?[1-9]|1[0-2])\.(?P<b>[0-5]\d){_HALF_NEXT}", re.IGNORECASE
)
_FULL_DAY: Final = re.compile(
    r"(?<![\w.,:/-])(?P<d>\d{1,2})(?P<mark>[./-])(?P<m>\d{1,2})(?P=mark)(?P<y>20\d\d|(?<=\.)\d\d)(?![\w/]|[.,:-]\d)"
)
_HALF_RANGE: Final = re.compile(
    rf"(?<![\w.,:/-])(?P<from>\d{{1,2}}(?:[:.]\d\d)?{_HALF}?){_DASH}(?P<until>\d{{1,2}}(?::\d\d)?{_HALF})(?!\w)",
    re.IGNORECASE,
)
_PAIR_RANGE: Final = re.compile(
    rf"{PAIR_START}{_P1}{TIGHT_END}(?P<link>{_DASH}|\s+(?:to|until|till|through|and)\s+){_P2}{PAIR_END}"
    rf"{_NOT_MEASURED}",
    re.IGNORECASE,
)
_AFTER_WORD: Final = re.compile(
    rf"(?<!\w)(?P<before>{_WORDS_BEFORE})\s+(?P<a>\d{{1,2}})(?P<x>[./])(?P<b>\d\d){PAIR_END}{_NOT_MEASURED}",
    re.IGNORECASE,
)
_TIMES_ONLY: Final = ("at", "around", "about")
_DAYS_ONLY: Final = ("on", "through")
_BY_ITSELF: Final = re.compile(
    rf"{PAIR_START}(?P<a>\d{{1,2}})(?P<x>[./])(?P<b>\d\d){PAIR_END}{_NOT_MEASURED}", re.IGNORECASE
)
_NO_MOMENT: Final = re.compile(r"(?:version|section|chapter|number|no\.|v)\s*\Z", re.IGNORECASE)
_SIGN: Final = re.compile(
    r"(?<![\w%°)-])(?<!\d )(?P<sign>[-–+])(?=[$€£₽]?\d)(?!\d{1,4}\s*(?:minute|min\b|hour|second|day))",
    re.IGNORECASE,
)


def read(text: str) -> str:
    """Bring every time, day and sign of a text to its one form."""
    text = _FULL_DAY.sub(_full_day, text)
    text = _DOTTED_HALF.sub(r"\g<a>:\g<b>", text)
    text = _HALF_RANGE.sub(r"\g<from> to \g<until>", text)
    text = _PAIR_RANGE.sub(_range, text)
    text = _AFTER_WORD.sub(_after_word, text)
    text = _BY_ITSELF.sub(_by_itself, text)
    return _SIGN.sub(lambda found: "plus " if found["sign"] == "+" else "minus ", text)


def _day(first: str, second: str) -> str:
    """«31.12», or the American «12/31»."""
    day, month = (first, second) if is_day(first, second.rjust(2, "0")) else (second, first)
    return f"{int(day)} {MONTHS[int(month) - 1]}"


def _kinds(left: str, mark: str, right: str) -> frozenset[Kind]:
    is_american = mark == "/" and is_day(right, left.rjust(2, "0"))
    return frozenset({Kind.DAY}) if is_american else kinds(left, mark, right)


def _full_day(found: re.Match[str]) -> str:
    first, second = found["d"], found["m"].rjust(2, "0")
    if not is_day(first, second):
        first, second = second, first.rjust(2, "0")
    return f"{first}.{second}.{year(found['y'])}"


def _range(found: re.Match[str]) -> str:
    first, last = (found["a"], found["x"], found["b"]), (found["c"], found["y"], found["d"])
    link = " to " if "-" in found["link"] or "–" in found["link"] or "—" in found["link"] else found["link"]
    match likeliest(_kinds(*first) & _kinds(*last)):
        case Kind.TIME:
            return f"{clock(first[0], first[2])}{link}{clock(last[0], last[2])}"
        case Kind.DAY:
            return f"{_day(first[0], first[2])}{link}{_day(last[0], last[2])}"
        case None:
            return found[0]


def _after_word(found: re.Match[str]) -> str:
    before = found["before"]
    possible = _kinds(found["a"], found["x"], found["b"])
    if before.lower() in _TIMES_ONLY:
        possible -= {Kind.DAY}
    if before.lower() in _DAYS_ONLY:
        possible -= {Kind.TIME}
    match likeliest(possible):
        case Kind.TIME:
            return f"{before} {clock(found['a'], found['b'])}"
        case Kind.DAY:
            return f"{before} {_day(found['a'], found['b'])}"
        case None:
            return found[0]


def _by_itself(found: re.Match[str]) -> str:
    """Without a word before it: a full hour is a time, two digits and two digits can be a day."""
    if _NO_MOMENT.search(found.string[: found.start()]):
        return found[0]
    possible = _kinds(found["a"], found["x"], found["b"])
    if Kind.TIME in possible and found["b"] == "00":
        return clock(found["a"], found["b"])
    if Kind.DAY in possible and len(found["a"]) == 2:
        return _day(found["a"], found["b"])
    return found[0]
