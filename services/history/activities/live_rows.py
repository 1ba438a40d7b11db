"""The live rows in the tables: written with the batch that changed them, read by whoever shows them."""

from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy
from msgspec import Struct
from sqlalchemy import CursorResult, Row, and_, delete, func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import DepartmentId, Instant, OrganizationId
from services.history.activities.tables import live_rows, live_versions
from services.history.rules.live_changes import LiveChange, LiveChanges
from services.history.rules.live_contacts import LiveKey, LiveKind

KEPT_MS: Final = 3_600_000
"""How long a row that is over is kept: who comes back within an hour is told what went."""
CHANNEL: Final = "ringback_live"
"""Where PostgreSQL tells replicas whose rows have changed."""
KEYS_MAX: Final = 200


class Version(Struct, frozen=True, kw_only=True):
    """The last offset that changed an organization's rows, the last that may have changed rights, and the
    last row that is over and forgotten."""

    version: int
    rights_version: int
    forgotten: int


NONE: Final = Version(version=-1, rights_version=-1, forgotten=-1)
"""Of an organization without any live row."""


async def write(
    connection: AsyncConnection, organization_id: OrganizationId, changes: LiveChanges, *, now_at: Instant
) -> bool:
    """Write what a batch changed, and forget rows that have long been over; whether anything changed."""
    keys = list(changes.rows)
    for first in range(0, len(keys), KEYS_MAX):
        chunk = keys[first : first + KEYS_MAX]
        await connection.execute(
            delete(live_rows).where(
                live_rows.c.organization_id == organization_id,
                tuple_(live_rows.c.kind, live_rows.c.subject).in_([(str(kind), id_) for kind, id_ in chunk]),
            )
        )
    if keys:
        await connection.execute(insert(live_rows), list(_values(organization_id, changes.rows)))
    forgotten = await _forget(connection, organization_id, now_at)
    moved = Version(
        version=max((each.offset for each in changes.rows.values()), default=-1),
        rights_version=changes.rights_offset,
        forgotten=forgotten,
    )
    if moved == NONE:
        return False
    await _move(connection, organization_id, moved)
    is_told = moved.version >= 0 or moved.rights_version >= 0
    if is_told and connection.dialect.name == "postgresql":
        # It is delivered when this transaction commits, and not at all if it doesn't.
        told = sqlalchemy.text("SELECT pg_notify(:channel, :organization_id)")
        await connection.execute(told, {"channel": CHANNEL, "organization_id": organization_id})
    return is_told


def _values(organization_id: OrganizationId, rows: dict[LiveKey, LiveChange]) -> Iterable[dict[str, Any]]:
    for (kind, subject), each in rows.items():
        yield {
            "organization_id": organization_id,
            "kind": str(kind),
            "subject": subject,
            "offset": each.offset,
            "at": each.at,
            "type": each.type,
            "department_id": each.department_id,
            "document": each.document,
        }


async def _forget(connection: AsyncConnection, organization_id: OrganizationId, now_at: Instant) -> int:
    """Delete the rows that have been over for long; the last offset of them, or -1."""
    old = and_(
        live_rows.c.organization_id == organization_id,
        live_rows.c.document.is_(None),
        live_rows.c.at < now_at - KEPT_MS,
    )
    last = await connection.scalar(select(func.max(live_rows.c.offset)).where(old))
    if last is None:
        return -1
    await connection.execute(delete(live_rows).where(old))
    return int(last)


async def _move(connection: AsyncConnection, organization_id: OrganizationId, moved: Version) -> None:
    known = await version(connection, organization_id)
    values = {
        "version": max(known.version, moved.version),
        "rights_version": max(known.rights_version, moved.rights_version),
        "forgotten": max(known.forgotten, moved.forgotten),
    }
    mine = live_versions.c.organization_id == organization_id
    done: CursorResult[tuple[int]] = await connection.execute(
        update(live_versions).where(mine).values(**values)
    )
    if done.rowcount == 0:
        await connection.execute(insert(live_versions).values(organization_id=organization_id, **values))


async def version(connection: AsyncConnection, organization_id: OrganizationId) -> Version:
    """How far an organization's live rows are; NONE before its first."""
    table = live_versions
    found = (
        await connection.execute(select(table).where(table.c.organization_id == organization_id))
    ).first()
    if found is None:
        return NONE
    return Version(version=found.version, rights_version=found.rights_version, forgotten=found.forgotten)


async def changed_since(
    connection: AsyncConnection, organization_id: OrganizationId, offset: int | None
) -> list[Row[Any]]:
    """The rows that have changed since an offset, those that are over included, in the log's order; all of
    them since None."""
    query = select(live_rows).where(live_rows.c.organization_id == organization_id)
    if offset is not None:
        query = query.where(live_rows.c.offset > offset)
    return list(await connection.execute(query.order_by(live_rows.c.offset)))


async def over_since(
    connection: AsyncConnection, organization_id: OrganizationId, offset: int
) -> list[tuple[LiveKey, DepartmentId | None]]:
    """The places and callbacks that have ended since an offset, with their departments."""
    query = select(live_rows.c.kind, live_rows.c.subject, live_rows.c.department_id).where(
        live_rows.c.organization_id == organization_id,
        live_rows.c.document.is_(None),
        live_rows.c.offset > offset,
    )
    return [
        ((LiveKind(kind), subject), None if department_id is None else DepartmentId(department_id))
        for kind, subject, department_id in await connection.execute(query)
    ]
