"""The CSV's heads and cells, in Russian or English; Babel writes dates and times.

Text from outside (a caller, a network, an administrator) must stay text in every spreadsheet: no formula, no
number that loses its zeros, no date.
"""

import re
from datetime import UTC, datetime, tzinfo
from typing import Final

import phonenumbers
from babel.dates import format_date, format_datetime, format_time

from contracts.directory import Language
from contracts.ids import Instant
from runtime.languages import accepted_language
from services.history.rules.errors import Text
from services.history.rules.history_row import Row
from services.history.rules.outcome import Outcome
from services.history.state import Direction

HEADS: Final[dict[Language, tuple[str, ...]]] = {
    Language.RUSSIAN: (
        "Дата",
        "Время",
        "Направление",
        "Номер",
        "Линия",
        "АТС",
        "Отдел",
        "Сотрудник",
        "Итог",
        "Автоответчик",
        "Место при входе",
        "Ожидание",
        "Разговор",
    ),
    Language.ENGLISH: (
        "Date",
        "Time",
        "Direction",
        "Number",
        "Line",
        "PBX",
        "Department",
        "Employee",
        "Outcome",
        "Voicemail",
        "Position on joining",
        "Wait",
        "Talk",
    ),
}
_DIRECTIONS: Final[dict[Direction, tuple[str, str]]] = {
    Direction.INCOMING: ("входящий", "incoming"),
    Direction.INTERNAL: ("внутренний", "internal"),
    Direction.OUTGOING: ("исходящий", "outgoing"),
}
_OUTCOMES: Final[dict[Outcome, tuple[str, str]]] = {
    Outcome.OPEN: ("идёт", "open"),
    Outcome.ANSWERED: ("отвечен", "answered"),
    Outcome.MISSED: ("пропущен", "missed"),
    Outcome.ABANDONED: ("сброшен в очереди", "abandoned"),
    Outcome.CONTINUED: ("продолжен в другом вызове", "continued in another call"),
    Outcome.REFUSED: ("в обратном звонке отказано", "callback refused"),
    Outcome.ENDED: ("завершён без адресата", "ended, nobody was called"),
}
_YES: Final = ("да", "yes")
_DAY: Final = ("dd.MM.y", "d MMM y")
"""English is read on both sides of the ocean, so the month is in letters."""
_UNSEEN: Final = r"\s\"\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff"
"""What a program may drop before it looks for a formula: spaces, quotation marks, invisible characters."""
_SIGNS: Final = r"=+\-@＝＋－＠﹢﹣﹦﹫−"
_FORMULA: Final = re.compile(rf"(^|[,;|])([{_UNSEEN}]*)(?=[{_SIGNS}])")
"""The beginning of a formula; also within a cell, where a program that expects another separator begins a
new cell (OWASP, CSV injection)."""
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
"""Tabs and line ends begin a cell in some dialect; the others have no business in one."""
_NUMBER_OR_DATE: Final = re.compile(r"[\d\s.,:/%+-]+(?:[eE][+-]?\d+)?")


def language_of(accepted: str, own: Language) -> Language:
    """Russian or English, whichever an Accept-Language header names first, else the organization's."""
    return accepted_language(accepted) or own


def cells(row: Row, language: Language, zone: tzinfo) -> tuple[str, ...]:
    """One row as text, in the order of the heads; no spreadsheet takes any of it for a formula."""
    at = datetime.fromtimestamp(row.started_at / 1000, tz=UTC).astimezone(zone)
    which = 0 if language is Language.RUSSIAN else 1
    return (
        format_date(at.date(), format=_DAY[which], locale=language),
        format_time(at.timetz(), format="HH:mm:ss", tzinfo=zone, locale=language),
        _DIRECTIONS[row.direction][which],
        written_number(row.number) or plain(row.caller),
        written_number(row.line),
        plain(row.pbx_name),
        plain(row.department_label),
        plain(row.agent_label),
        _OUTCOMES[row.outcome][which],
        _YES[which] if row.is_voicemail else "",
        "" if row.position is None else str(row.position),
        duration(row.waited_ms),
        duration(row.talk_ms),
    )


def written_moment(at: Instant, zone: tzinfo) -> Text:
    """Day and time without the year, in both languages: for what happened in the last days."""
    when = datetime.fromtimestamp(at / 1000, tz=UTC)

    def said(language: Language) -> str:
        return str(format_datetime(when, "d MMMM, HH:mm", tzinfo=zone, locale=language))

    return Text(ru=said(Language.RUSSIAN), en=said(Language.ENGLISH))


def written_number(number: str | None) -> str:
    """A phone number as people write it, `+7 916 555-00-01`; any other text as it came.

    Where a country writes only spaces between the groups, they become dashes: in half of Europe a spreadsheet
    reads groups of three as thousands, and shows `4,85E+10`.
    """
    if not number:
        return ""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return plain(number)
    if not phonenumbers.is_possible_number(parsed):
        return plain(number)
    text = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    code, _, rest = text.partition(" ")
    return f"{code} {rest.replace(' ', '-')}" if rest.replace(" ", "").isdigit() else text


def plain(text: str) -> str:
    """One line of text, with an apostrophe where a spreadsheet would see a formula, a number or a date."""
    line = _FORMULA.sub(r"\1\2'", _CONTROLS.sub(" ", text))
    return f"'{line}" if _NUMBER_OR_DATE.fullmatch(line) else line


def duration(ms: int) -> str:
    """Hours, minutes and seconds in the form that spreadsheets read: `0:01:30`."""
    minutes, seconds = divmod(round(ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
