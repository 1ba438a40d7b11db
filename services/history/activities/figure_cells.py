"""Cells of figures: sums of rows, kept by the projector in the transaction that writes the rows (H6).

An older version, beside which this one runs during an upgrade or a downgrade, writes rows and no cells. So
each batch leaves a mark of what had been heard with it; where the mark is another one, cells are made anew.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Select, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import OrganizationId
from services.history.activities import tables, upserts
from services.history.rules.deduplication import Number
from services.history.rules.figure_cells import AT, CALLBACKS, PLACES, TRIES, CellChanges, CellKey

_log = structlog.get_logger()
_MARKS: Final = tables.figure_marks
_CELLS: Final = tables.figure_cells
COUNTED: Final = {
    PLACES: ("joined_at", "department_id", "end", "waited_ms", "is_internal"),
    CALLBACKS: ("ordered_at", "department_id", "agent_at", "dialled_at", "reached_at", "end"),
    TRIES: ("rung_at", "agent_id", "department_id", "kind", "end", "rang_ms", "is_internal"),
}
"""The tables that are counted, and their columns that say where and what a row counts."""
FILL_MS: Final = 24 * 3_600_000
"""A day of rows is in memory at once while cells are made anew; a multiple of every cell's length."""
KNOWN_MAX: Final = 1_000
"""Cells of an organization in memory: the quarters of an hour that go on, of each department and employee."""


def columns_of(kind: str) -> tuple[Any, ...]:
    """The columns of a table that is counted."""
    return tuple(tables.METADATA.tables[kind].c[name] for name in COUNTED[kind])


async def write(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    changes: CellChanges,
    known: dict[CellKey, int],
) -> None:
    """Add to each cell what has changed; `known` keeps the cells that are written again and again.

    An organization has one writer: that of its partition.
    """
    changed = changes.changed()
    unknown = [key for key in changed if key not in known]
    for kind in {key.kind for key in unknown}:
        for row in await connection.execute(_stored(organization_id, kind, unknown)):
            key = CellKey(row.kind, row.at, row.agent_id, row.department_id, row.is_internal)
            known.setdefault(key, number_of(row.counts))
    known.update({key: known.get(key, 0) + change for key, change in changed.items()})
    await upserts.put(connection, _CELLS, [_row(organization_id, key, known[key]) for key in changed])
    if len(known) > KNOWN_MAX:
        known.clear()


def _stored(organization_id: OrganizationId, kind: str, keys: Iterable[CellKey]) -> Select[Any]:
    """The cells of these times: a few more than those asked for."""
    ats = sorted({key.at for key in keys if key.kind == kind})
    return select(_CELLS).where(
        _CELLS.c.organization_id == organization_id, _CELLS.c.kind == kind, _CELLS.c.at.in_(ats)
    )


def _row(organization_id: str, key: CellKey, number: int) -> dict[str, Any]:
    return {
        "organization_id": organization_id,
        "kind": key.kind,
        "at": key.at,
        "agent_id": key.agent_id,
        "department_id": key.department_id,
        "is_internal": key.is_internal,
        "counts": number.to_bytes((number.bit_length() + 7) // 8, "little"),
    }


def number_of(counts: bytes) -> int:
    """The number of a cell, of which the table keeps no leading zeros."""
    return int.from_bytes(counts, "little")


async def ensure(
    connection: AsyncConnection, organization_id: OrganizationId, heard: Mapping[str, Number]
) -> None:
    """Make an organization's cells anew if its rows were written without them."""
    known = await connection.scalar(select(_MARKS.c.heard).where(_MARKS.c.organization_id == organization_id))
    if known != _mark(heard):
        if known is not None:
            _log.warning("figures are counted anew", organization_id=organization_id)
        await connection.run_sync(fill, organization_id)


async def mark(
    connection: AsyncConnection, organization_id: OrganizationId, heard: Mapping[str, Number]
) -> None:
    """Note that the cells have what had been heard by then."""
    await upserts.put(connection, _MARKS, [_marked(organization_id, heard)])


def _marked(organization_id: str, heard: Mapping[str, Number]) -> dict[str, str]:
    return {"organization_id": organization_id, "heard": _mark(heard)}


def _mark(heard: Mapping[str, Number]) -> str:
    return hashlib.sha256(repr(sorted(heard.items())).encode()).hexdigest()


def fill(connection: Connection, organization_id: str) -> None:
    """Make an organization's cells anew, from its rows.

    What had been heard is read first: what is written meanwhile is counted perhaps, and then once more.
    """
    table = tables.heard
    query = select(table.c.source, table.c.incarnation, table.c.seq).where(
        table.c.organization_id == organization_id
    )
    heard = {source: (incarnation, seq) for source, incarnation, seq in connection.execute(query)}
    connection.execute(delete(_CELLS).where(_CELLS.c.organization_id == organization_id))
    for kind in COUNTED:
        _fill(connection, organization_id, kind)
    connection.execute(delete(_MARKS).where(_MARKS.c.organization_id == organization_id))
    connection.execute(insert(_MARKS).values(_marked(organization_id, heard)))


def _fill(connection: Connection, organization_id: str, kind: str) -> None:
    table = tables.METADATA.tables[kind]
    at, mine = table.c[AT[kind]], table.c.organization_id == organization_id
    since_at = connection.scalar(select(func.min(at)).where(mine))
    while since_at is not None:
        since_at -= since_at % FILL_MS
        until_at = since_at + FILL_MS
        rows = connection.execute(select(*columns_of(kind)).where(mine, at >= since_at, at < until_at))
        changes = CellChanges()
        for row in rows.mappings():
            changes.add(kind, row)
        made = [_row(organization_id, key, number) for key, number in changes.changed().items()]
        if made:
            connection.execute(insert(_CELLS), made)
        since_at = connection.scalar(select(func.min(at)).where(mine, at >= until_at))
