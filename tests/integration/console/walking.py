"""Debian's Chromium over the console and a real directory, each on a port of its own in this process."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, Literal, Self

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from runtime import http_server
from runtime.http_server import ConnectionLimits, Listener
from services.console.activities.audio_storage import AudioStorage
from tests.integration.console.app import ADMINISTRATOR, FIRST, SIGN_IN, ConsoleApp
from tests.integration.directory.companies import PASSWORD, Company

Theme = Literal["light", "dark"]
Language = Literal["ru", "en"]
LOCALES: Final = {"ru": "ru-RU", "en": "en-GB"}
WIDTHS: Final = (360, 1280)
PAGE_MS_MAX: Final = 30_000
"""For a busy machine."""


def demand_chromium() -> str:
    """The browser's path. Skips where there is none; in CI that is a failure."""
    found = shutil.which("chromium")
    if found is None:
        reason = "there is no chromium: make setup installs it (apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(f"in CI the pages must be walked: {reason}")
        pytest.skip(reason)
    return found


class Site:
    """A console that browsers of any kind reach."""

    def __init__(
        self,
        company: Company,
        redis: str,
        prefix: str,
        *,
        history: Any = None,
        history_url: str = "",
        storage: AudioStorage | None = None,
    ) -> None:
        """`history` is its API, or at `history_url`, for streams; without either it can't be reached."""
        self._socket = http_server.bound("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.console = ConsoleApp(
            company,
            redis,
            prefix,
            url=self.url,
            history=history,
            history_url=history_url,
            storage=storage,
        )
        self._listener: Listener = http_server.listener(
            self.console.app, has_lifespan=False, limits=ConnectionLimits()
        )
        self._serving: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._serving = asyncio.create_task(self._listener.serve(sockets=[self._socket]))
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._serving is not None
        self._listener.should_exit = True
        await self._serving
        await self.console.close()


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The browser; Chromium refuses its sandbox to root alone."""
    path = demand_chromium()
    async with async_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = await playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        await browser.close()


class Visitor:
    """One person's window, and all that the browser complains about in it."""

    def __init__(self, context: BrowserContext, page: Page, url: str) -> None:
        self.context = context
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        page.set_default_timeout(PAGE_MS_MAX)
        page.on("console", lambda said: self._hear(said.type, said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, kind: str, text: str) -> None:
        # Chromium also writes a line for each answer of 400 and more, which a page that says so is.
        if kind in ("error", "warning") and "Failed to load resource" not in text:
            self.complaints.append(text)

    async def go(self, address: str) -> None:
        """Open a page of the console."""
        await self.page.goto(self.url + address)

    async def sign_in(
        self, login: str = ADMINISTRATOR, password: str = PASSWORD, *, first: str = FIRST
    ) -> None:
        """By the form, as a person does."""
        await self.go(SIGN_IN)
        await self.page.fill("#login", login)
        await self.page.fill("#password", password)
        await self.page.press("#password", "Enter")
        await self.page.wait_for_url(f"**{first}")

    async def barriers(self) -> list[str]:
        """What axe finds, a line for each."""
        found = await Axe().run(self.page)
        return [
            f"{self.page.url}: {each['id']}: {node['html'][:160]}"
            for each in found.response["violations"]
            for node in each["nodes"]
        ]

    async def faults(self) -> list[str]:
        """What is wrong with the page that is shown, at both widths."""
        found = []
        for width in WIDTHS:
            await self.page.set_viewport_size({"width": width, "height": 800})
            found += await self.barriers()
            if await self.is_wider_than_its_window():
                found.append(f"{self.page.url} is wider than {width} px")
        return found

    async def is_wider_than_its_window(self) -> bool:
        """Whether a reader must scroll sideways."""
        return bool(
            await self.page.evaluate(
                "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            )
        )


async def visit(
    browser: Browser,
    url: str,
    *,
    width: int = 1280,
    height: int = 800,
    theme: Theme = "light",
    language: Language = "ru",
    has_scripts: bool = True,
) -> Visitor:
    """A new window, of a person who was never here."""
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=theme,
        locale=LOCALES[language],
        java_script_enabled=has_scripts,
        reduced_motion="reduce",
    )
    return Visitor(context, await context.new_page(), url)
