"""Pictures of every screen, into docs/console (`make screenshots`), for people to look at.

Each is also examined by axe, in both languages.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Final

import pytest
from playwright.async_api import Browser

from ringback.stack.services import ROOT
from tests.integration.console import past as story
from tests.integration.console.app import HOME, SIGN_IN
from tests.integration.console.companies_callbacks import callbacks_at_work
from tests.integration.console.walking import Language, Site, Theme, chromium, visit
from tests.integration.console.week import two_weeks
from tests.integration.directory.companies import Company
from tests.integration.history.harness import HistoryHarness

FOLDER: Final = ROOT / "docs" / "console"
SIZES: Final = {360: 780, 1280: 800, 1920: 1080}
THEMES: Final[tuple[Theme, ...]] = ("light", "dark")
LANGUAGES: Final[tuple[Language, ...]] = ("ru", "en")
ADDRESSES: Final = {
    "sign-in": SIGN_IN,
    "callbacks": f"{HOME}callbacks",
    "callbacks-ended": f"{HOME}callbacks/ended",
    "callback-order": f"{HOME}callbacks/order",
    "history": f"{HOME}history",
    "contact": f"{HOME}history/in.sales",
    "voicemail": f"{HOME}voicemail",
    "voice-message": f"{HOME}voicemail/vm.in.inbox.1",
    "my-page": f"{HOME}me",
    "not-found": "/nowhere",
}


@pytest.fixture
async def site(
    company: Company, past: HistoryHarness, redis_server: str, fresh_prefix: str
) -> AsyncIterator[Site]:
    """The console over a history of a morning, where a browser finds it."""
    await story.an_inbox(past)
    await story.a_voice_message(past)
    await story.a_withheld_number(past)
    await story.a_called_back_customer(past)
    await past.tell(*callbacks_at_work(company), organization_id=story.VOSTOK)
    async with Site(company, redis_server, fresh_prefix, history=past.app) as made:
        yield made


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    async with chromium() as made:
        yield made


@pytest.fixture
async def busy_site(
    company: Company, past: HistoryHarness, redis_server: str, fresh_prefix: str
) -> AsyncIterator[Site]:
    """The console of a company that has worked for two weeks."""
    company.clock.at += 1_000 * await two_weeks(past)
    async with Site(company, redis_server, fresh_prefix, history=past.app) as made:
        yield made


@pytest.mark.timeout(600)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_pictures_of_every_screen(browser: Browser, site: Site, language: Language) -> None:
    assert await pictures(browser, site, language, ADDRESSES) == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_pictures_of_what_has_been(browser: Browser, busy_site: Site, language: Language) -> None:
    assert await pictures(browser, busy_site, language, {"statistics": f"{HOME}statistics"}) == []


async def pictures(
    browser: Browser, site: Site, language: Language, addresses: Mapping[str, str]
) -> list[str]:
    """Take them at every size in both themes; what axe finds."""
    FOLDER.mkdir(exist_ok=True)
    wrong: list[str] = []
    for width, height in SIZES.items():
        for theme in THEMES:
            visitor = await visit(
                browser, site.url, width=width, height=height, theme=theme, language=language
            )
            for name, address in addresses.items():
                if address.startswith(HOME) and address != SIGN_IN:
                    await visitor.sign_in()
                await visitor.go(address)
                wrong += await visitor.barriers()
                picture = FOLDER / f"{name}-{width}-{theme}-{language}.png"
                await visitor.page.screenshot(path=picture, full_page=True)
            assert visitor.complaints == []
            await visitor.context.close()
    return wrong
