"""Devices that employees have signed in on: nobody's wrong passwords elsewhere keep them out.

A device's token opens nothing: it only says whose failed tries count. Its digest is kept.
"""

import secrets
from typing import Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import Instant
from services.directory.activities.sealed_secrets import digest
from services.directory.activities.tables import DEVICES

DEVICES_MAX: Final = 20
"""Of one employee: each has a back-off of its own, and so adds guesses."""
DEVICE_MS: Final = 180 * 24 * 3_600_000
"""How long a device is known on which nobody signs in."""
_BYTES: Final = 32


def id_of(device: str) -> str:
    """A device's id: the digest of its token."""
    return digest(device)


async def known(
    connection: AsyncConnection, organization_id: str, agent_id: str | None, device: str, now_at: Instant
) -> str | None:
    """The id of a device that this employee has signed in on; the same work whether there is one or not."""
    query = select(DEVICES.c.agent_id).where(
        DEVICES.c.organization_id == organization_id,
        DEVICES.c.device_id == id_of(device),
        DEVICES.c.used_at + DEVICE_MS > now_at,
    )
    owner = (await connection.execute(query)).scalar()
    return id_of(device) if owner is not None and owner == agent_id else None


async def sign_in(
    connection: AsyncConnection, organization_id: str, agent_id: str, device: str, now_at: Instant
) -> str:
    """The token of the device on which an employee signs in: its own, or a new one. The oldest ones go."""
    mine = (DEVICES.c.organization_id == organization_id) & (DEVICES.c.agent_id == agent_id)
    if await known(connection, organization_id, agent_id, device, now_at) is not None:
        its = mine & (DEVICES.c.device_id == id_of(device))
        await connection.execute(update(DEVICES).where(its).values(used_at=now_at))
        return device
    made = secrets.token_urlsafe(_BYTES)
    values = {"organization_id": organization_id, "agent_id": agent_id, "device_id": id_of(made)}
    await connection.execute(insert(DEVICES).values(**values, used_at=now_at))
    newest = (
        select(DEVICES.c.device_id)
        .where(mine)
        .order_by((DEVICES.c.device_id == id_of(made)).desc(), DEVICES.c.used_at.desc())
        .limit(DEVICES_MAX)
    )
    await connection.execute(delete(DEVICES).where(mine, DEVICES.c.device_id.not_in(newest)))
    return made


async def forget(connection: AsyncConnection, organization_id: str, agent_id: str) -> None:
    """Delete a removed employee's devices."""
    mine = (DEVICES.c.organization_id == organization_id) & (DEVICES.c.agent_id == agent_id)
    await connection.execute(delete(DEVICES).where(mine))


async def delete_expired(connection: AsyncConnection, now_at: Instant) -> None:
    """Delete devices on which nobody has signed in for half a year."""
    await connection.execute(delete(DEVICES).where(DEVICES.c.used_at + DEVICE_MS <= now_at))
