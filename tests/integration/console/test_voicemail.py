"""The voicemail screen: inboxes and their filters, what people do with a message, and who sees what."""

import asyncio
import re
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from contracts.ids import OrganizationId, VoiceMessageId
from services.voicemail.activities.formats import voicemail_page
from tests.integration.console.app import HOME, Browser, ConsoleApp
from tests.integration.console.companies_history import CompanyHistory
from tests.integration.console.inbox import MINUTE_S, a_person, inbox_of, said_to_department, said_to_person
from tests.integration.console.past import HOSTILE
from tests.integration.directory.companies import ORGANIZATION, PASSWORD, Company

VOICEMAIL = f"{HOME}voicemail"
SALES = f"{VOICEMAIL}/vm.sales"


@pytest.fixture
async def history(company: Company, sqlite_history: str) -> AsyncIterator[CompanyHistory]:
    """Its customers have spoken to the machines of both departments."""
    async with inbox_of(company, sqlite_history) as made:
        await said_to_department(made, "service", "service", "+79165550002")
        await said_to_department(made, "sales")
        yield made


@pytest.fixture
async def reading(
    company: Company, history: CompanyHistory, redis_server: str, fresh_prefix: str
) -> AsyncIterator[ConsoleApp]:
    """A replica that reads that history."""
    made = ConsoleApp(company, redis_server, fresh_prefix, history=history.harness.app)
    yield made
    await made.close()


async def signed_in(console: ConsoleApp, login: str = "gusev.r") -> Browser:
    """Somebody's browser."""
    browser = console.browser()
    await browser.sign_in(login)
    return browser


@pytest.fixture
async def admin(reading: ConsoleApp) -> Browser:
    """The administrator, signed in."""
    return await signed_in(reading)


def text_of(html: str) -> str:
    """What is read of a page, on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("\u00a0", " ").split())


def rows_of(html: str) -> list[str]:
    """The rows of its table."""
    body = html.partition("<tbody>")[2].partition("</tbody>")[0]
    return [text_of(each) for each in body.split("<tr")[1:]]


def buttons_of(html: str) -> list[str]:
    """The buttons of the message that is open."""
    opened = html.partition('id="message"')[2]
    return [text_of(each) for each in re.findall(r"<button[^>]*>(.*?)</button>", opened)]


@pytest.mark.rule("V5")
async def test_an_inbox_has_the_newest_first_with_whom_when_how_long_and_what_was_done(
    admin: Browser,
) -> None:
    page = await admin.open(VOICEMAIL)
    sales, service = rows_of(page.text)
    for each in ("+7 916 555-00-01", "Сегодня, 11:02", "0:05", "Новое", "Ожидание: 0:30"):
        assert each in sales, each
    assert "+7 916 555-00-02 Сервис" in service
    assert "Отделов 2 новых" in text_of(page.text)
    await admin.open(SALES)
    await admin.send(f"{SALES}/heard")
    page = await admin.open(VOICEMAIL)
    assert "Прослушано" in rows_of(page.text)[0]
    assert "Отделов 1 новое" in text_of(page.text)


@pytest.mark.rule("V5")
async def test_filters_stand_in_the_address_and_a_form_s_empty_fields_do_not(admin: Browser) -> None:
    """A link that is passed on is short, and shows the same."""
    page = await admin.open(f"{VOICEMAIL}?inbox=departments&department=sales&state=&after=")
    assert str(page.url).endswith(f"{VOICEMAIL}?inbox=departments&department=sales")
    assert len(rows_of(page.text)) == 1
    assert '<option value="sales" selected>' in page.text
    for query, found in (("state=new", 2), ("state=heard", 0), ("inbox=claimed", 0), ("inbox=colleagues", 0)):
        page = await admin.open(f"{VOICEMAIL}?{query}")
        assert len(rows_of(page.text)) == found, query
    page = await admin.open(f"{VOICEMAIL}?state=unknown")
    assert page.status_code == 422
    assert 'id="state-said"' in page.text
    page = await admin.open(f"{SALES}?department=sales&state=new")
    assert 'href="/o/vostok/voicemail/vm.sales?department=sales&amp;state=new"' in page.text, "rows keep them"


@pytest.mark.rule("V5")
async def test_of_two_heads_who_claim_at_once_one_wins_and_the_other_reads_who_was_quicker(
    reading: ConsoleApp, company: Company, history: CompanyHistory
) -> None:
    """EC-72: one calls the customer, the other knows who does."""
    names = {
        (await a_person(company, history, name, "department_head", heads="sales")).login: name
        for name in ("Громова Елена", "Сафин Тимур")
    }
    browsers = [await signed_in(reading, login) for login in names]
    for browser in browsers:
        page = await browser.open(SALES)
        assert "Беру x" in buttons_of(page.text)
    pages = await asyncio.gather(*(each.send(f"{SALES}/claim") for each in browsers))
    texts = [text_of(each.text) for each in pages]
    assert [each.status_code for each in pages] == [200, 200]
    won = next(index for index, text in enumerate(texts) if "Взяли вы" in text)
    winner = list(names.values())[won]
    assert f"Вас опередили: сообщение взято в 11:02:00, {winner}" in texts[1 - won]
    assert "Вас опередили" not in texts[won]
    assert "Освободить x" in buttons_of(pages[won].text)


@pytest.mark.rule("V5")
async def test_a_claim_stands_in_its_own_inbox_until_it_is_released_or_called_back(admin: Browser) -> None:
    await admin.open(SALES)
    page = await admin.send(f"{SALES}/claim", inbox="departments")
    assert str(page.url).endswith(f"{SALES}?inbox=departments"), "the filters are kept"
    page = await admin.open(f"{VOICEMAIL}?inbox=claimed")
    assert len(rows_of(page.text)) == 1
    assert "Взяли вы" in rows_of(page.text)[0]
    await admin.open(SALES)
    page = await admin.send(f"{SALES}/unclaim")
    assert "Беру x" in buttons_of(page.text)
    await admin.send(f"{SALES}/claim")
    page = await admin.send(f"{SALES}/called-back")
    assert "Перезвонили Сегодня, 11:02 · Гусев" in text_of(page.text)
    assert not {"Беру x", "Освободить x", "Уже перезвонили"} & set(buttons_of(page.text))
    page = await admin.open(f"{VOICEMAIL}?inbox=claimed")
    assert "Взятых сообщений нет" in page.text


@pytest.mark.rule("C11", "V5")
async def test_a_call_to_the_customer_is_ordered_from_the_message(admin: Browser) -> None:
    """The form has the department and the number; whoever does not see numbers has no link to it."""
    page = await admin.open(SALES)
    [link] = re.findall(r'href="([^"]+callbacks/order[^"]*)"', page.text)
    page = await admin.open(link.replace("&amp;", "&"))
    assert 'value="+79165550001"' in page.text
    assert '<option value="sales" selected>' in page.text


@pytest.mark.rule("V5")
async def test_a_note_is_kept_once_and_a_blank_one_is_refused_at_its_field(admin: Browser) -> None:
    """A double click sends the same name of the note twice."""
    page = await admin.open(SALES)
    [note_id] = re.findall(r'name="note_id" value="([^"]+)"', page.text)
    for _ in range(2):
        page = await admin.send(f"{SALES}/note", note_id=note_id, text=f"Просит счёт\r\n{HOSTILE}")
    assert page.status_code == 200
    assert page.text.count("Просит счёт\n&lt;script&gt;") == 1
    assert "<script>alert" not in page.text
    for text, said in (("  ", "Напишите хотя бы слово."), ("a\u202eb", "")):
        page = await admin.send(f"{SALES}/note", note_id="other", text=text)
        assert page.status_code == 422
        assert said in page.text.partition('id="text-said"')[2].partition("</p>")[0]
        assert f">{text}</textarea>" in page.text, "what was typed is still there"
    assert "Добавить заметку" in buttons_of((await admin.open(SALES)).text)
    assert (await admin.open(f"{SALES}/note")).url.path == SALES, "where a refused form was sent leads back"


@pytest.mark.rule("V5", "V6")
async def test_a_deleted_message_is_had_back_by_the_button_beside_the_news_of_it(
    admin: Browser, history: CompanyHistory
) -> None:
    await admin.open(f"{SALES}?department=sales")
    page = await admin.send(f"{SALES}/delete", department="sales")
    assert str(page.url).endswith(f"{VOICEMAIL}?department=sales&deleted=vm.sales")
    assert "Сообщение удалено: +7 916 555-00-01." in text_of(page.text)
    assert rows_of(page.text) == []
    page = await admin.send(f"{SALES}/restore", department="sales")
    assert page.url.path == SALES
    assert "Беру x" in buttons_of(page.text)
    await admin.send(f"{SALES}/delete")
    page = await admin.open(f"{VOICEMAIL}?state=gone")
    assert "Удалено Сегодня, 11:02 · Гусев" in rows_of(page.text)[0]
    page = await admin.open(SALES)
    assert "Вернуть сообщение z" in buttons_of(page.text)
    history.harness.clock.advance(11 * MINUTE_S)
    late = await admin.send(f"{SALES}/restore")
    assert "Вернуть сообщение уже нельзя." in text_of(late.text)
    assert "Вернуть сообщение z" not in buttons_of(late.text)


@pytest.mark.rule("P2", "V5")
async def test_a_head_sees_the_own_department_s_messages_and_no_other(
    reading: ConsoleApp, company: Company, history: CompanyHistory
) -> None:
    login, _ = await a_person(company, history, "Сафин Тимур", "department_head", heads="sales")
    browser = await signed_in(reading, login)
    page = await browser.open(VOICEMAIL)
    assert len(rows_of(page.text)) == 1
    assert "Сервис" not in page.text
    assert "Сотрудников" not in text_of(page.text), "colleagues' own machines are the administrators'"
    assert "Удалить" in buttons_of((await browser.open(SALES)).text)
    other = await browser.open(f"{VOICEMAIL}/vm.service")
    assert (other.status_code, "555-00-02" in other.text) == (403, False)
    await browser.open(VOICEMAIL)
    for deed in ("claim", "heard", "delete", "restore", "note"):
        answer = await browser.send(f"{VOICEMAIL}/vm.service/{deed}", note_id="n", text="x")
        assert answer.status_code == 403, deed
    assert (await browser.open(f"{VOICEMAIL}/vm.unknown")).status_code == 404
    assert (await browser.open("/o/zapad/voicemail/vm.sales")).status_code == 403


@pytest.mark.rule("P3", "V5")
async def test_an_agent_has_the_own_machine_s_messages_beside_the_department_s_and_deletes_none(
    reading: ConsoleApp, company: Company, history: CompanyHistory
) -> None:
    login, own = await a_person(company, history, "Сафин Тимур", "user", sits_in="sales")
    await said_to_person(history, "mine", own)
    await said_to_person(history, "boss", "gusev")
    browser = await signed_in(reading, login)
    page = await browser.open(f"{VOICEMAIL}?inbox=own")
    assert len(rows_of(page.text)) == 1
    page = await browser.open(f"{VOICEMAIL}/vm.mine")
    assert "Мои 1 новое" in text_of(page.text)
    assert "Сотрудник Сафин Тимур" in text_of(page.text)
    assert "Удалить" not in buttons_of(page.text)
    assert (await browser.send(f"{VOICEMAIL}/vm.mine/delete")).status_code == 403
    assert (await browser.open(f"{VOICEMAIL}/vm.boss")).status_code == 403
    assert len(rows_of((await browser.open(VOICEMAIL)).text)) == 1, "and the department's"


@pytest.mark.rule("P4", "V4")
async def test_a_restricted_user_opens_the_own_message_from_a_letter_and_has_no_list(
    reading: ConsoleApp, company: Company, history: CompanyHistory
) -> None:
    """The letter leads there; the menu has «My page» and «My calls» alone."""
    login, own = await a_person(company, history, "Сафин Тимур", "restricted_user")
    await said_to_person(history, "mine", own)
    browser = await signed_in(reading, login)
    assert 'href="/o/vostok/voicemail"' not in browser.page.text
    assert (await browser.open(VOICEMAIL)).status_code == 403
    page = await browser.open(f"{VOICEMAIL}/vm.mine")
    assert page.status_code == 200
    assert rows_of(page.text) == []
    assert "Моя страница" in text_of(page.text.partition("<main")[2])
    page = await browser.send(f"{VOICEMAIL}/vm.mine/heard")
    assert "Отметить прослушанным" not in buttons_of(page.text)
    assert (await browser.open(SALES)).status_code == 403


@pytest.mark.rule("V4")
async def test_the_link_of_a_letter_opens_the_message_after_signing_in(
    reading: ConsoleApp, history: CompanyHistory
) -> None:
    """Also of a place that was passed on, whose name has a plus."""
    await said_to_department(history, "moved+")
    browser = reading.browser()
    link = voicemail_page(f"{reading.url}/", OrganizationId(ORGANIZATION), VoiceMessageId("vm.moved+"))
    page = await browser.open(link.removeprefix(reading.url))
    assert urlsplit(str(page.url)).path == f"{HOME}sign-in"
    [after] = re.findall(r'name="next" value="([^"]*)"', page.text)
    page = await browser.send(f"{HOME}sign-in", login="gusev.r", password=PASSWORD, next=after)
    assert page.status_code == 200
    assert 'id="message-title"' in page.text
    assert "+7 916 555-00-01" in page.text


@pytest.mark.rule("P8")
async def test_numbers_are_masked_for_whom_the_organization_hides_them(
    reading: ConsoleApp, company: Company, history: CompanyHistory
) -> None:
    login, _ = await a_person(company, history, "Сафин Тимур", "department_head", heads="sales")
    assert (
        await company.changed("/organization", numbers_hidden_from=["department_head"])
    ).status_code == 200
    await history.hear_directory()
    browser = await signed_in(reading, login)
    for address in (VOICEMAIL, SALES):
        page = await browser.open(address)
        assert "…0001" in page.text
        assert "916" not in page.text
        assert "tel:" not in page.text
        assert "callbacks/order" not in page.text


async def test_hostile_numbers_are_text_everywhere(admin: Browser, history: CompanyHistory) -> None:
    await said_to_department(history, "hostile", number=HOSTILE)
    for address in (VOICEMAIL, f"{VOICEMAIL}/vm.hostile"):
        page = await admin.open(address)
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;alert(1)" in page.text
    page = await admin.send(f"{VOICEMAIL}/vm.hostile/delete")
    assert "&lt;script&gt;alert(1)" in page.text.partition('class="toast"')[2]


async def test_an_empty_inbox_says_how_it_fills(admin: Browser) -> None:
    for query, said in (
        ("inbox=own", "личному автоответчику"),
        ("inbox=claimed", "Взятых сообщений нет"),
        ("department=none", "Под эти фильтры ничего не подходит"),
    ):
        page = await admin.open(f"{VOICEMAIL}?{query}")
        assert said in page.text, query


async def test_while_history_can_not_be_reached_the_page_says_so(admin: Browser, reading: ConsoleApp) -> None:
    await admin.open(SALES)
    reading.history_transport.is_cut = True
    for page in (await admin.open(VOICEMAIL), await admin.open(SALES)):
        assert page.status_code == 503
        assert "Нет связи с историей" in page.text
    answer = await admin.http.get(SALES, headers={"HX-Request": "true", "HX-Request-Type": "full"})
    assert answer.headers["hx-refresh"] == "true", "not in the place of the part that was to be renewed"
