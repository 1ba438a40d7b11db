"""Statistics in a real browser: no barriers in both themes, and every formula by keyboard."""

import pytest
from playwright.async_api import Browser, expect

from tests.integration.console.app import HOME
from tests.integration.console.walking import Site, Theme, visit

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
STATISTICS = f"{HOME}statistics"


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_statistics_are_without_barriers_in_both_themes(
    browser: Browser, busy_site: Site, theme: Theme
) -> None:
    visitor = await visit(browser, busy_site.url, theme=theme)
    await visitor.sign_in()
    wrong = list[str]()
    nothing, reversed_ = "2027-01-01&until_day=2027-01-02", "2027-02-01&until_day=2027-01-01"
    for query in ("", f"?since_day={nothing}", f"?since_day={reversed_}"):
        await visitor.go(STATISTICS + query)
        wrong += await visitor.faults()
    assert wrong == []
    assert visitor.complaints == []


async def test_a_formula_is_a_tab_away_and_escape_closes_it(browser: Browser, busy_site: Site) -> None:
    visitor = await visit(browser, busy_site.url)
    await visitor.sign_in()
    page = visitor.page
    await page.click(".menu a[href$=statistics]")
    tip = page.locator("#f-offered")
    await expect(tip).to_be_hidden()
    await page.focus(".filters button")
    for _ in range(2):  # The formula of the comparison stands before the first figure's.
        await page.keyboard.press("Tab")
        while await page.evaluate("document.activeElement.closest('.term') === null"):
            await page.keyboard.press("Tab")
    await expect(tip).to_be_visible()
    assert "отвечено + не дождались" in await tip.inner_text()
    await page.keyboard.press("Escape")
    await expect(tip).to_be_hidden()
    await page.keyboard.press("Tab")
    await expect(page.locator("#f-answered")).to_be_visible()
    await page.hover("#f-offered ~ *, .term:has(#f-offered)")
    await expect(tip).to_be_visible()


async def test_statistics_are_filtered_without_scripts(browser: Browser, busy_site: Site) -> None:
    visitor = await visit(browser, busy_site.url, has_scripts=False)
    await visitor.sign_in()
    page = visitor.page
    await visitor.go(STATISTICS)
    await page.click(".choose summary")
    await page.check("input[name=department][value=sales]")
    await page.select_option("#service_level_s", "30")
    await page.click(".filters button")
    await page.wait_for_url(f"**{STATISTICS}?*department=sales")
    await expect(page.locator("#total-title")).to_be_visible()
    async with page.expect_download() as begun:
        await page.click("a[href*='part=departments']")
    assert (await begun.value).suggested_filename == "statistics-departments.csv"
