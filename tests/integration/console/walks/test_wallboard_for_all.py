"""The wallboard for all: behind proxies, by keyboard alone, and as a screen reader has it."""

import pytest
from playwright.async_api import Browser, expect

from tests.integration.console.app import FIRST, SIGN_IN
from tests.integration.console.companies_history import CompanyHistory
from tests.integration.console.proxies import gathering
from tests.integration.console.test_wallboard import an_agent, taken
from tests.integration.console.walking import PAGE_MS_MAX, Site, visit
from tests.integration.directory.companies import Company

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
expect.set_options(timeout=PAGE_MS_MAX)
SIGN_IN_TREE = """
- main:
  - heading "Вход в Ringback" [level=1]
  - textbox "Логин"
  - textbox "Пароль"
  - button "Войти"
  - link "Войти через вашу компанию"
  - paragraph:
    - link "Забыли пароль?"
  - group "Цвета":
    - button "Авто" [pressed]
"""
WALLBOARD_TREE = """
- link "К содержанию"
- navigation "Разделы":
  - list:
    - listitem:
      - link "Табло"
  - button "Выйти"
- main:
  - heading "Табло" [level=1]
  - button /Остановить обновление/
  - heading "Отдел продаж" [level=2]
  - term: Ждут
  - definition: "1"
  - list:
    - listitem: Свободны 1
  - heading "Места по порядку" [level=2]
  - table "Места по порядку":
    - rowgroup:
      - row:
        - columnheader "Место"
        - columnheader "Кто"
        - columnheader "Почему ещё не"
    - rowgroup:
      - row:
        - rowheader "Отдел продаж 1"
      - row:
        - cell "1"
        - cell "+7 916 555-00-01"
        - cell "Следующий на очереди"
  - heading "Сотрудники" [level=2]
  - list:
    - listitem: /Орлов Пётр Свободен/
"""
SILENT_MS = 21_000
"""A page waits so long for a sign of life before it asks by itself."""


@pytest.fixture
async def history(company: Company, history: CompanyHistory) -> CompanyHistory:
    """The company's history: one customer waits."""
    await an_agent(company, history, "Орлов Пётр")
    await history.tell(taken(company, "in1"))
    return history


async def test_behind_a_proxy_that_heeds_the_header_changes_come_as_they_happen(
    browser: Browser, site: Site, company: Company, history: CompanyHistory
) -> None:
    """`X-Accel-Buffering: no`: whatever else it gathers."""
    async with gathering(site.url, honours=True) as url:
        visitor = await visit(browser, url)
        await visitor.sign_in()
        numbers = visitor.page.locator("#board td .nowrap")
        await expect(visitor.page.locator("#wall-live")).to_be_visible()
        await history.tell(taken(company, "in2"))
        await expect(numbers).to_have_count(2)
        await visitor.context.close()


@pytest.mark.parametrize("is_compressing", [False, True], ids=["gathers", "compresses"])
async def test_behind_a_proxy_that_keeps_streams_back_the_page_says_so_and_asks_by_itself(
    browser: Browser, site: Site, company: Company, history: CompanyHistory, is_compressing: bool
) -> None:
    """Never «live» while nothing comes; what it shows is some seconds old, and says of when."""
    async with gathering(site.url, honours=is_compressing, is_compressing=is_compressing) as url:
        visitor = await visit(browser, url)
        page, numbers = visitor.page, visitor.page.locator("#board td .nowrap")
        await page.clock.install()
        await visitor.sign_in()
        await expect(page.locator("#wall-lost")).to_be_visible()
        await expect(numbers).to_have_count(1)
        for name in ("in2", "in3"):
            await history.tell(taken(company, name))
            await page.clock.fast_forward(SILENT_MS)
            await expect(numbers).to_have_count(int(name[-1]))
            await expect(page.locator("#wall-lost")).to_be_visible()
        assert page.url.endswith(FIRST)
        assert visitor.complaints == []
        await visitor.context.close()


REACHABLE = """() => [...document.querySelectorAll(
  'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')]
  .filter((each) => each.checkVisibility() && !each.dataset.reached)"""
"""What somebody can act on and the keyboard has not been at yet."""
MARK = "document.activeElement.dataset.reached = 'yes'"
IS_SEEN = """document.activeElement === document.body
  || getComputedStyle(document.activeElement).outlineStyle !== 'none'"""
"""After the last one the browser itself has its turn."""


@pytest.mark.parametrize("address", [SIGN_IN, FIRST], ids=["sign-in", "wallboard"])
async def test_all_that_can_be_done_is_reached_by_tab_and_seen_there(
    browser: Browser, site: Site, address: str
) -> None:
    """Every link and every button, each with a ring around it."""
    visitor = await visit(browser, site.url)
    page = visitor.page
    if address == FIRST:
        await visitor.sign_in()
        await expect(page.locator("#wall-stop")).to_be_visible()
    else:
        await visitor.go(address)
    there = await page.evaluate(f"({REACHABLE})().length")
    assert there >= 5
    await page.evaluate("document.activeElement.blur()")
    for _ in range(2 * there):
        await page.keyboard.press("Tab")
        await page.evaluate(MARK)
        assert await page.evaluate(IS_SEEN), await page.evaluate("document.activeElement.outerHTML")
    left = await page.evaluate(f"({REACHABLE})().map((each) => each.outerHTML)")
    assert left == []
    await visitor.context.close()


async def test_a_screen_reader_finds_the_sign_in_and_the_wallboard_by_their_names(
    browser: Browser, site: Site
) -> None:
    """The tree that such programs are given: landmarks, headings, names of fields, a table with heads."""
    visitor = await visit(browser, site.url)
    page = visitor.page
    await visitor.go(SIGN_IN)
    await expect(page.locator("body")).to_match_aria_snapshot(SIGN_IN_TREE)
    await visitor.sign_in()
    await expect(page.locator("#wall-stop")).to_be_visible()
    await expect(page.locator("body")).to_match_aria_snapshot(WALLBOARD_TREE)
    await expect(page.locator("#wall-said")).to_have_role("status")
    await visitor.context.close()
