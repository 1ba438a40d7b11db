"""The list of history: rows, filters in the address, pages, the file, and who sees what of it."""

import re
from urllib.parse import quote

import pytest

from tests.integration.console import past as story
from tests.integration.console.app import HOME, Browser, ConsoleApp
from tests.integration.console.past import VOSTOK, heard
from tests.integration.directory.companies import Company
from tests.integration.history.harness import HistoryHarness
from tests.unit.history import stories

HISTORY = f"{HOME}history"


@pytest.fixture
async def head(reading: ConsoleApp) -> Browser:
    """The administrator, signed in."""
    browser = reading.browser()
    await browser.sign_in()
    return browser


def text_of(html: str) -> str:
    """What is read of a page, on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("\u00a0", " ").split())


def rows_of(html: str) -> list[str]:
    """The rows of its table."""
    body = html.partition("<tbody>")[2].partition("</tbody>")[0]
    return [text_of(each) for each in body.split("<tr>")[1:]]


@pytest.mark.rule("H1")
async def test_a_contact_is_one_row_with_its_people_times_and_outcome(
    head: Browser, past: HistoryHarness
) -> None:
    """As history's rules say: the machine beneath the name, another PBX in brackets."""
    await story.a_voice_message(past)
    await story.a_called_back_customer(past)
    page = await head.open(HISTORY)
    assert page.status_code == 200
    called_back, message = rows_of(page.text)
    assert "+7 916 555-00-01" in called_back
    for each in (
        "входящий · Москва",
        "Отдел продаж",
        "Левина Вера (Поволжье)",
        "Отвечен",
        "5:18",
        "есть запись",
    ):
        assert each in called_back, each
    for each in ("Орлова Анна Автоответчик", "Пропущен"):
        assert each in message, each
    assert "Сегодня, 11:03" in called_back, "by the organization's clock"


async def test_filters_stand_in_the_address_and_a_form_s_empty_fields_do_not(
    head: Browser, past: HistoryHarness
) -> None:
    """A link that is passed on is short, and shows the same."""
    await story.a_voice_message(past)
    await story.a_called_back_customer(past)
    page = await head.open(
        f"{HISTORY}?since_day=&until_day=&department=sales&employee=&outcome=&direction=incoming&number="
    )
    assert str(page.url).endswith(f"{HISTORY}?department=sales&direction=incoming")
    assert len(rows_of(page.text)) == 1
    assert '<option value="sales" selected>' in page.text
    for query, found in (
        ("employee=anna", 2),
        ("outcome=missed", 1),
        ("outcome=voicemail", 1),
        ("outcome=answered", 1),
        ("direction=internal", 0),
        ("since_day=2027-01-15&until_day=2027-01-15", 2),
        ("until_day=2027-01-14", 0),
        (f"number={quote('8 916 555-00-01')}", 2),
        ("employee=gone-long-ago", 0),
    ):
        page = await head.open(f"{HISTORY}?{query}")
        assert len(rows_of(page.text)) == found, query
        assert ("Под эти фильтры ничего не подходит" in page.text) == (found == 0), query
    assert '<option value="gone-long-ago" selected>' in page.text, "it stays chosen"


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("since_day=2027-01-15&until_day=2027-01-01", "since_day", "Период"),
        ("outcome=nothing-known", "outcome", "answered"),
        ("number=hello", "number", "номер"),
    ],
    ids=["period", "outcome", "number"],
)
async def test_a_filter_that_can_not_be_read_says_so_at_its_field(
    head: Browser, query: str, field: str, said: str
) -> None:
    page = await head.open(f"{HISTORY}?{query}")
    assert page.status_code == 422
    message = page.text.partition(f'id="{field}-said"')[2].partition("</p>")[0]
    assert said.lower() in text_of(message).lower()
    assert f'aria-describedby="{field}-said"' in page.text


async def test_pages_follow_each_other_by_links_alone(head: Browser, past: HistoryHarness) -> None:
    """Without JavaScript, and with the filters kept."""
    for number in range(55):
        await past.tell(stories.a_call(f"in.{number}"), organization_id=VOSTOK, at_s=number)
    page = await head.open(f"{HISTORY}?direction=incoming")
    first = rows_of(page.text)
    [older] = re.findall(r'href="([^"]+)" rel="next"', page.text)
    page = await head.open(older.replace("&amp;", "&"))
    second = rows_of(page.text)
    assert (len(first), len(second)) == (50, 5)
    assert f'href="{HISTORY}?direction=incoming"' in page.text, "back to the newest"
    assert 'rel="next"' not in page.text


async def test_where_nothing_has_happened_the_page_says_how_it_fills(head: Browser) -> None:
    page = await head.open(HISTORY)
    assert "Звонков пока не было" in page.text
    head.http.headers["Accept-Language"] = "en"
    page = await head.open(HISTORY)
    assert "No calls yet" in page.text


@pytest.mark.rule("P6")
async def test_numbers_are_masked_for_whom_the_organization_hides_them(
    reading: ConsoleApp, past: HistoryHarness, company: Company
) -> None:
    """Neither page nor file has one, and nobody can look for one."""
    await story.a_voice_message(past)
    await story.a_withheld_number(past)
    await company.employee("Сафин Тимур", role="department_head", sees_organization=True)
    assert (
        await company.changed("/organization", numbers_hidden_from=["department_head"])
    ).status_code == 200
    await heard(company, past)
    browser = reading.browser()
    await browser.sign_in("safin.t")
    page = await browser.open(HISTORY)
    withheld, message = rows_of(page.text)
    assert "…0001" in message
    assert "Номер скрыт" in withheld
    assert 'name="number"' not in page.text
    file = await browser.open(f"{HOME}history.csv")
    assert file.status_code == 200
    assert "916" not in text_of(page.text) + file.text, "a form's token may have it by chance"
    page = await browser.open(f"{HISTORY}?number=89165550001")
    assert page.status_code == 403


async def test_the_file_has_the_same_rows_in_the_reader_s_language(
    head: Browser, past: HistoryHarness
) -> None:
    """Passed on from history, with the filters of the page."""
    await story.a_voice_message(past)
    await story.a_called_back_customer(past)
    page = await head.open(f"{HISTORY}?outcome=voicemail")
    [link] = re.findall(r'href="([^"]+history\.csv[^"]*)"', page.text)
    file = await head.http.get(link)
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert file.headers["content-disposition"] == 'attachment; filename="history.csv"'
    lines = file.text.splitlines()
    assert lines[0].startswith("\ufeffДата;Время")
    assert len(lines) == 2
    assert "Орлова Анна" in lines[1]
    file = await head.http.get(f"{HOME}history.csv", headers={"Accept-Language": "en"})
    assert file.text.startswith("\ufeffDate,Time")
    assert len(file.text.splitlines()) == 3


@pytest.mark.rule("P3")
async def test_nobody_downloads_without_the_right_to_it(
    reading: ConsoleApp, past: HistoryHarness, company: Company
) -> None:
    """Neither by the page, nor by the address."""
    await company.employee("Сафин Тимур", role="user", may_download=False)
    await heard(company, past)
    browser = reading.browser()
    await browser.sign_in("safin.t")
    page = await browser.open(HISTORY)
    assert page.status_code == 200
    assert "history.csv" not in page.text
    assert (await browser.open(f"{HOME}history.csv")).status_code == 403
    assert "GET /history.csv" not in reading.history_transport.asked


@pytest.mark.rule("P2")
async def test_a_restricted_user_sees_own_calls_by_that_name(
    reading: ConsoleApp, past: HistoryHarness, company: Company
) -> None:
    await story.a_voice_message(past)
    await company.employee("Сафин Тимур", role="restricted_user")
    await heard(company, past)
    browser = reading.browser()
    await browser.sign_in("safin.t")
    assert browser.path == f"{HOME}me"
    assert ">Мои звонки</a>" in browser.page.text
    page = await browser.open(HISTORY)
    assert "<h1>Мои звонки</h1>" in page.text
    assert rows_of(page.text) == []
    assert 'name="employee"' not in page.text


async def test_whoever_has_no_right_to_history_has_neither_the_menu_s_entry_nor_the_page(
    reading: ConsoleApp, past: HistoryHarness, head: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.console.rules import navigation

    locked = tuple(
        each._replace(rights=("no.such.right",)) if each.name == "history" else each
        for each in navigation.SCREENS
    )
    monkeypatch.setattr(navigation, "SCREENS", locked)
    page = await head.open(f"{HOME}me")
    assert HISTORY not in page.text
    assert (await head.open(HISTORY)).status_code == 403
    assert (await head.open(f"{HOME}history.csv")).status_code == 403


async def test_hostile_names_are_text_in_the_list(head: Browser, past: HistoryHarness) -> None:
    await past.tell(stories.a_call("in.hostile", story.HOSTILE), organization_id=VOSTOK, at_s=1)
    page = await head.open(f"{HISTORY}?department={quote(story.HOSTILE)}")
    assert "<script>alert" not in page.text
    page = await head.open(HISTORY)
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text


async def test_while_history_can_not_be_reached_the_page_says_so(head: Browser, reading: ConsoleApp) -> None:
    reading.history_transport.is_cut = True
    for address in (HISTORY, f"{HOME}history.csv"):
        page = await head.open(address)
        assert page.status_code == 503
        assert "Нет связи с историей" in page.text
        assert page.headers["retry-after"] == "5"
