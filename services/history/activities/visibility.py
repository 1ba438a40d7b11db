"""Who may see a row: how far a principal's right reaches, as the condition of a query (P1 to P6)."""

from sqlalchemy import ColumnElement, Table, and_, exists, false, or_

from contracts.ids import AgentId, DepartmentId
from contracts.rights import Action, Reach
from services.history.activities import tables
from services.history.activities.authentication import Principal
from services.history.rules.table_rows import NOT_LEFT
from services.history.state import VoiceMessage


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
    listed = tables.contact_departments
    return exists().where(
        listed.c.organization_id == table.c.organization_id,
        listed.c.contact_id == table.c.contact_id,
        listed.c.department_id.in_(principal.departments),
    )


def _own(principal: Principal, table: Table) -> ColumnElement[bool]:
    if principal.agent_id is None:
        # A program has nothing of its own.
        return false()
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
    # Without an agent the comparison would find the messages of every department: those have no agent either.
    own = false() if principal.agent_id is None else table.c.agent_id == principal.agent_id
    match principal.reach(action):
        case Reach.ORGANIZATION:
            pass
        case Reach.DEPARTMENTS:
            allowed.append(or_(table.c.department_id.in_(principal.departments), own))
        case Reach.OWN:
            allowed.append(own)
        case _:
            allowed.append(false())
    return and_(*allowed)


def reaches_department(
    principal: Principal, action: Action, department_id: DepartmentId | None, agent_id: AgentId | None = None
) -> bool:
    """Whether a right reaches a department, or what is an employee's own."""
    match principal.reach(action):
        case Reach.ORGANIZATION:
            return True
        case Reach.DEPARTMENTS if department_id is not None and department_id in principal.departments:
            return True
        case Reach.DEPARTMENTS | Reach.OWN:
            return agent_id is not None and agent_id == principal.agent_id
        case _:
            return False


def is_heard_by(principal: Principal, message: VoiceMessage) -> bool:
    """Whether the right to hear reaches a voice message of a contact that is shown."""
    return reaches_department(principal, Action.MESSAGE_HEAR, message.department_id, message.agent_id)
