"""A database as an earlier version left it, and brought up to this one."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, insert, inspect, select, text

from tests.integration.directory.companies import Company

Rows = Sequence[Mapping[str, Any]]


async def rows(company: Company, table: Table) -> list[dict[str, Any]]:
    """Every row of a table."""
    async with company.directory.database.begin() as connection:
        return [dict(row._mapping) for row in await connection.execute(select(table))]  # its public name


def spoiled(cards: Rows, text_: str, by: str) -> list[dict[str, Any]]:
    """Cards with a text in their documents in place of another."""
    return [{**card, "document": card["document"].replace(text_, by)} for card in cards]


async def begun_again(company: Company, revision: str, filled: Mapping[Table, Rows]) -> None:
    """Begin with empty tables of a revision, fill those, and upgrade to this version."""
    database = company.directory.database
    async with database.begin() as connection:
        for name in await connection.run_sync(_tables):
            await connection.execute(text(f'DROP TABLE "{name}"'))
    await database.upgrade(revision)
    async with database.begin() as connection:
        for table, listed in filled.items():
            known = await connection.run_sync(_columns, table.name)
            for row in listed:
                values = {name: value for name, value in row.items() if name in known}
                await connection.execute(insert(table).values(**values))
    await database.upgrade()


def _tables(connection: Connection) -> list[str]:
    return inspect(connection).get_table_names()


def _columns(connection: Connection, table: str) -> set[str]:
    return {column["name"] for column in inspect(connection).get_columns(table)}
