"""Roles by what a provider says of people: the operator says which value of a claim is which role."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct, structs
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.directory import Role
from services.directory.activities import audit_trail, card_saving
from services.directory.activities.database import after_commit
from services.directory.activities.organizations import NotDone
from services.directory.activities.repository import Repository
from services.directory.activities.stored_cards import in_force, stored_card
from services.directory.activities.tables import CARDS
from services.directory.activities.unit_of_work import UnitOfWork
from services.directory.rules.errors import RequestRefused
from services.directory.state.cards import EmployeeCard
from services.directory.state.office import Kind

WHO: Final = "identity-provider"
"""The name of a provider's changes in the audit trail."""
CLAIM_LENGTH_MAX: Final = 255
"""Some providers demand an address as the name of a claim of one's own."""
VALUE_LENGTH_MAX: Final = 500
"""A group's distinguished name in a directory of a large company."""
VALUES_MAX: Final = 50
"""There are four roles: a dozen groups for each is more than anybody keeps an eye on."""


class RoleMapping(Struct, frozen=True, kw_only=True):
    """Values of a claim and their roles, of which the first that the claim has counts; none: `otherwise`."""

    claim: str
    roles: tuple[tuple[str, Role], ...]
    otherwise: Role

    def role(self, claims: Mapping[str, Any]) -> Role:
        """Whose role this is: the claim is a string or a list of strings; anything else has no value."""
        said = claims.get(self.claim)
        values = said if isinstance(said, list) else [said]
        return next((role for value, role in self.roles if value in values), self.otherwise)


def encoded(mapping: RoleMapping | None) -> str | None:
    """As the table of providers has it."""
    return None if mapping is None else msgspec.json.encode(mapping).decode()


def decoded(text: str | None) -> RoleMapping | None:
    """The same back."""
    return None if text is None else msgspec.json.decode(text, type=RoleMapping)


def require_usable(mapping: RoleMapping) -> None:
    """Raises NotDone for what can't be kept, or says two things."""
    values = [value for value, _ in mapping.roles]
    if not _is_line(mapping.claim, CLAIM_LENGTH_MAX):
        raise NotDone(f"--role-claim: it must be one line of 1 to {CLAIM_LENGTH_MAX} characters")
    if not 1 <= len(values) <= VALUES_MAX:
        raise NotDone(f"--role: name 1 to {VALUES_MAX} values of the claim")
    for value in values:
        if not _is_line(value, VALUE_LENGTH_MAX):
            raise NotDone(f"--role {value}: a value is one line of 1 to {VALUE_LENGTH_MAX} characters")
        if values.count(value) > 1:
            raise NotDone(f"--role {value}: this value is there twice")


def _is_line(text: str, length_max: int) -> bool:
    return bool(text.strip()) and len(text) <= length_max and text.isprintable()


async def give(
    repository: Repository, connection: AsyncConnection, organization_id: str, agent_id: str, role: Role
) -> None:
    """Give an employee this role, as a change of the card. One that must stay does, and the trail says so.

    In the transaction of a sign-in, which has locked the organization's card. Nothing is written for whoever
    has the role. Raises RequestRefused, with nothing to be committed, when a fact would be too large.
    """
    query = select(CARDS).where(in_force(organization_id, Kind.EMPLOYEE), CARDS.c.id == agent_id)
    row = stored_card((await connection.execute(query)).one())
    assert isinstance(row.card, EmployeeCard)
    if row.card.role is role:
        return
    card = structs.replace(row.card, role=role)
    unit = await UnitOfWork.open(connection, organization_id, repository.now())
    try:
        card_saving.replace(unit, Kind.EMPLOYEE, agent_id, row.version, card)
    except RequestRefused as refused:
        # The unit of work is dropped: nothing of it is saved.
        why = " ".join(sorted({each.code.value for each in refused.problems}))
        for each in audit_trail.of_change(WHO, Kind.EMPLOYEE, agent_id, row.card, card):
            kept = structs.replace(each, outcome="refused", details={**each.details, "why": why})
            await audit_trail.note(connection, organization_id, unit.now_at, kept)
        return
    await unit.close(WHO)
    after_commit(connection, repository.on_changed)
