"""A console over the embedded Redis and a directory of its own."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.console.app import ADMINISTRATOR, Browser, ConsoleApp
from tests.integration.directory.companies import Company, sqlite


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
