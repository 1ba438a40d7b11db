"""The organizations of this installation and their states, which the operator alone changes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.directory import OrganizationSaved
from contracts.ids import Instant
from contracts.message import type_name
from services.directory.activities import open_logins, program_tokens
from services.directory.activities.database import Database
from services.directory.activities.repository import Repository
from services.directory.activities.stored_cards import readable
from services.directory.activities.tables import (
    CARDS,
    METADATA,
    NUMBER_OWNERS,
    ORGANIZATIONS,
    OUTBOX,
    PBX_OWNERS,
    SAID,
)
from services.directory.activities.unit_of_work import UnitOfWork
from services.directory.state.cards import OrganizationCard
from services.directory.state.grants import OrganizationState
from services.directory.state.office import Kind

WHO: Final = "operator"
"""The name of the operator's acts in the audit trail."""
_OF_ONE: Final = tuple(
    table
    for table in METADATA.sorted_tables
    if "organization_id" in table.c and table not in (ORGANIZATIONS, SAID, OUTBOX)
)
"""The tables that keep nothing of a removed organization; the others keep, and tell, that it is removed."""


class NotDone(Exception):
    """What the operator asks for can't be done; the message says why, and what to do."""


class Listed(Struct, frozen=True, kw_only=True):
    """One organization: `name` None before its first office is saved; the rest as the operator gave it."""

    organization_id: str
    state: OrganizationState
    name: str | None
    pbxs: tuple[str, ...]
    numbers: tuple[str, ...]


async def begin(connection: AsyncConnection, organization_id: str, now_at: Instant) -> None:
    """Note an organization, unless it is there. Raises NotDone for one that was removed."""
    query = select(ORGANIZATIONS.c.state).where(ORGANIZATIONS.c.organization_id == organization_id)
    if (await connection.execute(query)).scalar() is None:
        values = {"organization_id": organization_id, "state": OrganizationState.ACTIVE.value}
        await connection.execute(insert(ORGANIZATIONS).values(**values, changed_at=now_at))
    await _state(connection, organization_id)


@asynccontextmanager
async def change(repository: Repository, organization_id: str) -> AsyncIterator[AsyncConnection]:
    """A change by the operator: one transaction, with the facts that follow from it. Raises NotDone."""
    async with repository.database.begin() as connection:
        await _state(connection, organization_id)
        yield connection
        await say_what_differs(connection, organization_id, repository.now())


async def say_what_differs(connection: AsyncConnection, organization_id: str, now_at: Instant) -> None:
    """Say what follows from the operator's change, if the organization has an office."""
    if await program_tokens.has_organization(connection, organization_id):
        unit = await UnitOfWork.open(connection, organization_id, now_at)
        await unit.say_what_differs([])
        await unit.close(WHO)


async def _state(connection: AsyncConnection, organization_id: str) -> OrganizationState:
    """Lock the organization's row. Raises NotDone when there is none, or it was removed."""
    query = select(ORGANIZATIONS.c.state).where(ORGANIZATIONS.c.organization_id == organization_id)
    found = (await connection.execute(query.with_for_update())).scalar()
    if found is None:
        raise NotDone(
            f"there is no organization {organization_id}: begin it with `operator create` or `operator admit`"
        )
    if found == OrganizationState.REMOVED.value:
        raise NotDone(f"the organization {organization_id} was removed, and its id is never used again")
    return OrganizationState(found)


async def listed(database: Database, organization_id: str | None = None) -> list[Listed]:
    """All organizations, or one, by id."""
    async with database.begin() as connection:
        rows = (await connection.execute(select(ORGANIZATIONS))).all()
        pbxs = (await connection.execute(select(PBX_OWNERS).order_by(PBX_OWNERS.c.pbx_id))).all()
        numbers = (await connection.execute(select(NUMBER_OWNERS).order_by(NUMBER_OWNERS.c.number))).all()
        cards = select(CARDS).where(CARDS.c.kind == Kind.ORGANIZATION.value)
        names = {row.id: _name(row) for row in (await connection.execute(cards)).all()}
    return [
        Listed(
            organization_id=id_,
            state=OrganizationState(state),
            name=names.get(id_),
            pbxs=tuple(each.pbx_id for each in pbxs if each.organization_id == id_),
            numbers=tuple(each.number for each in numbers if each.organization_id == id_),
        )
        for id_, state in sorted((row.organization_id, row.state) for row in rows)
        if organization_id in (None, id_)
    ]


def _name(row: Any) -> str:
    for stored in readable([row]):
        assert isinstance(stored.card, OrganizationCard)
        return stored.card.name
    return "?"


async def suspend(repository: Repository, organization_id: str) -> None:
    """Let nobody sign in, nothing be dialled, and calls be rejected; everything is kept. Ends every login."""
    async with change(repository, organization_id) as connection:
        await _set(connection, organization_id, OrganizationState.SUSPENDED, repository.now())
        await open_logins.end_all_of_organization(connection, organization_id, repository.now())


async def resume(repository: Repository, organization_id: str) -> None:
    """End a suspension; people sign in again."""
    async with change(repository, organization_id) as connection:
        await _set(connection, organization_id, OrganizationState.ACTIVE, repository.now())


async def remove(repository: Repository, organization_id: str) -> None:
    """Remove a suspended organization for ever: its PBXs and numbers are free, every service forgets it.

    Raises NotDone when it is not suspended: two steps, so that no typing error ends a company.
    """
    now_at = repository.now()
    async with repository.database.begin() as connection:
        if await _state(connection, organization_id) is not OrganizationState.SUSPENDED:
            raise NotDone(f"suspend it first: python -m ringback operator suspend {organization_id}")
        await _set(connection, organization_id, OrganizationState.REMOVED, now_at)
        await say_what_differs(connection, organization_id, now_at)
        for table in _OF_ONE:
            await connection.execute(delete(table).where(table.c.organization_id == organization_id))
        # The last facts name people and customers; saying them again would bring them back everywhere.
        of_it = SAID.c.organization_id == organization_id
        await connection.execute(delete(SAID).where(of_it, SAID.c.type != type_name(OrganizationSaved)))


async def _set(
    connection: AsyncConnection, organization_id: str, state: OrganizationState, now_at: Instant
) -> None:
    its = ORGANIZATIONS.c.organization_id == organization_id
    changed = update(ORGANIZATIONS).where(its).values(state=state.value, changed_at=now_at)
    await connection.execute(changed)
