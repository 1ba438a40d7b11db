"""The one table of rights (P1 to P6): who may do what, and how far. What is not in it is refused.

It lives in contracts for the same reason as the dialling policy: more than one service must give the same
answer, and services do not import each other.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

from contracts.directory import Role
from contracts.ids import AgentId, DepartmentId, OrganizationId


class Action(StrEnum):
    """What a person or a program may want to do."""

    SETTINGS_READ = "settings.read"
    SETTINGS_WRITE = "settings.write"
    CARD_READ = "card.read"
    """One's own card, or a colleague's whose rules one may set (P5)."""
    COLLEAGUES_READ = "colleagues.read"
    """Names and extensions of colleagues and departments: whom calls may be forwarded to (P5)."""
    RULES_WRITE = "rules.write"
    """The no-answer rule and the forwarding of somebody's direct calls (P5)."""
    PAUSE_WRITE = "pause.write"
    CALLBACK_ORDER = "callback.order"
    CALLBACK_CANCEL = "callback.cancel"
    HISTORY_READ = "history.read"
    HISTORY_READ_INTERNAL = "history.read_internal"
    HISTORY_DOWNLOAD = "history.download"
    STATISTICS_READ = "statistics.read"
    RECORDING_HEAR = "recording.hear"
    MESSAGE_HEAR = "message.hear"
    """Hear, claim and mark a voice message."""
    MESSAGE_DELETE = "message.delete"
    ERASE = "erase"
    AUDIT_READ = "audit.read"


class Reach(StrEnum):
    """How far a right goes. `chosen`: own departments, or the organization where the role is so set."""

    OWN = "own"
    DEPARTMENTS = "departments"
    CHOSEN = "chosen"
    ORGANIZATION = "organization"


_A, _H, _U, _R = Role.ADMINISTRATOR, Role.DEPARTMENT_HEAD, Role.USER, Role.RESTRICTED_USER

TABLE: Final[dict[Action, dict[Role, Reach]]] = {
    Action.SETTINGS_READ: {_A: Reach.ORGANIZATION},
    Action.SETTINGS_WRITE: {_A: Reach.ORGANIZATION},
    Action.CARD_READ: {_A: Reach.ORGANIZATION, _H: Reach.DEPARTMENTS, _U: Reach.OWN, _R: Reach.OWN},
    Action.COLLEAGUES_READ: dict.fromkeys(Role, Reach.ORGANIZATION),
    Action.RULES_WRITE: {_A: Reach.ORGANIZATION, _H: Reach.DEPARTMENTS, _U: Reach.OWN, _R: Reach.OWN},
    Action.PAUSE_WRITE: {_A: Reach.ORGANIZATION, _H: Reach.DEPARTMENTS, _U: Reach.OWN, _R: Reach.OWN},
    Action.CALLBACK_ORDER: {_A: Reach.ORGANIZATION},
    Action.CALLBACK_CANCEL: {_A: Reach.ORGANIZATION, _H: Reach.DEPARTMENTS, _U: Reach.DEPARTMENTS},
    Action.HISTORY_READ: {_A: Reach.ORGANIZATION, _H: Reach.CHOSEN, _U: Reach.CHOSEN, _R: Reach.OWN},
    Action.HISTORY_READ_INTERNAL: {_A: Reach.ORGANIZATION, _H: Reach.CHOSEN},
    Action.HISTORY_DOWNLOAD: {_A: Reach.ORGANIZATION, _H: Reach.CHOSEN, _U: Reach.CHOSEN},
    Action.STATISTICS_READ: {_A: Reach.ORGANIZATION, _H: Reach.CHOSEN, _U: Reach.CHOSEN},
    Action.RECORDING_HEAR: {_A: Reach.ORGANIZATION, _H: Reach.CHOSEN, _U: Reach.CHOSEN},
    Action.MESSAGE_HEAR: {_A: Reach.ORGANIZATION, _H: Reach.CHOSEN, _U: Reach.CHOSEN, _R: Reach.OWN},
    Action.MESSAGE_DELETE: {_A: Reach.ORGANIZATION, _H: Reach.CHOSEN},
    Action.ERASE: {_A: Reach.ORGANIZATION},
    Action.AUDIT_READ: {_A: Reach.ORGANIZATION},
}


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks: an employee with the role, its switches, and the departments that are his or hers."""

    organization_id: OrganizationId
    agent_id: AgentId
    role: Role
    sees_organization: bool = False
    may_download: bool = True
    may_hear: bool = True
    departments: frozenset[DepartmentId] = frozenset()


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked about: the people it concerns and the department it belongs to."""

    organization_id: OrganizationId
    agents: frozenset[AgentId] = frozenset()
    departments: frozenset[DepartmentId] = frozenset()


def own_departments(
    role: Role, *, heads: Iterable[DepartmentId], sits_in: Iterable[DepartmentId]
) -> frozenset[DepartmentId]:
    """The departments that are somebody's own (P2, P3): a head's are those headed, anybody else's those with
    a seat, suspended or not, and those headed without the role.

    A head's right reaches internal calls and colleagues' rules (P2, P5), which no seat may give.
    """
    headed = frozenset(heads)
    return headed if role is Role.DEPARTMENT_HEAD else headed | frozenset(sits_in)


def reach(person: Person, action: Action) -> Reach | None:
    """How far a person's right goes, `chosen` resolved; None: not at all.

    Downloading and listening can be switched off for users and restricted users (P3).
    """
    found = TABLE[action].get(person.role)
    if person.role in {_U, _R}:
        if action is Action.HISTORY_DOWNLOAD and not person.may_download:
            return None
        if action is Action.RECORDING_HEAR and not person.may_hear:
            return None
    if found is Reach.CHOSEN:
        return Reach.ORGANIZATION if person.sees_organization else Reach.DEPARTMENTS
    return found


def allows(person: Person, action: Action, subject: Subject) -> bool:
    """Whether a person may do this to that. Another organization's is never allowed (O1)."""
    if person.organization_id != subject.organization_id:
        return False
    match reach(person, action):
        case Reach.ORGANIZATION:
            return True
        case Reach.DEPARTMENTS:
            return bool(person.departments & subject.departments) or person.agent_id in subject.agents
        case Reach.OWN:
            return person.agent_id in subject.agents
        case _:
            return False
