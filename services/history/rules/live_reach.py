"""How far somebody sees the present: what all who see the same share (P1 to P4, P8, P9)."""

import hashlib
from collections.abc import Iterable
from typing import Final

from msgspec import Struct, structs

from contracts import rights
from contracts.directory import DepartmentSaved
from contracts.ids import AgentId, DepartmentId, OrganizationId
from contracts.rights import Action, Holder, Person, Reach

DIGEST_LENGTH: Final = 12


class LiveReach(Struct, frozen=True, kw_only=True):
    """Whose present, and how much of it. `departments` None: all. `own`: an agent who is seen beside them."""

    organization_id: OrganizationId
    sees_numbers: bool
    departments: frozenset[DepartmentId] | None = None
    own: AgentId | None = None

    def has(self, department_id: DepartmentId) -> bool:
        """Whether a department is within reach."""
        return self.departments is None or department_id in self.departments

    @property
    def digest(self) -> str:
        """The same for the same reach, in every process: what was sent for another one can't be continued."""
        listed = "*" if self.departments is None else "\n".join(sorted(self.departments))
        said = f"{self.organization_id}\n{self.sees_numbers}\n{self.own or ''}\n{listed}"
        return hashlib.sha256(said.encode()).hexdigest()[:DIGEST_LENGTH]


def without_own(reach: LiveReach, departments: Iterable[DepartmentSaved]) -> LiveReach:
    """The same reach, shared with colleagues where an agent is seen by a seat anyway."""
    is_seen = any(
        seat.agent_id == reach.own
        for each in departments
        if not each.is_removed and reach.has(each.department_id)
        for seat in each.agents
    )
    return structs.replace(reach, own=None) if is_seen else reach


def of(holder: Holder) -> LiveReach | None:
    """How far a holder sees the present; None: not at all."""
    reach = rights.reach(holder, Action.LIVE_READ)
    if reach is None:
        return None
    sees_numbers = rights.reach(holder, Action.NUMBER_SEE) is not None
    own = holder.agent_id if isinstance(holder, Person) else None
    match reach:
        case Reach.ORGANIZATION:
            return LiveReach(organization_id=holder.organization_id, sees_numbers=sees_numbers)
        case Reach.DEPARTMENTS:
            departments = holder.departments
        case _:
            departments = frozenset()
    return LiveReach(
        organization_id=holder.organization_id, sees_numbers=sees_numbers, departments=departments, own=own
    )
