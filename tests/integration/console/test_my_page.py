"""«My page»: for every role, what one does and the call in which one is, as it changes."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from msgspec import structs

from contracts.directory import AgentPauseSaved, AgentWrapUpSaved, PauseReason
from contracts.ids import AgentId, DepartmentId, Instant, LegId, PbxId, PlaceId
from contracts.message import Fact
from contracts.queue import AgentBusy, AgentFreed, AgentPaused, PlaceAbandoned, WrapUpStarted
from contracts.routing import VoicemailReached
from runtime import quotas
from tests.integration.console.app import HOME, SIGN_IN, Browser, ConsoleApp
from tests.integration.console.companies_history import CompanyHistory, served
from tests.integration.console.past import HOSTILE
from tests.integration.console.test_wallboard import Stream, an_agent, offered, taken
from tests.integration.directory.companies import Company
from tests.integration.history.harness import voicemail
from tests.unit.history import stories

ME = f"{HOME}me"
ORLOV = AgentId("orlov-p")
ROLES = ("user", "restricted_user", "department_head")


async def at_work(
    replica: ConsoleApp,
    company: Company,
    history: CompanyHistory,
    role: str = "user",
    name: str = "Орлов Пётр",
) -> Browser:
    """An agent of Sales, who has signed in and is on the own page."""
    made = await an_agent(company, history, name, role)
    browser = replica.browser()
    await browser.sign_in(made["card"]["login"])
    await browser.open(ME)
    return browser


@asynccontextmanager
async def following(replica: ConsoleApp, browser: Browser) -> AsyncIterator[Stream]:
    """The page's stream with this browser's cookies, over a port: it has no end."""
    async with (
        served(replica.app) as url,
        httpx.AsyncClient(base_url=url, cookies=browser.http.cookies) as http,
        http.stream("GET", f"{ME}/events") as answer,
    ):
        assert answer.status_code == 200
        yield Stream(answer)


def an_earlier_call(company: Company) -> tuple[Fact, ...]:
    """The same customer has given up waiting before."""
    gave_up = PlaceAbandoned(place_id=PlaceId("p.in0"), waited_ms=60_000)
    return (taken(company, "in0", waited=9), gave_up, stories.hung_up("in0"))


def shown(page: httpx.Response) -> str:
    """The part of a page that changes, without its tags."""
    part = page.text.partition('id="board"')[2].partition("</form>\n    </section>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", part))


@pytest.mark.rule("P2", "P3", "P4")
@pytest.mark.parametrize("role", ROLES)
async def test_everybody_has_the_page_and_sees_the_own_state(
    replica: ConsoleApp, company: Company, history: CompanyHistory, role: str
) -> None:
    """Whoever is restricted has this page and «My calls», and nothing else."""
    browser = await at_work(replica, company, history, role)
    assert browser.page.status_code == 200
    assert "Свободен" in shown(browser.page)
    menu = re.findall(r'data-key="\w"[^>]*>([^<]+)</a>', browser.page.text)
    if role == "restricted_user":
        assert menu == ["Мои звонки", "Моя страница"]
        assert (await browser.open(f"{HOME}wallboard")).status_code == 403


@pytest.mark.rule("Q8")
@pytest.mark.parametrize("role", ROLES)
async def test_a_pause_is_begun_with_a_reason_and_ended_by_hand(
    replica: ConsoleApp, company: Company, history: CompanyHistory, role: str
) -> None:
    """The directory hears it from oneself; the page says why one is paused."""
    browser = await at_work(replica, company, history, role)
    page = await browser.send(f"{ME}/pause", reason="lunch")
    assert (page.status_code, "Пауза принята" in page.text) == (200, True)
    await history.hear_directory()
    page = await browser.open(ME)
    assert "Обед" in shown(page)
    assert "Пауза" in shown(page)
    page = await browser.send(f"{ME}/resume")
    assert "Пауза снята" in page.text
    await history.hear_directory()
    assert "Свободен" in shown(await browser.open(ME))
    pauses = (await company.sent()).facts(AgentPauseSaved)
    assert [(each.agent_id, each.is_paused, each.reason) for each in pauses] == [
        (ORLOV, True, PauseReason.LUNCH),
        (ORLOV, False, None),
    ]


async def test_a_form_that_comes_twice_does_one_thing(
    replica: ConsoleApp, company: Company, history: CompanyHistory
) -> None:
    """A double click pauses once, and lets notes last until one instant."""
    browser = await at_work(replica, company, history)
    until = company.clock.now() + 30_000
    await history.tell(WrapUpStarted(agent_id=ORLOV, until_at=Instant(until)))
    page = await browser.open(ME)
    assert "Обработка" in shown(page)
    [extended] = re.findall(r'name="until_at" value="(\d+)"', page.text)
    assert int(extended) == until + 30_000
    token = browser.csrf
    for _ in range(2):
        await browser.post(f"{ME}/extend", csrf=token, until_at=extended)
        await browser.post(f"{ME}/pause", csrf=token, reason="break")
    log = await company.sent()
    assert {each.until_at for each in log.facts(AgentWrapUpSaved)} == {until + 30_000}
    assert {(each.is_paused, each.reason) for each in log.facts(AgentPauseSaved)} == {
        (True, PauseReason.BREAK)
    }


@pytest.mark.rule("Q13")
async def test_the_time_for_notes_is_ended_early(
    replica: ConsoleApp, company: Company, history: CompanyHistory
) -> None:
    """And what is no instant of ours changes nothing."""
    browser = await at_work(replica, company, history)
    await history.tell(WrapUpStarted(agent_id=ORLOV, until_at=Instant(company.clock.now() + 30_000)))
    page = await browser.open(ME)
    assert "до следующего звонка" in shown(page)
    for wrong in ("", "soon", "9" * 30, "-5"):
        assert (await browser.send(f"{ME}/extend", until_at=wrong)).status_code == 200
    await browser.send(f"{ME}/ready")
    await history.hear_directory()
    assert "Свободен" in shown(await browser.open(ME))
    assert [each.until_at for each in (await company.sent()).facts(AgentWrapUpSaved)] == [None]


async def test_a_reason_that_is_none_of_the_list_is_refused_in_words(
    replica: ConsoleApp, company: Company, history: CompanyHistory
) -> None:
    browser = await at_work(replica, company, history)
    page = await browser.send(f"{ME}/pause", reason="<b>tired</b>")
    assert page.status_code == 400
    assert "<b>tired" not in page.text
    assert (await company.sent()).facts(AgentPauseSaved) == []


@pytest.mark.rule("Q8")
async def test_a_pause_for_misses_says_so_and_how_it_ends(
    replica: ConsoleApp, company: Company, history: CompanyHistory
) -> None:
    browser = await at_work(replica, company, history)
    await history.tell(AgentPaused(agent_id=ORLOV, department_id=DepartmentId("sales"), misses=3))
    assert "вы не приняли 3 вызова подряд" in shown(await browser.open(ME))


@pytest.mark.rule("P4")
@pytest.mark.parametrize("role", ["user", "restricted_user"])
async def test_a_ring_a_talk_and_its_end_come_by_themselves(
    replica: ConsoleApp, company: Company, history: CompanyHistory, role: str
) -> None:
    """With the customer, how long he has waited, and earlier contacts of the number."""
    browser = await at_work(replica, company, history, role)
    async with following(replica, browser) as stream:
        await stream.picture_with("Свободен")
        await history.tell(*an_earlier_call(company))
        await history.tell(taken(company, "in1"), offered("in1", ORLOV))
        seen = await stream.picture_with("Вам звонят")
        for text in ('data-offer="in1"', "+7 916 555-00-01", "Отдел продаж", "На линии"):
            assert text in seen, text
        # What others were told is no affair of a restricted user's.
        assert ("Сброшен в очереди" in seen) == (role == "user")
        await history.tell(
            AgentBusy(agent_id=ORLOV, leg_id=LegId("l"), lease_until_at=Instant(2**42)),
            stories.offer_accepted(ORLOV, 1, "in1"),
            stories.connected(ORLOV, 1, "in1", waited_ms=76_000),
        )
        seen = await stream.picture_with('class="alert" data-state="talk"')
        assert ("data-offer" in seen, "1:16" in seen) == (False, True)
        await history.tell(
            stories.hung_up("in1"),
            AgentFreed(agent_id=ORLOV, cause="ended", idle_since_at=Instant(company.clock.now())),
        )
        assert "+7 916" not in await stream.picture_with("Свободен")


@pytest.mark.rule("C3")
async def test_a_callback_says_that_its_customer_is_being_called(
    replica: ConsoleApp, company: Company, history: CompanyHistory
) -> None:
    """The agent has answered and hears nobody yet."""
    browser = await at_work(replica, company, history)
    now = Instant(company.clock.now())
    ordered = structs.replace(stories.ordered("in1"), joined_at=now, deadline_at=Instant(now + 600_000))
    await history.tell(taken(company, "in1"), ordered, stories.hung_up("in1"), offered("in1", ORLOV))
    assert "Вам звонят" in shown(await browser.open(ME))
    await history.tell(stories.offer_accepted(ORLOV, 1, "in1"), *stories.attempt(ORLOV, "in1"))
    page = shown(await browser.open(ME))
    for text in ("Обратный звонок", "Звоним клиенту", "+7 916 555-00-01"):
        assert text in page, text


@pytest.mark.rule("P4")
@pytest.mark.parametrize("role", ["user", "restricted_user"])
async def test_the_page_has_the_own_latest_calls_and_how_calls_are_taken(
    replica: ConsoleApp, company: Company, history: CompanyHistory, role: str
) -> None:
    """And a link to all of them; whoever else's are not among them."""
    browser = await at_work(replica, company, history, role)
    assert "Ваших звонков пока не было" in browser.page.text
    answer = await company.changed(
        "/employees/orlov-p/rules", no_answer={"kind": "department", "department_id": "sales"}
    )
    assert answer.status_code == 200, answer.text
    answer = await company.changed(
        "/employees/orlov-p",
        hours=[{"days": [0, 1, 2, 3, 4], "from_minute": 540, "until_minute": 1080}],
        rings_mobile=True,
        mobile="+79165550099",
    )
    assert answer.status_code == 200, answer.text
    await history.tell(*an_earlier_call(company), taken(company, "in1"), offered("in1", ORLOV))
    await history.tell(stories.offer_missed(ORLOV, 1, "in1"), stories.hung_up("in1"))
    page = (await browser.open(ME)).text
    latest = page.partition("Мои последние звонки")[2].partition("</section>")[0]
    assert latest.count("+7 916 555-00-01") == 1
    assert 'href="/o/vostok/history?employee=orlov-p"' in latest
    assert (await browser.open(f"{HOME}history?employee=orlov-p")).status_code == 200
    assert 'href="/o/vostok/history/in1"' in latest
    assert ('href="/o/vostok/voicemail?inbox=own"' in page) == (role == "user")
    for text in ("пн–пт, 09:00–18:00", "переадресация: Отдел продаж", "через 5 секунд ваш мобильный"):
        assert text in page, text


@pytest.mark.rule("V5")
@pytest.mark.parametrize("role", ["user", "restricted_user"])
async def test_the_page_has_the_own_voice_messages_and_leads_to_each(
    replica: ConsoleApp, company: Company, history: CompanyHistory, role: str
) -> None:
    """Also for whoever has no inbox of others."""
    browser = await at_work(replica, company, history, role)
    assert "что звонящие скажут вашему автоответчику" in browser.page.text
    reached = VoicemailReached(
        leg_id=LegId("in1"),
        pbx_id=PbxId("moskva"),
        caller="+79165550001",
        line="+74950001000",
        arrived_at=Instant(company.clock.now()),
        agent_id=ORLOV,
    )
    await history.tell(stories.a_call("in1"), stories.taken("in1"))
    await history.tell(reached, *voicemail("in1", "vm1"), stories.hung_up("in1"))
    page = await browser.open(ME)
    assert 'href="/o/vostok/voicemail/vm1"' in page.text
    assert "+7 916 555-00-01" in page.text
    assert (await browser.open(f"{HOME}voicemail/vm1")).status_code == 200


async def test_a_stream_ends_with_its_login_and_strangers_have_none(
    replica: ConsoleApp, company: Company, history: CompanyHistory
) -> None:
    """The page is asked for anew, and leads to the sign-in."""
    browser = await at_work(replica, company, history)
    async with following(replica, browser) as stream:
        await stream.picture_with("Свободен")
        await browser.send(f"{HOME}sign-out")
        await history.hear_directory()
        assert await stream.event() == ("reload", "now")
    async with following(replica, replica.browser()) as stream:
        assert await stream.event() == ("reload", "now")
    assert (await browser.open(ME)).url.path == SIGN_IN


async def test_without_history_the_page_says_so_and_a_pause_is_taken_all_the_same(
    company: Company, console: ConsoleApp
) -> None:
    """Pauses are the directory's."""
    made = await company.employee("Орлов Пётр")
    browser = console.browser()
    await browser.sign_in(made["card"]["login"])
    page = await browser.open(ME)
    assert page.status_code == 200
    assert "Нет связи с историей" in page.text
    page = await browser.send(f"{ME}/pause", reason="")
    assert "Пауза принята" in page.text
    [pause] = (await company.sent()).facts(AgentPauseSaved)
    assert (pause.agent_id, pause.reason) == (made["id"], None)
    async with following(console, browser) as stream:
        await stream.ends()


async def test_where_history_has_no_stream_to_give_the_page_says_that_it_is_slow(
    replica: ConsoleApp, company: Company, history: CompanyHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked now and then, and is right all the same."""
    monkeypatch.setattr(quotas, "STREAMS_OF_ONE", structs.replace(quotas.STREAMS_OF_ONE, at_once=1))
    browser = await at_work(replica, company, history)
    async with following(replica, browser) as first:
        await first.picture_with("Свободен")
        async with following(replica, browser) as second:
            assert "Свободен" in await second.picture_with("раз в полминуты")


@pytest.mark.rule("O4")
async def test_hostile_names_and_numbers_are_text(
    replica: ConsoleApp, company: Company, history: CompanyHistory
) -> None:
    """In the page and in its stream."""
    browser = await at_work(replica, company, history)
    async with following(replica, browser) as stream:
        await stream.picture_with("Свободен")
        await history.tell(structs.replace(taken(company, "in1"), caller=HOSTILE), offered("in1", ORLOV))
        seen = await stream.picture_with("Вам звонят")
    page = await browser.open(ME)
    for text in (seen, page.text):
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)" in text
        assert "{{ 7 * 7 }}" in text
