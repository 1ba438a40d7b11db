"""Pages, filters, the download, and statistics that equal the rows they sum (H5, H6)."""

from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from msgspec import structs
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.directory import Language, LoginEnded, RightsSaved, Role
from contracts.ids import AgentId, Instant
from contracts.message import Fact
from services.history import state
from services.history.activities import tables
from services.history.activities.queries import Filters
from services.history.api import csv_download
from services.history.rules.errors import Refused
from services.history.rules.outcome import Outcome, outcome
from services.history.state import CallbackEnd, Contact, PlaceEnd, TryEnd
from tests import offices
from tests.integration.history.harness import HistoryHarness, an_office, token_of
from tests.integration.history.logs import morning, said
from tests.integration.runtime.listeners import said as answer_to
from tests.integration.runtime.listeners import served
from tests.unit.history.stories import ANNA, BEGIN, BORIS, NORTH, SALES

SEED = 3
PERIOD = {"since_at": 1_799_900_000_000, "until_at": 1_800_100_000_000}


async def a_morning(harness: HistoryHarness, seed: int = SEED) -> list[Contact]:
    """A simulated morning in the tables, with an administrator; and its contacts, as they stand there."""
    records = [*morning(seed)]
    right = RightsSaved(agent_id=AgentId("boss"), version=1, role=Role.ADMINISTRATOR)
    records.append(said(len(records), records[-1].at, right, NORTH))
    harness.log.facts[0] = records
    await harness.project()
    return await contacts(harness.engine)


async def contacts(engine: AsyncEngine) -> list[Contact]:
    """Every contact's record."""
    async with engine.connect() as connection:
        found = await connection.scalars(select(tables.contacts.c.document))
        return [state.decoded(each) for each in found]


@pytest.mark.rule("H5")
async def test_pages_follow_each_other_without_a_gap_or_a_double_newest_first(
    harness_on_both: HistoryHarness,
) -> None:
    """Someone who pages through sees each call once."""
    known = await a_morning(harness_on_both)
    wanted = sorted(((each.started_at, each.contact_id) for each in known), reverse=True)
    seen: list[tuple[int, str]] = []
    after = ""
    async with harness_on_both.browser(AgentId("boss")) as asked:
        while True:
            page = (await asked.get("/history", params={"limit": 3, "after": after})).json()
            seen += [(row["started_at"], row["contact_id"]) for row in page["rows"]]
            after = page["next"]
            if after is None:
                break
    assert seen == wanted
    assert len(seen) > 6


@pytest.mark.rule("H5")
@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ({}, {"in.sales", "in.service", "in.inside", "in.anna"}),
        ({"department": "sales"}, {"in.sales", "in.inside"}),
        ({"department": "sales,service"}, {"in.sales", "in.inside", "in.service"}),
        ({"employee": "anna"}, {"in.anna"}),
        ({"direction": "internal"}, {"in.inside"}),
        ({"outcome": "open,missed"}, {"in.sales", "in.service", "in.inside", "in.anna"}),
        ({"outcome": "answered"}, set()),
        ({"number": "8 916 555-00-01"}, {"in.sales", "in.service", "in.anna"}),
        ({"number": "+79990000000"}, set()),
        ({"pbx": "moscow", "is_voicemail": "true"}, {"in.sales", "in.service", "in.inside", "in.anna"}),
        ({"pbx": "volga"}, set()),
        ({"since_at": 1_800_000_020_000}, {"in.service", "in.inside", "in.anna"}),
        ({"until_at": 1_800_000_020_000}, {"in.sales"}),
    ],
)
async def test_a_filter_finds_what_it_says_and_nothing_else(
    office: HistoryHarness, params: dict[str, Any], wanted: set[str]
) -> None:
    """Time, department, employee, PBX, direction, outcome, number (H5)."""
    async with office.browser(BORIS) as asked:
        answer = await asked.get("/history", params=params)
    assert {row["contact_id"] for row in answer.json()["rows"]} == wanted


@pytest.mark.rule("H5", "H3")
@pytest.mark.parametrize(
    ("language", "head", "cell"),
    [
        ("ru-RU,ru;q=0.9", "Автоответчик", ";да;"),
        ("en", "Voicemail", ",yes,"),
        ("de", "Автоответчик", ";да;"),
    ],
)
async def test_the_table_is_in_the_readers_language(
    office: HistoryHarness, language: str, head: str, cell: str
) -> None:
    """Heads and cells, dates and times; without a language we know, the organization's."""
    async with office.browser(BORIS) as asked:
        answer = await asked.get(
            "/history.csv",
            params={"department": "sales", "direction": "incoming"},
            headers={"Accept-Language": language},
        )
    assert answer.headers["content-type"].startswith("text/csv")
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert head in lines[0]
    assert len(lines) == 2
    assert "+7 916 555-00-01" in lines[1]
    assert cell in lines[1]


@pytest.mark.rule("H5", "C8")
async def test_a_contact_shows_what_else_the_customer_had_that_day(office: HistoryHarness) -> None:
    """«Already talked to Sales at 12:04» (EC-30)."""
    async with office.browser(BORIS) as asked:
        shown = (await asked.get("/history/in.sales")).json()
    assert {row["contact_id"] for row in shown["same_number"]} == {"in.service", "in.anna"}
    assert shown["row"]["department_label"] == "Sales"
    assert [place["department"]["name"] for place in shown["places"]] == ["Sales"]


@pytest.mark.rule("H6")
@pytest.mark.parametrize("seed", [3, 7, 20])
async def test_every_figure_is_the_sum_of_the_rows(harness_on_both: HistoryHarness, seed: int) -> None:
    """A manager who counts rows by hand comes to the same number."""
    known = await a_morning(harness_on_both, seed)
    async with harness_on_both.browser(AgentId("boss")) as asked:
        figures = (await asked.get("/statistics", params=PERIOD)).json()
    assert figures["departments"]
    for each in figures["departments"]:
        assert_department(each, known)
    for each in figures["employees"]:
        tries = [
            made
            for contact in known
            for made in contact.tries
            if made.agent is not None and made.agent.agent_id == each["agent_id"]
        ]
        assert each["offered"] == len(tries)
        talks = [talk.agent for contact in known for talk in contact.talks if talk.agent is not None]
        assert each["answered"] == sum(agent.agent_id == each["agent_id"] for agent in talks)
        assert each["missed"] == sum(made.end is TryEnd.MISSED for made in tries)
        assert each["offered"] == sum(
            each[name] for name in ("answered", "missed", "declined", "other", "open")
        )


def assert_department(figures: dict[str, Any], known: list[Contact]) -> None:
    """One department's figures against the contacts' own records."""
    id_ = figures["department_id"]
    places = [
        place
        for contact in known
        for place in contact.places
        if place.department.department_id == id_ and place.end is not PlaceEnd.CONTINUED
    ]
    waits = sorted(place.waited_ms for place in places if place.ended_at is not None)
    assert figures["offered"] == len(places)
    assert figures["answered"] == sum(place.end is PlaceEnd.CONNECTED for place in places)
    assert figures["abandoned"] == sum(place.end is PlaceEnd.ABANDONED for place in places)
    assert figures["offered"] == sum(figures[name] for name in ("answered", "abandoned", "missed", "open"))
    assert figures["wait_ms_average"] == round(sum(waits) / len(waits))
    exact = waits[-(-len(waits) * 95 // 100) - 1]
    assert exact <= figures["wait_ms_p95"] < max(exact + 1000, exact * 1.09), "the end of its step"
    callbacks = [
        each for contact in known for each in contact.callbacks if each.department.department_id == id_
    ]
    funnel = figures["callbacks"]
    assert funnel["ordered"] == len(callbacks)
    connected = [each for each in callbacks if each.end is CallbackEnd.CONNECTED]
    assert funnel["by_other_call"] == sum(each.is_by_other_call for each in connected)
    assert funnel["connected"] == len(connected) - funnel["by_other_call"]
    assert funnel["expired"] == sum(each.end is CallbackEnd.EXPIRED for each in callbacks)
    assert funnel["ordered"] >= funnel["agent"] >= funnel["dialled"] >= funnel["connected"]
    ends = ("connected", "expired", "unreached", "cancelled", "refused", "open", "by_other_call")
    assert funnel["ordered"] == sum(funnel[name] for name in ends)


@pytest.mark.rule("H6", "V5")
async def test_a_voice_message_answered_in_time_counts_and_the_formula_is_said(
    office: HistoryHarness,
) -> None:
    """The answer says how it was counted, in both languages."""
    async with office.browser(BORIS) as asked:
        await asked.post("/voice-messages/vm.in.sales/called-back")
        figures = (await asked.get("/statistics", params=PERIOD)).json()
    sales = next(each for each in figures["departments"] if each["department_id"] == SALES)
    assert sales["voicemail"] == {"left": 2, "answered_in_time": 1}
    assert "20 s" in figures["formulas"]["service_level"]["en"]
    assert "20 с" in figures["formulas"]["service_level"]["ru"]


@pytest.mark.rule("H6", "P2")
async def test_a_head_gets_figures_of_own_departments_only(office: HistoryHarness) -> None:
    """Sales is Anna's, Service is not."""
    await office.tell(RightsSaved(agent_id=ANNA, version=2, role=Role.DEPARTMENT_HEAD), at_s=60)
    async with office.browser(ANNA) as asked:
        figures = (await asked.get("/statistics", params=PERIOD)).json()
    assert [each["department_id"] for each in figures["departments"]] == [SALES]


async def test_rows_and_records_agree_on_the_outcome(harness_on_both: HistoryHarness) -> None:
    """The column that filters is the outcome that is shown."""
    known = await a_morning(harness_on_both)
    async with harness_on_both.engine.connect() as connection:
        found = dict(
            (await connection.execute(select(tables.contacts.c.contact_id, tables.contacts.c.outcome))).all()
        )
    assert found == {each.contact_id: str(outcome(each)) for each in known}
    assert Outcome.ANSWERED in {Outcome(each) for each in found.values()}


@pytest.mark.rule("H5")
async def test_a_download_that_can_not_be_finished_breaks_off_audibly(
    harness: HistoryHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that only ends too early would be taken for all there is."""
    await an_office(harness)
    async with harness.engine.begin() as connection:
        await connection.execute(update(tables.contacts).values(document=b"\x01not a record"))
    headers = {"Authorization": f"Bearer {token_of(BORIS)}"}
    async with served(harness.app) as port, httpx.AsyncClient(headers=headers) as asked:
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
            await asked.get(f"http://127.0.0.1:{port}/history.csv")
    assert "Exception in ASGI application" in caplog.text, "and the operator sees why"


@pytest.mark.rule("P3", "P6", "P8")
@pytest.mark.parametrize("lost", ["download", "login", "organization", "number"])
async def test_a_download_under_way_ends_when_its_reader_may_no_more(
    harness: HistoryHarness, lost: str
) -> None:
    """A year of calls takes minutes: what is taken back meanwhile is taken back with the next page."""
    await an_office(harness, RightsSaved(agent_id=ANNA, version=2, role=Role.USER))
    organization = offices.organization(NORTH)
    told: dict[str, Fact] = {
        "download": RightsSaved(agent_id=ANNA, version=3, role=Role.USER, may_download=False),
        "login": LoginEnded(login_id="login", agent_id=ANNA, until_at=Instant(BEGIN + 10**11)),
        "organization": structs.replace(organization, version=2, is_suspended=True),
        "number": structs.replace(organization, version=2, numbers_hidden_from=(Role.USER,)),
    }
    principal = await harness.authentication.principal(f"Bearer {token_of(ANNA)}")
    filters = Filters(number="+79165550001" if lost == "number" else "")
    lines = csv_download.lines(harness.parts, principal, filters, Language.ENGLISH, ZoneInfo("UTC"))
    assert await anext(lines) == b"\xef\xbb\xbf"
    await harness.tell(told[lost], at_s=60)
    with pytest.raises(Refused):
        await anext(lines)


@pytest.mark.rule("H5")
async def test_a_download_over_http_1_0_is_refused_since_nobody_could_see_it_break(
    harness: HistoryHarness,
) -> None:
    """Some proxies speak it to their servers unless they are told otherwise."""
    await an_office(harness)
    head = f"GET /history.csv HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer {token_of(BORIS)}\r\n\r\n"
    async with served(harness.app) as port:
        answer = await answer_to(port, head.encode())
    assert (answer.status, answer.code) == (505, "http_too_old")


@pytest.mark.rule("H5")
async def test_a_filter_takes_a_hundred_values_and_no_more(harness: HistoryHarness) -> None:
    """A thousand ids would be a query that keeps the database busy for everybody."""
    await an_office(harness)
    ids = [f"d{number}" for number in range(101)]
    async with harness.browser(BORIS) as asked:
        fits = await asked.get("/history", params={"department": ",".join(ids[:100])})
        refused = await asked.get("/history.csv", params={"department": ",".join(ids)})
        twice = await asked.get("/history", params={"employee": "anna," * 150})
    assert (fits.status_code, twice.status_code) == (200, 200)
    assert (refused.status_code, refused.json()["code"]) == (422, "filter_too_long")
    assert refused.json()["field"] == "department"
    assert "100" in refused.json()["cause"]["ru"]


@pytest.mark.parametrize("after", ["garbage", "====", "MTIz", "LTEvYQ", "é", "OTk5OTk5OTk5OTk5OTk5OTk5L2E"])
async def test_a_cursor_that_is_no_cursor_is_refused_in_words(harness: HistoryHarness, after: str) -> None:
    """It never means the first page, which would look like a page that was seen before."""
    await an_office(harness)
    async with harness.browser(BORIS) as asked:
        refused = [await asked.get(path, params={"after": after}) for path in ("/history", "/voice-messages")]
    assert [(each.status_code, each.json()["code"]) for each in refused] == [(422, "cursor_unknown")] * 2
