"""Sessions over replicas: renewed once, ended everywhere, and gone when they are left alone."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.console.activities.sessions import IDLE_MS, SESSION_MS_MAX
from tests.integration.console.app import HOME, SIGN_IN, Browser, ConsoleApp
from tests.integration.directory.companies import Company

ME = f"{HOME}me"
NEARLY_TEN_MINUTES_S = 9.5 * 60


@pytest.fixture
async def another(company: Company, redis_server: str, fresh_prefix: str) -> AsyncIterator[ConsoleApp]:
    """A second replica."""
    made = ConsoleApp(company, redis_server, fresh_prefix)
    yield made
    await made.close()


async def test_a_session_goes_on_at_another_replica(browser: Browser, another: ConsoleApp) -> None:
    await browser.sign_in()
    page = await browser.at(another).open(ME)
    assert page.status_code == 200
    assert "Гусев Родион" in page.text


async def test_of_many_requests_at_several_replicas_one_renews_the_token(
    browser: Browser, console: ConsoleApp, another: ConsoleApp, company: Company
) -> None:
    """A used refresh token ends the login as stolen: two renewals would sign the person out."""
    await browser.sign_in()
    company.clock.advance(NEARLY_TEN_MINUTES_S)
    others = [console.browser() for _ in range(4)] + [another.browser() for _ in range(4)]
    for each in others:
        each.http.cookies.update(browser.http.cookies)
    pages = await asyncio.gather(*(each.open(ME) for each in others))
    assert [page.status_code for page in pages] == [200] * len(others)
    asked = console.directory_transport.asked + another.directory_transport.asked
    assert asked.count("POST /sessions/renewal") == 1


async def test_whoever_signs_out_during_a_renewal_stays_out(
    browser: Browser, console: ConsoleApp, company: Company
) -> None:
    """The renewal must not bring the session back."""
    await browser.sign_in()
    company.clock.advance(NEARLY_TEN_MINUTES_S)

    async def sign_out(what: str) -> None:
        if what == "POST /sessions/renewal":
            client = await console.redis.of("any")
            for key in await console.stored():
                if key.endswith("/session"):
                    await client.delete(key)

    console.directory_transport.before = sign_out
    await browser.open(ME)
    console.directory_transport.before = None
    assert await console.stored() == {}
    await browser.open(ME)
    assert browser.path == SIGN_IN


async def test_a_login_that_the_directory_has_ended_is_no_session(browser: Browser, company: Company) -> None:
    """An administrator ends it, or the password is another: at once, and with a way back."""
    await browser.sign_in()
    ended = await company.call("DELETE", "/employees/gusev-r/sessions")
    assert ended.status_code == 204
    page = await browser.open(ME)
    assert browser.path == SIGN_IN
    assert f'name="next" value="{ME}"' in page.text


async def test_after_twelve_hours_a_session_is_over_however_much_it_is_used(
    browser: Browser, company: Company
) -> None:
    await browser.sign_in()
    for _ in range(12):
        assert (await browser.open(ME)).status_code == 200
        assert browser.path == ME
        company.clock.advance(SESSION_MS_MAX / 1_000 / 12)
    await browser.open(ME)
    assert browser.path == SIGN_IN


async def test_half_an_hour_without_use_ends_a_session_and_an_open_stream_is_no_use(
    browser: Browser, console: ConsoleApp
) -> None:
    await browser.sign_in()
    client = await console.redis.of("any")
    [key] = await console.stored()
    assert 0 < await client.pttl(key) <= IDLE_MS
    await client.pexpire(key, 60_000)
    sessions = console.parts.sessions
    await sessions.find(browser.http.cookies["ringback-session"], "203.0.113.7", is_activity=False)
    assert await client.pttl(key) <= 60_000
    await browser.open(ME)
    assert await client.pttl(key) > 60_000


async def test_without_the_directory_a_page_says_so_and_with_it_goes_on(
    browser: Browser, console: ConsoleApp, company: Company
) -> None:
    await browser.sign_in()
    console.directory_transport.is_cut = True
    page = await browser.open(ME)
    assert page.status_code == 503
    assert "Нет связи со справочником" in page.text
    assert page.headers["retry-after"]
    company.clock.advance(NEARLY_TEN_MINUTES_S)
    assert (await browser.open(ME)).status_code == 503, "nor can the token be renewed"
    console.directory_transport.is_cut = False
    assert (await browser.open(ME)).status_code == 200
    assert browser.path == ME, "nobody was signed out by that"


async def test_a_part_of_a_page_leads_the_whole_page_to_the_sign_in(browser: Browser) -> None:
    """htmx puts an answer into a page: a form to sign in does not belong there."""
    answer = await browser.http.get(ME, headers={"HX-Request": "true"})
    assert answer.text == ""
    assert answer.headers["hx-redirect"].startswith(SIGN_IN)
