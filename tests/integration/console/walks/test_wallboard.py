"""The wallboard in a real browser: in each role without barriers, in place by itself, stopped by a key."""

import asyncio

import pytest
from playwright.async_api import Browser, Route, expect

from contracts.ids import AgentId, Instant, LegId, PlaceId
from contracts.queue import AgentBusy, PlaceAbandoned
from services.history.activities.live_streams import Ended
from tests.integration.console.app import ADMINISTRATOR, FIRST, HOME
from tests.integration.console.companies_history import CompanyHistory
from tests.integration.console.test_wallboard import MINUTE, an_agent, offered, taken
from tests.integration.console.walking import PAGE_MS_MAX, Site, Theme, Visitor, visit
from tests.integration.directory.companies import PASSWORD, Company

expect.set_options(timeout=PAGE_MS_MAX)
LATE_S = 0.5

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
async def history(company: Company, history: CompanyHistory) -> CompanyHistory:
    """The company's history: an agent talks, another one is rung, two customers wait, one for too long."""
    await an_agent(company, history, "Орлов Пётр")
    await an_agent(company, history, "Громова Анна Константиновна")
    await history.tell(
        taken(company, "in1", waited=9),
        taken(company, "in2"),
        offered("in2", "orlov-p"),
        AgentBusy(agent_id=AgentId("gromova-a"), leg_id=LegId("l"), lease_until_at=Instant(2**42)),
    )
    return history


async def at_the_wall(browser: Browser, site: Site, login: str, theme: Theme = "light") -> Visitor:
    """Somebody's window on the wallboard, which has begun to follow."""
    visitor = await visit(browser, site.url, theme=theme)
    await visitor.sign_in(login, PASSWORD)
    await expect(visitor.page.locator("#wall-live")).to_be_visible()
    await expect(visitor.page.locator("#wall-lost")).to_be_hidden()
    return visitor


@pytest.mark.rule("P2", "P3", "P4")
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_wallboard_is_without_barriers_in_each_role_and_theme(
    browser: Browser, site: Site, company: Company, history: CompanyHistory, theme: Theme
) -> None:
    """axe at 0 at both widths; who may not see it is told so, without a barrier either."""
    head = await an_agent(company, history, "Белова Ольга", "department_head")
    restricted = await company.employee("Юдин Глеб", role="restricted_user")
    await history.hear_directory()
    wrong, complaints = list[str](), list[str]()
    for login in (ADMINISTRATOR, head["card"]["login"], "orlov.p"):
        visitor = await at_the_wall(browser, site, login, theme)
        await expect(visitor.page.locator("#board [role=status]")).to_contain_text("срок места 1 истекает")
        wrong += await visitor.faults()
        complaints += visitor.complaints
        await visitor.context.close()
    visitor = await visit(browser, site.url, theme=theme)
    await visitor.sign_in(restricted["card"]["login"], PASSWORD, first=f"{HOME}me")
    await visitor.go(FIRST)
    await expect(visitor.page.locator("h1")).to_have_text("Нет доступа")
    wrong += await visitor.faults()
    assert (wrong, complaints) == ([], [])


async def test_on_a_phone_each_department_is_a_tab_which_the_keyboard_reaches(
    browser: Browser, site: Site, company: Company, history: CompanyHistory
) -> None:
    """Its changes go on coming, and the tab says of each department how many wait there."""
    await company.made("/departments", {"id": "service", "name": "Сервис", "pbx_id": "moskva"})
    await history.hear_directory()
    visitor = await visit(browser, site.url, width=360, height=780)
    await visitor.sign_in()
    page = visitor.page
    tab = page.locator(".tabs a", has_text="Сервис")
    await expect(tab.locator("b")).to_have_text("0")
    while not await tab.evaluate("(each) => each === document.activeElement"):
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**?department=service")
    await expect(tab).to_have_attribute("aria-current", "page")
    await expect(page.locator(".department h2", has_text="Сервис")).to_be_visible()
    await expect(page.locator(".department h2", has_text="Отдел продаж")).to_be_hidden()
    await expect(page.locator("#wall-live")).to_be_visible()
    await history.tell(taken(company, "in3", department="service"))
    await expect(tab.locator("b")).to_have_text("1")
    assert await visitor.barriers() == []
    assert not await visitor.is_wider_than_its_window()
    assert visitor.complaints == []


async def test_changes_are_seen_in_place_and_whoever_stops_them_sees_how_many_there_were(
    browser: Browser, site: Site, company: Company, history: CompanyHistory
) -> None:
    """By keyboard: stopped, the page stands still and counts; then it shows what is."""
    visitor = await at_the_wall(browser, site, "orlov.p")
    page, numbers = visitor.page, visitor.page.locator("#board td .nowrap")
    await page.evaluate("document.documentElement.dataset.kept = 'yes'")
    await expect(numbers).to_have_count(2)
    await history.tell(taken(company, "in3"))
    await expect(numbers).to_have_count(3)
    await page.keyboard.press("p")
    await expect(page.locator("#wall-stopped")).to_be_visible()
    await expect(page.locator("#wall-live")).to_be_hidden()
    await expect(page.locator("#wall-go")).to_be_focused()
    await history.tell(PlaceAbandoned(place_id=PlaceId("p.in3"), waited_ms=MINUTE))
    await expect(page.locator("#wall-stopped [data-changes]")).to_have_text("1")
    await expect(numbers).to_have_count(3)
    await page.keyboard.press("p")
    await expect(numbers).to_have_count(2)
    await expect(page.locator("#wall-live")).to_be_visible()
    await history.tell(taken(company, "in4"))
    await expect(numbers).to_have_count(3)
    assert await page.evaluate("document.documentElement.dataset.kept") == "yes", "and never loaded anew"
    assert visitor.complaints == []


async def test_a_stream_that_breaks_goes_on_and_a_login_that_ends_leads_to_the_sign_in(
    browser: Browser, site: Site, company: Company, history: CompanyHistory
) -> None:
    """Without a touch: history ends every stream, as at a redeploy; then somebody signs out elsewhere."""
    visitor = await at_the_wall(browser, site, "orlov.p")
    page, numbers = visitor.page, visitor.page.locator("#board td .nowrap")
    for watched in history.harness.live._watched.values():
        watched.end_all(Ended.RESTARTED)
    await history.tell(taken(company, "in3"))
    await expect(numbers).to_have_count(3)
    other = await visitor.context.new_page()
    await other.goto(f"{site.url}{HOME}me")
    await other.click("form[action$=sign-out] button")
    await history.hear_directory()
    await page.wait_for_url("**/sign-in?**")


async def test_a_script_that_comes_late_keeps_nobody_from_the_stream(browser: Browser, site: Site) -> None:
    """htmx would begin without its extension, and the wallboard would never connect."""
    visitor = await visit(browser, site.url)
    await visitor.sign_in(ADMINISTRATOR, PASSWORD)

    async def late(route: Route) -> None:
        await asyncio.sleep(LATE_S)
        await route.continue_()

    # When the extension of a new page takes its time.
    await visitor.page.route("**/hx-sse*", late)
    await visitor.page.reload()

    await expect(visitor.page.locator("#wall-live")).to_be_visible()
