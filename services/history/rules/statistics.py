"""Statistics of departments and employees, as sums of rows (H6); each answer carries its formulas.

A place counts in the period in which its customer joined; a place whose caller went on in another (C8) counts
only there. An employee's tries count in the period in which they rang. `figure_counts.py` says what each row
counts, and every figure, wherever it is shown, is made here of such counts.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, TypeVar

from msgspec import Struct, structs

from contracts.directory import AgentSaved, DepartmentSaved
from contracts.ids import AgentId, DepartmentId, Instant
from services.history.rules import figure_counts
from services.history.rules.card_cache import CardCache
from services.history.rules.figure_counts import Funnel, funnel, percentile_ms, within
from services.history.rules.formulas import Formulas

MEDIAN: Final = 50
P90: Final = 90
P95: Final = 95


class MessageLine(Struct, frozen=True, array_like=True):
    """A voice message as statistics read it."""

    department_id: DepartmentId | None
    taken_at: int
    called_back_at: int | None


class VoicemailFigures(Struct, frozen=True, kw_only=True):
    """Voice messages, and those whose customer was called back in time."""

    left: int = 0
    answered_in_time: int = 0


class CallFigures(Struct, frozen=True, kw_only=True):
    """Calls to departments. `offered` = answered + abandoned + missed + open; waits in ms, None: nobody."""

    offered: int
    answered: int
    abandoned: int
    missed: int
    open: int
    wait_ms_average: int | None
    wait_ms_median: int | None
    wait_ms_p90: int | None
    wait_ms_p95: int | None
    service_level_percent: float | None
    callbacks: Funnel
    voicemail: VoicemailFigures


class DepartmentFigures(CallFigures, frozen=True, kw_only=True):
    """A department's calls."""

    department_id: DepartmentId
    name: str = ""
    pbx_name: str = ""


class EmployeeFigures(Struct, frozen=True, kw_only=True):
    """An employee's tries; `other` were neither taken nor left: withdrawn, busy, unreachable, absent …

    `share_percent`: of all that the employees of this answer have answered; None: nobody has answered any.
    """

    agent_id: AgentId
    offered: int
    answered: int
    missed: int
    declined: int
    other: int
    open: int
    answer_ms_average: int | None
    share_percent: float | None = None
    name: str = ""
    pbx_name: str = ""


class SlotFigures(Struct, frozen=True, kw_only=True):
    """The calls of a part of the period, by when the customer joined."""

    offered: int
    answered: int
    abandoned: int
    wait_ms_median: int | None
    service_level_percent: float | None


class DayFigures(SlotFigures, frozen=True, kw_only=True):
    """A day by the zone's clock."""

    day: str


class HourFigures(SlotFigures, frozen=True, kw_only=True):
    """An hour of a weekday by the zone's clock, over the whole period; 1 is Monday, hours are 0 to 23."""

    weekday: int
    hour: int


class PeriodFigures(Struct, frozen=True, kw_only=True):
    """The figures of a period; `total` is of all its departments together."""

    since_at: Instant
    until_at: Instant
    total: CallFigures
    departments: tuple[DepartmentFigures, ...]
    employees: tuple[EmployeeFigures, ...]


class Figures(PeriodFigures, frozen=True, kw_only=True):
    """Figures and their formulas; `previous` only where it was asked for."""

    days: tuple[DayFigures, ...]
    hours: tuple[HourFigures, ...]
    service_level_s: int
    zone: str
    formulas: Formulas
    previous: PeriodFigures | None = None


OfPeriod = TypeVar("OfPeriod", bound=PeriodFigures)


class Counts(Struct, kw_only=True):
    """What the rows of a period count, as numbers of `figure_counts`; slots are quarters of an hour."""

    places: dict[DepartmentId, int] = {}
    slots: dict[int, int] = {}
    callbacks: dict[DepartmentId, int] = {}
    tries: dict[AgentId, int] = {}
    messages: dict[DepartmentId, VoicemailFigures] = {}


def named(figures: OfPeriod, cards: CardCache) -> OfPeriod:
    """The figures with the cards' current names; someone who left keeps the last one."""
    return structs.replace(
        figures,
        departments=tuple(
            structs.replace(each, **_names(cards, cards.department(each.department_id)))
            for each in figures.departments
        ),
        employees=tuple(
            structs.replace(each, **_names(cards, cards.agent(each.agent_id))) for each in figures.employees
        ),
    )


def _names(cards: CardCache, card: DepartmentSaved | AgentSaved | None) -> dict[str, str]:
    pbx = None if card is None else cards.pbx(card.pbx_id)
    return {"name": "" if card is None else card.name, "pbx_name": "" if pbx is None else pbx.name}


def period(counts: Counts, *, since_at: Instant, until_at: Instant, service_level_s: int) -> PeriodFigures:
    """The figures of all that is counted: every department and employee that has any, by id."""
    departments = sorted(counts.places.keys() | counts.callbacks.keys() | counts.messages.keys())
    return PeriodFigures(
        since_at=since_at,
        until_at=until_at,
        total=CallFigures(
            **_calls(sum(counts.places.values()), service_level_s),
            callbacks=funnel(sum(counts.callbacks.values())),
            voicemail=VoicemailFigures(
                left=sum(each.left for each in counts.messages.values()),
                answered_in_time=sum(each.answered_in_time for each in counts.messages.values()),
            ),
        ),
        departments=tuple(
            DepartmentFigures(
                department_id=each,
                **_calls(counts.places.get(each, 0), service_level_s),
                callbacks=funnel(counts.callbacks.get(each, 0)),
                voicemail=counts.messages.get(each, VoicemailFigures()),
            )
            for each in departments
        ),
        employees=employees(counts.tries),
    )


def _calls(number: int, service_level_s: int) -> dict[str, Any]:
    found = figure_counts.place_counts(number)
    waits = found.waits()
    answered, abandoned, ended = sum(found.answered), sum(found.abandoned), sum(waits)
    return {
        "offered": ended + found.open,
        "answered": answered,
        "abandoned": abandoned,
        "missed": ended - answered - abandoned,
        "open": found.open,
        "wait_ms_average": round(found.wait_ms_sum / ended) if ended else None,
        "wait_ms_median": percentile_ms(waits, MEDIAN),
        "wait_ms_p90": percentile_ms(waits, P90),
        "wait_ms_p95": percentile_ms(waits, P95),
        "service_level_percent": _service_level(
            within(found.answered, service_level_s), ended - within(found.abandoned, service_level_s)
        ),
    }


def _service_level(in_time: int, counted: int) -> float | None:
    return round(100 * in_time / counted, 1) if counted else None


def voicemail(messages: Iterable[MessageLine], voicemail_s: int) -> dict[DepartmentId, VoicemailFigures]:
    """Voice messages of departments, and those answered in time."""
    found: dict[DepartmentId, VoicemailFigures] = {}
    for each in messages:
        if each.department_id is None:
            continue
        is_in_time = (
            each.called_back_at is not None and each.called_back_at - each.taken_at <= voicemail_s * 1000
        )
        known = found.get(each.department_id, VoicemailFigures())
        found[each.department_id] = VoicemailFigures(
            left=known.left + 1, answered_in_time=known.answered_in_time + is_in_time
        )
    return found


def employees(tries: Mapping[AgentId, int]) -> tuple[EmployeeFigures, ...]:
    """Every employee who was tried, by id."""
    counted = {id_: figure_counts.try_counts(number) for id_, number in sorted(tries.items()) if number}
    total = sum(each.answered for each in counted.values())
    return tuple(
        EmployeeFigures(
            agent_id=agent_id,
            offered=each.answered + each.missed + each.declined + each.other + each.open,
            answered=each.answered,
            missed=each.missed,
            declined=each.declined,
            other=each.other,
            open=each.open,
            answer_ms_average=round(each.answer_ms_sum / each.timed) if each.timed else None,
            share_percent=round(100 * each.answered / total, 1) if total else None,
        )
        for agent_id, each in counted.items()
    )


def days(slots: Mapping[int, int], zone: tzinfo, service_level_s: int) -> tuple[DayFigures, ...]:
    """The days on which anybody joined, by the zone's clock."""
    sums: dict[str, int] = {}
    for at, number in slots.items():
        day = _local(at, zone).date().isoformat()
        sums[day] = sums.get(day, 0) + number
    return tuple(DayFigures(day=day, **_slot(sums[day], service_level_s)) for day in sorted(sums))


def hours(slots: Mapping[int, int], zone: tzinfo, service_level_s: int) -> tuple[HourFigures, ...]:
    """The hours of each weekday in which anybody joined, by the zone's clock.

    An hour that a clock shows twice counts as one, and one that it leaps over has nobody.
    """
    sums: dict[tuple[int, int], int] = {}
    for at, number in slots.items():
        moment = _local(at, zone)
        key = (moment.isoweekday(), moment.hour)
        sums[key] = sums.get(key, 0) + number
    return tuple(
        HourFigures(weekday=key[0], hour=key[1], **_slot(sums[key], service_level_s)) for key in sorted(sums)
    )


def _local(at: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(zone)


def _slot(number: int, service_level_s: int) -> dict[str, Any]:
    calls = _calls(number, service_level_s)
    return {name: calls[name] for name in SlotFigures.__struct_fields__}
