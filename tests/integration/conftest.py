"""History's tables, made once by each worker: migrations take longer than most tests of what is in them."""

import asyncio
import shutil
from pathlib import Path

import pytest

from ringback.stack.postgres import Postgres
from services.history.activities.database import connected, migrate

TABLES = "history-tables"


@pytest.fixture(scope="session")
def sqlite_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with history's tables and nothing in them."""
    file = tmp_path_factory.mktemp("tables") / "history.db"
    asyncio.run(_migrated(f"sqlite:///{file}"))
    return file


@pytest.fixture(scope="session")
def postgres_tables(postgres_server: Postgres) -> str:
    """The name of the same on PostgreSQL."""
    asyncio.run(_migrated(postgres_server.database(TABLES)))
    return TABLES


@pytest.fixture
def sqlite_history(sqlite_tables: Path, tmp_path: Path) -> str:
    """The URL of a database of this test's own, with the tables."""
    return f"sqlite:///{shutil.copy(sqlite_tables, tmp_path)}"


async def _migrated(url: str) -> None:
    made = connected(url)
    await migrate(made)
    await made.dispose()
