"""The screens in a real browser: no barriers, no breach of the policy, by keyboard, without scripts."""

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, expect

from tests.integration.console.app import ADMINISTRATOR, FIRST, HOME, SIGN_IN
from tests.integration.console.walking import Site, Theme, visit
from tests.integration.directory.companies import PASSWORD, Company
from tests.integration.directory.second_factors import Device

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
FIRST_PAGE_BYTES_MAX = 150 * 1024
WEIGHT = """[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .reduce((sum, each) => sum + each.encodedBodySize, 0)"""


@pytest.fixture
async def site(company: Company, redis_server: str, fresh_prefix: str) -> AsyncIterator[Site]:
    """The console, where a browser finds it."""
    async with Site(company, redis_server, fresh_prefix) as made:
        yield made


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_every_screen_is_without_barriers_in_both_themes(
    browser: Browser, site: Site, company: Company, theme: Theme
) -> None:
    """axe at 0, nothing wider than the window, and no complaint of the browser about the policy."""
    made = await company.made("/employees", {"name": "Орлов Игорь", "pbx_id": "moskva"})
    visitor = await visit(browser, site.url, theme=theme)
    page, wrong = visitor.page, list[str]()
    for address in ("/sign-in", "/sign-in?organization=НЕТ", f"{SIGN_IN}/recovery", "/nowhere"):
        await visitor.go(address)
        wrong += await visitor.faults()
    await visitor.go(SIGN_IN)
    await page.fill("#login", ADMINISTRATOR)
    await page.fill("#password", "wrong horse battery")
    await page.press("#password", "Enter")
    await expect(page.locator("#password-said")).to_be_visible()
    wrong += await visitor.faults()
    await visitor.go(SIGN_IN)
    await page.fill("#login", made["card"]["login"])
    await page.fill("#password", made["one_time_password"])
    await page.press("#password", "Enter")
    await page.wait_for_url("**/sign-in/password")
    wrong += await visitor.faults()
    await visitor.sign_in()
    wrong += await visitor.faults()
    await visitor.go(f"{HOME}me")
    wrong += await visitor.faults()
    await page.set_viewport_size({"width": 360, "height": 800})
    await page.click(".topbar button")
    await expect(page.locator(".menu")).to_be_visible()
    wrong += await visitor.barriers()
    await page.keyboard.press("Escape")
    await page.keyboard.press("?")
    await expect(page.locator("#keys")).to_be_visible()
    wrong += await visitor.barriers()
    assert wrong == []
    assert visitor.complaints == []


async def test_a_second_factor_is_set_up_and_given_without_barriers(
    browser: Browser, site: Site, company: Company
) -> None:
    """The square, the recovery codes, and the code at the next sign-in."""
    assert (await company.changed("/organization", requires_second_factor=True)).status_code == 200
    visitor = await visit(browser, site.url)
    page, wrong = visitor.page, list[str]()
    await visitor.go(SIGN_IN)
    await page.fill("#login", ADMINISTRATOR)
    await page.fill("#password", PASSWORD)
    await page.press("#password", "Enter")
    await page.wait_for_url("**/sign-in/setup")
    wrong += await visitor.faults()
    device = Device(company, (await page.inner_text(".secret")).replace(" ", ""))
    await page.fill("#code", device.shown())
    await page.press("#code", "Enter")
    await expect(page.locator(".codes")).to_be_visible()
    wrong += await visitor.faults()
    await page.click("a.main")
    await page.wait_for_url(f"**{FIRST}")
    again = await visit(browser, site.url)
    await again.go(SIGN_IN)
    await again.page.fill("#login", ADMINISTRATOR)
    await again.page.fill("#password", PASSWORD)
    await again.page.press("#password", "Enter")
    await again.page.wait_for_url("**/sign-in/code")
    wrong += await again.faults()
    await again.page.fill("#code", device.next())
    await again.page.press("#code", "Enter")
    await again.page.wait_for_url(f"**{FIRST}")
    assert wrong == []
    assert visitor.complaints + again.complaints == []


async def test_everything_is_done_by_keyboard_alone(browser: Browser, site: Site) -> None:
    """Sign in, skip the menu, see the keys, go by them, change the theme, sign out."""
    visitor = await visit(browser, site.url)
    page = visitor.page
    await visitor.go(SIGN_IN)
    await expect(page.locator("#login")).to_be_focused()
    await page.keyboard.type(ADMINISTRATOR)
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**{FIRST}")
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#main")).to_be_focused()
    await page.keyboard.press("?")
    await expect(page.locator("#keys")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#keys")).to_be_hidden()
    async with page.expect_navigation():
        await page.keyboard.press("g")
        await page.keyboard.press("m")
    await page.locator("button[value=dark]").focus()
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.locator("form[action$=sign-out] button").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile(r"sign-in\?done=out"))
    assert visitor.complaints == []


async def test_without_scripts_people_sign_in_read_and_sign_out(browser: Browser, site: Site) -> None:
    visitor = await visit(browser, site.url, has_scripts=False, width=360)
    await visitor.sign_in()
    page = visitor.page
    await expect(page.locator("h1")).to_have_text("Табло")
    await page.click(".topbar button")
    await expect(page.locator(".account")).to_be_visible()
    await page.click("form[action$=sign-out] button")
    await page.wait_for_url(re.compile(r"sign-in\?done=out"))


async def test_a_double_click_sends_a_form_once(browser: Browser, site: Site) -> None:
    visitor = await visit(browser, site.url)
    page = visitor.page
    await visitor.go(SIGN_IN)
    await page.fill("#login", ADMINISTRATOR)
    await page.fill("#password", PASSWORD)
    before = site.console.directory_transport.asked.count("POST /sessions")
    await page.dblclick("button.main")
    await page.wait_for_url(f"**{FIRST}")
    assert site.console.directory_transport.asked.count("POST /sessions") == before + 1


async def test_no_other_site_shows_a_page_of_ours_in_a_frame(browser: Browser, site: Site) -> None:
    """Clickjacking, as a browser sees it: the frame has the browser's own page of refusal."""
    visitor = await visit(browser, site.url)
    await visitor.page.set_content(f'<iframe src="{site.url}{SIGN_IN}"></iframe>')
    await visitor.page.wait_for_timeout(500)
    [_, frame] = visitor.page.frames
    assert await frame.locator("#login").count() == 0
    assert any("frame-ancestors" in each or "X-Frame-Options" in each for each in visitor.complaints)


async def test_the_first_page_is_light(browser: Browser, site: Site) -> None:
    """150 KiB with everything that it loads, for a phone on a train."""
    visitor = await visit(browser, site.url)
    await visitor.sign_in()
    await visitor.page.wait_for_load_state("networkidle")
    # Also what the page before it has loaded already: somebody comes from a link.
    size = await visitor.page.evaluate(WEIGHT)
    assert 10_000 < size < FIRST_PAGE_BYTES_MAX
