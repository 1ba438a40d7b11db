"""Who may see a row: how far a principal's right reaches, as the condition of a query (P1 to P6)."""

from sqlalchemy import ColumnElement, Table, and_, exists, false, or_

from contracts.rights import Action, Reach
from services.history.activities import tables
from services.history.activities.authentication import Principal
from services.history.rules.table_rows import NOT_LEFT


def contacts(principal: Principal, action: Action, table: Table) -> ColumnElement[bool]:
    """The contacts that a right reaches, as a condition on a table that has a contact's key."""
    organization = table.c.organization_id == principal.organization_id
    allowed = [organization]
    if principal.reach(Action.HISTORY_READ_INTERNAL) is None:
        allowed.append(table.c.is_internal.is_(False))
    match principal.reach(action):
        case Reach.ORGANIZATION:
            pass
        case Reach.DEPARTMENTS:
            allowed.append(or_(_of_departments(principal, table), _own(principal, table)))
        case Reach.OWN:
            allowed.append(_own(principal, table))
        case _:
            allowed.append(false())
    return and_(*allowed)


def _of_departments(principal: Principal, table: Table) -> ColumnElement[bool]:
    person = principal.person
    assert person is not None
    listed = tables.contact_departments
    return exists().where(
        listed.c.organization_id == table.c.organization_id,
        listed.c.contact_id == table.c.contact_id,
        listed.c.department_id.in_(sorted(person.departments)),
    )


def _own(principal: Principal, table: Table) -> ColumnElement[bool]:
    listed = tables.contact_agents
    return exists().where(
        listed.c.organization_id == table.c.organization_id,
        listed.c.contact_id == table.c.contact_id,
        listed.c.agent_id == principal.agent_id,
    )


def was_left() -> ColumnElement[bool]:
    """Voice messages that somebody left; a recording that is too short is kept but never shown."""
    return tables.messages.c.state.not_in([str(each) for each in NOT_LEFT])


def voice_messages(principal: Principal, action: Action) -> ColumnElement[bool]:
    """The voice messages that a right reaches: those of own departments' machines, and one's own."""
    table = tables.messages
    allowed = [table.c.organization_id == principal.organization_id, was_left()]
    if principal.reach(Action.HISTORY_READ_INTERNAL) is None:
        allowed.append(table.c.is_internal.is_(False))
    own = table.c.agent_id == principal.agent_id
    match principal.reach(action):
        case Reach.ORGANIZATION:
            pass
        case Reach.DEPARTMENTS:
            assert principal.person is not None
            allowed.append(or_(table.c.department_id.in_(sorted(principal.person.departments)), own))
        case Reach.OWN:
            allowed.append(own)
        case _:
            allowed.append(false())
    return and_(*allowed)
