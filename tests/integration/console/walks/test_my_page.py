"""«My page» in a real browser: by keyboard alone, without barriers, with what comes by itself."""

import pytest
from playwright.async_api import Browser, expect

from contracts.ids import Instant, LegId
from contracts.queue import AgentBusy, AgentFreed, WrapUpStarted
from services.history.activities.live_streams import Ended
from tests.integration.console.app import FIRST, HOME
from tests.integration.console.companies_history import CompanyHistory
from tests.integration.console.test_my_page import ORLOV, an_earlier_call
from tests.integration.console.test_wallboard import an_agent, offered, taken
from tests.integration.console.walking import PAGE_MS_MAX, Site, Theme, Visitor, visit
from tests.integration.directory.companies import PASSWORD, Company
from tests.unit.history import stories

expect.set_options(timeout=PAGE_MS_MAX)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
async def history(company: Company, history: CompanyHistory) -> CompanyHistory:
    """The company's history: a customer has called before and given up."""
    await an_agent(company, history, "Орлов Пётр")
    await history.tell(*an_earlier_call(company))
    return history


async def at_the_own_page(
    browser: Browser, site: Site, login: str, theme: Theme = "light", *, first: str = FIRST
) -> Visitor:
    """Somebody's window on the own page, which has begun to follow; `first` is where the day begins."""
    visitor = await visit(browser, site.url, theme=theme)
    await visitor.sign_in(login, PASSWORD, first=first)
    await visitor.go(f"{HOME}me")
    await expect(visitor.page.locator("#wall-live")).to_be_visible()
    return visitor


async def rings(company: Company, history: CompanyHistory) -> None:
    """A customer waits, and Orlov's phones ring."""
    await history.tell(taken(company, "in1"), offered("in1", ORLOV))


async def answers(history: CompanyHistory) -> None:
    """Orlov has answered, and both talk."""
    await history.tell(
        AgentBusy(agent_id=ORLOV, leg_id=LegId("l"), lease_until_at=Instant(2**42)),
        stories.offer_accepted(ORLOV, 1, "in1"),
        stories.connected(ORLOV, 1, "in1", waited_ms=76_000),
    )


async def is_over(company: Company, history: CompanyHistory) -> None:
    """The customer has hung up, and Orlov takes notes."""
    now = company.clock.now()
    await history.tell(
        stories.hung_up("in1"),
        AgentFreed(agent_id=ORLOV, cause="ended", idle_since_at=Instant(now)),
        WrapUpStarted(agent_id=ORLOV, until_at=Instant(now + 30_000)),
    )


@pytest.mark.rule("Q8")
async def test_an_agent_pauses_with_a_reason_and_returns_by_keyboard_alone(
    browser: Browser, site: Site, history: CompanyHistory
) -> None:
    """A key leads to the reasons, and to the end of the pause; the page changes by itself."""
    visitor = await at_the_own_page(browser, site, "orlov.p")
    page, board = visitor.page, visitor.page.locator("#board")
    await page.keyboard.press("b")
    await page.keyboard.press("Space")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.locator("main > [role=status]")).to_contain_text("Пауза принята")
    await history.hear_directory()
    await expect(board).to_contain_text("Обед")
    await page.keyboard.press("b")
    await expect(page.locator("#resume")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("main > [role=status]")).to_contain_text("Пауза снята")
    await history.hear_directory()
    await expect(board).to_contain_text("Свободен")
    assert visitor.complaints == []


@pytest.mark.rule("P4", "Q13")
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_each_state_comes_by_itself_and_is_without_barriers(
    browser: Browser, site: Site, company: Company, history: CompanyHistory, theme: Theme
) -> None:
    """Free, ringing, talking, notes: axe at 0 at both widths, and the page never loaded anew."""
    visitor = await at_the_own_page(browser, site, "orlov.p", theme)
    page, board = visitor.page, visitor.page.locator("#board")
    await page.evaluate("document.documentElement.dataset.kept = 'yes'")
    wrong = await visitor.faults()
    await rings(company, history)
    await expect(board).to_contain_text("Вам звонят")
    await expect(board.locator(".lines li")).to_have_count(1)
    await expect(page).to_have_title("Звонок: +7 916 555-00-01 · Ringback")
    wrong += await visitor.faults()
    await answers(history)
    await expect(board.locator("#call .alert[data-state=talk]")).to_be_visible()
    await expect(page).to_have_title("Моя страница · Ringback")
    wrong += await visitor.faults()
    await is_over(company, history)
    await expect(page.locator("#ready")).to_be_visible()
    await expect(page.locator("#latest tbody tr")).to_have_count(1)
    wrong += await visitor.faults()
    assert await page.evaluate("document.documentElement.dataset.kept") == "yes"
    assert (wrong, visitor.complaints) == ([], [])


async def test_a_restricted_user_hears_the_phone_from_this_page_once_asked_for(
    browser: Browser, site: Site, company: Company, history: CompanyHistory
) -> None:
    """Nothing is asked before the button is pressed; it is kept in this browser, and ends by it."""
    made = await an_agent(company, history, "Юдин Глеб", "restricted_user")
    visitor = await at_the_own_page(browser, site, made["card"]["login"], first=f"{HOME}me")
    page = visitor.page
    await visitor.context.grant_permissions(["notifications"])
    await expect(page.locator("#offer-ask")).to_be_visible()
    await page.click("#offer-ask")
    await expect(page.locator("#offer-on")).to_be_visible()
    await page.reload()
    await expect(page.locator("#offer-quiet")).to_be_visible()
    await page.click("#offer-quiet")
    await expect(page.locator("#offer-ask")).to_be_focused()
    assert visitor.complaints == []


async def test_a_page_that_is_cut_off_says_so_and_goes_on_by_itself(
    browser: Browser, site: Site, company: Company, history: CompanyHistory
) -> None:
    """History ends every stream, as at a redeploy."""
    visitor = await at_the_own_page(browser, site, "orlov.p")
    for followed in history.harness.own._followed.values():
        followed.end_all(Ended.RESTARTED)
    await rings(company, history)
    await expect(visitor.page.locator("#board")).to_contain_text("Вам звонят")
    await expect(visitor.page.locator("#wall-live")).to_be_visible()
