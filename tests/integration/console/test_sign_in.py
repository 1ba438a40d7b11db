"""Signing in and out as a person does it, over a real directory and a real store."""

import pytest

from tests.integration.console.app import ADMINISTRATOR, FIRST, HOME, SIGN_IN, Browser, ConsoleApp
from tests.integration.directory.companies import PASSWORD, Company


async def test_whoever_signs_in_sees_the_own_name_role_company_and_zone(browser: Browser) -> None:
    page = await browser.sign_in()
    assert browser.path == FIRST
    assert page.status_code == 200
    for each in ("Гусев Родион", "администратор", "Восток", "Europe/Moscow"):
        assert each in page.text


async def test_a_wrong_password_is_told_at_its_field_in_the_person_s_language(browser: Browser) -> None:
    page = await browser.sign_in(password="wrong horse battery")
    assert page.status_code == 401
    assert "Логин или пароль неверны." in page.text
    assert 'id="password-said" role="alert"' in page.text
    browser.http.headers["Accept-Language"] = "en"
    page = await browser.sign_in(password="wrong horse battery")
    assert "The login or the password is wrong." in page.text


async def test_a_one_time_password_leads_to_a_password_of_one_s_own(
    browser: Browser, company: Company
) -> None:
    made = await company.made("/employees", {"name": "Орлов Игорь", "pbx_id": "moskva"})
    one_time, login = made["one_time_password"], made["card"]["login"]
    await browser.sign_in(login, one_time)
    assert browser.path == f"{SIGN_IN}/password"
    page = await browser.send(f"{SIGN_IN}/password", new="short", again="short")
    assert page.status_code == 422 or page.status_code == 400
    assert 'id="new-said" role="alert"' in page.text
    page = await browser.send(f"{SIGN_IN}/password", new=PASSWORD, again=PASSWORD + "x")
    assert "Пароли не совпадают." in page.text
    page = await browser.send(f"{SIGN_IN}/password", new=PASSWORD, again=PASSWORD)
    assert browser.path == FIRST
    assert "Орлов Игорь" in page.text


async def test_whoever_signs_out_is_out_here_and_at_the_directory(
    browser: Browser, console: ConsoleApp
) -> None:
    await browser.sign_in()
    kept = dict(browser.http.cookies)
    page = await browser.send("/o/vostok/sign-out")
    assert "Вы вышли." in page.text
    assert "DELETE /sessions/current" in console.directory_transport.asked
    thief = console.browser()
    thief.http.cookies.update(kept)
    await thief.open(f"{HOME}me")
    assert thief.path == SIGN_IN


async def test_a_session_that_has_ended_comes_back_to_the_page_after_signing_in(browser: Browser) -> None:
    page = await browser.open(f"{HOME}me?from=letter")
    assert browser.path == SIGN_IN
    assert f'name="next" value="{HOME}me?from=letter"' in page.text
    await browser.send(SIGN_IN, login=ADMINISTRATOR, password=PASSWORD, next=f"{HOME}me?from=letter")
    assert str(browser.page.url).endswith(f"{HOME}me?from=letter")


@pytest.mark.parametrize("address", ["/", "/sign-in"])
async def test_a_browser_that_knows_no_company_is_asked_for_it(browser: Browser, address: str) -> None:
    page = await browser.open(address)
    assert 'name="organization"' in page.text
    page = await browser.open("/sign-in?organization=Vostok")
    assert browser.path == SIGN_IN
    page = await browser.open("/sign-in?organization=не то")
    assert page.status_code == 422
    assert "Это не короткое имя компании." in page.text
