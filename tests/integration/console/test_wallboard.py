"""The wallboard by rights, and each change of it as it comes."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from contracts.ids import AgentId, DepartmentId, Instant, LegId, OfferId, PbxId, PlaceId
from contracts.queue import AgentBusy, OfferDeclined, OfferMade, PlaceAbandoned, PlaceTaken
from tests.integration.console.app import HOME, SIGN_IN, Browser, ConsoleApp
from tests.integration.console.companies_history import CompanyHistory, served
from tests.integration.directory.companies import Company

WALLBOARD = f"{HOME}wallboard"
SOON_S = 20.0
"""Far longer than anything here takes: a test that waits for it fails."""
MINUTE = 60_000


def taken(company: Company, name: str, *, waited: int = 1, department: str = "sales") -> PlaceTaken:
    """A customer has waited for some minutes of ten."""
    now = company.clock.now()
    return PlaceTaken(
        place_id=PlaceId(f"p.{name}"),
        department_id=DepartmentId(department),
        pbx_id=PbxId("moskva"),
        leg_id=LegId(name),
        caller="+79165550001",
        line="+74950001000",
        joined_at=Instant(now - waited * MINUTE),
        deadline_at=Instant(now + (10 - waited) * MINUTE),
        position=1,
    )


def offered(name: str, agent_id: str) -> OfferMade:
    """An agent's phones ring for a place."""
    return OfferMade(
        offer_id=OfferId(f"p.{name}.o1"),
        place_id=PlaceId(f"p.{name}"),
        department_id=DepartmentId("sales"),
        agent_id=AgentId(agent_id),
        round=1,
        ring_ms_max=20_000,
        legs=(),
    )


async def an_agent(
    company: Company, history: CompanyHistory, name: str, role: str = "user"
) -> dict[str, Any]:
    """Somebody with a seat in Sales, or its head; the directory's answer."""
    made = await company.employee(name, role=role)
    card = (await company.call("GET", "/departments/sales")).json()["card"]
    seats, heads = [*card["agents"], {"agent_id": made["id"]}], card["heads"]
    if role == "department_head":
        await company.changed(f"/employees/{made['id']}", email="head@vostok.example")
        seats, heads = card["agents"], [{"agent_id": made["id"]}]
    answer = await company.changed("/departments/sales", agents=seats, heads=heads)
    assert answer.status_code == 200, answer.text
    await history.hear_directory()
    return made


def places_of(page: str) -> list[str]:
    """Who waits, as the page shows it."""
    return re.findall(r'<span class="nowrap">([^<]*)</span>', page)


class Stream:
    """The wallboard's stream, as a browser has it."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.aiter_lines()
        self.headers = answer.headers

    async def event(self) -> tuple[str, str]:
        """Kind and data of the next event, without the beats in between."""
        kind, data = "", list[str]()
        async with asyncio.timeout(SOON_S):
            async for line in self._lines:
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    data.append(line.removeprefix("data: "))
                elif not line and kind == "beat":
                    kind, data = "", []
                elif not line and data:
                    return kind, "\n".join(data)
        raise AssertionError("the stream has ended")

    async def picture_with(self, text: str) -> str:
        """The first picture that has this text."""
        while True:
            kind, data = await self.event()
            assert kind == "", data
            if text in data:
                return data

    async def ends(self) -> None:
        """Whatever comes, it ends."""
        async with asyncio.timeout(SOON_S):
            async for _ in self._lines:
                pass


@asynccontextmanager
async def watching(replica: ConsoleApp, browser: Browser) -> AsyncIterator[Stream]:
    """A stream with this browser's cookies, over a port: it has no end."""
    async with (
        served(replica.app) as url,
        httpx.AsyncClient(base_url=url, cookies=browser.http.cookies, timeout=SOON_S) as http,
        http.stream("GET", f"{WALLBOARD}/events") as answer,
    ):
        assert answer.status_code == 200
        yield Stream(answer)


async def test_the_wallboard_is_the_first_page_and_shows_who_waits(
    replica: ConsoleApp, company: Company, history: CompanyHistory
) -> None:
    """A card for each department, places in order with their reasons, agents with their state."""
    await an_agent(company, history, "Орлов Пётр")
    await history.tell(taken(company, "in1", waited=9), taken(company, "in2"), offered("in2", "orlov-p"))
    browser = replica.browser()
    page = (await browser.sign_in()).text
    assert browser.path == WALLBOARD
    assert places_of(page) == 2 * ["+7 916 555-00-01"]
    for text in (
        "Отдел продаж",
        "Орлов Пётр",
        "9:00",
        "Не успеваем",
        "Свободных нет",
        "Сотрудникам уже звонят",
    ):
        assert text in page
    assert "срок места 1 истекает" in page


@pytest.mark.rule("P2", "P3", "P4", "P8")
@pytest.mark.parametrize("role", ["department_head", "user", "restricted_user"])
async def test_each_role_sees_on_the_wallboard_what_its_rights_reach(
    replica: ConsoleApp, company: Company, history: CompanyHistory, role: str
) -> None:
    """Own departments; numbers masked where they are hidden; a restricted user has no such page."""
    made = await an_agent(company, history, "Орлов Пётр", role)
    await company.made("/departments", {"id": "service", "name": "Сервис", "pbx_id": "moskva"})
    answer = await company.changed("/organization", numbers_hidden_from=["user"])
    assert answer.status_code == 200, answer.text
    await history.hear_directory()
    await history.tell(taken(company, "in1"), taken(company, "in2", department="service"))
    browser = replica.browser()
    page = await browser.sign_in(made["card"]["login"])
    if role == "restricted_user":
        assert browser.path == f"{HOME}me"
        assert "Табло" not in page.text
        for address in (WALLBOARD, f"{WALLBOARD}/board", f"{WALLBOARD}/today"):
            assert (await browser.open(address)).status_code == 403
        async with watching(replica, browser) as stream:
            assert await stream.event() == ("reload", "now")
        return
    assert places_of(page.text) == ["…0001" if role == "user" else "+7 916 555-00-01"]
    assert "Сервис" not in page.text
    assert ("Сегодня с полуночи" in page.text) is True


async def test_every_change_comes_as_the_whole_part_of_the_page(
    replica: ConsoleApp, company: Company, history: CompanyHistory
) -> None:
    """Nobody waits; somebody comes; an agent talks; the customer goes."""
    await an_agent(company, history, "Орлов Пётр")
    browser = replica.browser()
    await browser.sign_in()
    async with watching(replica, browser) as stream:
        assert stream.headers["x-accel-buffering"] == "no"
        await stream.picture_with("Сейчас никто не ждёт")
        await history.tell(taken(company, "in1"))
        assert places_of(await stream.picture_with("На линии")) == ["+7 916 555-00-01"]
        busy = AgentBusy(agent_id=AgentId("orlov-p"), leg_id=LegId("l"), lease_until_at=Instant(2**42))
        await history.tell(busy)
        await stream.picture_with('data-state="talk"')
        await history.tell(PlaceAbandoned(place_id=PlaceId("p.in1"), waited_ms=MINUTE))
        await stream.picture_with("Сейчас никто не ждёт")


async def test_a_pause_says_its_reason_and_who_gave_a_place_up_is_named(
    replica: ConsoleApp, company: Company, history: CompanyHistory
) -> None:
    """The head sees at a glance why somebody takes no calls; the alert leads to the place."""
    made = await an_agent(company, history, "Орлов Пётр")
    pause = {"is_paused": True, "reason": "lunch"}
    assert (await company.call("PUT", f"/agents/{made['id']}/pause", pause)).status_code == 204
    await history.hear_directory()
    declined = OfferDeclined(
        offer_id=OfferId("p.in1.o1"), place_id=PlaceId("p.in1"), agent_id=AgentId("orlov-p")
    )
    await history.tell(taken(company, "in1", waited=9), offered("in1", "orlov-p"), declined)
    browser = replica.browser()
    page = (await browser.sign_in()).text
    assert "Пауза: обед" in page
    assert "Не приняли: Орлов Пётр" in page
    assert "Дольше всех на паузе Орлов Пётр" in page
    assert 'href="?department=sales#place-p.in1"' in page
    assert 'id="place-p.in1"' in page


async def test_a_deadline_turns_late_without_a_fact(
    replica: ConsoleApp, company: Company, history: CompanyHistory
) -> None:
    """Nothing happens, and that is the problem: a page that waited for a change would stay calm."""
    await history.tell(taken(company, "in1", waited=8))
    browser = replica.browser()
    await browser.sign_in()
    async with watching(replica, browser) as stream:
        assert "Не успеваем" not in await stream.picture_with("Отдел продаж")
        company.clock.at += 2 * MINUTE
        await stream.picture_with("Не успеваем")


async def test_one_department_is_chosen_by_the_address(
    replica: ConsoleApp, company: Company, history: CompanyHistory
) -> None:
    """For a phone: the others are there for wide windows, and the stream keeps the choice."""
    await company.made("/departments", {"id": "service", "name": "Сервис", "pbx_id": "moskva"})
    await history.hear_directory()
    browser = replica.browser()
    await browser.sign_in()
    page = (await browser.open(f"{WALLBOARD}?department=service")).text
    assert '<a href="?department=service" aria-current="page">' in page
    assert page.count(" elsewhere") == 2, "a card and people of the other department"
    assert "/wallboard/events?department=service" in page


@pytest.mark.rule("P4")
async def test_a_stream_ends_with_its_login_and_the_page_is_asked_for_anew(
    replica: ConsoleApp, company: Company, history: CompanyHistory
) -> None:
    """Signed out in another tab: the browser reloads, and is led to the sign-in."""
    browser = replica.browser()
    await browser.sign_in()
    async with watching(replica, browser) as stream:
        await stream.picture_with("Отдел продаж")
        await browser.send(f"{HOME}sign-out")
        await history.hear_directory()
        assert await stream.event() == ("reload", "now")
    async with watching(replica, replica.browser()) as stream:
        assert await stream.event() == ("reload", "now")
    assert (await browser.open(WALLBOARD)).url.path == SIGN_IN


async def test_without_history_the_page_says_so_and_its_stream_ends(
    company: Company, console: ConsoleApp
) -> None:
    """The browser comes back by itself: nothing needs a hand."""
    browser = console.browser()
    page = await browser.sign_in()
    assert page.status_code == 200
    assert "Нет связи с историей" in page.text
    async with watching(console, browser) as stream:
        await stream.ends()


async def test_what_strangers_named_themselves_is_text_on_the_wallboard(
    replica: ConsoleApp, company: Company, history: CompanyHistory
) -> None:
    """Mark-up in a name runs nowhere, in the page and in its stream."""
    await an_agent(company, history, "<b>Орлов</b> & 'co'")
    browser = replica.browser()
    page = (await browser.sign_in()).text
    assert "<b>Орлов" not in page
    assert "&lt;b&gt;Орлов&lt;/b&gt; &amp; &#39;co&#39;" in page
