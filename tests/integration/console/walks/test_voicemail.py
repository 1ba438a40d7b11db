"""Voicemail in a real browser: no barriers, by keyboard, with sound from a real S3, and two heads at once."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from msgspec import Struct
from playwright.async_api import Browser, Page, expect

from ringback.stack.parts import S3
from tests.integration.console import listening
from tests.integration.console.app import HOME
from tests.integration.console.companies_history import CompanyHistory
from tests.integration.console.inbox import (
    a_person,
    inbox_of,
    key_of,
    said_to_department,
    said_to_person,
)
from tests.integration.console.walking import Site, Theme, Visitor, visit
from tests.integration.directory.companies import Company

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
VOICEMAIL = f"{HOME}voicemail"
SALES = f"{VOICEMAIL}/vm.sales"
AUDIO = f"{HOME}voice-messages/vm.sales/audio"


class Office(Struct, frozen=True):
    """The console, and the company whose history it shows."""

    site: Site
    company: Company
    history: CompanyHistory


@pytest.fixture
async def office(
    company: Company, sqlite_history: str, s3_server: S3, redis_server: str, fresh_prefix: str
) -> AsyncIterator[Office]:
    """Customers have spoken to the machines of both departments, and to an employee's."""
    blobs, storage = listening.blobs_of(s3_server), listening.storage_of(s3_server)
    async with inbox_of(company, sqlite_history, links=blobs) as history:
        await said_to_person(history, "boss", "gusev")
        await said_to_department(history, "service", "service", "+79165550002")
        await said_to_department(history, "sales")
        await blobs.put(key_of("sales"), listening.a_conversation(), content_type="audio/wav")
        app = history.harness.app
        async with Site(company, redis_server, fresh_prefix, history=app, storage=storage) as site:
            yield Office(site, company, history)
    await storage.aclose()
    blobs.close()


async def visitor_of(office: Office, browser: Browser, login: str = "gusev.r", **window: object) -> Visitor:
    """Somebody who has signed in."""
    visitor = await visit(browser, office.site.url, **window)  # type: ignore[arg-type]
    await visitor.sign_in(login)
    return visitor


async def is_focused(page: Page, selector: str) -> bool:
    """Whether the keyboard is there."""
    return bool(await page.evaluate("(selector) => document.activeElement?.matches(selector)", selector))


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_voicemail_is_without_barriers_in_both_themes(
    browser: Browser, office: Office, theme: Theme
) -> None:
    visitor = await visitor_of(office, browser, theme=theme)
    wrong = list[str]()
    for address in (VOICEMAIL, SALES, f"{VOICEMAIL}?inbox=claimed", f"{VOICEMAIL}?state=unknown"):
        await visitor.go(address)
        wrong += await visitor.faults()
    page = visitor.page
    await visitor.go(SALES)
    await page.click("#claim")
    await page.fill("#message textarea", "Просит счёт")
    await page.click("text=Добавить заметку")
    await expect(page.locator(".written")).to_have_text("Просит счёт")
    wrong += await visitor.faults()
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.click("#message >> text=Удалить")
    await expect(page.locator(".toast")).to_be_visible()
    wrong += await visitor.faults()
    assert wrong == []
    assert visitor.complaints == []


async def test_a_note_that_is_being_written_outlasts_what_renews_the_page(
    browser: Browser, office: Office
) -> None:
    """Whoever writes while a message is marked as heard, or taken, loses no word; what was added is gone."""
    visitor = await visitor_of(office, browser)
    page = visitor.page
    await visitor.go(SALES)
    await page.fill("#message textarea", "Просит счёт")
    await page.click("#heard")
    await expect(page.locator("#message .facts")).to_contain_text("Прослушано")
    await page.click("#claim")
    await expect(page.locator("#message header")).to_contain_text("Взяли вы")
    await expect(page.locator("#message textarea")).to_have_value("Просит счёт")
    await page.click("text=Добавить заметку")
    await expect(page.locator(".written")).to_have_text("Просит счёт")
    await expect(page.locator("#message textarea")).to_have_value("")
    assert visitor.complaints == []


async def test_who_listens_has_heard_and_goes_on_listening_while_claiming_and_noting(
    browser: Browser, office: Office
) -> None:
    """Bytes arrive from S3; the page around the player is renewed, and the player plays on."""
    visitor = await visitor_of(office, browser)
    page = visitor.page
    await visitor.go(SALES)
    async with page.expect_response(lambda answer: answer.url.endswith(AUDIO)) as heard:
        await page.click("[data-play]")
    assert (await heard.value).status == 206
    await expect(page.locator("#hearing")).to_have_count(0)
    await expect(page.locator("#message .facts")).to_contain_text("Прослушано")
    await page.keyboard.press("x")
    await expect(page.locator("#message header")).to_contain_text("Взяли вы")
    await page.fill("#message textarea", "Просит счёт")
    await page.press("#message textarea", "Control+Enter")
    await expect(page.locator(".written")).to_have_text("Просит счёт")
    await expect(page.locator("#message textarea")).to_have_value("")
    assert not await page.evaluate("document.querySelector('.player audio').paused")
    assert await page.evaluate("document.querySelector('.player audio').currentTime") > 3
    await page.click("#called-back")
    await expect(page.locator("#message header")).to_contain_text("Перезвонили")
    assert visitor.complaints == []


async def test_of_two_heads_who_claim_at_once_the_second_reads_who_was_quicker(
    browser: Browser, office: Office
) -> None:
    """EC-72, in two windows."""
    visitors = []
    for name in ("Громова Елена", "Сафин Тимур"):
        login, _ = await a_person(office.company, office.history, name, "department_head", heads="sales")
        visitor = await visitor_of(office, browser, login)
        await visitor.go(SALES)
        visitors.append(visitor)
    await asyncio.gather(*(each.page.click("#claim") for each in visitors))
    told = []
    for visitor in visitors:
        header = visitor.page.locator("#message header")
        await expect(header).to_contain_text("Взя")
        told.append(
            (await header.inner_text(), await visitor.page.locator("#message .hint").all_inner_texts())
        )
    won = next(index for index, (state, _) in enumerate(told) if "Взяли вы" in state)
    winner = ("Громова Елена", "Сафин Тимур")[won]
    assert told[won][1] == []
    [hint] = told[1 - won][1]
    assert hint.startswith("Вас опередили:")
    assert winner in hint
    await visitors[won].page.keyboard.press("x")
    await expect(visitors[won].page.locator("#claim")).to_contain_text("Беру")
    assert await is_focused(visitors[won].page, "#claim"), "the keyboard stays where it was"


async def test_a_message_is_reached_deleted_and_had_back_by_keyboard(
    browser: Browser, office: Office
) -> None:
    visitor = await visitor_of(office, browser)
    page = visitor.page
    await page.keyboard.press("g")
    await page.keyboard.press("v")
    await page.wait_for_url(f"**{VOICEMAIL}")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**{SALES}")
    await page.keyboard.press("j")
    await page.keyboard.press("k")
    assert await is_focused(page, "[data-row][aria-current]")
    await page.focus("#message >> text=Удалить")
    await page.keyboard.press("Enter")
    await expect(page.locator(".toast")).to_contain_text("Сообщение удалено")
    await expect(page.locator("tbody tr")).to_have_count(1)
    assert await is_focused(page, ".toast button")
    await page.keyboard.press("z")
    await page.wait_for_url(f"**{SALES}")
    await expect(page.locator("tbody tr")).to_have_count(2)
    assert visitor.complaints == []


async def test_without_scripts_everything_is_done_by_forms(browser: Browser, office: Office) -> None:
    """Also on a phone, where the message that is open takes the whole page."""
    visitor = await visitor_of(office, browser, has_scripts=False, width=360, height=780)
    page = visitor.page
    await visitor.go(VOICEMAIL)
    await page.select_option("#department", "sales")
    await page.click(".filters button")
    await page.wait_for_url(f"**{VOICEMAIL}?inbox=departments&department=sales")
    await page.click("tbody th a")
    await expect(page.locator("table")).to_be_hidden()
    for button, state in (("#claim", "Взяли вы"), ("#claim", "Новое"), ("#heard", "Прослушано")):
        await page.click(button)
        await expect(page.locator("#message header")).to_contain_text(state)
    await page.fill("#message textarea", "Просит счёт")
    await page.click("text=Добавить заметку")
    await expect(page.locator(".written")).to_have_text("Просит счёт")
    await page.click("#message >> text=Удалить")
    await page.click(".toast button")
    await page.click("text=Все сообщения")
    await page.wait_for_url(f"**{VOICEMAIL}?inbox=departments&department=sales")
    await expect(page.locator("tbody tr")).to_have_count(1)


async def test_an_answer_that_does_not_come_is_said_and_the_page_is_not_emptied(
    browser: Browser, office: Office
) -> None:
    """History goes away in the middle."""
    visitor = await visitor_of(office, browser)
    await visitor.go(SALES)
    office.site.console.history_transport.is_cut = True
    await visitor.page.click("#claim")
    await expect(visitor.page.locator("h1")).to_have_text("Нет связи с историей")
