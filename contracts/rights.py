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
    ROLES_GRANT = "roles.grant"
    """Give or take roles, their switches and the headship of departments, as far as one's own rights go."""
    SECRETS_WRITE = "secrets.write"
    """Set passwords and what recovers them (login, e-mail address, mobile), and make or end tokens: of nobody
    who may more than oneself."""
    CARD_READ = "card.read"
    """One's own card, or a colleague's whose rules one may set (P5)."""
    COLLEAGUES_READ = "colleagues.read"
    """Names and extensions of colleagues and departments: whom calls may be forwarded to (P5)."""
    RULES_WRITE = "rules.write"
    """The no-answer rule and the forwarding of somebody's direct calls (P5)."""
    PAUSE_WRITE = "pause.write"
    CALLBACK_ORDER = "callback.order"
    CALLBACK_CANCEL = "callback.cancel"
    CALLBACK_REPORT = "callback.report"
    """Keep a callback, or report that nobody was reached: only the word of the agent who talks counts."""
    LIVE_READ = "live.read"
    """What happens now: queues, callbacks, agents."""
    HISTORY_READ = "history.read"
    HISTORY_READ_INTERNAL = "history.read_internal"
    HISTORY_DOWNLOAD = "history.download"
    NUMBER_SEE = "number.see"
    """Customers' numbers, wherever contacts are shown; without it they are masked."""
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
    Action.ROLES_GRANT: {_A: Reach.ORGANIZATION},
    Action.SECRETS_WRITE: {_A: Reach.ORGANIZATION},
    Action.CARD_READ: {_A: Reach.ORGANIZATION, _H: Reach.DEPARTMENTS, _U: Reach.OWN, _R: Reach.OWN},
    Action.COLLEAGUES_READ: dict.fromkeys(Role, Reach.ORGANIZATION),
    Action.RULES_WRITE: {_A: Reach.ORGANIZATION, _H: Reach.DEPARTMENTS, _U: Reach.OWN, _R: Reach.OWN},
    Action.PAUSE_WRITE: {_A: Reach.ORGANIZATION, _H: Reach.DEPARTMENTS, _U: Reach.OWN, _R: Reach.OWN},
    Action.CALLBACK_ORDER: {_A: Reach.ORGANIZATION, _H: Reach.DEPARTMENTS, _U: Reach.DEPARTMENTS},
    Action.CALLBACK_CANCEL: {_A: Reach.ORGANIZATION, _H: Reach.DEPARTMENTS, _U: Reach.DEPARTMENTS},
    Action.CALLBACK_REPORT: {
        _A: Reach.ORGANIZATION,
        _H: Reach.DEPARTMENTS,
        _U: Reach.DEPARTMENTS,
        _R: Reach.DEPARTMENTS,
    },
    Action.LIVE_READ: {_A: Reach.ORGANIZATION, _H: Reach.CHOSEN, _U: Reach.DEPARTMENTS},
    Action.HISTORY_READ: {_A: Reach.ORGANIZATION, _H: Reach.CHOSEN, _U: Reach.CHOSEN, _R: Reach.OWN},
    Action.HISTORY_READ_INTERNAL: {_A: Reach.ORGANIZATION, _H: Reach.CHOSEN},
    Action.HISTORY_DOWNLOAD: {_A: Reach.ORGANIZATION, _H: Reach.CHOSEN, _U: Reach.CHOSEN},
    Action.NUMBER_SEE: {_A: Reach.ORGANIZATION, _H: Reach.CHOSEN, _U: Reach.CHOSEN, _R: Reach.OWN},
    Action.STATISTICS_READ: {_A: Reach.ORGANIZATION, _H: Reach.CHOSEN, _U: Reach.CHOSEN},
    Action.RECORDING_HEAR: {_A: Reach.ORGANIZATION, _H: Reach.CHOSEN, _U: Reach.CHOSEN},
    Action.MESSAGE_HEAR: {_A: Reach.ORGANIZATION, _H: Reach.CHOSEN, _U: Reach.CHOSEN, _R: Reach.OWN},
    Action.MESSAGE_DELETE: {_A: Reach.ORGANIZATION, _H: Reach.CHOSEN},
    Action.ERASE: {_A: Reach.ORGANIZATION},
    Action.AUDIT_READ: {_A: Reach.ORGANIZATION},
}


LIMITABLE: Final[frozenset[Action]] = frozenset(
    action
    for action, roles in TABLE.items()
    if {Reach.DEPARTMENTS, Reach.CHOSEN} & set(roles.values())
    or action in (Action.SETTINGS_READ, Action.COLLEAGUES_READ)
)
"""What a program can do for some departments only; everything else concerns the whole organization."""
FROM_PEOPLE_ONLY: Final = frozenset({Action.ROLES_GRANT, Action.SECRETS_WRITE})
"""What no program passes on: an administrator gives a token these knowingly, or nobody does."""


class Person(msgspec.Struct, frozen=True, kw_only=True, tag="person"):
    """Who asks: an employee with the role, its switches, and the departments that are his or hers.

    `sees_numbers`: the organization does not hide customers' numbers from the role.
    """

    organization_id: OrganizationId
    agent_id: AgentId
    role: Role
    sees_organization: bool = False
    may_download: bool = True
    may_hear: bool = True
    departments: frozenset[DepartmentId] = frozenset()
    sees_numbers: bool = True


class Program(msgspec.Struct, frozen=True, kw_only=True, tag="program"):
    """What asks: a token with its actions, for some departments or, without any, for the organization."""

    organization_id: OrganizationId
    token_id: str
    actions: frozenset[Action]
    departments: frozenset[DepartmentId] = frozenset()


Holder = Person | Program
"""Whoever has rights."""


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


def reach(holder: Holder, action: Action) -> Reach | None:
    """How far a right goes, `chosen` resolved; None: not at all.

    Downloading and listening can be switched off for users and restricted users (P3), seeing numbers for
    each role.
    """
    if isinstance(holder, Program):
        return _reach_of_program(holder, action)
    found = TABLE[action].get(holder.role)
    if holder.role in {_U, _R}:
        if action is Action.HISTORY_DOWNLOAD and not holder.may_download:
            return None
        if action is Action.RECORDING_HEAR and not holder.may_hear:
            return None
    if action is Action.NUMBER_SEE and not holder.sees_numbers:
        return None
    if found is Reach.CHOSEN:
        return Reach.ORGANIZATION if holder.sees_organization else Reach.DEPARTMENTS
    return found


def _reach_of_program(program: Program, action: Action) -> Reach | None:
    if action not in program.actions:
        return None
    if not program.departments:
        return Reach.ORGANIZATION
    return Reach.DEPARTMENTS if action in LIMITABLE else None


def allows(holder: Holder, action: Action, subject: Subject) -> bool:
    """Whether somebody may do this to that. Another organization's is never allowed (O1)."""
    if holder.organization_id != subject.organization_id:
        return False
    is_own = isinstance(holder, Person) and holder.agent_id in subject.agents
    match reach(holder, action):
        case Reach.ORGANIZATION:
            return True
        case Reach.DEPARTMENTS:
            return bool(holder.departments & subject.departments) or is_own
        case Reach.OWN:
            return is_own
        case _:
            return False


def beyond(holder: Holder, other: Holder) -> list[Action]:
    """The rights that another has and the holder has not, or not as far: nobody gives away more than that.

    An administrator has every right, and may switch on again what the organization has switched off.
    """
    if holder.organization_id != other.organization_id:
        return list(Action)
    if isinstance(holder, Person) and holder.role is Role.ADMINISTRATOR:
        return []
    return [action for action in Action if not _is_within(holder, other, action)]


def _is_within(holder: Holder, other: Holder, action: Action) -> bool:
    mine, theirs = reach(holder, action), reach(other, action)
    if theirs is None or mine is Reach.ORGANIZATION:
        return True
    if mine is None or theirs is Reach.ORGANIZATION:
        return False
    is_same = isinstance(holder, Person) and isinstance(other, Person) and holder.agent_id == other.agent_id
    if theirs is Reach.OWN:
        return is_same
    # Within departments everybody also has what is one's own; a program has nothing of its own.
    return (
        mine is Reach.DEPARTMENTS
        and other.departments <= holder.departments
        and (is_same or isinstance(other, Program))
    )
