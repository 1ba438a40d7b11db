"""Writes the rows of changed contacts, and what they count in the figures.

Of a contact that we wrote before, the rows that differ are written. One of which we have only the document is
written whole: an older version may have made other rows of it.
"""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import and_, bindparam, delete
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import OrganizationId
from services.history.activities import figure_cells, tables, upserts
from services.history.rules import table_rows
from services.history.rules.figure_cells import CellChanges, CellKey
from services.history.rules.table_rows import TableRow
from services.history.state import Contact, ContactId

PARAMETERS_MAX: Final = 500
"""Both databases take tens of thousands in a statement; query plans are made for few."""
NAMES: Final = ("contacts", *table_rows.CHILDREN)
Rows = dict[str, list[TableRow]]
NONE: Final[Rows] = {}
"""The rows of a contact that is new."""
_KEYS: Final = {
    name: tuple(column.name for column in tables.METADATA.tables[name].primary_key) for name in NAMES
}


class _Changes:
    """The rows of one table that are written and removed."""

    def __init__(self, name: str, cells: CellChanges) -> None:
        self.put: list[TableRow] = []
        self.gone: list[TableRow] = []
        self._key = itemgetter(*_KEYS[name])
        self._name = name
        self._cells = cells if name in figure_cells.COUNTED else None

    def become(self, before: Sequence[TableRow], now: Sequence[TableRow]) -> None:
        """A contact had those rows and has these."""
        if before == now:
            return
        stood = {self._key(row): row for row in before}
        for row in now:
            was = stood.pop(self._key(row), None)
            if was != row:
                self.put.append(row)
                self._count(was, row)
        for row in stood.values():
            self.gone.append(row)
            self._count(row, None)

    def _count(self, was: TableRow | None, row: TableRow | None) -> None:
        if self._cells is None:
            return
        if was is not None:
            self._cells.take(self._name, was)
        if row is not None:
            self._cells.add(self._name, row)


async def write(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    contacts: Mapping[ContactId, tuple[Contact, Rows | None]],
    known_cells: dict[CellKey, int],
) -> dict[ContactId, Rows]:
    """Write contacts over the rows that the tables have of each (None: we do not know); all their rows."""
    cells = CellChanges()
    unknown = [id_ for id_, (_, before) in contacts.items() if before is None]
    for name in NAMES if unknown else ():
        await _remove(connection, organization_id, name, unknown, cells)
    written = {id_: table_rows.rows_of(contact) for id_, (contact, _) in contacts.items()}
    for name in NAMES:
        changes = _Changes(name, cells)
        for id_, (_, before) in contacts.items():
            changes.become((before or NONE).get(name, []), written[id_][name])
        if changes.gone:
            await _remove_rows(connection, name, changes.gone)
        await upserts.put(connection, tables.METADATA.tables[name], changes.put)
    await figure_cells.write(connection, organization_id, cells, known_cells)
    return written


async def _remove_rows(connection: AsyncConnection, name: str, rows: Sequence[TableRow]) -> None:
    table = tables.METADATA.tables[name]
    same = and_(*(table.c[key] == bindparam(f"its_{key}") for key in _KEYS[name]))
    keys: list[dict[str, Any]] = [{f"its_{key}": row[key] for key in _KEYS[name]} for row in rows]
    await connection.execute(delete(table).where(same), keys)


async def _remove(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    name: str,
    contacts: Sequence[ContactId],
    cells: CellChanges,
) -> None:
    """Remove whatever rows of contacts a table has, and what they count from the cells."""
    table = tables.METADATA.tables[name]
    for first in range(0, len(contacts), PARAMETERS_MAX):
        chunk = contacts[first : first + PARAMETERS_MAX]
        removal = delete(table).where(
            table.c.organization_id == organization_id, table.c.contact_id.in_(chunk)
        )
        if name not in figure_cells.COUNTED:
            await connection.execute(removal)
            continue
        gone = await connection.execute(removal.returning(*figure_cells.columns_of(name)))
        for row in gone.mappings():
            cells.take(name, row)
