"""Reads what the operator has given to an organization."""

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.directory.activities.tables import IDENTITY_PROVIDERS, NUMBER_OWNERS, ORGANIZATIONS, PBX_OWNERS
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.state.ceilings import Ceilings
from services.directory.state.grants import Grants, OrganizationState


async def found(connection: AsyncConnection, organization_id: str) -> Grants:
    """The organization's state, PBXs, numbers and ceilings; an unknown one has the default ones."""
    pbxs = select(PBX_OWNERS.c.pbx_id).where(PBX_OWNERS.c.organization_id == organization_id)
    numbers = select(NUMBER_OWNERS.c.number).where(NUMBER_OWNERS.c.organization_id == organization_id)
    row = ORGANIZATIONS.c.organization_id == organization_id
    query = select(ORGANIZATIONS.c.state, ORGANIZATIONS.c.ceilings).where(row)
    kept = (await connection.execute(query)).first()
    provider = IDENTITY_PROVIDERS.c.organization_id == organization_id
    break_glass = select(IDENTITY_PROVIDERS.c.break_glass_agent_id).where(provider)
    return Grants(
        state=_state(None if kept is None else kept.state),
        pbxs=frozenset((await connection.execute(pbxs)).scalars()),
        numbers=frozenset((await connection.execute(numbers)).scalars()),
        ceilings=_ceilings(None if kept is None else kept.ceilings),
        break_glass_agent_id=(await connection.execute(break_glass)).scalar(),
    )


async def ceilings(connection: AsyncConnection, organization_id: str) -> Ceilings:
    """The most that the organization may set or spend; the defaults where the operator has set nothing."""
    query = select(ORGANIZATIONS.c.ceilings).where(ORGANIZATIONS.c.organization_id == organization_id)
    return _ceilings((await connection.execute(query)).scalar())


def _ceilings(kept: str | None) -> Ceilings:
    return Ceilings() if kept is None else msgspec.json.decode(kept, type=Ceilings)


async def state(connection: AsyncConnection, organization_id: str) -> OrganizationState:
    """Whether the organization is active, suspended or removed."""
    query = select(ORGANIZATIONS.c.state).where(ORGANIZATIONS.c.organization_id == organization_id)
    return _state((await connection.execute(query)).scalar())


def _state(kept: str | None) -> OrganizationState:
    return OrganizationState.ACTIVE if kept is None else OrganizationState(kept)


async def is_active(connection: AsyncConnection, organization_id: str) -> bool:
    """Whether the organization is neither suspended nor removed."""
    return await state(connection, organization_id) is OrganizationState.ACTIVE


async def require_active(connection: AsyncConnection, organization_id: str) -> None:
    """Raises RequestRefused for a suspended organization, and for one that was removed."""
    if not await is_active(connection, organization_id):
        raise RequestRefused(Problem(code=Code.ORGANIZATION_SUSPENDED))
