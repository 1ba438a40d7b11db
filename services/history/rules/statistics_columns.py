"""The tables of statistics as files: heads and cells, in Russian or English."""

from collections.abc import Callable, Iterator
from datetime import date
from enum import StrEnum
from typing import Any, Final

from babel.dates import format_date, get_day_names
from babel.numbers import format_decimal

from contracts.directory import Language
from services.history.rules import csv_columns
from services.history.rules.statistics import CallFigures, DepartmentFigures, Figures, PeriodFigures


class Part(StrEnum):
    """One table of the figures."""

    DEPARTMENTS = "departments"
    CALLBACKS = "callbacks"
    DAYS = "days"
    HOURS = "hours"
    EMPLOYEES = "employees"


Table = list[tuple[str, ...]]
"""Rows of text; the first has the heads."""
_HEADS: Final[dict[str, tuple[str, str]]] = {
    "department": ("Отдел", "Department"),
    "employee": ("Сотрудник", "Employee"),
    "pbx": ("АТС", "PBX"),
    "day": ("Дата", "Date"),
    "weekday": ("День недели", "Weekday"),
    "hour": ("Час", "Hour"),
    "offered": ("Поступило", "Offered"),
    "answered": ("Отвечено", "Answered"),
    "abandoned": ("Не дождались", "Gave up"),
    "missed": ("Не отвечено", "Not answered"),
    "open": ("Ещё ждут", "Still waiting"),
    "service_level": ("Уровень обслуживания за {seconds} с, %", "Service level within {seconds} s, %"),
    "average": ("Среднее ожидание", "Mean wait"),
    "median": ("Медиана ожидания", "Median wait"),
    "p90": ("90 % ждали не дольше", "90% waited no longer than"),
    "p95": ("95 % ждали не дольше", "95% waited no longer than"),
    "left": ("Голосовые сообщения", "Voice messages"),
    "in_time": ("Перезвонили вовремя", "Called back in time"),
    "ordered": ("Заказано", "Ordered"),
    "connected": ("Соединены", "Connected"),
    "by_other_call": ("Соединены другим звонком", "Connected by another call"),
    "expired": ("Не успели", "Expired"),
    "unreached": ("Не дозвонились", "Not reached"),
    "cancelled": ("Отменены", "Cancelled"),
    "refused": ("Набор запрещён", "Barred"),
    "standing": ("Ещё стоят", "Standing"),
    "tries": ("Звонили", "Rung"),
    "lost": ("Пропущено", "Missed"),
    "declined": ("Отклонено", "Declined"),
    "other": ("Прочее", "Other"),
    "ringing": ("Ещё звонят", "Still ringing"),
    "share": ("Доля отвеченных, %", "Share of answered, %"),
    "answer": ("Среднее время ответа", "Mean time to answer"),
}
_BEFORE: Final = ("{head}, период до", "{head}, period before")
_TOTAL: Final = ("Всего", "Total")
_COMPARED: Final = ("offered", "answered", "abandoned", "service_level", "median", "p90")


class _Words:
    """Heads and cells in one language."""

    def __init__(self, figures: Figures, language: Language) -> None:
        self._language = language
        self._which = 0 if language is Language.RUSSIAN else 1
        self._seconds = figures.service_level_s

    def said(self, words: tuple[str, str]) -> str:
        """One of two languages."""
        return words[self._which]

    def head(self, name: str) -> str:
        """A column's head."""
        return _HEADS[name][self._which].format(seconds=self._seconds)

    def before(self, name: str) -> str:
        """The head of the same figure of the period before."""
        return _BEFORE[self._which].format(head=self.head(name))

    def percent(self, value: float | None) -> str:
        """A share, as spreadsheets of the language read it."""
        return "" if value is None else format_decimal(value, "0.0", locale=str(self._language))

    def day(self, day: str) -> str:
        """A date."""
        form = "dd.MM.y" if self._which == 0 else "d MMM y"
        return format_date(date.fromisoformat(day), format=form, locale=str(self._language))

    def weekday(self, weekday: int) -> str:
        """A day of the week, 1 is Monday."""
        return str(get_day_names("wide", locale=str(self._language))[weekday - 1])


def table(figures: Figures, part: Part, language: Language) -> Table:
    """One table of the figures."""
    return list(_MADE[part](figures, _Words(figures, language)))


def _wait(ms: int | None) -> str:
    return "" if ms is None else csv_columns.duration(ms)


def _calls(each: CallFigures | None, names: tuple[str, ...], words: _Words) -> list[str]:
    if each is None:
        return [""] * len(names)
    found = {
        "offered": str(each.offered),
        "answered": str(each.answered),
        "abandoned": str(each.abandoned),
        "missed": str(each.missed),
        "open": str(each.open),
        "service_level": words.percent(each.service_level_percent),
        "average": _wait(each.wait_ms_average),
        "median": _wait(each.wait_ms_median),
        "p90": _wait(each.wait_ms_p90),
        "p95": _wait(each.wait_ms_p95),
        "left": str(each.voicemail.left),
        "in_time": str(each.voicemail.answered_in_time),
    }
    return [found[name] for name in names]


def _of_departments(
    figures: PeriodFigures, words: _Words
) -> Iterator[tuple[list[str], CallFigures, DepartmentFigures | None]]:
    """The beginning of each row, its figures, and whose they are: None of all together, which come last."""
    for each in figures.departments:
        name = csv_columns.plain(each.name or each.department_id)
        yield [name, csv_columns.plain(each.pbx_name)], each, each
    yield [words.said(_TOTAL), ""], figures.total, None


def _departments(figures: Figures, words: _Words) -> Iterator[tuple[str, ...]]:
    names = (
        *("offered", "answered", "abandoned", "missed", "open", "service_level"),
        *("average", "median", "p90", "p95", "left", "in_time"),
    )
    previous = figures.previous
    compared = () if previous is None else _COMPARED
    heads = [words.head(name) for name in ("department", "pbx", *names)]
    yield (*heads, *(words.before(name) for name in compared))
    for begun, each, department in _of_departments(figures, words):
        before: CallFigures | None = None
        if previous is not None:
            of_id = {known.department_id: known for known in previous.departments}
            before = previous.total if department is None else of_id.get(department.department_id)
        yield (*begun, *_calls(each, names, words), *_calls(before, compared, words))


def _callbacks(figures: Figures, words: _Words) -> Iterator[tuple[str, ...]]:
    names = ("ordered", "connected", "by_other_call", "expired", "unreached", "cancelled", "refused")
    yield tuple(words.head(name) for name in ("department", "pbx", *names, "standing"))
    for begun, each, _ in _of_departments(figures, words):
        funnel = each.callbacks
        yield (*begun, *(str(getattr(funnel, name)) for name in names), str(funnel.open))


_SLOT: Final = ("offered", "answered", "abandoned", "service_level", "median")


def _slot(each: Any, words: _Words) -> list[str]:
    return [
        str(each.offered),
        str(each.answered),
        str(each.abandoned),
        words.percent(each.service_level_percent),
        _wait(each.wait_ms_median),
    ]


def _days(figures: Figures, words: _Words) -> Iterator[tuple[str, ...]]:
    yield tuple(words.head(name) for name in ("day", *_SLOT))
    for each in figures.days:
        yield (words.day(each.day), *_slot(each, words))


def _hours(figures: Figures, words: _Words) -> Iterator[tuple[str, ...]]:
    yield tuple(words.head(name) for name in ("weekday", "hour", *_SLOT))
    for each in figures.hours:
        yield (words.weekday(each.weekday), str(each.hour), *_slot(each, words))


def _employees(figures: Figures, words: _Words) -> Iterator[tuple[str, ...]]:
    names = ("tries", "answered", "share", "lost", "declined", "other", "ringing", "answer")
    yield tuple(words.head(name) for name in ("employee", "pbx", *names))
    for each in figures.employees:
        yield (
            csv_columns.plain(each.name or each.agent_id),
            csv_columns.plain(each.pbx_name),
            str(each.offered),
            str(each.answered),
            words.percent(each.share_percent),
            *(str(count) for count in (each.missed, each.declined, each.other, each.open)),
            _wait(each.answer_ms_average),
        )


_MADE: Final[dict[Part, Callable[[Figures, _Words], Iterator[tuple[str, ...]]]]] = {
    Part.DEPARTMENTS: _departments,
    Part.CALLBACKS: _callbacks,
    Part.DAYS: _days,
    Part.HOURS: _hours,
    Part.EMPLOYEES: _employees,
}
