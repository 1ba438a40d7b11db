"""Numbers, durations and instants as people read them, in their language and zone."""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_decimal, format_percent
from babel.units import format_unit

_MINUTE_S: Final = 60
_HOUR_S: Final = 3_600
RANGE_MIN: Final = 3
LOCALES: Final = {"ru": Locale("ru"), "en": Locale("en")}


def zone_of(name: str) -> tzinfo:
    """A zone by its name; UTC for one that this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def running(ms: int) -> str:
    """A duration in a table, which may run on: 0:48, 12:40, 1:02:14. Never below zero."""
    seconds = max(0, ms) // 1_000
    minutes, rest = divmod(seconds, _MINUTE_S)
    if seconds < _HOUR_S:
        return f"{minutes}:{rest:02}"
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def spoken(ms: int, language: str) -> str:
    """A duration in a sentence: the two largest units, in words that agree with the number."""
    seconds = max(0, ms) // 1_000
    hours, minutes, rest = seconds // _HOUR_S, seconds % _HOUR_S // _MINUTE_S, seconds % _MINUTE_S
    found = [(hours, "hour"), (minutes, "minute"), (rest, "second")]
    shown = [(count, unit) for count, unit in found if count][:2] or [(0, "second")]
    length = "long" if len(shown) == 1 else "short"
    return " ".join(
        format_unit(count, f"duration-{unit}", length=length, locale=LOCALES[language])  # type: ignore[arg-type]
        for count, unit in shown
    )


def count(number: float, language: str) -> str:
    """A number: 12 480, 1,1."""
    return format_decimal(number, locale=LOCALES[language])


def share(part: float, language: str) -> str:
    """A share of one: 84 %."""
    return format_percent(part, locale=LOCALES[language])


def changed(part: float, language: str) -> str:
    """By which share of one something has changed: +8 %, −3 %."""
    form = "+#,##0%;−#,##0%" if language == "en" else "+#,##0\u00a0%;−#,##0\u00a0%"
    return format_percent(part, format=form, locale=LOCALES[language])


def clock(at: int, language: str, zone: str, *, seconds: bool = False) -> str:
    """An instant (ms, UTC) as the time of day in a zone."""
    form = (
        ("HH:mm:ss" if seconds else "HH:mm") if language == "ru" else ("h:mm:ss a" if seconds else "h:mm a")
    )
    return format_time(_moment(at, zone), format=form, locale=LOCALES[language])


def day(at: int, language: str, zone: str) -> str:
    """An instant's day: the weekday and the date without a year."""
    form = "d MMMM, EEEE" if language == "ru" else "EEEE, MMMM d"
    return format_date(_moment(at, zone).date(), format=form, locale=LOCALES[language])


def written_day(text: str, language: str) -> str:
    """A day as APIs write it, 2026-11-30: the weekday and the date without a year."""
    form = "d MMMM, EEEE" if language == "ru" else "EEEE, MMMM d"
    return format_date(date.fromisoformat(text), format=form, locale=LOCALES[language])


def number(text: str) -> str:
    """A customer's number as people write it; what is masked, or no number of a country, stays as it is."""
    try:
        parsed = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return text
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def written_date(at: int, language: str, zone: str, *, now_at: int) -> str:
    """An instant's date: the year only where it is another one than now."""
    moment = _moment(at, zone)
    is_this_year = moment.year == _moment(now_at, zone).year
    if language == "ru":
        form = "d MMMM" if is_this_year else "d MMMM y"
    else:
        form = "MMMM d" if is_this_year else "MMMM d, y"
    return format_date(moment.date(), format=form, locale=LOCALES[language])


def is_same_day(at: int, other_at: int, zone: str) -> bool:
    """Whether two instants are on one day of a zone."""
    return _moment(at, zone).date() == _moment(other_at, zone).date()


def date_of(at: int, zone: str) -> str:
    """An instant's day in a zone, as APIs write it: 2026-11-30."""
    return _moment(at, zone).date().isoformat()


def weekdays(days: Collection[int], language: str) -> str:
    """Days of the week (0 is Monday), short; three and more in a row as a range."""
    names = LOCALES[language].days["format"]["abbreviated"]
    runs: list[list[int]] = []
    for each in sorted(set(days)):
        if runs and runs[-1][-1] == each - 1:
            runs[-1].append(each)
        else:
            runs.append([each])
    shown = [
        f"{names[run[0]]}–{names[run[-1]]}"
        if len(run) >= RANGE_MIN
        else ", ".join(names[each] for each in run)
        for run in runs
    ]
    return ", ".join(shown)


def time_of_day(minute: int, language: str) -> str:
    """A minute of the day as a clock shows it; the day's end is midnight."""
    hours, minutes = divmod(minute, 60)
    form = "HH:mm" if language == "ru" else "h:mm a"
    return format_time(time(hours % 24, minutes), format=form, locale=LOCALES[language])


def calendar_date(text: str, language: str) -> str:
    """A date as APIs write it, with its year."""
    form = "d MMMM y" if language == "ru" else "MMMM d, y"
    return format_date(date.fromisoformat(text), format=form, locale=LOCALES[language])


def _moment(at: int, zone: str) -> datetime:
    return datetime.fromtimestamp(at / 1_000, zone_of(zone))
