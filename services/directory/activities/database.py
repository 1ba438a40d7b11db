"""The database: connections, transactions, migrations. SQLite for one process, PostgreSQL for several."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Table, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

MIGRATIONS: Final = Path(__file__).parent / "migrations"
BUSY_MS_MAX: Final = 10_000
CONNECTIONS_MAX: Final = 10
MIGRATION_LOCK: Final = 7_203_841
"""An arbitrary lock id: replicas that start together migrate one after the other."""
_DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}


class AddressUnusable(ValueError):
    """This service can't use the database's URL."""


def engine(url: str) -> AsyncEngine:
    """An engine for `sqlite:///…` or `postgresql://…`. Raises AddressUnusable; connects later."""
    scheme, colon, rest = url.partition(":")
    if not colon or scheme not in _DRIVERS:
        raise AddressUnusable(
            "set RINGBACK_DIRECTORY_DATABASE to sqlite:///path or postgresql://user:password@host:port/name"
        )
    options: dict[str, Any] = {} if scheme == "sqlite" else {"pool_pre_ping": True}
    try:
        made = create_async_engine(
            f"{_DRIVERS[scheme]}:{rest}", pool_size=CONNECTIONS_MAX, max_overflow=0, **options
        )
    except ArgumentError as error:
        raise AddressUnusable(f"RINGBACK_DIRECTORY_DATABASE can't be read: {error}") from error
    if scheme == "sqlite":
        _begin_transactions_at_once(made)
    return made


def _begin_transactions_at_once(made: AsyncEngine) -> None:
    """Begin SQLite's transactions at once, so that they wait for each other: Python's begin late."""

    @event.listens_for(made.sync_engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_MS_MAX}")
        cursor.close()

    @event.listens_for(made.sync_engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


class Database:
    """Opens transactions on one engine."""

    def __init__(self, made: AsyncEngine) -> None:
        self._engine = made

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed at the end of its block, or rolled back."""
        async with self._engine.begin() as connection:
            yield connection

    async def upgrade(self) -> None:
        """Migrate the tables to this version."""
        async with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
            await connection.run_sync(_upgrade)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def upsert(connection: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that may update on a conflict, which each dialect has under its own name."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
