"""A real browser at the wallboard: when a row that is gone from the log is gone from its page."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from playwright.async_api import Page, async_playwright

from devtools.bench import office
from devtools.bench.company import Company
from devtools.bench.live import TooSlow
from devtools.live.logins import PASSWORD

PATIENCE_MS: Final = 60_000
LOOK_S: Final = 0.25
WATCH: Final = """() => {
  const board = document.getElementById("board");
  const shown = () => new Set(board.textContent.match(/\\+7 912 \\d{3}-\\d{2}-\\d{2}/g) ?? []);
  let before = shown();
  window.goneAt = {};
  new MutationObserver(() => {
    const now = shown(), at = performance.timeOrigin + performance.now();
    for (const each of before) if (!now.has(each)) window.goneAt[each.replace(/[ -]/g, "")] ??= at;
    before = now;
  }).observe(board, { childList: true, subtree: true, characterData: true });
}"""
"""Notes when a number is no longer among the page's, by the machine's clock (ms)."""


class Window:
    """The page, which notes what goes from it."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def told(self, said: dict[str, float]) -> list[float]:
        """Seconds from each instant (s, of the machine's clock) until its caller was gone from the page."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while True:
            gone = await self._page.evaluate("window.goneAt")
            if said.keys() <= gone.keys():
                return [gone[caller] / 1000 - at for caller, at in said.items()]
            if time.monotonic() > deadline:
                raise TooSlow(f"{len(said.keys() - gone.keys())} changes were not seen in the browser")
            await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def window(company: Company) -> AsyncIterator[Window]:
    """Anna's, at the wallboard. Raises TooSlow without Chromium."""
    path = shutil.which("chromium")
    if path is None:
        raise TooSlow("there is no chromium: make setup installs it")
    # Chromium refuses its sandbox to root alone.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=arguments)
        page = await browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        await page.goto(f"{company.console}/o/{office.VOLGA}/sign-in")
        await page.fill("#login", company.login)
        await page.fill("#password", PASSWORD)
        await page.press("#password", "Enter")
        await page.wait_for_url("**/wallboard")
        await page.locator("#wall-live").wait_for()
        await page.evaluate(WATCH)
        yield Window(page)
        await browser.close()
