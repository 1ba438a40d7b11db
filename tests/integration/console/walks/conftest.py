"""A real browser for each walk."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.integration.console import past as story
from tests.integration.console.companies_callbacks import callbacks_at_work
from tests.integration.console.companies_history import CompanyHistory
from tests.integration.console.walking import Site, chromium
from tests.integration.console.week import two_weeks
from tests.integration.directory.companies import Company
from tests.integration.history.harness import HistoryHarness


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    async with chromium() as made:
        yield made


@pytest.fixture
async def site(
    company: Company, history: CompanyHistory, redis_server: str, fresh_prefix: str
) -> AsyncIterator[Site]:
    """The console over the company's history, where a browser finds it."""
    async with Site(company, redis_server, fresh_prefix, history_url=history.url) as made:
        yield made


@pytest.fixture
async def morning(
    company: Company, past: HistoryHarness, redis_server: str, fresh_prefix: str
) -> AsyncIterator[Site]:
    """The console over a history of a morning, which has something for every screen."""
    await story.an_inbox(past)
    await story.a_voice_message(past)
    await story.a_withheld_number(past)
    await story.a_called_back_customer(past)
    await past.tell(*callbacks_at_work(company), organization_id=story.VOSTOK)
    async with Site(company, redis_server, fresh_prefix, history=past.app) as made:
        yield made


@pytest.fixture
async def busy_site(
    company: Company, past: HistoryHarness, redis_server: str, fresh_prefix: str
) -> AsyncIterator[Site]:
    """The console over a history of two weeks, which end now."""
    company.clock.at += 1_000 * await two_weeks(past)
    async with Site(company, redis_server, fresh_prefix, history=past.app) as made:
        yield made
