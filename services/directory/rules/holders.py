"""Employees and tokens as the table of rights sees them (contracts/rights.py)."""

from collections.abc import Collection, Mapping

from contracts import rights
from contracts.directory import Role
from contracts.ids import AgentId, DepartmentId, OrganizationId
from contracts.rights import Person, Program
from services.directory.state.cards import DepartmentCard, EmployeeCard, TokenCard
from services.directory.state.office import Office


def person(
    organization_id: str,
    agent_id: str,
    card: EmployeeCard,
    *,
    departments: Mapping[str, DepartmentCard],
    hidden_from: Collection[Role],
) -> Person:
    """An employee; `hidden_from` are the roles that see customers' numbers masked."""
    heads = [id_ for id_, each in departments.items() if agent_id in heads_of(each)]
    sits_in = [
        id_ for id_, each in departments.items() if any(seat.agent_id == agent_id for seat in each.agents)
    ]
    return Person(
        organization_id=OrganizationId(organization_id),
        agent_id=AgentId(agent_id),
        role=card.role,
        sees_organization=card.sees_organization,
        may_download=card.may_download,
        may_hear=card.may_hear,
        departments=rights.own_departments(
            card.role, heads=map(DepartmentId, heads), sits_in=map(DepartmentId, sits_in)
        ),
        sees_numbers=card.role not in hidden_from,
    )


def person_in(office: Office, agent_id: str) -> Person | None:
    """An employee of an office; None where there is none."""
    card = office.employees.get(agent_id)
    if card is None:
        return None
    return person(
        office.organization_id,
        agent_id,
        card,
        departments=office.departments,
        hidden_from=office.organization.numbers_hidden_from,
    )


def heads_of(card: DepartmentCard) -> set[str]:
    """The employees who head a department; heads without a card only get its letters."""
    return {who.agent_id for who in card.heads if who.agent_id is not None}


def program(organization_id: str, token_id: str, card: TokenCard) -> Program:
    """A token."""
    return Program(
        organization_id=OrganizationId(organization_id),
        token_id=token_id,
        actions=frozenset(card.actions),
        departments=frozenset(map(DepartmentId, card.department_ids)),
    )
