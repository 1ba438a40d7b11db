"""A console over the embedded Redis and a directory of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.console.app import Browser, ConsoleApp
from tests.integration.directory.companies import Company, sqlite


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    """A company with its administrator."""
    made = await Company(sqlite(tmp_path)).open()
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
