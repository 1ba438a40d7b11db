"""A screen on a wall in a real browser: opened by its link, mended by itself, until its access ends."""

import re

import pytest
from playwright.async_api import Browser, expect

from contracts.ids import PlaceId
from contracts.queue import PlaceAbandoned
from services.history.activities.live_streams import Ended
from tests.integration.console.app import FIRST, HOME
from tests.integration.console.companies_history import CompanyHistory
from tests.integration.console.test_wallboard import MINUTE, an_agent, taken
from tests.integration.console.walking import PAGE_MS_MAX, Site, Visitor, visit
from tests.integration.directory.companies import Company

expect.set_options(timeout=PAGE_MS_MAX)
SCREENS = f"{FIRST}/screens"
SCROLLS = "document.documentElement.scrollHeight > document.documentElement.clientHeight"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
async def history(company: Company, history: CompanyHistory) -> CompanyHistory:
    """The company's history: a customer waits, for too long."""
    await an_agent(company, history, "Орлов Пётр")
    await history.tell(taken(company, "in1", waited=11))
    return history


async def on_a_screen(
    browser: Browser,
    administrator: Visitor,
    *departments: str,
    width: int = 1920,
    height: int = 1080,
    address: str = SCREENS,
) -> Visitor:
    """An administrator makes a screen; its link is opened there, and nothing pressed yet."""
    await administrator.go(address)
    page = administrator.page
    await page.fill("#name", f"{len(departments)} × {width}")
    for each in departments:
        await page.check(f"[name=departments][value={each}]")
    await page.click("form:has(#name) button.main")
    link = await page.inner_text("code.secret")
    language = await page.evaluate("document.documentElement.lang")
    screen = await visit(browser, administrator.url, width=width, height=height, language=language)
    await screen.page.goto(link)
    return screen


async def scrolls(screen: Visitor) -> bool:
    """Whether something of the page is out of sight."""
    return bool(await screen.page.evaluate(SCROLLS)) or await screen.is_wider_than_its_window()


async def test_a_screen_lives_by_its_link_until_its_access_ends(
    browser: Browser, site: Site, company: Company, history: CompanyHistory
) -> None:
    """Its code leaves the address bar at once; breaks are mended without a touch; the end is said."""
    administrator = await visit(browser, site.url)
    await administrator.sign_in()
    assert await administrator.faults() == []
    screen = await on_a_screen(browser, administrator, "sales")
    await history.hear_directory()
    page = screen.page
    assert page.url == f"{site.url}{HOME}tv", "the code is no more in the address bar"
    wrong = await administrator.faults() + await screen.faults()
    await expect(page.locator("button.main")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#tv-live")).to_be_visible()
    assert page.url == f"{site.url}{HOME}tv"
    wrong += await screen.barriers()

    text = await page.content()
    assert "Отдел продаж" in text
    assert re.search(r"\+7|555|…0001", text) is None, "no customer's number is anywhere in the page"

    await page.evaluate("document.documentElement.dataset.kept = 'yes'")
    for watched in history.harness.live._watched.values():
        watched.end_all(Ended.RESTARTED)
    await history.tell(PlaceAbandoned(place_id=PlaceId("p.in1"), waited_ms=11 * MINUTE))
    await expect(page.locator(".calm")).to_be_visible()
    assert await page.evaluate("document.documentElement.dataset.kept") == "yes", "never loaded anew"

    site.console.parts.pages.version = "another"
    for watched in history.harness.live._watched.values():
        watched.end_all(Ended.RESTARTED)
    await expect(page.locator("html")).not_to_have_attribute("data-kept", "yes")
    await expect(page.locator("#tv-live")).to_be_visible()

    await administrator.go(SCREENS)
    await administrator.page.click("form[action$='/end'] button")
    await history.hear_directory()
    await expect(page.locator("[role=alert]")).to_contain_text("Доступ этого экрана закончен")
    wrong += await screen.faults()
    assert (wrong, screen.complaints, administrator.complaints) == ([], [], [])
