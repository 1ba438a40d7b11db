"""A contact in a real browser: its page without barriers, and its recording, which comes from a real S3."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from ringback.stack.parts import S3
from services.console.rules.audio_ranges import PIECE_BYTES
from tests.integration.console import listening
from tests.integration.console import past as story
from tests.integration.console.app import HOME
from tests.integration.console.past import past_of
from tests.integration.console.walking import PAGE_MS_MAX, Site, Theme, visit
from tests.integration.directory.companies import Company

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
HISTORY = f"{HOME}history"
CALLED_BACK = f"{HISTORY}/in.sales"
RECORDING = f"{HOME}recordings/rec.sales/audio"


@pytest.fixture
async def site(
    company: Company, sqlite_history: str, s3_server: S3, redis_server: str, fresh_prefix: str
) -> AsyncIterator[Site]:
    """The console over a history with recordings, which it reads from S3 by links alone."""
    blobs = listening.blobs_of(s3_server)
    past = await past_of(company, sqlite_history, links=blobs)
    await story.a_voice_message(past)
    await story.a_called_back_customer(past)
    await blobs.put(listening.CONVERSATION, listening.a_conversation(), content_type="audio/wav")
    storage = listening.storage_of(s3_server)
    async with Site(company, redis_server, fresh_prefix, history=past.app, storage=storage) as made:
        yield made
    await storage.aclose()
    blobs.close()
    await past.engine.dispose()


async def audio(page: Page, what: str) -> float:
    """A figure of the recording's audio element."""
    return float(await page.evaluate(f"document.querySelector('.player audio').{what}"))


async def heard_beyond(page: Page, second: float) -> None:
    """Wait until it has played so far. Playwright's own waiting needs `eval`, which the pages forbid."""
    async with asyncio.timeout(PAGE_MS_MAX / 1_000):
        while await audio(page, "currentTime") <= second:
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_a_contact_is_without_barriers_in_both_themes(
    browser: Browser, site: Site, theme: Theme
) -> None:
    visitor = await visit(browser, site.url, theme=theme)
    await visitor.sign_in()
    wrong = list[str]()
    for contact in ("in.sales", "in.anna"):
        await visitor.go(f"{HISTORY}/{contact}")
        await visitor.page.evaluate(
            "document.querySelectorAll('details').forEach((each) => { each.open = true; })"
        )
        wrong += await visitor.faults()
    assert wrong == []
    assert visitor.complaints == []


async def test_a_recording_is_played_sought_and_sped_up_by_keyboard(browser: Browser, site: Site) -> None:
    """Bytes arrive from S3, also those beyond the piece that came first."""
    visitor = await visit(browser, site.url)
    await visitor.sign_in()
    page = visitor.page
    ranges: list[str] = []

    page.on("response", lambda answer: ranges.append(answer.headers.get("content-range", "")))
    await visitor.go(f"{HISTORY}?outcome=answered")
    await page.click("tbody th a")
    await page.wait_for_url(f"**{CALLED_BACK}?outcome=answered")
    player = page.locator(".player").first
    await player.locator("[data-play]").focus()
    await page.keyboard.press("Space")
    await heard_beyond(page, 0.3)
    assert await audio(page, "duration") == pytest.approx(listening.SECONDS, abs=0.1)
    await player.locator("[type=range]").focus()
    await page.keyboard.press("ArrowRight")
    await heard_beyond(page, 5)
    for wanted in (1.25, 1.5, 1.75, 2, 2):
        await page.keyboard.press(">")
        assert await audio(page, "playbackRate") == wanted
    await page.keyboard.press("<")
    assert await audio(page, "playbackRate") == 1.75
    assert await player.locator("select").input_value() == "1.75"
    beyond_s = listening.SECONDS - 5
    assert beyond_s * listening.RATE_HZ * 2 > 2 * PIECE_BYTES
    await page.evaluate(f"document.querySelector('.player audio').currentTime = {beyond_s}")
    await heard_beyond(page, beyond_s + 0.5)
    starts = {int(each.removeprefix("bytes ").partition("-")[0]) for each in ranges if each}
    assert 0 in starts
    assert any(each > PIECE_BYTES for each in starts), ranges
    await page.keyboard.press("Space")
    assert await audio(page, "paused") == 1
    await page.click("text=К списку")
    await page.wait_for_url(f"**{HISTORY}?outcome=answered")
    assert visitor.complaints == []


async def test_without_scripts_the_browser_s_own_controls_are_there(browser: Browser, site: Site) -> None:
    visitor = await visit(browser, site.url, has_scripts=False)
    await visitor.sign_in()
    await visitor.go(CALLED_BACK)
    own = visitor.page.locator(".player audio[controls]").first
    await expect(own).to_be_visible()
    await expect(own).to_have_attribute("src", RECORDING)
    await expect(visitor.page.locator(".player-own").first).to_be_hidden()
