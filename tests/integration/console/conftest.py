"""A console over the embedded Redis and a directory of its own."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.history.activities.database import connected
from tests.integration.console.app import ADMINISTRATOR, Browser, ConsoleApp
from tests.integration.console.companies_history import CompanyHistory, history_of
from tests.integration.console.past import past_of
from tests.integration.directory.companies import Company, sqlite
from tests.integration.history.harness import HistoryHarness


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book of a company that has just been founded: migrations take longer than most tests here."""
    folder = tmp_path_factory.mktemp("founded")

    async def found() -> None:
        await (await Company(sqlite(folder)).open()).close()

    asyncio.run(found())
    return folder / "book.db"


@pytest.fixture
async def company(founded: Path, tmp_path: Path) -> AsyncIterator[Company]:
    """A company with its administrator."""
    shutil.copy(founded, tmp_path / founded.name)
    made = Company(sqlite(tmp_path))
    made.directory.background.is_up = True
    made.headers = await made.login(ADMINISTRATOR)
    yield made
    await made.close()


@pytest.fixture
async def console(company: Company, redis_server: str, fresh_prefix: str) -> AsyncIterator[ConsoleApp]:
    """One replica."""
    made = ConsoleApp(company, redis_server, fresh_prefix)
    yield made
    await made.close()


@pytest.fixture
def browser(console: ConsoleApp) -> Browser:
    """A browser that has never been here."""
    return console.browser()


@pytest.fixture
async def past(company: Company, sqlite_history: str) -> AsyncIterator[HistoryHarness]:
    """The company's history, with nothing in it yet."""
    made = await past_of(company, sqlite_history)
    yield made
    await made.engine.dispose()


@pytest.fixture
async def reading(
    company: Company, past: HistoryHarness, redis_server: str, fresh_prefix: str
) -> AsyncIterator[ConsoleApp]:
    """A replica that reads that history."""
    made = ConsoleApp(company, redis_server, fresh_prefix, history=past.app)
    yield made
    await made.close()


@pytest.fixture
async def history(company: Company, sqlite_history: str) -> AsyncIterator[CompanyHistory]:
    """The company's history, whose streams can be followed."""
    engine = connected(sqlite_history)
    async with history_of(company, engine) as made:
        yield made
    await engine.dispose()


@pytest.fixture
async def replica(
    company: Company, history: CompanyHistory, redis_server: str, fresh_prefix: str
) -> AsyncIterator[ConsoleApp]:
    """A replica that follows it."""
    made = ConsoleApp(company, redis_server, fresh_prefix, history_url=history.url)
    yield made
    await made.close()
