"""The live rows in the tables: written with the batch that changed them, read by whoever shows them."""

from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy
from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import Row, and_, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import DepartmentId, Instant, OrganizationId
from services.history.activities import upserts
from services.history.activities.tables import live_rows, live_versions
from services.history.rules.live_changes import LiveChange, LiveChanges
from services.history.rules.live_contacts import LiveKey, LiveKind

KEPT_MS: Final = 3_600_000
"""How long a row that is over is kept: who comes back within an hour is told what went."""
CHANNEL: Final = "ringback_live"
"""Where PostgreSQL tells replicas whose rows have changed."""
FORGETS_EVERY_MS: Final = 60_000
"""Whole minutes, so that a log cut into other batches forgets the same."""


class Version(Struct, frozen=True, kw_only=True):
    """The last offset that changed an organization's rows, the last that may have changed rights, and the
    last row that is over and forgotten."""

    version: int
    rights_version: int
    forgotten: int


NONE: Final = Version(version=-1, rights_version=-1, forgotten=-1)
"""Of an organization without any live row."""


class Written(Struct, kw_only=True):
    """What the tables say of an organization's live rows, known to the one who writes them."""

    version: Version
    forgotten_before: int = 0
    """Until when rows that are over have been forgotten."""


async def write(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    changes: LiveChanges,
    written: Written,
    *,
    now_at: Instant,
) -> bool:
    """Write what a batch changed, and forget rows that have long been over; whether anything changed."""
    await upserts.put(connection, live_rows, list(_values(organization_id, changes.rows)))
    forgotten = await _forget(connection, organization_id, written, now_at)
    moved = Version(
        version=max((each.offset for each in changes.rows.values()), default=-1),
        rights_version=changes.rights_offset,
        forgotten=forgotten,
    )
    if moved == NONE:
        return False
    await _move(connection, organization_id, written, moved)
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


async def _forget(
    connection: AsyncConnection, organization_id: OrganizationId, written: Written, now_at: Instant
) -> int:
    """Delete the rows that had been over for long when this minute began; the last offset of them, or -1."""
    before = (now_at - KEPT_MS) // FORGETS_EVERY_MS * FORGETS_EVERY_MS
    if before <= written.forgotten_before:
        return -1
    written.forgotten_before = before
    old = and_(
        live_rows.c.organization_id == organization_id,
        live_rows.c.document.is_(None),
        live_rows.c.at < before,
    )
    last = await connection.scalar(select(func.max(live_rows.c.offset)).where(old))
    if last is None:
        return -1
    await connection.execute(delete(live_rows).where(old))
    return int(last)


async def _move(
    connection: AsyncConnection, organization_id: OrganizationId, written: Written, moved: Version
) -> None:
    known = written.version
    written.version = Version(
        version=max(known.version, moved.version),
        rights_version=max(known.rights_version, moved.rights_version),
        forgotten=max(known.forgotten, moved.forgotten),
    )
    row = {"organization_id": organization_id, **asdict(written.version)}
    await upserts.put(connection, live_versions, [row])


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
