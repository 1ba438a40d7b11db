"""A company on either database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.directory.companies import Company, sqlite


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of this test's own."""
    if request.param == "sqlite":
        return sqlite(tmp_path)
    found: str = request.getfixturevalue("postgres_database")
    return found


@pytest.fixture
async def company(database: str) -> AsyncIterator[Company]:
    """A company with its administrator."""
    made = await Company(database).open()
    yield made
    await made.close()


@pytest.fixture
async def quick_company(tmp_path: Path) -> AsyncIterator[Company]:
    """The same on SQLite alone: for what has nothing to do with the database."""
    made = await Company(sqlite(tmp_path)).open()
    yield made
    await made.close()
