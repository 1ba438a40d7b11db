"""Brings times, days, signs and ranges, as Russian offices write them, to the form that `russian` reads.

«с 9.00 до 18-00», «10.00-19.00», «31.12», «31.12.26», «-5 градусов». The preposition before `8.30` and the
word after it tell whether it is a time, a day or a fraction: before a unit of measure it is a fraction.
"""

import re
from typing import Final

from services.tts.rules.date_times import (
    PAIR_END,
    PAIR_START,
    TIGHT_END,
    Kind,
    clock,
    kinds,
    likeliest,
    year,
)

MONTHS: Final = (
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
)
_MEASURED: Final = (
    r"(?:процент|градус|рубл|руб\b|р\b|коп|доллар|евро|цент|тыс|млн|млрд|миллион|миллиард|раз\b|раза\b|балл|"
    r"метр|километр|сантиметр|миллиметр|литр|грамм|килограмм|тонн|м\b|км\b|см\b|мм\b|кг\b|л\b|т\b|кв\b|куб|"
    r"час|минут|секунд|мин\b|сек\b|сут|дн[яей]|день|недел|месяц|лет\b|год[а-я]*\b|человек|чел\b|шт|"
    r"гб\b|мб\b|гигабайт|мегабайт|квт|вт\b|вольт)"
)
"""Words that follow a fraction or a count, and never a time or a day, with their abbreviations."""
_NOT_MEASURED: Final = rf"(?!\s*(?:[%₽$€£°]|{_MEASURED}))"
_OF_DAY: Final = r"(?=\s*(?:утра|вечера|дня|ночи|мск|по\s+москв|по\s+местному)(?!\w))"
_DASH: Final = r"\s*[-–—]\s*"
_P1: Final = r"(?P<a>\d{1,2})(?P<x>[.:-])(?P<b>\d\d)"
_P2: Final = r"(?P<c>\d{1,2})(?P<y>[.:-])(?P<d>\d\d)"

_SHORT_YEAR: Final = re.compile(
    r"(?<![\w.,:/-])(?P<d>\d{1,2})(?P<mark>[./-])(?P<m>\d{1,2})(?P=mark)(?P<y>20\d\d|(?<=\.)\d\d)(?![\w/]|[.,:-]\d)"
)
_FULL_DAYS: Final = re.compile(
    rf"(?<![\w.])(?:со?\s+)?(?P<from>\d{{1,2}}\.\d\d\.\d{{4}}){_DASH}(?P<until>\d{{1,2}}\.\d\d\.\d{{4}})(?![\w.]\d)",
    re.IGNORECASE,
)
_PAIR_RANGE: Final = re.compile(
    rf"{PAIR_START}(?:(?P<with>со?)\s+)?{_P1}{TIGHT_END}{_DASH}{_P2}{PAIR_END}{_NOT_MEASURED}", re.IGNORECASE
)
_HALF_RANGE: Final = re.compile(
    rf"{PAIR_START}(?P<from>\d{{1,2}}){_DASH}{_P2}{PAIR_END}{_NOT_MEASURED}", re.IGNORECASE
)
_LINKED: Final = re.compile(
    rf"(?<!\w)(?P<with>со?|от)\s+{_P1}{TIGHT_END}(?P<link>\s+(?:до|по)\s+){_P2}{PAIR_END}{_NOT_MEASURED}",
    re.IGNORECASE,
)
_AFTER_PREPOSITION: Final = re.compile(
    r"(?<!\w)(?P<before>со?|до|от|ото|ко?|после|около|перед|на|по|во?)\s+"
    rf"(?P<a>\d{{1,2}})(?P<x>[.-])(?P<b>\d\d){PAIR_END}{_NOT_MEASURED}",
    re.IGNORECASE,
)
_TIMES_ONLY: Final = ("в", "во")
_DAYS_ONLY: Final = ("по",)
_OPENING: Final = ("с", "со", "от")
_BY_ITSELF: Final = re.compile(
    rf"{PAIR_START}(?P<a>\d{{1,2}})(?P<x>[.-])(?P<b>\d\d){PAIR_END}{_NOT_MEASURED}", re.IGNORECASE
)
_TOLD_BY_NEXT: Final = re.compile(
    rf"{PAIR_START}(?P<a>\d{{1,2}})(?P<x>[.-])(?P<b>\d\d){_OF_DAY}", re.IGNORECASE
)
_CLAUSE_END: Final = re.compile(
    r"\s*(?:\Z|[.,;!?)]|(?:до|по|и|или|без|кроме|ежедневно|утра|вечера|дня|ночи)(?!\w))", re.IGNORECASE
)
_NO_MOMENT: Final = re.compile(r"(?:верси[ия]|пункт|п\.|раздел|статья|ст\.|№|номер)\s*\Z", re.IGNORECASE)
_SPAN: Final = r"\d{1,4}\s*(?:минут|мин\b|час|секунд|сек\b|дн[яей]|день)"
"""No duration is negative: the sign before it is a dash that lost its space."""
_SIGN: Final = re.compile(
    rf"(?<![\w%°)-])(?<!\d )(?P<sign>[-+–])(?=[$€£₽]?\d)(?!{_SPAN})",
    re.IGNORECASE,
)


def read(text: str) -> str:
    """Bring every time, day and sign of a text to its one form."""
    text = _SHORT_YEAR.sub(_full_day, text)
    text = _FULL_DAYS.sub(r"с \g<from> по \g<until>", text)
    text = _PAIR_RANGE.sub(_range, text)
    text = _LINKED.sub(_linked, text)
    text = _HALF_RANGE.sub(_half_range, text)
    text = _TOLD_BY_NEXT.sub(
        lambda found: clock(found["a"], found["b"]) if Kind.TIME in _kinds(found) else found[0], text
    )
    text = _AFTER_PREPOSITION.sub(_after_preposition, text)
    text = _BY_ITSELF.sub(_by_itself, text)
    return _SIGN.sub(lambda found: "плюс " if found["sign"] == "+" else "минус ", text)


def _day(day: str, month: str) -> str:
    return f"{int(day)} {MONTHS[int(month) - 1]}"


def _kinds(found: re.Match[str]) -> frozenset[Kind]:
    return kinds(found["a"], found["x"], found["b"])


def _full_day(found: re.Match[str]) -> str:
    return f"{found['d']}.{found['m'].rjust(2, '0')}.{year(found['y'])}"


def _pair_kind(found: re.Match[str]) -> Kind | None:
    """The kind that both ends of a range have."""
    return likeliest(_kinds(found) & kinds(found["c"], found["y"], found["d"]))


def _range(found: re.Match[str]) -> str:
    match _pair_kind(found):
        case Kind.TIME:
            before = f"{found['with']} " if found["with"] else ""
            return f"{before}{clock(found['a'], found['b'])}-{clock(found['c'], found['d'])}"
        case Kind.DAY:
            before = found["with"] or "с"
            return f"{before} {_day(found['a'], found['b'])} по {_day(found['c'], found['d'])}"
        case None:
            return found[0]


def _half_range(found: re.Match[str]) -> str:
    """«9-18.00»: the first hour is written without its minutes."""
    if int(found["from"]) > 24 or Kind.TIME not in kinds(found["c"], found["y"], found["d"]):
        return found[0]
    return f"{found['from']}-{clock(found['c'], found['d'])}"


def _linked(found: re.Match[str]) -> str:
    match _pair_kind(found):
        case Kind.TIME:
            ends = clock(found["a"], found["b"]), clock(found["c"], found["d"])
        case Kind.DAY:
            ends = _day(found["a"], found["b"]), _day(found["c"], found["d"])
        case None:
            return found[0]
    return f"{found['with']} {ends[0]}{found['link']}{ends[1]}"


def _after_preposition(found: re.Match[str]) -> str:
    before = found["before"]
    possible = _kinds(found)
    if before.lower() in _TIMES_ONLY:
        possible -= {Kind.DAY}
    if before.lower() in _DAYS_ONLY:
        possible -= {Kind.TIME}
    kind = likeliest(possible)
    # «в 10-15 местах» is a range of places, «с 9-18» one of hours: a dash needs full hours, or an end.
    is_of_hours = before.lower() in _OPENING and int(found["a"]) < int(found["b"]) <= 24
    is_doubtful = found["x"] == "-" and found["b"] != "00" and (is_of_hours or not _ends_clause(found))
    if kind is None or is_doubtful:
        return found[0]
    said = clock(found["a"], found["b"]) if kind is Kind.TIME else _day(found["a"], found["b"])
    return f"{before} {said}"


def _by_itself(found: re.Match[str]) -> str:
    """Without a preposition: a full hour is a time, two digits and two digits can be a day."""
    if _NO_MOMENT.search(found.string[: found.start()]):
        return found[0]
    possible = _kinds(found)
    if Kind.TIME in possible and found["b"] == "00":
        return clock(found["a"], found["b"])
    if Kind.DAY in possible and len(found["a"]) == 2:
        return _day(found["a"], found["b"])
    return found[0]


def _ends_clause(found: re.Match[str]) -> bool:
    return _CLAUSE_END.match(found.string, found.end()) is not None
