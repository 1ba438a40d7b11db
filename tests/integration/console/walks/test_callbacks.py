"""Callbacks in a real browser: ordered by a head by keyboard, seen standing, cancelled, and no barrier."""

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, expect

from tests.integration.console.app import ADMINISTRATOR, HOME
from tests.integration.console.companies_callbacks import CompanyCallbacks, cancelled, ordered, place_of
from tests.integration.console.companies_history import CompanyHistory
from tests.integration.console.test_callbacks import CALLBACKS
from tests.integration.console.test_wallboard import an_agent
from tests.integration.console.walking import PAGE_MS_MAX, Site, Theme, visit
from tests.integration.directory.companies import PASSWORD, Company

expect.set_options(timeout=PAGE_MS_MAX)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
async def history(company: Company, history: CompanyHistory) -> CompanyHistory:
    """The company's history: one callback is late, one has ended."""
    late, ended = ordered(company, "late", ago=9), ordered(company, "ended", number="+79165550002")
    await history.tell(late, place_of(late), ended, *cancelled(ended))
    return history


@pytest.fixture
async def site(
    company: Company, history: CompanyHistory, redis_server: str, fresh_prefix: str
) -> AsyncIterator[Site]:
    """The console, and callback, which decides meanwhile."""
    async with (
        Site(company, redis_server, fresh_prefix, history_url=history.url) as made,
        CompanyCallbacks(company, history).deciding(),
    ):
        yield made


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_callbacks_are_without_barriers_in_both_themes(
    browser: Browser, site: Site, theme: Theme
) -> None:
    """Standing, ended, the form, a refusal at its field, and the question before a cancellation."""
    visitor = await visit(browser, site.url, theme=theme)
    page, wrong = visitor.page, list[str]()
    await visitor.sign_in(ADMINISTRATOR, PASSWORD)
    for address in ("", "?origin=queue", "/ended", "/order", "?cancelled=cb.ended"):
        await visitor.go(CALLBACKS + address)
        wrong += await visitor.faults()
    await visitor.go(f"{CALLBACKS}/order")
    await page.fill("#number", "+12125550100")
    await page.press("#number", "Enter")
    await expect(page.locator("#number-said")).to_contain_text("в этот регион не звоним")
    wrong += await visitor.faults()
    await visitor.go(CALLBACKS)
    await page.click("tbody button[popovertarget]")
    await expect(page.locator(".confirm").first).to_be_visible()
    wrong += await visitor.faults()
    assert (wrong, visitor.complaints) == ([], [])


@pytest.mark.rule("P2", "C9", "C11")
async def test_a_head_orders_watches_and_cancels_by_keyboard_alone(
    browser: Browser, site: Site, company: Company, history: CompanyHistory
) -> None:
    """Its time runs on; the question stays while the list changes; nothing is loaded anew."""
    head = await an_agent(company, history, "Белова Ольга", "department_head")
    visitor = await visit(browser, site.url)
    page = visitor.page
    await visitor.sign_in(head["card"]["login"], PASSWORD)
    async with page.expect_navigation():
        await page.keyboard.press("g")
        await page.keyboard.press("c")
    await expect(page.locator("h1")).to_have_text("Обратные звонки")
    await page.locator(".page-head a[href$=order]").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#number")).to_be_focused()
    await page.keyboard.type("+7 916 555-00-03")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**{CALLBACKS}?ordered=*")
    await expect(page.locator(".said")).to_contain_text("+7 916 555-00-03 заказан: Отдел продаж")
    row = page.locator("tbody tr").filter(has_text="555-00-03")
    await expect(row).to_contain_text("место 2")
    await expect(page.locator("#wall-live")).to_be_visible()
    await expect(row.locator("[data-down]").first).to_have_text(re.compile("9:5[0-8]"))
    await row.locator("button.link").focus()
    await page.keyboard.press("Enter")
    await expect(row.locator(".confirm")).to_be_visible()
    other = ordered(company, "other", number="+79165550004")
    await history.tell(other, place_of(other))
    await expect(page.locator("tbody tr")).to_have_count(3)
    await expect(row.locator(".confirm")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(row.locator(".confirm")).to_be_hidden()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(row.locator(".confirm button.main")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**{CALLBACKS}?cancelled=*")
    await expect(page.locator(".said")).to_contain_text("отменён. Кто отменил: Белова Ольга")
    await expect(page.locator("tbody tr")).to_have_count(2)
    await page.click(".views a[href$=ended]")
    await expect(row).to_contain_text("Белова Ольга")
    assert visitor.complaints == []


async def test_an_order_whose_login_had_ended_is_in_the_form_again_after_the_sign_in(
    browser: Browser, site: Site, company: Company
) -> None:
    """The very fields, for the person to send: nothing was ordered, and then it is, once."""
    visitor = await visit(browser, site.url)
    page = visitor.page
    await visitor.sign_in(ADMINISTRATOR, PASSWORD)
    await visitor.go(f"{CALLBACKS}/order")
    await page.fill("#number", "+79165550003")
    await page.select_option("#department", "sales")
    assert (await company.call("DELETE", "/employees/gusev-r/sessions")).status_code == 204
    await page.press("#number", "Enter")
    await page.wait_for_url("**/sign-in?next=**")
    await page.fill("#login", ADMINISTRATOR)
    await page.fill("#password", PASSWORD)
    await page.press("#password", "Enter")
    await page.wait_for_url(f"**{CALLBACKS}/order")
    await expect(page.locator("#input")).to_contain_text("не выполнено")
    await expect(page.locator("#input ul")).to_be_hidden()
    await expect(page.locator("#number")).to_have_value("+79165550003")
    await expect(page.locator("#number")).to_be_focused()
    await expect(page.locator("#department")).to_have_value("sales")
    wrong = await visitor.faults()
    asked = site.console.directory_transport.asked
    assert not any(each.startswith("POST /departments") for each in asked)
    await page.press("#number", "Enter")
    await page.wait_for_url(f"**{CALLBACKS}?ordered=*")
    assert sum(each.startswith("POST /departments") for each in asked) == 1
    assert (wrong, visitor.complaints) == ([], [])


async def test_an_order_is_made_and_cancelled_without_scripts(
    browser: Browser, site: Site, company: Company
) -> None:
    visitor = await visit(browser, site.url, has_scripts=False)
    page = visitor.page
    await visitor.sign_in(ADMINISTRATOR, PASSWORD)
    await visitor.go(f"{CALLBACKS}/order")
    await page.fill("#number", "+79165550003")
    await page.select_option("#department", "sales")
    await page.click("form[action$=order] .main")
    await expect(page.locator("tbody tr")).to_have_count(2)
    row = page.locator("tbody tr").filter(has_text="555-00-03")
    await row.locator("button.link").click()
    await row.locator(".confirm button.main").click()
    await expect(page.locator("tbody tr")).to_have_count(1)
    assert HOME in page.url
