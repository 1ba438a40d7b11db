"""The database: SQLite embedded, PostgreSQL in production; the same tables, made by the same migrations."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import sqlalchemy
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine

from runtime import sql
from runtime.lack import Lack

DATABASE: Final = "RINGBACK_HISTORY_DATABASE"
MIGRATIONS: Final = Path(__file__).parent / "migrations"
BUSY_MS_MAX: Final = 20_000
"""How long a SQLite writer waits for another; a batch takes far less."""


CONNECTIONS_MAX: Final = 15
"""Readers of pages beside the projector and the sweeps; PostgreSQL serves a hundred by default."""


def connected(url: str, allowed_to: Iterable[str] = ()) -> AsyncEngine:
    """An engine for `sqlite:///file` or `postgresql://…`. Raises ValueError, in words for the operator.

    `allowed_to` names the parts to which wires may stay unencrypted.
    """
    engine = sql.engine(
        url,
        setting=DATABASE,
        allowed_to=allowed_to,
        busy_ms_max=BUSY_MS_MAX,
        connections_max=CONNECTIONS_MAX,
    )
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _sync_seldom)
    return engine


async def lack(url: str, allowed_to: Iterable[str]) -> Lack | None:
    """What keeps us from the database, for the check at start."""
    return await sql.lack(lambda: connected(url, allowed_to), DATABASE)


def _sync_seldom(connection: Any, _record: Any) -> None:
    """What a power cut takes is read from the log again."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=NORMAL")
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
