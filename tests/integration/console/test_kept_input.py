"""A session that ends in the middle of an edit loses no input: it is in the form again after the sign-in."""

import html
import json
import random
import re
import secrets
from typing import Any, Final

import pytest
from litestar import Controller, Request, Response, get, post

from services.console.activities.inputs import SEALED_LENGTH_MAX
from services.console.api.requests import CurrentPerson, GivenConsole, fields
from tests.integration.console.app import ADMINISTRATOR, HOME, SIGN_IN, Browser, ConsoleApp
from tests.integration.directory.companies import PASSWORD, Company

NOTE: Final = f"{HOME}note"
NOTHING_DONE: Final = "не выполнено"
COOKIE: Final = "ringback-input"
TYPED: Final = "Перезвонить\r\nв <b>пять</b> & \"шесть\" '7'"
WORDS: Final = ("клиент", "просил", "перезвонить", "завтра", "после", "обеда", "договор", "счёт", "оплата")
_TEXTS: Final = re.compile(r'data-action="([^"]*)" data-texts="([^"]*)"')


class Notes(Controller):
    """A screen with a form; `sent` is what it has done."""

    path = "/o/{organization:str}/note"
    sent: Final[list[dict[str, str]]] = []

    @get()
    async def show(
        self, request: Request[Any, Any, Any], console: GivenConsole, person: CurrentPerson
    ) -> Response[str]:
        """What every page has: the menu with its forms."""
        return console.pages.render(request, "frame.html", {"screen": "me"}, me=person.me)

    @post()
    async def send(self, request: Request[Any, Any, Any], person: CurrentPerson) -> None:
        """Do it."""
        self.sent.append(dict(await fields(request)))


@pytest.fixture
async def writing(console: ConsoleApp) -> Browser:
    """Somebody who has the form open."""
    Notes.sent.clear()
    console.app._app.register(Notes)  # type: ignore[attr-defined]
    browser = console.browser()
    await browser.sign_in()
    await browser.open(f"{NOTE}?page=2")
    return browser


def whose(browser: Browser) -> str:
    """Whose the forms of the page are."""
    found = re.search(r'name="whose" value="([0-9a-f]{64})"', browser.page.text)
    assert found is not None
    return found[1]


def filled(page: str) -> tuple[str, list[list[str]]]:
    """Where the input goes that a page has put back, and its fields."""
    found = _TEXTS.search(page)
    assert found is not None, page
    return found[1], json.loads(html.unescape(found[2]))


async def end_login(company: Company) -> None:
    """As an administrator does; half an hour without use does the same."""
    assert (await company.call("DELETE", "/employees/gusev-r/sessions")).status_code == 204


async def sent_in_vain(writing: Browser, company: Company, **texts: str) -> None:
    """A form is sent whose session has just ended: the browser is at the sign-in."""
    mark = whose(writing)
    await end_login(company)
    await writing.send(NOTE, whose=mark, **texts)


async def come_back(browser: Browser, login: str = ADMINISTRATOR) -> str:
    """Sign in where one was led; the page that this leads to."""
    page = await browser.send(SIGN_IN, login=login, password=PASSWORD, next=f"{NOTE}?page=2")
    assert str(page.url).endswith(f"{NOTE}?page=2")
    return page.text


async def test_what_was_typed_is_in_the_form_again_after_the_sign_in_and_nothing_was_done(
    writing: Browser, company: Company
) -> None:
    """It is shown once; whoever wants it done sends it."""
    await sent_in_vain(writing, company, text=TYPED, kind="a")
    assert writing.path == SIGN_IN
    assert f'name="next" value="{NOTE}?page=2"' in writing.page.text
    page = await come_back(writing)
    assert NOTHING_DONE in page
    assert filled(page) == (NOTE, [["text", TYPED], ["kind", "a"]])
    assert "<b>пять" not in page
    assert Notes.sent == []
    await writing.post(NOTE, csrf=writing.csrf, whose=whose(writing), text="Перезвонить")
    assert [each["text"] for each in Notes.sent] == ["Перезвонить"]
    assert NOTHING_DONE not in (await writing.open(f"{NOTE}?page=2")).text


async def test_after_a_sign_in_in_another_tab_an_old_form_comes_back_filled_in(
    writing: Browser, console: ConsoleApp
) -> None:
    """Its token is of the session before: it is not taken, and nothing that was typed is lost."""
    old, mark = writing.csrf, whose(writing)
    await writing.sign_in()
    await writing.open(f"{NOTE}?page=2")
    writing.page = await writing.post(NOTE, csrf=old, whose=mark, text=TYPED)
    assert writing.page.headers["location"] == f"{NOTE}?page=2"
    page = await writing.open(f"{NOTE}?page=2")
    assert filled(page.text) == (NOTE, [["text", TYPED]])
    assert Notes.sent == []
    assert len(await console.stored()) == 1, "and nobody was signed out by that"


async def test_another_person_who_signs_in_does_not_get_it_and_then_it_is_gone(
    writing: Browser, company: Company
) -> None:
    """At a shared desk."""
    other = await company.employee("Орлов Игорь")
    await sent_in_vain(writing, company, text=TYPED)
    page = await come_back(writing, other["card"]["login"])
    assert "Перезвонить" not in page
    assert NOTHING_DONE not in page
    await writing.send(f"{HOME}sign-out")
    assert "Перезвонить" not in await come_back(writing)


async def test_whoever_signs_out_leaves_nothing(writing: Browser, company: Company) -> None:
    await sent_in_vain(writing, company, text=TYPED)
    await writing.sign_in()
    assert COOKIE in writing.http.cookies
    await writing.send(f"{HOME}sign-out")
    assert COOKIE not in writing.http.cookies


async def test_secrets_are_not_kept(writing: Browser, company: Company) -> None:
    secret_texts = dict.fromkeys(("password", "new", "again", "code", "key"), "correct horse")
    await sent_in_vain(writing, company, text="Имя", **secret_texts)
    page = await come_back(writing)
    assert filled(page) == (NOTE, [["text", "Имя"]])
    assert "correct horse" not in page


@pytest.mark.parametrize("is_many", [False, True], ids=["one long text", "many fields"])
async def test_what_is_too_long_to_be_kept_is_shown_to_be_copied(
    writing: Browser, company: Company, is_many: bool
) -> None:
    """Neither lost, nor a cookie that a proxy would refuse with every page from then on."""
    mark = whose(writing)
    await end_login(company)
    texts = {f"f{number}": f"<b>{number}" for number in range(900)}
    if not is_many:
        texts = {"text": "<b>" + secrets.token_urlsafe(SEALED_LENGTH_MAX)}
    answer = await writing.post(NOTE, csrf=writing.csrf, whose=mark, **texts)
    assert answer.status_code == 403
    assert COOKIE not in writing.http.cookies
    assert all(html.escape(text) in answer.text for text in texts.values())
    assert f'href="{SIGN_IN}?next={NOTE}%3Fpage%3D2"' in answer.text


async def test_a_long_note_is_kept_whole(writing: Browser, company: Company) -> None:
    """Two thousand letters of a language, beside the other cookies."""
    note = " ".join(random.Random(7).choices(WORDS, k=400))[:2_000]
    await sent_in_vain(writing, company, text=note)
    assert len(writing.http.cookies[COOKIE]) <= SEALED_LENGTH_MAX
    assert filled(await come_back(writing)) == (NOTE, [["text", note]])


async def test_a_stranger_s_page_puts_nothing_into_a_form(writing: Browser) -> None:
    """A colleague's mark is known to that colleague: the page that sends must be one of ours as well."""
    for referer in ("https://evil.example/o/vostok/note", "", "http://127.0.0.1:8000.evil.example/"):
        answer = await writing.http.post(
            NOTE,
            data={"csrf": "0" * 64, "whose": whose(writing), "text": TYPED},
            headers={"Referer": referer},
        )
        assert answer.status_code == 403
        assert "Форма устарела" in answer.text
        assert COOKIE not in answer.headers.get("set-cookie", "")
    assert Notes.sent == []


async def test_a_made_up_cookie_is_nothing(writing: Browser) -> None:
    for planted in ("x", "gAAAA" * 30, "ы".encode().hex()):
        writing.http.cookies.set(COOKIE, planted)
        page = await writing.open(f"{NOTE}?page=2")
        assert page.status_code == 200
        assert NOTHING_DONE not in page.text


async def test_a_form_that_a_script_sends_leads_the_whole_page(writing: Browser, company: Company) -> None:
    mark = whose(writing)
    await end_login(company)
    answer = await writing.http.post(
        NOTE,
        data={"csrf": writing.csrf, "whose": mark, "text": TYPED},
        headers={"HX-Request": "true", "Referer": str(writing.page.url)},
    )
    assert answer.headers["hx-redirect"] == f"{SIGN_IN}?next={NOTE}%3Fpage%3D2"
    await writing.open(answer.headers["hx-redirect"])
    assert filled(await come_back(writing)) == (NOTE, [["text", TYPED]])
