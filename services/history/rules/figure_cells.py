"""Where a row counts: in the cell of its time, department and employee (H6).

Cells of departments last a quarter of an hour, because every zone's hours and days begin with one. Cells of
employees last six hours: nobody asks for these figures by the hour, and the quarters of each would be many.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from services.history.rules import figure_counts

PLACES: Final = "places"
CALLBACKS: Final = "callbacks"
TRIES: Final = "tries"
AT: Final = {PLACES: "joined_at", CALLBACKS: "ordered_at", TRIES: "rung_at"}
"""The column, in each table that is counted, that says when a row counts."""
CELL_MS: Final = {PLACES: 15 * 60_000, CALLBACKS: 15 * 60_000, TRIES: 6 * 3_600_000}
"""How long a cell of each lasts."""


class CellKey(Struct, frozen=True):
    """A cell: of which table, from when, whose. The department is empty for an employee's direct calls."""

    kind: str
    at: int
    agent_id: str
    department_id: str
    is_internal: bool


def cell_of(kind: str, row: Mapping[Any, Any]) -> tuple[CellKey, int]:
    """The cell of a row of one of these tables, and what it counts there."""
    if kind == PLACES:
        counted = figure_counts.of_place(row["end"], row["waited_ms"])
    elif kind == CALLBACKS:
        counted = figure_counts.of_callback(row["agent_at"], row["dialled_at"], row["reached_at"], row["end"])
    else:
        counted = figure_counts.of_try(row["kind"], row["end"], row["rang_ms"])
    at = row[AT[kind]]
    key = CellKey(
        kind=kind,
        at=at - at % CELL_MS[kind],
        agent_id=row["agent_id"] if kind == TRIES else "",
        department_id=row["department_id"] or "",
        is_internal=bool(row.get("is_internal", False)),
    )
    return key, counted


class CellChanges:
    """What a batch adds to cells and takes from them."""

    def __init__(self) -> None:
        self._sums: dict[CellKey, int] = {}

    def add(self, kind: str, row: Mapping[Any, Any]) -> None:
        """A row that is written."""
        key, counted = cell_of(kind, row)
        self._sums[key] = self._sums.get(key, 0) + counted

    def take(self, kind: str, row: Mapping[Any, Any]) -> None:
        """A row that is removed."""
        key, counted = cell_of(kind, row)
        self._sums[key] = self._sums.get(key, 0) - counted

    def changed(self) -> dict[CellKey, int]:
        """The cells that differ afterwards, and by how much."""
        return {key: change for key, change in self._sums.items() if change}
