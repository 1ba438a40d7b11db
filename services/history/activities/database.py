"""The database: SQLite embedded, PostgreSQL in production; the same tables, made by the same migrations."""

from pathlib import Path
from typing import Any, Final

import sqlalchemy
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
MIGRATIONS: Final = Path(__file__).parent / "migrations"
BUSY_MS_MAX: Final = 20_000
"""How long a SQLite writer waits for another; a batch takes far less."""


def connected(url: str) -> AsyncEngine:
    """An engine for `sqlite:///file` or `postgresql://…`. Raises ValueError, in words for the operator."""
    try:
        found = make_url(url)
    except ArgumentError:
        found = None
    if found is None or found.drivername not in DRIVERS:
        raise ValueError(
            "RINGBACK_HISTORY_DATABASE must be sqlite:///<file> or postgresql://<user>:<password>@<host>/<name>"
        )
    engine = create_async_engine(found.set(drivername=DRIVERS[found.drivername]), pool_pre_ping=True)
    if found.drivername == "sqlite":
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Let readers work beside one writer, and writers wait for each other."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MS_MAX}")
    cursor.close()


async def migrate(engine: AsyncEngine) -> None:
    """Bring the tables to this version's shape; processes that start at once take turns."""
    async with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            await connection.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(7424653)"))
        await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
