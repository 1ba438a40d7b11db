"""A company on either database. Each worker migrates one of each kind, and every test has a copy of it."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringback.stack.postgres import Postgres
from tests.integration.directory.companies import Company, sqlite

TABLES = "directory-tables"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of this test's own."""
    if request.param == "sqlite":
        return sqlite(tmp_path)
    found: str = request.getfixturevalue("postgres_database")
    return found


@pytest.fixture(scope="session")
def sqlite_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a database with tables and nothing in them."""
    folder = tmp_path_factory.mktemp("tables")
    asyncio.run(_upgraded(sqlite(folder)))
    return folder


@pytest.fixture(scope="session")
def postgres_tables(postgres_server: Postgres) -> str:
    """The name of the same on PostgreSQL."""
    asyncio.run(_upgraded(postgres_server.database(TABLES)))
    return TABLES


@pytest.fixture(params=["sqlite", "postgresql"])
def tables(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of this test's own, with the tables."""
    if request.param == "sqlite":
        return _copied(request.getfixturevalue("sqlite_tables"), tmp_path)
    server: Postgres = request.getfixturevalue("postgres_server")
    like: str = request.getfixturevalue("postgres_tables")
    return server.database(request.getfixturevalue("fresh_prefix"), like=like)


@pytest.fixture
async def company(tables: str) -> AsyncIterator[Company]:
    """A company with its administrator."""
    made = await Company(tables).open()
    yield made
    await made.close()


@pytest.fixture
async def quick_company(sqlite_tables: Path, tmp_path: Path) -> AsyncIterator[Company]:
    """The same on SQLite alone: for what has nothing to do with the database."""
    made = await Company(_copied(sqlite_tables, tmp_path)).open()
    yield made
    await made.close()


async def _upgraded(url: str) -> None:
    made = Company(url)
    await made.directory.database.upgrade()
    await made.close()


def _copied(folder: Path, into: Path) -> str:
    for each in folder.iterdir():
        shutil.copy(each, into)
    return sqlite(into)
