"""A wallboard, and a screen on a wall, go on by themselves when what is behind them is killed."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from devtools.bench import office
from devtools.bench.callers import Callers, caller
from devtools.bench.company import Company, founded
from ringback.stack.parts import REDIS_START_S
from ringback.stack.process import is_listening
from ringback.stack.stack import Stack
from services.console.rules.formats import number
from tests.e2e.signing_in import sign_in
from tests.integration.console.walking import PAGE_MS_MAX, chromium, visit
from tests.integration.console.walks.test_tv import on_a_screen

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(600)]
REDIS = "redis"
ROUNDS = (("history",), ("console",), (REDIS, "history", "console"))


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    """A company with its directory, history and console, each a process."""
    with Stack(tmp_path, dies_with_parent=True) as stack:
        stack.start_parts()
        stack.create_topics()
        stack.start_services(("directory", "history"))
        stack.start_services(("console",))
        yield Company(stack, founded(stack), database="")


async def test_a_wallboard_left_open_outlasts_the_kill_of_history_console_and_redis(company: Company) -> None:
    """`kill -9`, one by one and at once: the page says so, and then shows who came, without a touch.

    So does a screen on a wall.
    """
    async with company.log() as (log, partition), chromium() as browser:
        calls = await Callers.on(log, partition)
        visitor = await visit(browser, company.console)
        page = visitor.page
        await opened(page, company)
        screen = await on_a_wall(browser, company)
        for came, names in enumerate(ROUNDS):
            kill(company.stack, names)
            await expect(page.locator("#wall-lost")).to_be_visible(timeout=PAGE_MS_MAX)
            await expect(screen.locator("#tv-lost")).to_be_visible(timeout=PAGE_MS_MAX)
            await calls.arrives(came)
            start(company.stack, names)
            shown = number(caller(came))
            await expect(page.locator("#board")).to_contain_text(shown, timeout=2 * PAGE_MS_MAX)
            await expect(page.locator("#wall-live")).to_be_visible(timeout=2 * PAGE_MS_MAX)
            await expect(screen.locator("#tv-live")).to_be_visible(timeout=2 * PAGE_MS_MAX)
            await expect(screen.locator(".huge dd").first).to_have_text(str(came + 1))
        assert await page.evaluate("document.documentElement.dataset.kept") == "yes", "never loaded anew"
        # That the network fails is what htmx says here.
        assert [each for each in visitor.complaints if not each.startswith("htmx: htmx:")] == []


async def opened(page: Page, company: Company) -> None:
    """Anna opens the wallboard, and leaves."""
    await sign_in(page, company.console, office.VOLGA, company.login)
    await expect(page.locator("#wall-live")).to_be_visible(timeout=PAGE_MS_MAX)
    await page.evaluate("document.documentElement.dataset.kept = 'yes'")


async def on_a_wall(browser: Browser, company: Company) -> Page:
    """A screen that Anna has made in another window, from then on without anybody."""
    anna = await visit(browser, company.console)
    await opened(anna.page, company)
    address = f"/o/{office.VOLGA}/wallboard/screens"
    screen = await on_a_screen(browser, anna, office.SALES, address=address)
    await screen.page.click("button.main")
    await expect(screen.page.locator("#tv-live")).to_be_visible(timeout=PAGE_MS_MAX)
    await anna.context.close()
    return screen.page


def kill(stack: Stack, names: tuple[str, ...]) -> None:
    """`kill -9` each."""
    for name in names:
        process = stack.parts.redis.process if name == REDIS else stack.service(name).process
        process.kill()


def start(stack: Stack, names: tuple[str, ...]) -> None:
    """Start each again where it was, with what it has on disk; a process that ends with its starter's thread
    is started from the main one."""
    for name in names:
        if name == REDIS:
            redis = stack.parts.redis
            redis.process.start_until(partial(is_listening, redis.port), "open port", REDIS_START_S)
        else:
            stack.service(name).restart()
