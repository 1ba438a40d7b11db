"""A screen on a wall: admitted by a code that works once, without numbers, until its token is revoked."""

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from services.console.activities.screens import CODE_MS_MAX
from services.history.activities.database import connected
from tests.integration.console.app import HOME, Browser, ConsoleApp
from tests.integration.console.companies_history import CompanyHistory, served
from tests.integration.console.test_wallboard import SOON_S, Stream, an_agent, taken
from tests.integration.directory.companies import Company

TV = f"{HOME}tv"
SCREENS = f"{HOME}wallboard/screens"
NIGHT_MS = 14 * 3_600_000
_CODE = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}")


@pytest.fixture
async def history(company: Company, history: CompanyHistory) -> CompanyHistory:
    """The company's history: a second department, and somebody waits in each."""
    await company.made("/departments", {"id": "service", "name": "Сервис", "pbx_id": "moskva"})
    await history.hear_directory()
    await history.tell(taken(company, "in1", waited=9), taken(company, "in2", department="service"))
    return history


async def a_code(replica: ConsoleApp, history: CompanyHistory) -> tuple[Browser, str]:
    """The administrator makes a screen for Sales; the code as it is shown."""
    administrator = replica.browser()
    await administrator.sign_in()
    await administrator.open(SCREENS)
    page = await administrator.send(SCREENS, name="Зал", departments="sales", once="k1")
    assert page.status_code == 200, page.text
    await history.hear_directory()
    found = _CODE.search(page.text)
    assert found is not None, page.text
    return administrator, found[0]


async def a_screen(replica: ConsoleApp, history: CompanyHistory) -> tuple[Browser, Browser]:
    """The administrator, and a screen that shows Sales."""
    administrator, code = await a_code(replica, history)
    screen = replica.browser()
    await screen.open(TV)
    page = await screen.send(TV, code=code.lower())
    assert "Отдел продаж" in page.text, page.text
    return administrator, screen


@asynccontextmanager
async def watching(replica: ConsoleApp, screen: Browser) -> AsyncIterator[Stream]:
    """The stream of a screen's page, over a port: it has no end."""
    async with (
        served(replica.app) as url,
        httpx.AsyncClient(base_url=url, cookies=screen.http.cookies, timeout=SOON_S) as http,
        http.stream("GET", f"{TV}/events") as answer,
    ):
        yield Stream(answer)


async def ended_screens(administrator: Browser) -> httpx.Response:
    """The administrator ends the access of the one screen that there is."""
    await administrator.open(SCREENS)
    action = re.search(r'action="([^"]*/end)"', administrator.page.text)
    version = re.search(r'name="version" value="(\d+)"', administrator.page.text)
    assert action is not None
    assert version is not None
    return await administrator.send(action[1], version=version[1])


async def test_a_screen_shows_its_departments_and_no_customers_number(
    replica: ConsoleApp, history: CompanyHistory
) -> None:
    """It has no login: what hangs on a wall is read by everybody who passes."""
    _, screen = await a_screen(replica, history)
    page = screen.page.text
    assert screen.path == TV
    assert screen.page.url.query == b""
    assert "Сервис" not in page, "not one of its departments"
    assert "Не успеваем" in page
    assert "555" not in page
    assert "+7" not in page
    assert "…0001" not in page
    async with watching(replica, screen) as stream:
        picture = await stream.picture_with("Отдел продаж")
    assert "…0001" not in picture


async def test_a_code_works_once_and_in_its_own_company_only(
    replica: ConsoleApp, history: CompanyHistory
) -> None:
    """Whoever finds it afterwards in a chat or on paper gets nothing."""
    _, code = await a_code(replica, history)
    stranger = replica.browser()
    await stranger.open("/o/zapad/tv")
    assert (await stranger.send("/o/zapad/tv", code=code)).status_code == 422
    for status in (200, 422):
        screen = replica.browser()
        await screen.open(TV)
        assert (await screen.send(TV, code=code)).status_code == status
    assert "Такого кода нет" in screen.page.text
    assert (await screen.send(TV, code="nonsense")).status_code == 422


async def test_a_code_is_sealed_in_the_store_and_lasts_a_day(
    replica: ConsoleApp, history: CompanyHistory, company: Company
) -> None:
    """Whoever reads the store opens nothing: the code is a part of the key."""
    _, code = await a_code(replica, history)
    stored = await replica.stored()
    [key] = [each for each in stored if each.endswith("/screen")]
    assert code.replace("-", "") not in key
    assert b"eyJ" not in stored[key], "no token in the clear"
    company.clock.at += CODE_MS_MAX + 1_000
    screen = replica.browser()
    await screen.open(TV)
    assert (await screen.send(TV, code=code)).status_code == 422


async def test_a_screen_survives_a_night_an_emptied_store_and_another_replica(
    replica: ConsoleApp, history: CompanyHistory, company: Company, redis_server: str
) -> None:
    """Nothing of it is in the store of sessions, and nothing of it grows old."""
    _, screen = await a_screen(replica, history)
    company.clock.at += NIGHT_MS
    other = ConsoleApp(company, redis_server, "emptied", history_url=history.url)
    page = await screen.at(other).open(TV)
    assert "Отдел продаж" in page.text
    async with watching(other, screen) as stream:
        await stream.picture_with("Отдел продаж")
    await other.close()


async def test_a_screen_goes_on_without_the_directory_and_waits_for_history(
    replica: ConsoleApp, history: CompanyHistory, company: Company, redis_server: str, fresh_prefix: str
) -> None:
    """Both may be restarted under it."""
    _, screen = await a_screen(replica, history)
    replica.directory_transport.is_cut = True
    page = await screen.open(TV)
    assert "Отдел продаж" in page.text
    assert "Восток" in page.text, "it keeps its company's name"
    lonely = ConsoleApp(company, redis_server, fresh_prefix)
    page = await screen.at(lonely).open(TV)
    assert page.status_code == 200
    assert "Нет связи с историей" in page.text
    async with watching(lonely, screen) as stream:
        await stream.ends()
    await lonely.close()


async def test_a_revoked_screen_is_told_so_and_shows_it(replica: ConsoleApp, history: CompanyHistory) -> None:
    """The stream says «reload», and the page has nothing but the end of its access and a field for a code."""
    administrator, screen = await a_screen(replica, history)
    async with watching(replica, screen) as stream:
        await stream.picture_with("Отдел продаж")
        page = await ended_screens(administrator)
        assert "Экранов пока нет" in page.text
        await history.hear_directory()
        assert await stream.event() == ("reload", "now")
    page = await screen.open(TV)
    assert "Доступ этого экрана закончен" in page.text
    assert "Отдел продаж" not in page.text


async def test_another_code_ends_the_device_before(replica: ConsoleApp, history: CompanyHistory) -> None:
    """A television was replaced: the old one, wherever it is now, sees nothing."""
    administrator, screen = await a_screen(replica, history)
    await administrator.open(SCREENS)
    action = re.search(r'action="([^"]*/code)"', administrator.page.text)
    assert action is not None
    page = await administrator.send(action[1], name="Зал", once="k2")
    await history.hear_directory()
    found = _CODE.search(page.text)
    assert found is not None
    assert "Доступ этого экрана закончен" in (await screen.open(TV)).text
    new = replica.browser()
    await new.open(TV)
    assert "Отдел продаж" in (await new.send(TV, code=found[0])).text


async def test_a_history_that_knows_no_tokens_yet_does_not_end_a_screen(
    replica: ConsoleApp,
    company: Company,
    sqlite_tables: Path,
    tmp_path: Path,
    redis_server: str,
    fresh_prefix: str,
    history: CompanyHistory,
) -> None:
    """Its tables are made anew after an upgrade: for a while it refuses a token that holds."""
    _, screen = await a_screen(replica, history)
    engine = connected(f"sqlite:///{shutil.copy(sqlite_tables, tmp_path / 'anew.db')}")
    anew = CompanyHistory(company, engine)
    async with served(anew.harness.app) as url:
        console = ConsoleApp(company, redis_server, fresh_prefix, history_url=url)
        page = await screen.at(console).open(TV)
        assert "Доступ этого экрана закончен" not in page.text
        async with watching(console, screen) as stream:
            await stream.ends()
        await console.close()
    await engine.dispose()


@pytest.mark.rule("P5", "P7")
@pytest.mark.parametrize("role", ["department_head", "user"])
async def test_only_who_may_make_tokens_makes_a_screen(
    replica: ConsoleApp, history: CompanyHistory, company: Company, role: str
) -> None:
    """For anybody else it is not on the wallboard, and its address is refused."""
    made = await an_agent(company, history, "Орлов Пётр", role)
    browser = replica.browser()
    page = await browser.sign_in(made["card"]["login"])
    assert "На телевизор" not in page.text
    assert (await browser.open(SCREENS)).status_code == 403
    await browser.open(f"{HOME}me")
    assert (await browser.send(SCREENS, name="Зал", departments="sales")).status_code == 403


async def test_errors_stand_at_their_fields_and_a_double_click_makes_one_screen(
    replica: ConsoleApp, history: CompanyHistory
) -> None:
    """What was typed stays."""
    administrator = replica.browser()
    await administrator.sign_in()
    await administrator.open(SCREENS)
    page = await administrator.send(SCREENS, name="Зал", once="k1")
    assert page.status_code == 422
    assert "Не выбран ни один отдел" in page.text
    assert 'value="Зал"' in page.text
    page = await administrator.send(SCREENS, name="", departments="sales", once="k2")
    assert page.status_code == 400
    assert 'aria-invalid="true"' in page.text
    for _ in range(2):
        page = await administrator.send(SCREENS, name="Зал <b>", departments="sales", once="k3")
        assert page.status_code == 200
    assert page.text.count("/end") == 1
    assert "Зал <b>" not in page.text
    assert "Зал &lt;b&gt;" in page.text
