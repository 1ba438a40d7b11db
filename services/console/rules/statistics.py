"""What the page of statistics shows of the figures: worst first, beside the period before, and by hour."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from msgspec import Struct

from services.console.state.statistics import Calls, Department, Employee, Hour, Statistics

SINCE: Final = "since_day"
UNTIL: Final = "until_day"
DEPARTMENT: Final = "department"
SECONDS: Final = "service_level_s"
NAMES: Final = (SINCE, SECONDS, DEPARTMENT, UNTIL)
"""By the names that history gives them; a refusal that names another field is about the period's end."""
SECONDS_CHOICE: Final = (10, 15, 20, 30, 45, 60, 90, 120, 180)
DAYS_USUAL: Final = 7
PRESETS: Final = (1, 7, 30)
"""Days that end today, a link each."""
LEVELS: Final = (90.0, 80.0, 65.0, 50.0)
"""Where the colours of the map change: 0 is what is fine, 4 is the worst."""
PEOPLE_MAX: Final = 25
"""So many employees have a line on the page, which stays light; the file has all of them."""
PARTS: Final = ("departments", "callbacks", "hours", "days", "employees")
"""The tables that are files, too."""


def given(query: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The filters of an address, without those that are left empty; departments with commas between."""
    found = {name: ",".join(dict.fromkeys(filter(None, query.get(name, ())))) for name in NAMES}
    return {name: value.strip() for name, value in found.items() if value.strip()}


def days(filters: Mapping[str, str], today: str) -> tuple[str, str]:
    """The period's first and last day: a week until today, where nothing else is asked for."""
    until = filters.get(UNTIL, today)
    since = filters.get(SINCE)
    if since is None:
        try:
            since = (date.fromisoformat(until) - timedelta(days=DAYS_USUAL - 1)).isoformat()
        except (ValueError, OverflowError):
            since = until  # History says what is wrong with it.
    return since, until


def asked(filters: Mapping[str, str], today: str, seconds: int) -> dict[str, str]:
    """The question to history; the service level is that of `seconds`, unless another one is chosen."""
    since, until = days(filters, today)
    return {SECONDS: str(seconds), **filters, SINCE: since, UNTIL: until, "is_compared": "true"}


def seconds_choice(usual: int) -> list[int]:
    """What is offered to choose from, with what is usual in the organization."""
    return sorted({*SECONDS_CHOICE, usual})


def preset(length: int, today: str) -> dict[str, str]:
    """The filters of so many days that end today; none for the usual number."""
    if length == DAYS_USUAL:
        return {}
    first = date.fromisoformat(today) - timedelta(days=length - 1)
    return {SINCE: first.isoformat(), UNTIL: today}


class Line(Struct, frozen=True, kw_only=True):
    """A department with its figures of the period before, None where it had none."""

    now: Department
    before: Department | None


class Person(Struct, frozen=True, kw_only=True):
    """An employee with the figures of the period before."""

    now: Employee
    before: Employee | None


class Cell(Struct, frozen=True, kw_only=True):
    """An hour of a weekday; `level` is None where nobody's wait has ended, `hour` where nobody called."""

    hour: Hour | None
    level: int | None


class Map(Struct, frozen=True, kw_only=True):
    """Hours across, weekdays down; only hours between the first and the last call of any day."""

    hours: tuple[int, ...]
    weekdays: tuple[tuple[int, tuple[Cell, ...]], ...]


def is_empty(found: Statistics) -> bool:
    """Whether nothing has happened in the period."""
    return not (found.total.offered or found.total.callbacks.ordered or found.employees)


def lines(found: Statistics) -> tuple[Line, ...]:
    """Departments, the worst service level first; those without one last, by name."""
    before = (
        {} if found.previous is None else {each.department_id: each for each in found.previous.departments}
    )
    listed = sorted(found.departments, key=_rank)
    return tuple(Line(now=each, before=before.get(each.department_id)) for each in listed)


def _rank(each: Department) -> tuple[bool, float, str]:
    level = each.service_level_percent
    return level is None, 0.0 if level is None else level, each.called.casefold()


def people(found: Statistics) -> tuple[Person, ...]:
    """Employees, whoever answered most first."""
    before = {} if found.previous is None else {each.agent_id: each for each in found.previous.employees}
    listed = sorted(found.employees, key=lambda each: (-each.answered, each.called.casefold()))
    return tuple(Person(now=each, before=before.get(each.agent_id)) for each in listed)


def total_before(found: Statistics) -> Calls | None:
    """All departments together in the period before."""
    return None if found.previous is None else found.previous.total


def level_of(percent: float | None) -> int | None:
    """The colour of a service level, 0 to 4."""
    return None if percent is None else sum(percent < each for each in LEVELS)


def by_hour(found: Statistics) -> Map | None:
    """The map of the week; None where nobody called."""
    known = {(each.weekday, each.hour): each for each in found.hours}
    if not known:
        return None
    hours = tuple(range(min(hour for _, hour in known), max(hour for _, hour in known) + 1))
    return Map(
        hours=hours,
        weekdays=tuple(
            (weekday, tuple(_cell(known.get((weekday, hour))) for hour in hours)) for weekday in range(1, 8)
        ),
    )


def _cell(hour: Hour | None) -> Cell:
    return Cell(hour=hour, level=None if hour is None else level_of(hour.service_level_percent))


def change_percent(now: int, before: int) -> int | None:
    """By how much a count has changed; None where that says nothing, because there was none."""
    return round(100 * (now - before) / before) if before else None
