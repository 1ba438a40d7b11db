"""A database for each test: SQLite in a file, and PostgreSQL where it is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from ringback.stack.postgres import Postgres
from services.history.activities.database import connected
from tests.integration.history.harness import HistoryHarness, an_office


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'history.db'}"
    return str(request.getfixturevalue("postgres_database"))


@pytest.fixture(params=["sqlite", "postgresql"])
def tables(request: pytest.FixtureRequest) -> str:
    """The URL of a database of this test's own, with the tables."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_history"))
    server: Postgres = request.getfixturevalue("postgres_server")
    like: str = request.getfixturevalue("postgres_tables")
    return server.database(request.getfixturevalue("fresh_prefix"), like=like)


@pytest_asyncio.fixture
async def engine(tables: str) -> AsyncIterator[AsyncEngine]:
    """An engine on a database with history's tables."""
    made = connected(tables)
    yield made
    await made.dispose()


@pytest_asyncio.fixture
async def sqlite(sqlite_history: str) -> AsyncIterator[AsyncEngine]:
    """The same on SQLite alone, for tests that do not depend on the database."""
    made = connected(sqlite_history)
    yield made
    await made.dispose()


@pytest_asyncio.fixture
async def harness(sqlite: AsyncEngine) -> HistoryHarness:
    """History with its API, over a log in memory."""
    return HistoryHarness(sqlite)


@pytest_asyncio.fixture
async def harness_on_both(engine: AsyncEngine) -> HistoryHarness:
    """The same on SQLite, and on PostgreSQL."""
    return HistoryHarness(engine)


@pytest_asyncio.fixture
async def patient(engine: AsyncEngine) -> HistoryHarness:
    """The same with wide quotas, for tests that ask more than any company does."""
    return HistoryHarness(engine, quota_factor=1_000)


@pytest_asyncio.fixture
async def office(harness_on_both: HistoryHarness) -> HistoryHarness:
    """History with an office, its calls and voice messages in it, on both."""
    await an_office(harness_on_both)
    return harness_on_both
