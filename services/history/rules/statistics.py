"""Statistics of departments and employees, as sums of rows (H6); each answer carries its formulas.

A place counts in the period in which its customer joined; a place whose caller went on in another (C8) counts
only there. An employee's tries count in the period in which they rang.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct, structs

from contracts.directory import AgentSaved, DepartmentSaved
from contracts.ids import AgentId, DepartmentId
from services.history.rules.card_cache import CardCache
from services.history.rules.errors import Text
from services.history.state import CallbackEnd, PlaceEnd, TryEnd, TryKind

P95: Final = 95
BY_OTHER_CALL: Final = "by_other_call"
"""The end, in its row, of a callback whose customer talked with the department by another call (C14)."""


class PlaceLine(Struct, frozen=True, array_like=True):
    """A place as statistics read it."""

    department_id: DepartmentId
    end: str | None
    waited_ms: int


class TryLine(Struct, frozen=True, array_like=True):
    """A try as statistics read it."""

    agent_id: AgentId
    kind: str
    end: str | None
    rang_ms: int | None


class CallbackLine(Struct, frozen=True, array_like=True):
    """A callback as statistics read it."""

    department_id: DepartmentId
    agent_at: int | None
    dialled_at: int | None
    reached_at: int | None
    end: str | None


class MessageLine(Struct, frozen=True, array_like=True):
    """A voice message as statistics read it."""

    department_id: DepartmentId | None
    taken_at: int
    called_back_at: int | None


class Funnel(Struct, frozen=True, kw_only=True):
    """Callbacks step by step; the ends and `open` add up to `ordered`.

    `by_other_call`: the customer talked in another call (C14); it counts there, and not as *connected*.
    """

    ordered: int = 0
    agent: int = 0
    dialled: int = 0
    reached: int = 0
    connected: int = 0
    expired: int = 0
    unreached: int = 0
    cancelled: int = 0
    refused: int = 0
    open: int = 0
    by_other_call: int = 0


class VoicemailFigures(Struct, frozen=True, kw_only=True):
    """Voice messages, and those whose customer was called back in time."""

    left: int = 0
    answered_in_time: int = 0


class DepartmentFigures(Struct, frozen=True, kw_only=True):
    """A department's calls. `offered` = answered + abandoned + missed + open; waits in ms, None: nobody."""

    department_id: DepartmentId
    offered: int
    answered: int
    abandoned: int
    missed: int
    open: int
    wait_ms_average: int | None
    wait_ms_p95: int | None
    service_level_percent: float | None
    callbacks: Funnel
    voicemail: VoicemailFigures
    name: str = ""
    pbx_name: str = ""


class EmployeeFigures(Struct, frozen=True, kw_only=True):
    """An employee's tries; `other` were neither taken nor left: withdrawn, busy, unreachable, absent …"""

    agent_id: AgentId
    offered: int
    answered: int
    missed: int
    declined: int
    other: int
    open: int
    answer_ms_average: int | None
    name: str = ""
    pbx_name: str = ""


class Formulas(Struct, frozen=True, kw_only=True):
    """The formulas of the figures, in words."""

    wait: Text
    service_level: Text
    voicemail: Text


class Figures(Struct, frozen=True, kw_only=True):
    """Figures and their formulas."""

    departments: tuple[DepartmentFigures, ...]
    employees: tuple[EmployeeFigures, ...]
    formulas: Formulas


def named(figures: Figures, cards: CardCache) -> Figures:
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


def formulas(*, service_level_s: int, voicemail_s: int) -> Formulas:
    """The formulas with the requested limits."""
    soon, later = f"{service_level_s} с", f"{voicemail_s} с"
    return Formulas(
        wait=Text(
            ru="Среднее и 95-й перцентиль ожидания всех завершившихся мест: от входа в отдел до конца.",
            en="Mean and 95th percentile (nearest rank) of the waits of all places that ended: from joining "
            "the department to the end.",
        ),
        service_level=Text(
            ru=f"Отвечено за {soon} ÷ (поступило − сброшено за {soon} − ещё ждут) × 100 %.",
            en=f"Answered within {service_level_s} s ÷ (offered − abandoned within {service_level_s} s − "
            "still waiting) × 100 %.",
        ),
        voicemail=Text(
            ru=f"Сообщения, по которым перезвонили за {later}.",
            en=f"Voice messages whose customer was called back within {voicemail_s} s.",
        ),
    )


def p95(values: list[int]) -> int | None:
    """The smallest value that 95 % of all do not exceed (nearest rank); None without values."""
    if not values:
        return None
    return sorted(values)[-(-len(values) * P95 // 100) - 1]


def average(values: list[int]) -> int | None:
    """The mean, rounded to an integer; None without values."""
    return round(sum(values) / len(values)) if values else None


def departments(
    places: Iterable[PlaceLine],
    callbacks: Iterable[CallbackLine],
    messages: Iterable[MessageLine],
    *,
    service_level_s: int,
    voicemail_s: int,
) -> tuple[DepartmentFigures, ...]:
    """Every department with a place, callback or voice message in the period, by id."""
    by_place: dict[DepartmentId, list[PlaceLine]] = {}
    for place in places:
        if place.end != PlaceEnd.CONTINUED:
            by_place.setdefault(place.department_id, []).append(place)
    by_callback: dict[DepartmentId, list[CallbackLine]] = {}
    for callback in callbacks:
        by_callback.setdefault(callback.department_id, []).append(callback)
    by_message: dict[DepartmentId, list[MessageLine]] = {}
    for message in messages:
        if message.department_id is not None:
            by_message.setdefault(message.department_id, []).append(message)
    return tuple(
        _department(
            id_,
            by_place.get(id_, []),
            funnel(by_callback.get(id_, [])),
            voicemail(by_message.get(id_, []), voicemail_s),
            service_level_s,
        )
        for id_ in sorted(by_place.keys() | by_callback.keys() | by_message.keys())
    )


def _department(
    department_id: DepartmentId,
    places: list[PlaceLine],
    callbacks: Funnel,
    messages: VoicemailFigures,
    service_level_s: int,
) -> DepartmentFigures:
    answered = [each.waited_ms for each in places if each.end == PlaceEnd.CONNECTED]
    abandoned = [each.waited_ms for each in places if each.end == PlaceEnd.ABANDONED]
    waits = [each.waited_ms for each in places if each.end is not None]
    soon_ms = service_level_s * 1000
    counted = len(waits) - sum(1 for each in abandoned if each <= soon_ms)
    in_time = sum(1 for each in answered if each <= soon_ms)
    return DepartmentFigures(
        department_id=department_id,
        offered=len(places),
        answered=len(answered),
        abandoned=len(abandoned),
        missed=len(waits) - len(answered) - len(abandoned),
        open=len(places) - len(waits),
        wait_ms_average=average(waits),
        wait_ms_p95=p95(waits),
        service_level_percent=round(100 * in_time / counted, 1) if counted else None,
        callbacks=callbacks,
        voicemail=messages,
    )


def funnel(callbacks: list[CallbackLine]) -> Funnel:
    """Callbacks step by step."""

    def ended(end: CallbackEnd) -> int:
        return sum(1 for each in callbacks if each.end == end)

    return Funnel(
        ordered=len(callbacks),
        agent=sum(1 for each in callbacks if each.agent_at is not None),
        dialled=sum(1 for each in callbacks if each.dialled_at is not None),
        reached=sum(1 for each in callbacks if each.reached_at is not None),
        connected=ended(CallbackEnd.CONNECTED),
        expired=ended(CallbackEnd.EXPIRED),
        unreached=ended(CallbackEnd.UNREACHED),
        cancelled=ended(CallbackEnd.CANCELLED),
        refused=ended(CallbackEnd.REFUSED),
        open=sum(1 for each in callbacks if each.end is None),
        by_other_call=sum(1 for each in callbacks if each.end == BY_OTHER_CALL),
    )


def voicemail(messages: list[MessageLine], voicemail_s: int) -> VoicemailFigures:
    """Voice messages, and those answered in time."""
    in_time = sum(
        1
        for each in messages
        if each.called_back_at is not None and each.called_back_at - each.taken_at <= voicemail_s * 1000
    )
    return VoicemailFigures(left=len(messages), answered_in_time=in_time)


def employees(tries: Iterable[TryLine]) -> tuple[EmployeeFigures, ...]:
    """Every employee who was tried in the period, by id."""
    by_agent: dict[AgentId, list[TryLine]] = {}
    for each in tries:
        if each.kind != TryKind.EXTERNAL:
            by_agent.setdefault(each.agent_id, []).append(each)
    return tuple(_employee(agent_id, by_agent[agent_id]) for agent_id in sorted(by_agent))


def _employee(agent_id: AgentId, tries: list[TryLine]) -> EmployeeFigures:
    ends = [each.end for each in tries]
    answered, missed, declined, still = (
        ends.count(end) for end in (TryEnd.ACCEPTED, TryEnd.MISSED, TryEnd.DECLINED, None)
    )
    took = [each.rang_ms for each in tries if each.end == TryEnd.ACCEPTED and each.rang_ms is not None]
    return EmployeeFigures(
        agent_id=agent_id,
        offered=len(tries),
        answered=answered,
        missed=missed,
        declined=declined,
        other=len(tries) - answered - missed - declined - still,
        open=still,
        answer_ms_average=average(took),
    )
