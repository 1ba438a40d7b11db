"""Who is who: links of an identity at a provider, (issuer, subject), with an employee."""

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import Instant
from services.directory.activities.openid_tokens import Identity, SignInRefused, Why
from services.directory.activities.stored_cards import in_force
from services.directory.activities.tables import CARDS, IDENTITIES
from services.directory.state.office import Kind
from services.directory.state.responses import IdentityShown


async def agent_of(connection: AsyncConnection, organization_id: str, identity: Identity) -> str | None:
    """The employee with this identity, or None."""
    its = (IDENTITIES.c.issuer == identity.issuer) & (IDENTITIES.c.subject == identity.subject)
    query = select(IDENTITIES.c.agent_id).where(IDENTITIES.c.organization_id == organization_id, its)
    agent_id = (await connection.execute(query)).scalar()
    employee = select(CARDS.c.id).where(in_force(organization_id, Kind.EMPLOYEE), CARDS.c.id == agent_id)
    found: str | None = (await connection.execute(employee)).scalar()
    return found


async def of_agent(connection: AsyncConnection, organization_id: str, agent_id: str) -> IdentityShown | None:
    """An employee's identity, or None."""
    mine = (IDENTITIES.c.organization_id == organization_id) & (IDENTITIES.c.agent_id == agent_id)
    row = (await connection.execute(select(IDENTITIES).where(mine))).first()
    if row is None:
        return None
    return IdentityShown(issuer=row.issuer, subject=row.subject, linked_at=row.linked_at)


async def link(
    connection: AsyncConnection, organization_id: str, agent_id: str, identity: Identity, now_at: Instant
) -> IdentityShown:
    """Link an identity with an employee, in place of an earlier one. Raises SignInRefused: another has it.

    The caller has locked the organization's card: of two at once the second one sees the first one's link.
    """
    holder = await agent_of(connection, organization_id, identity)
    if holder not in (None, agent_id):
        raise SignInRefused(Why.TAKEN)
    await unlink(connection, organization_id, agent_id)
    values = {"issuer": identity.issuer, "subject": identity.subject, "linked_at": now_at}
    row = {"organization_id": organization_id, "agent_id": agent_id, **values}
    await connection.execute(insert(IDENTITIES).values(**row))
    return IdentityShown(issuer=identity.issuer, subject=identity.subject, linked_at=now_at)


async def unlink(connection: AsyncConnection, organization_id: str, agent_id: str) -> bool:
    """End an employee's link; False: there was none."""
    mine = (IDENTITIES.c.organization_id == organization_id) & (IDENTITIES.c.agent_id == agent_id)
    return (await connection.execute(delete(IDENTITIES).where(mine))).rowcount > 0
