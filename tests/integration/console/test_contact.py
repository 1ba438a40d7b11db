"""The page of one contact: its timeline, who was rung and why others were not, and who may read it."""

import re
from urllib.parse import quote

import pytest

from contracts.history import CustomerErased
from contracts.ids import OrganizationId
from tests.integration.console import past as story
from tests.integration.console.app import HOME, Browser, ConsoleApp
from tests.integration.console.past import VOSTOK, heard
from tests.integration.console.test_history import HISTORY, text_of
from tests.integration.directory.companies import Company
from tests.integration.history.harness import HistoryHarness
from tests.unit.history import stories
from tests.unit.history.stories import ANNA, CUSTOMER, VERA

CALLED_BACK = f"{HISTORY}/in.sales"


@pytest.fixture
async def head(reading: ConsoleApp) -> Browser:
    """The administrator, signed in."""
    browser = reading.browser()
    await browser.sign_in()
    return browser


def lines_of(html: str) -> list[str]:
    """The lines of the timeline."""
    listed = html.partition('<ol class="story')[2].partition("</ol>")[0]
    return [text_of(each) for each in re.split(r"<li[ >]", listed)[1:]]


@pytest.mark.rule("H1")
async def test_the_timeline_tells_everything_in_its_order(head: Browser, past: HistoryHarness) -> None:
    """From the call to the talk, to the second, by the organization's clock."""
    await story.a_called_back_customer(past)
    page = await head.open(CALLED_BACK)
    assert page.status_code == 200
    lines = lines_of(page.text)
    wanted = [
        ("11:03:20", "Звонок на +7 495 000-10-00"),
        ("11:03:32", "В очереди: Отдел продаж, место 5"),
        ("11:03:40", "Звоним: Орлова Анна", "без ответа, через 20 секунд"),
        ("11:04:11", "Обратный звонок заказан", "из очереди"),
        ("11:08:20", "Звоним: Левина Вера (Поволжье)", "ответ, через 4 секунды"),
        ("11:08:26", "Попытка: на линии Левина Вера (Поволжье)"),
        ("11:08:26", "Звоним клиенту"),
        ("11:08:50", "Клиент ответил"),
        ("11:08:50", "Обратный звонок: соединён"),
        ("11:08:50", "Разговор: Левина Вера (Поволжье)", "2 мин 50 с"),
        ("11:11:40", "Итог: Отвечен"),
    ]
    for clock, *said in wanted:
        assert any(clock in line and all(each in line for each in said) for line in lines), (clock, said)
    assert [line[:8] for line in lines] == sorted(line[:8] for line in lines)


@pytest.mark.rule("H7")
async def test_it_says_who_was_rung_and_why_others_were_not(head: Browser, past: HistoryHarness) -> None:
    """At each ring, and second by second for everybody of the department."""
    await story.a_called_back_customer(past)
    page = await head.open(CALLED_BACK)
    [rung] = [line for line in lines_of(page.text) if "Звоним: Орлова Анна" in line]
    assert rung.endswith("Почему не остальным? говорит Левина Вера (Поволжье)")
    assert "Почему ждал 5:18: Отдел продаж" in text_of(page.text)
    table = page.text.partition("<tbody>")[2].partition("</tbody>")[0]
    rows = [text_of(each) for each in table.split("<tr>")[1:]]
    assert "Орлова Анна звонит 11:03:40 11:04:00 0:20" in rows
    assert "Левина Вера звонит 11:08:20 11:08:24 0:04" in rows
    assert "на линии 0:39 · место держит обратный звонок 4:39" in text_of(page.text)
    lanes = page.text.partition('<ul class="lanes">')[2].partition("</ul>")[0]
    assert re.search(r'<rect data-state="ring" class="full" x="\d+\.\d\d%" width="\d+\.\d\d%"', lanes)


async def test_a_callback_has_its_attempts_with_their_ends(head: Browser, past: HistoryHarness) -> None:
    await story.a_called_back_customer(past)
    page = await head.open(CALLED_BACK)
    sheet = text_of(page.text.partition('id="callback-')[2].partition("</section>")[0])
    assert "Обратный звонок: соединён" in sheet
    assert "Заказан 11:04:11, из очереди" in sheet
    assert "Попытка 1 11:08:26, Левина Вера (Поволжье) соединён" in sheet


async def test_the_list_leads_to_it_and_it_leads_back_with_the_filters(
    head: Browser, past: HistoryHarness
) -> None:
    """By links alone; the address can be sent."""
    await story.a_called_back_customer(past)
    page = await head.open(f"{HISTORY}?department=sales&outcome=answered")
    [link] = re.findall(rf'href="({HISTORY}/[^"]+)"', page.text)
    page = await head.open(link.replace("&amp;", "&"))
    assert "<h1>+7 916 555-00-01" in page.text
    [back] = re.findall(rf'<a href="({HISTORY}[^"]*)">К списку</a>', page.text)
    assert back.replace("&amp;", "&") == f"{HISTORY}?department=sales&outcome=answered"


async def test_other_calls_of_the_customer_are_a_click_away(head: Browser, past: HistoryHarness) -> None:
    await story.a_voice_message(past)
    await story.a_called_back_customer(past)
    page = await head.open(CALLED_BACK)
    near = page.text.partition('<ul class="near">')[2].partition("</ul>")[0]
    assert f'href="{HISTORY}/in.anna"' in near
    page = await head.open(f"{HISTORY}/in.anna")
    assert "Оставлено голосовое сообщение" in page.text
    assert "Письмо отправлено: Boris" in page.text


@pytest.mark.rule("P2")
async def test_whoever_may_not_see_a_contact_is_refused_and_an_unknown_one_is_not_there(
    reading: ConsoleApp, past: HistoryHarness, company: Company
) -> None:
    """A restricted user has own calls; what another organization has does not exist here."""
    await story.a_called_back_customer(past)
    await past.tell(stories.a_call("in.elsewhere"), organization_id=OrganizationId("south"), at_s=1)
    await company.employee("Сафин Тимур", role="restricted_user")
    await heard(company, past)
    browser = reading.browser()
    await browser.sign_in("safin.t")
    assert (await browser.open(CALLED_BACK)).status_code == 403
    assert CUSTOMER[2:] not in browser.page.text
    for unknown in ("in.elsewhere", "nowhere", "..%2Fstatistics", quote(story.HOSTILE, safe="")):
        page = await browser.open(f"{HISTORY}/{unknown}")
        assert page.status_code == 404, unknown
        assert "<script>alert" not in page.text


async def test_whoever_has_no_right_to_history_is_refused_before_history_is_asked(
    reading: ConsoleApp, past: HistoryHarness, head: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.console.rules import navigation

    locked = tuple(
        each._replace(rights=("no.such.right",)) if each.name == "history" else each
        for each in navigation.SCREENS
    )
    monkeypatch.setattr(navigation, "SCREENS", locked)
    reading.history_transport.asked.clear()
    assert (await head.open(CALLED_BACK)).status_code == 403
    assert reading.history_transport.asked == []


@pytest.mark.rule("P6")
async def test_numbers_are_masked_for_whom_the_organization_hides_them(
    reading: ConsoleApp, past: HistoryHarness, company: Company
) -> None:
    await story.a_called_back_customer(past)
    await company.employee("Сафин Тимур", role="department_head", sees_organization=True)
    await company.changed("/organization", numbers_hidden_from=["department_head"])
    await heard(company, past)
    browser = reading.browser()
    await browser.sign_in("safin.t")
    page = await browser.open(CALLED_BACK)
    assert page.status_code == 200
    assert "…0001" in page.text
    assert "916" not in text_of(page.text), "a form's token may have it by chance"


@pytest.mark.rule("V6")
async def test_of_an_erased_customer_the_story_stays_without_the_number(
    head: Browser, past: HistoryHarness
) -> None:
    await story.a_called_back_customer(past)
    await past.tell(
        CustomerErased(erasure_id="e", number=CUSTOMER, by=ANNA), organization_id=VOSTOK, at_s=900
    )
    page = await head.open(CALLED_BACK)
    assert page.status_code == 200
    assert "<h1>Номер скрыт" in page.text
    assert "916" not in text_of(page.text), "a form's token may have it by chance"
    assert any("Разговор: Левина Вера" in line for line in lines_of(page.text))


async def test_hostile_names_are_text(head: Browser, past: HistoryHarness) -> None:
    from tests import offices

    await past.tell(
        offices.agent(VERA, stories.VOLGA, name=story.HOSTILE, version=99),
        organization_id=VOSTOK,
        at_s=1,
    )
    await story.a_called_back_customer(past)
    for language in ("ru", "en"):
        head.http.headers["Accept-Language"] = language
        page = await head.open(CALLED_BACK)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;alert(1)" in page.text
        assert "{{ 7 * 7 }} %s %(x)s" in page.text, "it is neither a template nor a placeholder"


async def test_while_history_can_not_be_reached_the_page_says_so(head: Browser, reading: ConsoleApp) -> None:
    reading.history_transport.is_cut = True
    page = await head.open(CALLED_BACK)
    assert page.status_code == 503
    assert "Нет связи с историей" in page.text
    assert HOME in page.text
