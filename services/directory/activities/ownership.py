"""Which PBXs and public numbers belong to which organization: decided by the operator, never by who is first.

A gateway serves a PBX as `organization/pbx`, so an id is unique within its organization. A number is unique
in the installation: whoever has it may show it as caller id, and may not be called back on it.
"""

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.directory.activities import organizations
from services.directory.activities.database import Database
from services.directory.activities.organizations import NotDone
from services.directory.activities.repository import Repository
from services.directory.activities.stored_cards import readable
from services.directory.activities.tables import CARDS, NUMBER_OWNERS, PBX_OWNERS
from services.directory.state.cards import PbxCard
from services.directory.state.office import Kind


class Contested(Struct, frozen=True, kw_only=True):
    """A PBX or a number on an organization's card that does not belong to it; `owner_id` None: to nobody."""

    organization_id: str
    pbx_id: str
    number: str | None = None
    owner_id: str | None = None


async def assign(
    repository: Repository, organization_id: str, *, pbxs: Sequence[str] = (), numbers: Sequence[str] = ()
) -> None:
    """Give PBXs and numbers to an organization. Raises NotDone when another one has a number."""
    async with organizations.change(repository, organization_id) as connection:
        await give(connection, organization_id, pbxs=pbxs, numbers=numbers)


async def give(
    connection: AsyncConnection, organization_id: str, *, pbxs: Sequence[str], numbers: Sequence[str]
) -> None:
    """The same within a transaction; what the organization has already stays."""
    where = (PBX_OWNERS.c.organization_id == organization_id) & PBX_OWNERS.c.pbx_id.in_(pbxs)
    known = set((await connection.execute(select(PBX_OWNERS.c.pbx_id).where(where))).scalars())
    for pbx_id in dict.fromkeys(pbxs):
        if pbx_id not in known:
            values = {"organization_id": organization_id, "pbx_id": pbx_id}
            await connection.execute(insert(PBX_OWNERS).values(**values))
    owned = await require_free(connection, organization_id, numbers)
    for number in dict.fromkeys(numbers):
        if number not in owned:
            values = {"organization_id": organization_id, "number": number}
            await connection.execute(insert(NUMBER_OWNERS).values(**values))


async def require_free(connection: AsyncConnection, organization_id: str, numbers: Sequence[str]) -> set[str]:
    """Those of the numbers that the organization has. Raises NotDone when another organization has one."""
    query = select(NUMBER_OWNERS).where(NUMBER_OWNERS.c.number.in_(numbers))
    owners = {row.number: row.organization_id for row in (await connection.execute(query)).all()}
    for number, owner_id in owners.items():
        if owner_id != organization_id:
            raise NotDone(
                f"{number} belongs to {owner_id}: withdraw it there first "
                f"(python -m ringback operator withdraw {owner_id} --number {number})"
            )
    return set(owners)


async def withdraw(
    repository: Repository, organization_id: str, *, pbxs: Sequence[str] = (), numbers: Sequence[str] = ()
) -> None:
    """Take PBXs and numbers from an organization; other services hear it with the next messages.

    Cards keep what they say, and can't be saved again with it. Raises NotDone for what it does not have.
    """
    async with organizations.change(repository, organization_id) as connection:
        of_pbxs = PBX_OWNERS.c.organization_id == organization_id
        of_numbers = NUMBER_OWNERS.c.organization_id == organization_id
        for pbx_id in pbxs:
            its = PBX_OWNERS.c.pbx_id == pbx_id
            gone = await connection.execute(delete(PBX_OWNERS).where(of_pbxs, its))
            if not gone.rowcount:
                raise NotDone(f"{organization_id} has no PBX {pbx_id}: see `operator list`")
        for number in numbers:
            its = NUMBER_OWNERS.c.number == number
            gone = await connection.execute(delete(NUMBER_OWNERS).where(of_numbers, its))
            if not gone.rowcount:
                raise NotDone(f"{organization_id} has no number {number}: see `operator list`")


async def contested(database: Database) -> list[Contested]:
    """PBXs and numbers on cards in force that do not belong to the card's organization, in order."""
    found = []
    async with database.begin() as connection:
        query = select(CARDS).where(CARDS.c.kind == Kind.PBX.value, ~CARDS.c.is_removed)
        rows = (await connection.execute(query.order_by(CARDS.c.organization_id, CARDS.c.id))).all()
        pbxs = (await connection.execute(select(PBX_OWNERS))).all()
        has = {(row.organization_id, row.pbx_id) for row in pbxs}
        owned = (await connection.execute(select(NUMBER_OWNERS))).all()
    owners = {row.number: row.organization_id for row in owned}
    for row in rows:
        its = {"organization_id": row.organization_id, "pbx_id": row.id}
        if (row.organization_id, row.id) not in has:
            found.append(Contested(**its))
        for stored in readable([row]):
            assert isinstance(stored.card, PbxCard)
            found += [
                Contested(**its, number=number, owner_id=owners.get(number))
                for number in stored.card.numbers
                if owners.get(number) != row.organization_id
            ]
    return found
