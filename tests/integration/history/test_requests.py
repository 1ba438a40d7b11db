"""Requests to history: unknown parameters are refused, days beside instants, figures with names."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import structs

from contracts.directory import PbxSaved
from tests.integration import parameters
from tests.integration.history.harness import HistoryHarness, department_call
from tests.unit.history import stories
from tests.unit.history.stories import BORIS, SALES

DAY = datetime.fromtimestamp(stories.BEGIN / 1000, UTC).date().isoformat()


async def asked(harness: HistoryHarness, path: str) -> tuple[int, dict[str, Any]]:
    """The administrator's question and its answer."""
    async with harness.browser(BORIS) as asking:
        answer = await asking.get(path)
    return answer.status_code, answer.json()


async def an_office(harness: HistoryHarness) -> None:
    """A call to Sales in the first seconds of the story: 15 January 2027, 11:00 in Moscow."""
    await harness.tell(*stories.the_cards(), *department_call("in1", SALES), at_s=10)


@pytest.mark.rule("H5")
@pytest.mark.parametrize(
    ("path", "field", "meant"),
    [
        ("/history?outcom=missed", "outcom", "outcome"),
        ("/history.csv?departmnt=sales", "departmnt", "department"),
        ("/history?parts=1", "parts", ""),
        ("/history?principal=1", "principal", ""),
        ("/history/in1?outcome=missed", "outcome", ""),
        ("/history/in1/why?x=1", "x", ""),
        (f"/statistics?since_day={DAY}&until_day={DAY}&departmnt=sales", "departmnt", "department"),
        ("/voice-messages?unclaimed=true", "unclaimed", "is_unclaimed"),
        ("/recordings/rec.in1/audio?x=1", "x", ""),
    ],
)
async def test_n7_a_parameter_that_a_route_does_not_have_is_refused(
    harness: HistoryHarness, path: str, field: str, meant: str
) -> None:
    """A misspelt filter that is ignored shows everything, and looks like an answer."""
    await an_office(harness)
    status, told = await asked(harness, path)
    assert (status, told["code"], told["field"]) == (400, "request_invalid", field)
    assert meant in str(told["remedy"])


@pytest.mark.rule("H5")
async def test_n7_a_day_is_meant_by_the_clock_of_a_zone(harness: HistoryHarness) -> None:
    """Nobody counts milliseconds: the organization's days, or those of the zone that is named."""
    await an_office(harness)
    for question, count in (
        ("since_day=2027-01-15&until_day=2027-01-15", 1),
        ("since_day=2027-01-16", 0),
        ("until_day=2027-01-14", 0),
        ("since_day=2027-01-15&until_day=2027-01-15&zone=Pacific/Auckland", 1),
        ("since_day=2027-01-16&zone=Pacific/Kiritimati", 0),
        ("until_day=2027-01-14&zone=Pacific/Honolulu", 1),
    ):
        status, page = await asked(harness, f"/history?{question}")
        assert (status, len(page["rows"])) == (200, count), question


@pytest.mark.rule("H5")
async def test_n7_a_row_says_when_it_began_by_the_reader_s_clock(harness: HistoryHarness) -> None:
    """Beside the instant, which programs compare."""
    await an_office(harness)
    for zone, local in (("", "2027-01-15T11:00:10+03:00"), ("&zone=Asia/Tokyo", "2027-01-15T17:00:10+09:00")):
        _, page = await asked(harness, f"/history?limit=1{zone}")
        [row] = page["rows"]
        assert (row["started_at"], row["started_local"]) == (stories.at(10), local)
        assert page["zone"] == (zone.partition("=")[2] or "Europe/Moscow")


@pytest.mark.parametrize(
    ("question", "code", "field"),
    [
        ("zone=Europe/Nowhere", "zone_unknown", "zone"),
        ("since_day=2027-01-15&since_at=5", "period_twice", "since_day"),
        ("until_day=9999-12-31", "period_unusable", "until_day"),
        ("since_day=2027-01-16&until_day=2027-01-15", "period_unusable", "since_day"),
        ("since_at=6&until_at=5", "period_unusable", "since_at"),
        ("since_day=yesterday", "request_invalid", "since_day"),
    ],
)
async def test_n7_a_period_that_cannot_be_meant_is_refused_in_words(
    harness: HistoryHarness, question: str, code: str, field: str
) -> None:
    """With the field, and what it takes."""
    await an_office(harness)
    status, told = await asked(harness, f"/history?{question}")
    assert status in (400, 422)
    assert (told["code"], told["field"]) == (code, field)


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ("", "period_missing"),
        ("since_day=2027-01-15", "period_missing"),
        ("until_day=2027-01-15", "period_unusable"),
    ],
)
async def test_n7_figures_of_no_period_are_refused_with_the_end_that_is_missing(
    harness: HistoryHarness, question: str, code: str
) -> None:
    """A sum over all time is of no use to anybody."""
    await an_office(harness)
    status, told = await asked(harness, f"/statistics?{question}")
    assert (status, told["code"], told["field"]) == (422, code, "until_at")


@pytest.mark.rule("H6", "O4")
async def test_n7_figures_say_whose_they_are(harness: HistoryHarness) -> None:
    """With today's names, since nobody knows people by ids."""
    await an_office(harness)
    call = [stories.a_call("in2"), stories.taken("in2"), stories.rung(stories.VERA, "t2", "in2")]
    volga = structs.replace(
        next(fact for fact in stories.the_cards() if isinstance(fact, PbxSaved) and fact.name == "Volga"),
        version=2,
        name="Volga II",
    )
    await harness.tell(*call, volga, at_s=20)
    _, figures = await asked(harness, "/statistics?since_day=2027-01-15&until_day=2027-01-15")
    [sales] = figures["departments"]
    assert (sales["department_id"], sales["name"], sales["pbx_name"]) == ("sales", "Sales", "Moscow")
    [vera] = figures["employees"]
    assert (vera["agent_id"], vera["name"], vera["pbx_name"]) == ("vera", "Vera", "Volga II")


def test_every_parameter_has_a_limit(harness: HistoryHarness) -> None:
    """Lists, cursors, periods and ids: none may be as long as its sender likes."""
    found = harness.app.openapi_schema.to_schema()
    assert parameters.count(found) > 30
    assert parameters.unlimited(found) == []
