"""The callbacks' screen: who sees, orders and cancels which, and what the pages say of it."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from msgspec import structs

from contracts.callback import Origin
from contracts.directory import CallbackAsked, CallbackCancelAsked
from services.console.activities import callbacks as calls
from tests.integration.console.app import HOME, Browser, ConsoleApp
from tests.integration.console.companies_callbacks import (
    NUMBER,
    CompanyCallbacks,
    cancelled,
    ordered,
    place_of,
)
from tests.integration.console.companies_history import CompanyHistory, served
from tests.integration.console.past import HOSTILE
from tests.integration.console.test_history import rows_of, text_of
from tests.integration.console.test_wallboard import SOON_S, Stream, an_agent
from tests.integration.directory.companies import Company

CALLBACKS = f"{HOME}callbacks"


@pytest.fixture
async def callbacks(company: Company, history: CompanyHistory) -> AsyncIterator[CompanyCallbacks]:
    """Callback, which decides meanwhile."""
    made = CompanyCallbacks(company, history)
    async with made.deciding():
        yield made


async def signed_in(replica: ConsoleApp, made: dict[str, Any] | None = None) -> Browser:
    """Somebody's browser; the administrator's, if nobody is named."""
    browser = replica.browser()
    await (browser.sign_in() if made is None else browser.sign_in(made["card"]["login"]))
    return browser


async def order(browser: Browser, number: str = NUMBER, department: str = "sales") -> str:
    """Order one by the form; the page that comes."""
    await browser.open(f"{CALLBACKS}/order")
    page = await browser.send(f"{CALLBACKS}/order", number=number, department=department, key=key_of(browser))
    return page.text


def key_of(browser: Browser) -> str:
    """The key in the form that is shown."""
    [key] = re.findall(r'name="key" value="([^"]+)"', browser.page.text)
    return str(key)


def standing_of(page: str) -> list[str]:
    """The rows of those that stand."""
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    return [text_of(each) for each in re.split(r"<tr [^>]*>", body)[1:]]


def said_at(page: str, field: str) -> str:
    """What stands at a field."""
    return text_of(page.partition(f'id="{field}-said"')[2].partition("</p>")[0].partition(">")[2])


@pytest.mark.rule("C2", "C6")
async def test_a_row_says_when_by_when_whom_and_what_was_tried(
    replica: ConsoleApp, company: Company, history: CompanyHistory
) -> None:
    """Nearest deadline first; the place is the present one; beneath the time how it was ordered."""
    first, second = ordered(company, "1", ago=8), ordered(company, "2", origin=Origin.ABANDONED)
    await history.tell(first, place_of(first), second, place_of(second))
    browser = await signed_in(replica)
    page = await browser.open(CALLBACKS)
    assert page.status_code == 200
    one, two = standing_of(page.text)
    for each in ("2:00", "Скоро срок", "+7 916 555-00-01", "Отдел продаж", "место 1", "с сайта или вручную"):
        assert each in one, each
    for each in ("9:00", "место 2", "не дождался", "не было", "Перед ним 1 место"):
        assert each in two, each
    contact = await browser.open(f"{HOME}history/p.1")
    assert f'href="{HOME}history/p.1"' in page.text
    assert (contact.status_code, "+7 916 555-00-01" in contact.text) == (200, True), "the row leads to it"
    await history.tell(*cancelled(first))
    page = await browser.open(CALLBACKS)
    [two] = standing_of(page.text)
    assert "место 1" in two, "the present position, not that of joining"


@pytest.mark.rule("P2", "P3", "P4", "P8")
@pytest.mark.parametrize("role", ["department_head", "user", "restricted_user"])
async def test_each_role_sees_and_cancels_what_its_rights_reach(
    replica: ConsoleApp, company: Company, history: CompanyHistory, role: str
) -> None:
    """Own departments; a restricted user has neither the entry nor any of the addresses."""
    made = await an_agent(company, history, "Орлов Пётр", role)
    await company.made("/departments", {"id": "service", "name": "Сервис", "pbx_id": "moskva"})
    await company.changed("/organization", numbers_hidden_from=["user"])
    await history.hear_directory()
    for each in (ordered(company, "1"), ordered(company, "2", department="service")):
        await history.tell(each, place_of(each))
    ended = ordered(company, "3")
    await history.tell(ended, *cancelled(ended))
    browser = await signed_in(replica, made)
    page = await browser.open(CALLBACKS)
    if role == "restricted_user":
        assert page.status_code == 403
        assert "callbacks" not in (await browser.open(f"{HOME}me")).text
        for address in ("/ended", "/board", "/order", "/said?ordered=cb.1"):
            assert (await browser.open(CALLBACKS + address)).status_code == 403
        await browser.open(f"{HOME}me")
        for address in ("/order", "/cancel"):
            form = {"number": NUMBER, "department": "sales", "callback_id": "cb.1"}
            assert (await browser.post(CALLBACKS + address, csrf=browser.csrf, **form)).status_code == 403
        assert not (await company.sent()).facts(CallbackAsked)
        assert not company.log.facts(CallbackCancelAsked)
        return
    [row] = standing_of(page.text)
    assert "Отдел продаж" in row
    assert ("…0001" if role == "user" else "+7 916 555-00-01") in row
    assert "Отменить" in row
    [row] = rows_of((await browser.open(f"{CALLBACKS}/ended")).text)
    assert "Отменён отменил клиент" in row
    page = await browser.open(f"{CALLBACKS}/order")
    assert "Отдел продаж" in page.text
    assert "Сервис" not in page.text


@pytest.mark.rule("P2")
async def test_a_head_who_sees_the_company_orders_and_cancels_in_own_departments_alone(
    replica: ConsoleApp, company: Company, history: CompanyHistory, callbacks: CompanyCallbacks
) -> None:
    """Neither the page nor a form that was made by hand does more."""
    made = await an_agent(company, history, "Белова Ольга", "department_head")
    await company.changed(f"/employees/{made['id']}", sees_organization=True)
    await company.made("/departments", {"id": "service", "name": "Сервис", "pbx_id": "moskva"})
    await history.hear_directory()
    other = ordered(company, "2", department="service")
    await history.tell(other, place_of(other))
    browser = await signed_in(replica, made)
    [row] = standing_of((await browser.open(CALLBACKS)).text)
    assert "Сервис" in row
    assert "Отменить" not in row
    await browser.open(f"{CALLBACKS}/order")
    answer = await browser.send(f"{CALLBACKS}/order", number=NUMBER, department="service", key="k")
    assert answer.status_code == 403
    await browser.open(CALLBACKS)
    answer = await browser.send(f"{CALLBACKS}/cancel", callback_id="cb.2")
    assert answer.status_code == 403
    assert not (await company.sent()).facts(CallbackAsked)


@pytest.mark.rule("P2", "C9", "C11")
async def test_a_head_orders_one_sees_it_standing_and_cancels_it(
    replica: ConsoleApp, company: Company, history: CompanyHistory, callbacks: CompanyCallbacks
) -> None:
    """And whoever looks reads by whom it was cancelled."""
    made = await an_agent(company, history, "Белова Ольга", "department_head")
    head, administrator = await signed_in(replica, made), await signed_in(replica)
    page = await order(head, "+7 (916) 555‑00‑01")
    assert "Звонок на +7 916 555-00-01 заказан: Отдел продаж." in text_of(page)
    [row] = standing_of(page)
    assert "10:00" in row
    [callback_id] = re.findall(r'name="callback_id" value="([^"]+)"', page)
    page = (await head.send(f"{CALLBACKS}/cancel", callback_id=callback_id)).text
    assert "Звонок на +7 916 555-00-01 отменён. Кто отменил: Белова Ольга." in text_of(page)
    assert standing_of(page) == []
    for browser in (head, administrator):
        [row] = rows_of((await browser.open(f"{CALLBACKS}/ended")).text)
        assert "Отменён Белова Ольга" in row
    await administrator.open(CALLBACKS)
    page = (await administrator.send(f"{CALLBACKS}/cancel", callback_id=callback_id)).text
    assert "Кто отменил: Белова Ольга." in page, "cancelled twice is cancelled once"


@pytest.mark.rule("C10")
async def test_a_refusal_stands_at_its_field_in_words_and_another_number_is_taken(
    replica: ConsoleApp, company: Company, history: CompanyHistory, callbacks: CompanyCallbacks
) -> None:
    """What the API can't read, what the policy forbids, and a department without callbacks."""
    card = (await company.call("GET", "/organization")).json()["card"]
    dialling = {**card["dialling"], "denied_numbers": ["+79165550009"]}
    assert (await company.changed("/organization", dialling=dialling)).status_code == 200
    browser = await signed_in(replica)
    for number, said in (
        ("", "Укажите номер клиента."),
        ("8 916 555-00-01", "Это не номер с кодом страны."),
        (HOSTILE[:32], "Это не номер с кодом страны."),
        ("+79165550009", "Звонок не заказан: номер в списке запрещённых. Куда можно звонить, задаёт"),
        ("+12125550100", "в этот регион не звоним"),
        ("+74950001000", "это номер самой компании"),
        ("+79165", "Проверьте номер или укажите другой."),
    ):
        page = await order(browser, number)
        assert browser.page.status_code == 422, number
        assert said in said_at(page, "number"), number
        assert "<script>alert" not in page
    assert 'value="+79165"' in page, "nothing has to be typed again"
    page = (
        await browser.send(f"{CALLBACKS}/order", number=NUMBER, department="sales", key=key_of(browser))
    ).text
    assert len(standing_of(page)) == 1
    assert said_at(await order(browser, department=""), "department") == "Выберите отдел."
    off = (await company.call("GET", "/departments/sales")).json()["card"]["callback"] | {"is_on": False}
    assert (await company.changed("/departments/sales", callback=off)).status_code == 200
    page = await order(browser, "+79165550002")
    assert said_at(page, "department").startswith("Звонок не заказан: отдел не принимает заказы")


@pytest.mark.rule("C8")
async def test_a_double_click_orders_once_and_a_customer_who_has_one_keeps_it(
    replica: ConsoleApp, company: Company, history: CompanyHistory, callbacks: CompanyCallbacks
) -> None:
    """The same form twice is one order; another form confirms the callback that stands."""
    browser = await signed_in(replica)
    await browser.open(f"{CALLBACKS}/order")
    form = {"csrf": browser.csrf, "number": NUMBER, "department": "sales", "key": key_of(browser)}
    answers = await asyncio.gather(*(browser.post(f"{CALLBACKS}/order", **form) for _ in range(2)))
    assert answers[0].headers["location"] == answers[1].headers["location"]
    assert len((await company.sent()).facts(CallbackAsked)) == 1
    changed = await browser.post(f"{CALLBACKS}/order", **form | {"number": "+79165550002"})
    assert changed.status_code == 303, "a number that was corrected after the way back is another order"
    page = await order(browser)
    assert "Звонок на +7 916 555-00-01 уже был заказан и остался на своём месте." in text_of(page)
    assert len(standing_of(page)) == 2


async def test_what_is_not_decided_yet_is_said_so_until_it_is(
    replica: ConsoleApp, company: Company, history: CompanyHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Callback is away: the order is kept, and the page asks again by itself."""
    monkeypatch.setattr(calls, "LOOKS_S", (0.0,))
    browser = await signed_in(replica)
    page = await order(browser)
    assert "Заказ принят." in page
    [part] = re.findall(r'hx-get="([^"]+)"', page)
    assert "Заказ принят." in (await browser.open(part)).text
    late = CompanyCallbacks(company, history)
    await late.look()
    found = (await browser.open(part)).text
    assert "заказан: Отдел продаж." in found
    assert "hx-get" not in found
    [callback_id] = re.findall("ordered=([^&]+)", part)
    await browser.open(CALLBACKS)
    page = (await browser.send(f"{CALLBACKS}/cancel", callback_id=callback_id)).text
    assert "Отмена отправлена." in page


async def test_filters_stand_in_the_address_and_lead_through_pages(
    replica: ConsoleApp, company: Company, history: CompanyHistory
) -> None:
    """Department and origin of those that stand; the days of the order, too, of those that have ended."""
    await company.made("/departments", {"id": "service", "name": "Сервис", "pbx_id": "moskva"})
    await history.hear_directory()
    for number in range(52):
        made = ordered(company, f"sales.{number}", number=f"+7916555{number:04}")
        await history.tell(made, *cancelled(made))
    stands = ordered(company, "service", department="service", origin=Origin.ABANDONED)
    await history.tell(stands, place_of(stands))
    browser = await signed_in(replica)
    page = await browser.open(f"{CALLBACKS}?department=&origin=abandoned")
    assert str(page.url).endswith(f"{CALLBACKS}?origin=abandoned")
    assert len(standing_of(page.text)) == 1
    assert f'hx-sse:connect="{CALLBACKS}/events?origin=abandoned"' in page.text
    page = await browser.open(f"{CALLBACKS}?department=sales")
    assert "Под эти фильтры ничего не подходит" in page.text
    page = await browser.open(f"{CALLBACKS}/ended?department=sales&origin=&since_day=&until_day=")
    assert str(page.url).endswith(f"{CALLBACKS}/ended?department=sales")
    assert len(rows_of(page.text)) == 50
    [older] = re.findall(r'href="([^"]+)" rel="next"', page.text)
    page = await browser.open(older.replace("&amp;", "&"))
    assert len(rows_of(page.text)) == 2
    assert f'href="{CALLBACKS}/ended?department=sales"' in page.text, "back to the newest"
    page = await browser.open(f"{CALLBACKS}/ended?until_day=2020-01-01")
    assert rows_of(page.text) == []
    page = await browser.open(f"{CALLBACKS}/ended?since_day=2027-01-15&until_day=2027-01-01")
    assert page.status_code == 422
    assert "Период" in said_at(page.text, "since_day")
    page = await browser.open(f"{CALLBACKS}/ended?origin=web")
    assert page.status_code == 422
    assert said_at(page.text, "origin")


async def test_without_any_callback_the_page_says_how_one_is_ordered(
    replica: ConsoleApp, company: Company, history: CompanyHistory
) -> None:
    browser = await signed_in(replica)
    for language, said, ended in (
        ("ru", "слышит предложение и нажимает 1", "Завершённых обратных звонков пока нет"),
        ("en", "they hear the offer and press 1", "No callback has ended yet"),
    ):
        browser.http.headers["Accept-Language"] = language
        page = await browser.open(CALLBACKS)
        assert said in page.text
        assert f'href="{CALLBACKS}/order"' in page.text
        assert ended in (await browser.open(f"{CALLBACKS}/ended")).text


async def test_what_others_named_is_text_on_every_page_of_callbacks(
    replica: ConsoleApp, company: Company, history: CompanyHistory
) -> None:
    """Numbers, names and reasons from outside, and what stands in the address."""
    first = structs.replace(ordered(company, "1"), number=HOSTILE)
    second = ordered(company, '"><script>alert(2)')
    await history.tell(first, place_of(first), second, place_of(second))
    await history.tell(*cancelled(second, reason=HOSTILE))
    browser = await signed_in(replica)
    for address in (
        "",
        "/ended",
        "?ordered=%22%3E%3Cscript%3Ealert(2)",
        "/order?department=%22%3E%3Cscript%3E",
    ):
        page = await browser.open(CALLBACKS + address)
        assert page.status_code == 200, address
        assert "<script>alert" not in page.text, address
        assert '"><script>' not in page.text, address
    page = await browser.open(CALLBACKS)
    assert "&lt;script&gt;alert(1)" in page.text


async def test_a_change_is_seen_on_the_standing_tab_as_it_comes(
    replica: ConsoleApp, company: Company, history: CompanyHistory
) -> None:
    """Through the filters of the page, and over for whoever has signed out."""
    browser = await signed_in(replica)
    async with (
        served(replica.app) as url,
        httpx.AsyncClient(base_url=url, cookies=browser.http.cookies) as http,
        http.stream("GET", f"{CALLBACKS}/events?origin=api") as answer,
        asyncio.timeout(SOON_S),
    ):
        stream = Stream(answer)
        await stream.picture_with("Под эти фильтры ничего не подходит")
        made = ordered(company, "1")
        await history.tell(ordered(company, "2", origin=Origin.QUEUE), made, place_of(made))
        assert len(standing_of(await stream.picture_with("место 1"))) == 1
        await history.tell(*cancelled(made))
        await stream.picture_with("Под эти фильтры ничего не подходит")
        await browser.open(f"{HOME}me")
        await browser.send(f"{HOME}sign-out")
        await history.hear_directory()
        assert await stream.event() == ("reload", "now")


async def test_while_history_can_not_be_reached_the_pages_say_so(
    company: Company, redis_server: str, fresh_prefix: str
) -> None:
    """The list of those that stand waits for it by itself; an order is taken all the same."""
    console = ConsoleApp(company, redis_server, fresh_prefix)
    browser = await signed_in(console)
    page = await browser.open(CALLBACKS)
    assert page.status_code == 200
    assert "Нет связи с историей" in page.text
    assert (await browser.open(f"{CALLBACKS}/ended")).status_code == 503
    page_text = await order(browser)
    assert "Нет связи с историей" in page_text
    assert len((await company.sent()).facts(CallbackAsked)) == 1
    await console.close()
