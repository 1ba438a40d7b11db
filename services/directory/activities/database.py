"""The database: connections, transactions, migrations. SQLite for one process, PostgreSQL for several."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Table, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from runtime import sql
from runtime.lack import Lack

DATABASE: Final = "RINGBACK_DIRECTORY_DATABASE"
MIGRATIONS: Final = Path(__file__).parent / "migrations"
BUSY_MS_MAX: Final = 10_000
CONNECTIONS_MAX: Final = 10
MIGRATION_LOCK: Final = 7_203_841
"""An arbitrary lock id: replicas that start together migrate one after the other."""
_AFTER_COMMIT: Final = "after_commit"


def engine(url: str, allowed_to: Iterable[str] = ()) -> AsyncEngine:
    """An engine for `sqlite:///…` or `postgresql://…`; connects later. Raises ValueError for the operator.

    `allowed_to` names the parts to which wires may stay unencrypted.
    """
    made = sql.engine(
        url,
        setting=DATABASE,
        allowed_to=allowed_to,
        busy_ms_max=BUSY_MS_MAX,
        connections_max=CONNECTIONS_MAX,
    )
    if made.dialect.name == "sqlite":
        _begin_transactions_at_once(made)
    return made


def _begin_transactions_at_once(made: AsyncEngine) -> None:
    """Begin SQLite's transactions at once, so that they wait for each other: Python's begin late."""

    @event.listens_for(made.sync_engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(made.sync_engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


async def lack(url: str, allowed_to: Iterable[str]) -> Lack | None:
    """What keeps us from the database, for the check at start."""
    return await sql.lack(lambda: engine(url, allowed_to), DATABASE)


class Database:
    """Opens transactions on one engine."""

    def __init__(self, made: AsyncEngine) -> None:
        self._engine = made

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed at the end of its block, or rolled back."""
        then: list[Callable[[], None]] = []
        async with self._engine.begin() as connection:
            connection.info[_AFTER_COMMIT] = then
            yield connection
        for each in then:
            each()

    async def upgrade(self, revision: str = "head") -> None:
        """Migrate the tables to this version, or to an earlier one."""
        async with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
            await connection.run_sync(_upgrade, revision)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def after_commit(connection: AsyncConnection, then: Callable[[], None]) -> None:
    """Do something once the transaction is committed, and nothing if it is rolled back."""
    connection.info[_AFTER_COMMIT].append(then)


def upsert(connection: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that may update on a conflict, which each dialect has under its own name."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def _upgrade(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
