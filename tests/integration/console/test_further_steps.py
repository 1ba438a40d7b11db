"""What may follow a password, or come in its place: a second factor, recovery, the company's provider."""

import re
from collections.abc import Iterator

import pytest

from services.console.activities.static_files import StaticFiles
from tests.integration.console.app import ADMINISTRATOR, FIRST, HOME, SIGN_IN, Browser, ConsoleApp
from tests.integration.directory.companies import PASSWORD, Company
from tests.integration.directory.identity_providers import LyingProvider, named
from tests.integration.directory.second_factors import Device, set_up

ANOTHER = "another horse battery"
MOBILE = "+79160000007"


@pytest.fixture
def provider(company: Company) -> Iterator[LyingProvider]:
    """The company's provider, which is honest unless told otherwise."""
    made = LyingProvider(lambda: int(company.clock.now() // 1_000))
    made.start()
    yield made
    made.stop()


async def test_a_code_of_the_app_or_a_recovery_code_opens_a_session(
    browser: Browser, company: Company
) -> None:
    made = await company.employee("Орлов Игорь")
    login = made["card"]["login"]
    device, confirmed = await set_up(company, await company.login(login))
    await browser.sign_in(login)
    assert browser.path == f"{SIGN_IN}/code"
    page = await browser.send(f"{SIGN_IN}/code", code="000000")
    assert page.status_code == 422
    assert 'id="code-said" role="alert"' in page.text
    code = device.next()
    await browser.send(f"{SIGN_IN}/code", code=f"{code[:3]} {code[3:]}")
    assert browser.path == FIRST
    await browser.sign_in(login)
    await browser.send(f"{SIGN_IN}/code", code=confirmed["recovery_codes"][0])
    assert browser.path == FIRST


async def test_nobody_gets_to_a_later_step_without_the_one_before(browser: Browser) -> None:
    for step in ("code", "password", "setup"):
        await browser.open(f"{SIGN_IN}/{step}")
        assert browser.path == SIGN_IN
        answer = await browser.post(f"{SIGN_IN}/{step}", csrf=browser.csrf, code="123456", new="x", again="x")
        assert answer.headers["location"] == SIGN_IN
    await browser.open(f"{SIGN_IN}/recovery/code")
    assert browser.path == f"{SIGN_IN}/recovery"


async def test_where_a_second_factor_is_required_it_is_set_up_by_the_way(
    browser: Browser, company: Company
) -> None:
    """The square, the letters, a first code; then recovery codes, once, and the session."""
    made = await company.employee("Орлов Игорь")
    assert (await company.changed("/organization", requires_second_factor=True)).status_code == 200
    page = await browser.sign_in(made["card"]["login"])
    assert browser.path == f"{SIGN_IN}/setup"
    assert page.text.count("<rect") > 300, "a QR code"
    [letters] = re.findall(r'<p class="secret">([A-Z2-7 ]+)</p>', page.text)
    device = Device(company, letters.replace(" ", ""))
    page = await browser.send(f"{SIGN_IN}/setup", code="000000")
    assert page.status_code == 422
    page = await browser.send(f"{SIGN_IN}/setup", code=device.shown())
    assert len(re.findall(r"<li><code>", page.text)) >= 8
    assert (await browser.open(f"{HOME}me")).status_code == 200
    page = await browser.open(f"{SIGN_IN}/setup")
    assert "<code>" not in page.text


async def test_a_forgotten_password_is_replaced_by_a_code_to_the_mobile(
    browser: Browser, company: Company
) -> None:
    made = await company.employee("Орлов Пётр", mobile=MOBILE)
    await browser.open(f"{SIGN_IN}/recovery")
    page = await browser.send(f"{SIGN_IN}/recovery", mobile="не номер")
    assert page.status_code in (400, 422)
    assert 'id="mobile-said" role="alert"' in page.text
    await browser.send(f"{SIGN_IN}/recovery", mobile="+7 916 000-00-07")
    assert browser.path == f"{SIGN_IN}/recovery/code"
    await company.directory.password_recovery.settle()
    [code] = re.findall(r"\d{6}", company.texts.sent[-1][1])
    fields = {"new": ANOTHER, "again": ANOTHER}
    page = await browser.send(
        f"{SIGN_IN}/recovery/code", code="000000" if code != "000000" else "1" * 6, **fields
    )
    assert page.status_code == 401
    page = await browser.send(f"{SIGN_IN}/recovery/code", code=code, **fields)
    assert "Пароль изменён." in page.text
    await browser.send(SIGN_IN, login=made["card"]["login"], password=ANOTHER, next="")
    assert browser.path == FIRST


async def test_a_password_that_everybody_guesses_is_told_at_its_field(
    browser: Browser, company: Company
) -> None:
    made = await company.made("/employees", {"name": "Орлов Игорь", "pbx_id": "moskva"})
    await browser.sign_in(made["card"]["login"], made["one_time_password"])
    page = await browser.send(f"{SIGN_IN}/password", new="1234567890", again="1234567890")
    assert page.status_code == 422
    said = page.text.partition('id="new-said"')[2]
    assert "самых частых" in said[:400]


async def come_back(browser: Browser, provider: LyingProvider, subject: str) -> dict[str, str]:
    """Go to the provider, sign in there, and have what the browser brings back."""
    answer = await browser.http.get(f"{SIGN_IN}/openid?next={HOME}me")
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(f"{provider.issuer}/authorize?")
    return await provider.brought(answer.headers["location"], subject)


async def test_an_account_at_the_provider_is_linked_by_a_one_time_password_and_signs_in_afterwards(
    browser: Browser, console: ConsoleApp, company: Company, provider: LyingProvider
) -> None:
    await named(company, provider, redirects=(f"{console.url}/sign-in/openid",))
    made = await company.made("/employees", {"name": "Орлов Игорь", "pbx_id": "moskva"})
    await browser.sign_in(made["card"]["login"], made["one_time_password"])
    brought = await come_back(browser, provider, "igor")
    page = await browser.open(f"/sign-in/openid?code={brought['code']}&state={brought['state']}")
    assert browser.path == f"{HOME}me", page.text
    other = console.browser()
    brought = await come_back(other, provider, "igor")
    page = await other.open(f"/sign-in/openid?code={brought['code']}&state={brought['state']}")
    assert other.path == f"{HOME}me"
    assert "Орлов Игорь" in page.text


async def test_what_another_browser_was_sent_for_is_not_taken(
    browser: Browser, console: ConsoleApp, company: Company, provider: LyingProvider
) -> None:
    """State, nonce and verifier are this browser's: nobody is signed in by a link."""
    await named(company, provider, redirects=(f"{console.url}/sign-in/openid",))
    await browser.sign_in()
    thief = console.browser()
    brought = await come_back(thief, provider, "igor")
    for state in (brought["state"], "", "x" * 43):
        page = await browser.open(f"/sign-in/openid?code={brought['code']}&state={state}")
        assert page.status_code == 403
        assert "Этот вход начат не в этом браузере" in page.text
    assert "POST /sessions/openid" not in console.directory_transport.asked
    await come_back(browser, provider, "igor")
    page = await browser.open(f"/sign-in/openid?code={brought['code']}&state={brought['state']}")
    assert page.status_code == 403


async def test_a_provider_that_is_missing_or_lets_nobody_in_is_told_on_the_form(
    browser: Browser, console: ConsoleApp, company: Company, provider: LyingProvider
) -> None:
    page = await browser.open(f"{SIGN_IN}/openid")
    assert "Вход через провайдера для этой организации не настроен." in page.text
    await named(company, provider, redirects=(f"{console.url}/sign-in/openid",))
    brought = await come_back(browser, provider, "nobody")
    page = await browser.open(f"/sign-in/openid?error=access_denied&state={brought['state']}")
    assert "Вход вашей компании вас не пропустил." in page.text
    brought = await come_back(browser, provider, "nobody")
    page = await browser.open(f"/sign-in/openid?code={brought['code']}&state={brought['state']}")
    assert "не привязана ни к одному сотруднику" in page.text


async def test_language_and_theme_are_kept_before_and_after_signing_in(browser: Browser) -> None:
    page = await browser.open(SIGN_IN)
    assert '<html lang="ru">' in page.text
    page = await browser.send("/preferences", language="en", here=SIGN_IN)
    assert browser.path == SIGN_IN
    assert '<html lang="en">' in page.text
    page = await browser.send("/preferences", theme="dark", here=SIGN_IN)
    assert '<html lang="en" data-theme="dark">' in page.text
    page = await browser.send(SIGN_IN, login=ADMINISTRATOR, password=PASSWORD, next="")
    assert '<html lang="en" data-theme="dark">' in page.text
    assert "Wallboard" in page.text
    page = await browser.send("/preferences", theme="no such theme", here=f"{HOME}me")
    assert 'data-theme="dark"' in page.text


async def test_an_address_that_is_none_says_so_with_a_way_back(browser: Browser) -> None:
    for address in ("/nowhere", f"{HOME}nowhere", "/o/НЕ-ТО/me", "/static/nothing.css"):
        page = await browser.open(address)
        assert page.status_code == 404
        assert "Такой страницы нет" in page.text


async def test_static_files_are_kept_by_browsers_and_change_their_addresses(browser: Browser) -> None:
    for name in ("console.css", "console.js", "icons.svg", "htmx.min.js"):
        answer = await browser.http.get(StaticFiles().address(name))
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["x-content-type-options"] == "nosniff"
