"""Rows that take the place of those with the same keys: one statement, however many they are."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import Insert


async def put(connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows that have every column of the table."""
    if rows:
        await connection.execute(_statement(table, connection.dialect.name), rows)


@cache
def _statement(table: Table, dialect: str) -> Insert:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    made = insert(table)
    keys = [column.name for column in table.primary_key]
    rest = {each.name: made.excluded[each.name] for each in table.c if not each.primary_key}
    if not rest:
        return made.on_conflict_do_nothing(index_elements=keys)
    return made.on_conflict_do_update(index_elements=keys, set_=rest)
