"""History as a table for people: heads and cells in Russian or English, as Babel writes dates and times."""

from datetime import UTC, datetime, tzinfo
from typing import Final

from babel.dates import format_date, format_datetime, format_time

from contracts.directory import Language
from contracts.ids import Instant
from services.history.rules.errors import Text
from services.history.rules.showing import Outcome, Row
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
"""English is read on both sides of the ocean: a month in letters is the same month everywhere."""
_FORMULA_BEGINS: Final = ("=", "+", "-", "@", "\t", "\r")


def language_of(accepted: str, own: Language) -> Language:
    """Russian or English, whichever an Accept-Language header names first; else the organization's own."""
    for each in accepted.lower().split(","):
        tag = each.split(";")[0].strip().split("-")[0]
        if tag in (Language.RUSSIAN, Language.ENGLISH):
            return Language(tag)
    return own


def cells(row: Row, language: Language, zone: tzinfo) -> tuple[str, ...]:
    """One row as text, in the order of the heads; nothing in it is taken for a formula by a spreadsheet."""
    at = datetime.fromtimestamp(row.started_at / 1000, tz=UTC).astimezone(zone)
    which = 0 if language is Language.RUSSIAN else 1
    return (
        format_date(at.date(), format=_DAY[which], locale=language),
        format_time(at.timetz(), format="HH:mm:ss", tzinfo=zone, locale=language),
        _DIRECTIONS[row.direction][which],
        row.number or _plain(row.caller),
        row.line,
        _plain(row.pbx_name),
        _plain(row.department_label),
        _plain(row.agent_label),
        _OUTCOMES[row.outcome][which],
        _YES[which] if row.is_voicemail else "",
        "" if row.position is None else str(row.position),
        duration(row.waited_ms),
        duration(row.talk_ms),
    )


def moment(at: Instant, zone: tzinfo) -> Text:
    """A day and a time of it, as both languages have them: for what is told of the last days."""
    when = datetime.fromtimestamp(at / 1000, tz=UTC)

    def said(language: Language) -> str:
        return str(format_datetime(when, "d MMMM, HH:mm", tzinfo=zone, locale=language))

    return Text(ru=said(Language.RUSSIAN), en=said(Language.ENGLISH))


def _plain(text: str) -> str:
    """A name that begins like a formula is given an apostrophe: spreadsheets then show it as it is."""
    return f"'{text}" if text.startswith(_FORMULA_BEGINS) else text


def duration(ms: int) -> str:
    """Hours, minutes and seconds, as spreadsheets read them: `0:01:30`."""
    minutes, seconds = divmod(round(ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
