"""The page of statistics: figures with formulas and the period before, files, and who sees what of it."""

import re
from urllib.parse import quote

import pytest

from contracts.ids import AgentId
from services.console.rules.statistics import PEOPLE_MAX
from tests import offices
from tests.integration.console import past as story
from tests.integration.console.app import FIRST, HOME, Browser, ConsoleApp
from tests.integration.console.past import HOSTILE, VOSTOK, heard
from tests.integration.directory.companies import Company
from tests.integration.history.harness import HistoryHarness
from tests.unit.history import stories
from tests.unit.history.stories import ANNA, MOSCOW, SALES

STATISTICS = f"{HOME}statistics"


@pytest.fixture
async def head(reading: ConsoleApp) -> Browser:
    """The administrator, signed in."""
    browser = reading.browser()
    await browser.sign_in()
    return browser


def text_of(html: str) -> str:
    """What is read of a page, on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("\u00a0", " ").split())


def section(html: str, title: str) -> str:
    """A part of the page, by its heading's id."""
    return text_of(html.partition(f'aria-labelledby="{title}-title"')[2].partition("</section>")[0])


@pytest.mark.rule("H6")
async def test_a_week_is_shown_with_its_figures_formulas_and_the_week_before(
    head: Browser, past: HistoryHarness
) -> None:
    await story.a_called_back_customer(past)
    page = await head.open(STATISTICS)
    assert page.status_code == 200
    total = section(page.text, "total")
    for each in ("Поступило", "Отвечено", "Не дождались", "Отвечено за 20 с", "Медиана ожидания", "было 0"):
        assert each in total, each
    assert "Сравнение с периодом" in total
    assert "÷ (поступило − не дождались за 20 с − ещё ждут)" in total, "the formula stands at its figure"
    departments = section(page.text, "departments")
    assert "Отдел продаж Москва 1 1 0 0 % 5:30 5:30" in departments
    assert "Пт" in section(page.text, "hours")
    assert "0 %, 1 звонок" in section(page.text, "hours")
    assert "Отдел продаж Москва 1 1 0 0 0 0" in section(page.text, "callbacks")
    people = section(page.text, "employees")
    assert people.index("Левина Вера Поволжье 1 1 100 %") < people.index("Орлова Анна Москва 1 0 0 % 1")


async def test_every_formula_belongs_to_a_control_that_the_keyboard_reaches(
    head: Browser, past: HistoryHarness
) -> None:
    """And that a screen reader reads the formula of."""
    await story.a_called_back_customer(past)
    page = await head.open(STATISTICS)
    described = re.findall(r'<button type="button" aria-describedby="(f-[\w-]+)">', page.text)
    tips = re.findall(r'role="tooltip" id="(f-[\w-]+)">[^<]+<', page.text)
    assert described == tips
    assert len(set(tips)) == len(tips) > 15


@pytest.mark.rule("H6")
async def test_the_organizations_own_service_level_is_the_one_of_every_screen(
    head: Browser, past: HistoryHarness, company: Company
) -> None:
    """Within so many seconds, and the share that is aimed at; another one can be chosen for once."""
    await story.a_called_back_customer(past)
    answer = await company.changed("/organization", service_level={"within_s": 37, "percent": 95})
    assert answer.status_code == 200, answer.text
    page = text_of((await head.open(STATISTICS)).text)
    assert "Отвечено за 37 с" in page
    assert "не дождались за 37 с" in page
    assert "Отвечено за 20 с" in text_of((await head.open(f"{STATISTICS}?service_level_s=20")).text)
    table = await head.open(f"{STATISTICS}.csv?part=departments")
    assert "Уровень обслуживания за 37 с, %" in table.text
    wallboard = text_of((await head.open(FIRST)).text)
    assert "Отвечено за 37 с" in wallboard
    assert "0 %, цель 95 %" in wallboard


async def test_filters_stand_in_the_address_as_short_as_they_can(head: Browser, past: HistoryHarness) -> None:
    await story.a_called_back_customer(past)
    page = await head.open(
        f"{STATISTICS}?since_day=2027-01-15&until_day=&department=sales&department=&service_level_s=30"
    )
    assert str(page.url).endswith("?since_day=2027-01-15&service_level_s=30&department=sales")
    assert 'value="sales" checked' in page.text
    assert "Отвечено за 30 с" in page.text
    assert "Отделы: выбрано 1" in text_of(page.text)
    page = await head.open(f"{STATISTICS}?department=gone-long-ago")
    assert "За этот период звонков не было" in page.text


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since_day=2027-01-15&until_day=2027-01-01", "since_day"),
        ("since_day=2020-01-01&until_day=2027-01-01", "until_day"),
        ("since_day=never", "since_day"),
        ("service_level_s=61", "service_level_s"),
    ],
    ids=["reversed", "too long", "no day", "seconds"],
)
async def test_a_period_that_can_not_be_read_says_so_at_its_field(
    head: Browser, query: str, field: str
) -> None:
    page = await head.open(f"{STATISTICS}?{query}")
    assert page.status_code == 422
    assert f'id="{field}-said" role="alert"' in page.text
    assert f'aria-describedby="{field}-said"' in page.text


async def test_a_period_without_calls_says_what_to_do(head: Browser) -> None:
    page = await head.open(STATISTICS)
    assert "За этот период звонков не было" in page.text
    assert "Последние 30 дней" in page.text
    head.http.headers["Accept-Language"] = "en"
    page = await head.open(STATISTICS)
    assert "No calls in this period" in page.text


@pytest.mark.rule("H6")
async def test_the_files_have_what_is_on_screen(head: Browser, past: HistoryHarness) -> None:
    """A link for each table, with the filters of the page."""
    await story.a_called_back_customer(past)
    page = await head.open(f"{STATISTICS}?since_day=2027-01-10&until_day=2027-01-15&service_level_s=30")
    links = re.findall(r'href="([^"]+statistics\.csv[^"]*)"', page.text)
    assert [each.rpartition("=")[2] for each in links] == ["departments", "hours", "callbacks", "employees"]
    file = await head.http.get(links[0].replace("&amp;", "&"))
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert file.headers["content-disposition"] == 'attachment; filename="statistics-departments.csv"'
    heads, sales, total = file.text.splitlines()
    assert "Уровень обслуживания за 30 с, %" in heads
    assert sales.startswith("Отдел продаж;Москва;1;1;0;")
    assert total.startswith("Всего;;1;1;0;")


@pytest.mark.rule("P2", "P6")
async def test_a_page_of_many_employees_stays_light_and_the_file_has_all_of_them(
    head: Browser, past: HistoryHarness
) -> None:
    """Whoever answered most stands first; how many more there are is said."""
    names = [AgentId(f"agent-{number:02}") for number in range(PEOPLE_MAX + 2)]
    for number, name in enumerate(names):
        leg, rung = f"in.{name}", f"t.{name}"
        facts = (stories.a_call(leg), stories.taken(leg), stories.rung(name, rung, leg))
        ended = (stories.missed(name, rung, leg), stories.hung_up(leg))
        await past.tell(offices.agent(name, MOSCOW, version=9), organization_id=VOSTOK)
        await past.tell(*facts, *ended, organization_id=VOSTOK, at_s=number)
    people = section((await head.open(STATISTICS)).text, "employees")
    assert people.count("Москва") == PEOPLE_MAX
    assert "Ещё 2 сотрудника есть в файле" in people
    table = (await head.open(f"{STATISTICS}.csv?part=employees")).text
    assert all(name.title() in table for name in names)


async def test_whoever_is_of_one_department_sees_its_figures_alone(
    reading: ConsoleApp, past: HistoryHarness, company: Company
) -> None:
    await story.a_called_back_customer(past)
    await company.employee("Сафин Тимур", role="user", may_download=False)
    await heard(company, past)
    browser = reading.browser()
    await browser.sign_in("safin.t")
    page = await browser.open(STATISTICS)
    assert page.status_code == 200
    assert "Отдел продаж" not in page.text, "neither its figures, nor its name to choose"
    assert "statistics.csv" not in page.text
    assert (await browser.open(f"{HOME}statistics.csv")).status_code == 403
    assert "GET /statistics.csv" not in reading.history_transport.asked


@pytest.mark.rule("P2")
async def test_a_restricted_user_has_neither_the_menu_s_entry_nor_the_page(
    reading: ConsoleApp, past: HistoryHarness, company: Company
) -> None:
    await company.employee("Сафин Тимур", role="restricted_user")
    await heard(company, past)
    browser = reading.browser()
    page = await browser.sign_in("safin.t")
    assert STATISTICS not in page.text
    for address in (STATISTICS, f"{HOME}statistics.csv"):
        assert (await browser.open(address)).status_code == 403
    assert "GET /statistics" not in reading.history_transport.asked


async def test_hostile_names_are_text_in_statistics(head: Browser, past: HistoryHarness) -> None:
    await story.a_called_back_customer(past)
    await past.tell(
        offices.department(SALES, MOSCOW, ANNA, name=HOSTILE, version=10),
        offices.agent(ANNA, MOSCOW, name=HOSTILE, version=10),
        organization_id=VOSTOK,
        at_s=900,
    )
    for address in (STATISTICS, f"{STATISTICS}?department={quote(HOSTILE)}&since_day={quote(HOSTILE)}"):
        page = await head.open(address)
        assert "<script>alert" not in page.text
    page = await head.open(STATISTICS)
    assert page.text.count("&lt;script&gt;alert(1)") >= 3


async def test_while_history_can_not_be_reached_statistics_say_so(head: Browser, reading: ConsoleApp) -> None:
    reading.history_transport.is_cut = True
    for address in (STATISTICS, f"{HOME}statistics.csv"):
        page = await head.open(address)
        assert page.status_code == 503
        assert "Нет связи с историей" in page.text
