"""Pictures of every screen, into docs/console (`make screenshots`), for people to look at.

Each is also examined by axe, in both languages.
"""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from typing import Final

import pytest
from playwright.async_api import Browser, expect

from contracts.directory import AgentPauseSaved, PauseReason
from devtools import setup
from ringback.stack.services import ROOT
from tests.integration.console.app import FIRST, HOME, SIGN_IN
from tests.integration.console.busy import fill
from tests.integration.console.companies_history import CompanyHistory
from tests.integration.console.test_my_page import ORLOV, an_earlier_call
from tests.integration.console.test_wallboard import an_agent
from tests.integration.console.walking import Language, Site, Theme, Visitor, visit
from tests.integration.console.walks.test_my_page import answers, is_over, rings
from tests.integration.console.walks.test_tv import on_a_screen, scrolls
from tests.integration.directory.companies import Company

FOLDER: Final = ROOT / "docs" / "console"
SIZES: Final = {360: 780, 1280: 800, 1920: 1080}
THEMES: Final[tuple[Theme, ...]] = ("light", "dark")
LANGUAGES: Final[tuple[Language, ...]] = ("ru", "en")
ADDRESSES: Final = {
    "sign-in": SIGN_IN,
    "callbacks-ended": f"{HOME}callbacks/ended",
    "callback-order": f"{HOME}callbacks/order",
    "history": f"{HOME}history",
    "contact": f"{HOME}history/in.sales",
    "voicemail": f"{HOME}voicemail",
    "voice-message": f"{HOME}voicemail/vm.in.inbox.1",
    "my-page": f"{HOME}me",
    "not-found": "/nowhere",
}
FOLLOWING: Final = {"wallboard": FIRST, "callbacks": f"{HOME}callbacks"}
"""They follow the present, which the pictures are to show."""
ON_SCREENS: Final = ("support", "sales", "delivery", "billing", "partners", "repairs")
SCREENS: Final = {1920: 1080, 3840: 2160}


@pytest.fixture(scope="session", autouse=True)
def folder() -> Iterator[None]:
    """Where they go; at the end each keeps the few colours that it needs, and a third of its size."""
    if shutil.which("pngquant") is None:
        setup.install_packages({"pngquant": "makes pictures of screens small enough to be kept"})
    FOLDER.mkdir(exist_ok=True)
    yield
    argv = ["pngquant", "--quality=80-98", "--skip-if-larger", "--strip", "--force", "--ext=.png"]
    done = subprocess.run([*argv, *map(str, FOLDER.glob("*.png"))], check=False)
    assert done.returncode in (0, 98, 99), "98 and 99: some could not be made smaller"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_pictures_of_every_screen(browser: Browser, morning: Site, language: Language) -> None:
    assert await pictures(browser, morning, language, ADDRESSES) == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_pictures_of_what_has_been(browser: Browser, busy_site: Site, language: Language) -> None:
    assert await pictures(browser, busy_site, language, {"statistics": f"{HOME}statistics"}) == []


async def pictures(
    browser: Browser, site: Site, language: Language, addresses: Mapping[str, str]
) -> list[str]:
    """Take them at every size in both themes; what axe finds."""
    wrong: list[str] = []
    for width, height in SIZES.items():
        for theme in THEMES:
            visitor = await visit(
                browser, site.url, width=width, height=height, theme=theme, language=language
            )
            is_signed_in = False
            for name, address in addresses.items():
                if address.startswith(HOME) and address != SIGN_IN and not is_signed_in:
                    await visitor.sign_in()
                    is_signed_in = True
                answer = await visitor.page.goto(visitor.url + address)
                assert answer is not None
                assert answer.status == (404 if name == "not-found" else 200), address
                wrong += await visitor.barriers()
                picture = FOLDER / f"{name}-{width}-{theme}-{language}.png"
                await visitor.page.screenshot(path=picture, full_page=True)
            assert visitor.complaints == []
            await visitor.context.close()
    return wrong


async def pictured(visitor: Visitor, name: str, theme: Theme, language: Language) -> list[str]:
    """The page that is shown, in each size; what axe finds in it."""
    wrong = []
    for width, height in SIZES.items():
        await visitor.page.set_viewport_size({"width": width, "height": height})
        wrong += await visitor.barriers()
        picture = FOLDER / f"{name}-{width}-{theme}-{language}.png"
        await visitor.page.screenshot(path=picture, full_page=True)
    return wrong


@pytest.mark.timeout(600)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("theme", THEMES)
async def test_pictures_of_my_page_in_its_states(
    browser: Browser,
    company: Company,
    site: Site,
    history: CompanyHistory,
    theme: Theme,
    language: Language,
) -> None:
    await an_agent(company, history, "Орлов Пётр")
    await history.tell(*an_earlier_call(company))
    visitor = await visit(browser, site.url, theme=theme, language=language)
    await visitor.sign_in("orlov.p")
    await visitor.go(f"{HOME}me")
    board, wrong = visitor.page.locator("#board"), list[str]()
    for name, shows in (
        ("ringing", "[data-offer]"),
        ("talking", "#call .alert[data-state=talk]"),
        ("notes", "#ready"),
        ("paused", "#resume"),
    ):
        match name:
            case "ringing":
                await rings(company, history)
            case "talking":
                await answers(history)
            case "notes":
                await is_over(company, history)
            case _:
                paused = AgentPauseSaved(agent_id=ORLOV, version=1, is_paused=True, reason=PauseReason.LUNCH)
                await history.tell(paused)
        await board.locator(shows).wait_for()
        wrong += await pictured(visitor, f"my-page-{name}", theme, language)
    assert (wrong, visitor.complaints) == ([], [])


@pytest.mark.timeout(900)
async def test_pictures_of_a_busy_wallboard(
    browser: Browser, site: Site, company: Company, history: CompanyHistory
) -> None:
    """Three departments at 14:31, of which one does not keep its deadline; and where screens are made."""
    await fill(company, history, "sales", "support", "delivery")
    wrong: list[str] = []
    for language in LANGUAGES:
        for width, height in SIZES.items():
            for theme in THEMES:
                visitor = await visit(
                    browser, site.url, width=width, height=height, theme=theme, language=language
                )
                await visitor.sign_in()
                for name, address in (*FOLLOWING.items(), ("screens", f"{FIRST}/screens")):
                    await visitor.go(address)
                    if name in FOLLOWING:
                        await expect(visitor.page.locator("#wall-live")).to_be_visible()
                    wrong += await visitor.barriers()
                    picture = FOLDER / f"{name}-{width}-{theme}-{language}.png"
                    await visitor.page.screenshot(path=picture, full_page=True)
                assert visitor.complaints == []
                await visitor.context.close()
    assert wrong == []


@pytest.mark.timeout(900)
@pytest.mark.parametrize("departments", [1, 3, 6])
async def test_pictures_of_a_screen_on_a_wall(
    browser: Browser, site: Site, company: Company, history: CompanyHistory, departments: int
) -> None:
    """At 1080p and at 4K the same picture, which a stranger reads from across the room."""
    shown = ON_SCREENS[:departments]
    await fill(company, history, *shown)
    wrong: list[str] = []
    for language in LANGUAGES:
        administrator = await visit(browser, site.url, language=language)
        await administrator.sign_in()
        for width, height in SCREENS.items():
            screen = await on_a_screen(browser, administrator, *shown, width=width, height=height)
            await history.hear_directory()
            await screen.page.click("button.main")
            await expect(screen.page.locator("#tv-live")).to_be_visible()
            wrong += await screen.barriers()
            assert not await scrolls(screen)
            await screen.page.screenshot(path=FOLDER / f"tv-{departments}-{width}-{language}.png")
            assert screen.complaints == []
            await screen.context.close()
        await administrator.context.close()
    assert wrong == []
