"""History in a real browser: no barriers in both themes, and by links and keyboard alone."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, expect

from tests.integration.console import past as story
from tests.integration.console.app import HOME
from tests.integration.console.walking import Site, Theme, visit
from tests.integration.directory.companies import Company
from tests.integration.history.harness import HistoryHarness

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
HISTORY = f"{HOME}history"


@pytest.fixture
async def site(
    company: Company, past: HistoryHarness, redis_server: str, fresh_prefix: str
) -> AsyncIterator[Site]:
    """The console over a history with three contacts."""
    await story.a_voice_message(past)
    await story.a_withheld_number(past)
    await story.a_called_back_customer(past)
    async with Site(company, redis_server, fresh_prefix, history=past.app) as made:
        yield made


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_history_is_without_barriers_in_both_themes(browser: Browser, site: Site, theme: Theme) -> None:
    visitor = await visit(browser, site.url, theme=theme)
    await visitor.sign_in()
    wrong = list[str]()
    for query in ("", "?outcome=answered&department=sales", "?direction=internal", "?number=hello"):
        await visitor.go(HISTORY + query)
        wrong += await visitor.faults()
    assert wrong == []
    assert visitor.complaints == []


async def test_history_is_filtered_by_keyboard_without_scripts(browser: Browser, site: Site) -> None:
    visitor = await visit(browser, site.url, has_scripts=False)
    await visitor.sign_in()
    page = visitor.page
    await page.click(".menu a[href$=history]")
    await expect(page.locator("tbody tr")).to_have_count(3)
    await page.select_option("#outcome", "voicemail")
    await page.focus(".filters button")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**{HISTORY}?outcome=voicemail")
    await expect(page.locator("tbody tr")).to_have_count(1)
    async with page.expect_download() as begun:
        await page.click("a[href*='history.csv']")
    assert (await begun.value).suggested_filename == "history.csv"
