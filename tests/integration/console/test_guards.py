"""What protects whoever uses the console. Each test fails when its guard is taken out."""

import re
from collections.abc import Iterator
from typing import Any

from litestar import Litestar
from litestar.routes import HTTPRoute

from services.console.api.pages import CSP
from tests.integration.console.app import ADMINISTRATOR, FIRST, HOME, SIGN_IN, Browser, ConsoleApp
from tests.integration.directory.companies import PASSWORD, Company

EVIL = "https://evil.example/"
FRAMES = "frame-ancestors 'none'"


def changing(app: Any) -> Iterator[str]:
    """Every address that takes something, with an organization filled in."""
    inner = app._app
    assert isinstance(inner, Litestar)
    for route in inner.routes:
        if isinstance(route, HTTPRoute) and route.methods - {"GET", "HEAD", "OPTIONS"}:
            yield re.sub(r"\{organization:str\}", "vostok", route.path)


async def test_no_form_is_taken_without_the_token_that_this_browser_was_shown(console: ConsoleApp) -> None:
    """CSRF: whatever another site makes the browser send, signed in or not."""
    victim, thief = console.browser(), console.browser()
    await victim.sign_in()
    await thief.open(SIGN_IN)
    asked = len(console.directory_transport.asked)
    addresses = list(changing(console.app))
    assert len(addresses) >= 8
    for address in addresses:
        for token in ("", "0" * 64, thief.csrf):
            answer = await victim.post(address, csrf=token, login="x", password="x", theme="dark")
            assert answer.status_code == 403, (address, token)
            assert "Форма устарела" in answer.text
    assert len(console.directory_transport.asked) == asked, "nothing was asked for"
    assert (await victim.open(f"{HOME}me")).status_code == 200, "and nobody was signed out"


async def test_a_stranger_s_page_can_not_sign_a_browser_in_as_somebody_else(console: ConsoleApp) -> None:
    """Login CSRF: a browser without a cookie of ours sends no form."""
    answer = await console.browser().http.post(
        SIGN_IN, data={"csrf": "", "login": ADMINISTRATOR, "password": PASSWORD}
    )
    assert answer.status_code == 403
    assert "ringback-session" not in answer.headers.get("set-cookie", "")


async def test_no_page_is_shown_in_a_frame_or_runs_what_is_not_ours(browser: Browser) -> None:
    """Clickjacking, and scripts that somebody's name would bring."""
    assert FRAMES in CSP
    assert "default-src 'self'" in CSP
    assert "unsafe" not in CSP
    await browser.sign_in()
    for address in ("/sign-in", SIGN_IN, f"{SIGN_IN}/recovery", f"{HOME}me", "/nowhere", "/o/zapad/me"):
        page = await browser.open(address)
        assert page.headers["content-security-policy"] == CSP
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "same-origin"
        assert page.headers["cache-control"] == "no-store"


async def test_neither_signing_in_nor_a_preference_leads_to_another_place(browser: Browser) -> None:
    """Open redirects: neither by the link to the form, nor by the form itself."""
    for wanted in (EVIL, "//evil.example", "/\\evil.example", "/o/zapad/me", "/o/vostok/../../x"):
        page = await browser.open(f"{SIGN_IN}?next={wanted}")
        assert f'name="next" value="{HOME}"' in page.text
        answer = await browser.post(
            SIGN_IN, csrf=browser.csrf, login=ADMINISTRATOR, password=PASSWORD, next=wanted
        )
        assert answer.headers["location"] == HOME
        await browser.open(f"{HOME}me")
        answer = await browser.post("/preferences", csrf=browser.csrf, theme="dark", here=wanted)
        assert answer.headers["location"] in ("/", "/o/zapad/me"), "a page of ours, whoever may read it"


async def test_a_planted_cookie_is_no_session_after_signing_in(console: ConsoleApp) -> None:
    """Session fixation: whoever planted it stays outside, and the session has a text of its own."""
    victim, thief = console.browser(), console.browser()
    planted = "p" * 43
    for each in (victim, thief):
        each.http.cookies.set("ringback-session", planted)
    await victim.sign_in()
    assert victim.path == FIRST
    texts = [each.value for each in victim.http.cookies.jar if each.name == "ringback-session"]
    assert planted not in texts[-1:]
    await thief.open(f"{HOME}me")
    assert thief.path == SIGN_IN


async def test_each_sign_in_has_a_new_session_and_ends_the_one_before(
    console: ConsoleApp, browser: Browser
) -> None:
    await browser.sign_in()
    before = browser.http.cookies["ringback-session"]
    await browser.sign_in()
    after = browser.http.cookies["ringback-session"]
    assert before != after
    assert len(await console.stored()) == 1


async def test_behind_tls_cookies_are_this_host_s_alone(
    company: Company, redis_server: str, fresh_prefix: str
) -> None:
    """`__Host-` keeps a neighbour's host from planting one."""
    console = ConsoleApp(company, redis_server, fresh_prefix, url="https://phones.example.org")
    browser = console.browser()
    await browser.open(SIGN_IN)
    answer = await browser.post(SIGN_IN, csrf=browser.csrf, login=ADMINISTRATOR, password=PASSWORD, next="")
    made = answer.headers.get_list("set-cookie")
    [session] = [each for each in made if "ringback-session" in each]
    assert session.startswith("__Host-ringback-session=")
    for each in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert each in session
    assert "Domain" not in session
    page = await browser.open(HOME)
    assert page.status_code == 200
    assert page.headers["strict-transport-security"].startswith("max-age=")
    await console.close()


async def test_whoever_has_not_signed_in_keeps_nothing_in_the_store(console: ConsoleApp) -> None:
    """It is the deciders' store: strangers must not fill it."""
    for number in range(5):
        browser = console.browser()
        await browser.open(SIGN_IN)
        await browser.send(SIGN_IN, login="gusev.r", password=f"wrong horse {number}", next="")
        await browser.open("/")
    assert await console.stored() == {}


async def test_the_store_has_no_token_in_the_clear_and_no_cookie(
    console: ConsoleApp, browser: Browser
) -> None:
    await browser.sign_in()
    [(key, sealed)] = (await console.stored()).items()
    assert browser.http.cookies["ringback-session"] not in key
    assert b"eyJ" not in sealed
    assert b"vostok" not in sealed


async def test_a_session_of_one_company_opens_no_page_of_another(browser: Browser, company: Company) -> None:
    await company.found("zapad")
    await browser.sign_in()
    page = await browser.open("/o/zapad/me")
    assert page.status_code == 403
    assert "Другая компания" in page.text
    assert f'href="{HOME}"' in page.text


async def test_a_hostile_name_is_text(console: ConsoleApp, company: Company) -> None:
    """Mark-up, right-to-left, emoji: a name is shown, and does nothing."""
    name = '<script>alert(1)</script>"><img src=x> \u05d0\u05d1 \U0001f600 {{ 7 * 7 }} %s'
    made = await company.employee(name)
    browser = console.browser()
    page = await browser.sign_in(made["card"]["login"])
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "<img" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text
    assert "{{ 7 * 7 }} %s" in page.text


async def test_the_directory_counts_the_person_s_address_and_not_the_console_s(
    console: ConsoleApp, company: Company
) -> None:
    browser = console.browser("198.51.100.9")
    await browser.sign_in()
    listed = await company.call("GET", "/employees/gusev-r/sessions")
    assert "198.51.100.9" in {each["address"] for each in listed.json()["sessions"]}
