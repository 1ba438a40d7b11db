"""Numbers, dates, times and amounts as English reads them: «six thirty p m», «the first of May»."""

import re
from datetime import date
from typing import Final

from babel.dates import format_date
from num2words import num2words

from services.tts.rules import english_date_times

_COUNT: Final = r"(?:\d{1,3}(?:[ ,]\d{3})+|\d+)"
_CLOCK: Final = r"(?:(?:[01]?\d|2[0-3]):[0-5]\d|24:00)"
_RANGE: Final = re.compile(rf"(?<!\w)(?P<from>{_CLOCK})\s*[-–—]\s*(?P<until>{_CLOCK})(?![\w:])")
_TIME: Final = re.compile(
    rf"(?<!\w)(?P<time>{_CLOCK})(?:\s?(?P<half>[ap])\.?m(?!\w)\.?)?(?![\w:])", re.IGNORECASE
)
_DATE: Final = re.compile(
    r"(?<!\w)(?:(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})|(?P<y2>\d{4})-(?P<m2>\d\d)-(?P<d2>\d\d))(?!\w)"
)
_MONTH: Final = (
    "(?P<month>January|February|March|April|May|June|July|August|September|October|November|December)"
)
_DAY: Final = r"(?P<d>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_MONTH_FIRST: Final = re.compile(rf"(?<!\w){_MONTH}\s+{_DAY}(?:,?\s+(?P<y>[12]\d{{3}}))?(?![\w:])")
_DAY_FIRST: Final = re.compile(
    rf"(?<!\w)(?:the\s+)?{_DAY}\s+(?:of\s+)?{_MONTH}(?:,?\s+(?P<y>[12]\d{{3}}))?(?!\w)"
)
_HOUR: Final = re.compile(r"(?<!\w)(?P<h>0?[1-9]|1[0-2])\s?(?P<half>[ap])\.?m(?!\w)\.?", re.IGNORECASE)
_SIGN_FIRST: Final = re.compile(rf"(?P<unit>[$€£₽])\s?(?P<n>{_COUNT}(?:\.\d{{1,2}})?)(?!\d)")
_UNIT: Final = re.compile(
    rf"(?<!\w)(?P<n>{_COUNT})(?:\.(?P<part>\d{{1,6}}))?\s?"
    r"(?P<unit>[$€£₽%°]|(?:min|sec|hr)(?=s?(?!\w)))(?:(?<=\w)s?\.?)?"
)
_ORDINAL: Final = re.compile(r"(?<!\w)(?P<n>\d{1,6})(?:st|nd|rd|th)(?!\w)", re.IGNORECASE)
_DECIMAL: Final = re.compile(r"(?<![\w.,])(?P<n>\d{1,12})\.(?P<part>\d{1,6})(?![\w]|[.,]\d)")
_COUNTED: Final = re.compile(rf"(?<!\w){_COUNT}(?!\w)")
_UNITS: Final[dict[str, tuple[str, str, str, str]]] = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "₽": ("rouble", "roubles", "kopeck", "kopecks"),
    "%": ("percent", "percent", "", ""),
    "°": ("degree", "degrees", "", ""),
    "min": ("minute", "minutes", "", ""),
    "sec": ("second", "seconds", "", ""),
    "hr": ("hour", "hours", "", ""),
}
_FROM_TO: Final = re.compile(
    r"(?<![\w.,:/-])(?P<n>\d{1,9})\s?[-–—]\s?(?=(?P<m>\d{1,9})(?![\w:/]|[.,:]\d|-\w))"
)
HOURS_OF_HALF_A_DAY: Final = 12
_DIGITS_MAX: Final = 9
"""A longer row is not a count that people say in words; it is read digit by digit."""


def cardinal(number: int) -> str:
    """«one thousand five hundred», without the comma, at which a voice would pause."""
    return str(num2words(number, lang="en")).replace(",", "")


def digits(row: str) -> str:
    """A row of digits, one by one."""
    return " ".join(cardinal(int(digit)) for digit in row)


def read(text: str) -> str:
    """Put words in place of every number of a text; phone numbers are replaced already."""
    text = re.sub(r"(?<!\d)24/7(?!\d)", "twenty-four seven", text)
    text = re.sub(r"(?<!\w)ext\.", "extension", text, flags=re.IGNORECASE)
    text = english_date_times.read(text)
    text = _RANGE.sub(r"\g<from> to \g<until>", text)
    text = _DATE.sub(_read_date, text)
    text = _MONTH_FIRST.sub(lambda found: f"{found['month']} {_ordinal(found['d'])}{_year(found['y'])}", text)
    text = _DAY_FIRST.sub(
        lambda found: f"the {_ordinal(found['d'])} of {found['month']}{_year(found['y'])}", text
    )
    text = _TIME.sub(_read_time, text)
    text = _HOUR.sub(_read_hour, text)
    text = _FROM_TO.sub(_read_from_to, text)
    text = _SIGN_FIRST.sub(r"\g<n>\g<unit>", text)
    text = _UNIT.sub(_read_unit, text)
    text = _ORDINAL.sub(lambda found: _ordinal(found["n"]), text)
    text = _DECIMAL.sub(lambda found: _decimal(found["n"], found["part"]), text)
    text = _COUNTED.sub(lambda found: _plain(re.sub(r"\D", "", found[0])), text)
    return re.sub(r"\d+", lambda found: f" {_plain(found[0])} ", text)


def _read_time(found: re.Match[str]) -> str:
    hour, minute = (int(part) for part in found["time"].split(":"))
    half = found["half"].lower() if found["half"] else "p" if hour >= 12 else "a"
    if not found["half"] and minute == 0 and hour in (0, 12, 24):
        return "noon" if hour == 12 else "midnight"
    said = cardinal(hour % 12 or 12)
    if minute:
        said += f" oh {cardinal(minute)}" if minute < 10 else f" {cardinal(minute)}"
    return f"{said} {half} m{_stop(found)}"


def _read_from_to(found: re.Match[str]) -> str:
    """«one to two minutes», «nine to five»: a range rises, unless it is of hours."""
    first, last = int(found["n"]), int(found["m"])
    return f"{found['n']} to " if first < last or 0 < last < first <= HOURS_OF_HALF_A_DAY else found[0]


def _read_hour(found: re.Match[str]) -> str:
    return f"{cardinal(int(found['h']))} {found['half'].lower()} m{_stop(found)}"


def _stop(found: re.Match[str]) -> str:
    """The dot of an abbreviation if it also ends the sentence: nothing or a capital letter follows."""
    rest = found.string[found.end() :].lstrip()
    return "." if found[0].endswith(".") and (not rest or rest[0].isupper()) else ""


def _read_date(found: re.Match[str]) -> str:
    year, month, day = (int(found[name] or found[f"{name}2"]) for name in "ymd")
    try:
        when = date(year, month, day)
    except ValueError:  # there is no such day: its numbers are read
        return found[0].replace(".", " ").replace("-", " ")
    return f"the {_ordinal(str(day))} of {format_date(when, 'MMMM', locale='en')}{_year(str(year))}"


def _ordinal(number: str) -> str:
    return str(num2words(int(number), to="ordinal"))


def _year(year: str | None) -> str:
    """« twenty twenty-six», with the space before it; nothing where no year was written."""
    return f" {num2words(int(year), to='year')}" if year else ""


def _read_unit(found: re.Match[str]) -> str:
    one, many, small, smalls = _UNITS[found["unit"]]
    row, part = re.sub(r"\D", "", found["n"]), found["part"]
    unit = one if row == "1" else many
    if part is None or len(row) > _DIGITS_MAX:
        return f"{_plain(row)} {unit}{_stop(found)}"
    if small and len(part) <= 2:
        cents = int(part.ljust(2, "0"))
        return f"{cardinal(int(row))} {unit}" + (
            f" {cardinal(cents)} {small if cents == 1 else smalls}" if cents else ""
        )
    return f"{_decimal(row, part)} {many}"


def _decimal(whole: str, part: str) -> str:
    return (
        str(num2words(f"{int(whole)}.{part}", lang="en")).replace(",", "")
        if int(part)
        else cardinal(int(whole))
    )


def _plain(row: str) -> str:
    if len(row) > _DIGITS_MAX or (row.startswith("0") and len(row) > 1):
        return digits(row)
    return cardinal(int(row))
