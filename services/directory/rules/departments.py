"""What must hold for a department: its agents, lines, actions and times (O2, O7, Q5, Q13)."""

from collections.abc import Iterator
from typing import Final

from msgspec import structs

from contracts.directory import ActionKind, PbxKind, StrategyKind
from services.directory.rules import employees, forwarding, incoming_numbers, notices
from services.directory.rules.errors import Code, Problem
from services.directory.state.cards import DepartmentCard, NoAnswerAction
from services.directory.state.office import Kind, Office

CALLBACK_TIME_MS_MIN: Final = 120_000
"""Q5: less time is too short for a callback."""
INVITATION_LEFT_MS_MIN: Final = 15_000
"""C12: nobody is invited later than this before the deadline."""
STEP_MS: Final = 20_000
"""Q1: how long each agent rings in turn by default."""


def department(office: Office, id_: str, card: DepartmentCard) -> Iterator[Problem]:
    """Errors and warnings about a department."""
    yield from employees.pbx_of_kind(office, card.pbx_id, PbxKind.CLOUD)
    yield from incoming_numbers.problems(office, Kind.DEPARTMENT, id_, card.pbx_id, card.lines)
    yield from employees.zone(card.timezone)
    yield from _seats(office, card)
    yield from employees.recipients(office, card.recipients, "recipients")
    yield from employees.recipients(office, card.heads, "heads")
    yield from _action(office, card.no_answer_action, "no_answer_action")
    yield from _action(office, card.overflow_action, "overflow_action")
    for occasion in (each.name for each in structs.fields(card.notices)):
        said, fills = getattr(card.notices, occasion), notices.FILLS.get(occasion, ())
        yield from notices.choice(office, said, f"notices.{occasion}", fills)
    yield from _times(card)


def _seats(office: Office, card: DepartmentCard) -> Iterator[Problem]:
    seen: set[str] = set()
    for position, seat in enumerate(card.agents):
        field = f"agents.{position}"
        found = office.agent(seat.agent_id)
        if found is None:
            yield employees.unknown(field, seat.agent_id, [id_ for id_, _ in office.agents()])
        elif seat.agent_id in seen:
            yield Problem(code=Code.SEAT_TWICE, field=field, values={"agent": found.name})
        seen.add(seat.agent_id)
        employee = office.employees.get(seat.agent_id)
        if employee is not None:
            yield from employees.mobile_time(employee, ring_ms(card), field)


def ring_ms(card: DepartmentCard) -> int:
    """How long an agent's phones ring: one step, where agents ring one after the other (Q1)."""
    strategy = card.strategy
    if strategy.kind is not StrategyKind.LINEAR:
        return strategy.ring_ms
    return STEP_MS if strategy.step_ms is None else strategy.step_ms


def _times(card: DepartmentCard) -> Iterator[Problem]:
    if card.callback.is_on and card.no_answer_ms < CALLBACK_TIME_MS_MIN:
        values = {"seconds": f"{card.no_answer_ms / 1000:g}"}
        yield Problem(code=Code.CALLBACK_TIME_SHORT, field="no_answer_ms", values=values, is_warning=True)
    invitation_ms = card.callback.invitation_after_ms
    if card.callback.is_on and card.no_answer_ms - invitation_ms < INVITATION_LEFT_MS_MIN:
        values = {"after": f"{invitation_ms / 1000:g}", "timeout": f"{card.no_answer_ms / 1000:g}"}
        yield Problem(
            code=Code.INVITATION_LATE,
            field="callback.invitation_after_ms",
            values=values,
            is_warning=True,
        )
    if not card.agents:
        yield Problem(code=Code.DEPARTMENT_EMPTY, field="agents", is_warning=True)


def _action(office: Office, said: NoAnswerAction, field: str) -> Iterator[Problem]:
    wants_agent = said.kind is ActionKind.FALLBACK_EMPLOYEE
    wants_department = said.kind is ActionKind.OTHER_DEPARTMENT
    if wants_agent != (said.agent_id is not None) or wants_department != (said.department_id is not None):
        yield Problem(code=Code.ACTION_TARGET_WRONG, field=f"{field}.kind", values={"kind": str(said.kind)})
        return
    yield from forwarding.target(office, said.agent_id, said.department_id, field)
    yield from notices.choice(office, said.notice, f"{field}.notice")
