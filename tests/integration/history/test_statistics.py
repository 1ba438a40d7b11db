"""Figures of any period, by department, hour, day and employee: sums of cells that equal the rows (H6)."""

import csv
import io
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, delete, insert, select, text

from contracts.directory import RightsSaved, Role
from contracts.ids import AgentId
from contracts.queue import PlaceAbandoned
from services.history import state
from services.history.activities import tables
from services.history.activities.database import MIGRATIONS
from services.history.rules import table_rows
from services.history.state import Contact, PlaceEnd
from tests.integration.history.harness import HistoryHarness, an_office
from tests.integration.history.logs import morning, said
from tests.unit.history import statistics_of_contacts, stories
from tests.unit.history.stories import ANNA, BORIS, NORTH, SALES

BOSS = AgentId("boss")
DAY = "since_day=2027-01-15&until_day=2027-01-15"
"""The day of the stories, 11:00 in Moscow."""
HOSTILE = '=1+1"<b>\u05d0\u05d1\n@SUM'


async def asked(
    harness: HistoryHarness, question: str, agent_id: AgentId = BORIS, *, language: str = "ru"
) -> tuple[int, Any]:
    """A question and its answer."""
    async with harness.browser(agent_id) as asking:
        answer = await asking.get(question, headers={"Accept-Language": language})
    is_json = answer.headers["content-type"].startswith("application/json")
    return answer.status_code, answer.json() if is_json else answer.content.decode("utf-8-sig")


async def known_contacts(harness: HistoryHarness) -> list[Contact]:
    """Every contact's record."""
    async with harness.engine.connect() as connection:
        documents = await connection.scalars(select(tables.contacts.c.document))
        return [state.decoded(each) for each in documents]


async def cells(harness: HistoryHarness) -> set[tuple[Any, ...]]:
    """Every cell of the table that counts anything."""
    async with harness.engine.connect() as connection:
        rows = await connection.execute(select(tables.figure_cells))
        return {tuple(row) for row in rows if row.counts}


async def abandoned_after(harness: HistoryHarness, leg: str, at_s: float, waited_s: int) -> None:
    """A customer joins Sales and gives up."""
    place = stories.place(leg, at_s=at_s)
    gone = PlaceAbandoned(place_id=place.place_id, waited_ms=waited_s * 1000)
    await harness.tell(stories.a_call(leg), place, at_s=at_s)
    await harness.tell(gone, stories.hung_up(leg), at_s=at_s + waited_s)


@pytest.mark.rule("H6")
async def test_cells_are_the_sums_of_the_rows_however_the_log_is_cut(harness_on_both: HistoryHarness) -> None:
    """A stormy morning in batches of all sizes; the API against a plain look at the rows."""
    harness = harness_on_both
    records = [*morning(7)]
    records.append(
        said(
            len(records),
            records[-1].at,
            RightsSaved(agent_id=BOSS, version=1, role=Role.ADMINISTRATOR),
            NORTH,
        )
    )
    size = 1
    while records:
        harness.log.facts[0] += records[:size]
        records = records[size:]
        size = size * 2 % 61 + 1
        await harness.project()
    known = await known_contacts(harness)
    joined = sorted(place.joined_at for contact in known for place in contact.places)
    # Neither end is that of a cell: rows at both edges count by themselves.
    since_at, until_at = joined[len(joined) // 4] + 1, joined[-2] + 1
    _, found = await asked(harness, f"/statistics?since_at={since_at}&until_at={until_at}", BOSS)
    rows = []
    for contact in known:
        made = table_rows.rows_of(contact)
        for kind, at in (("places", "joined_at"), ("callbacks", "ordered_at"), ("tries", "rung_at")):
            made[kind] = [row for row in made[kind] if since_at <= row[at] < until_at]
        rows.append(made)
    counts = statistics_of_contacts.counted(rows)
    wanted = statistics_of_contacts.of_counts(counts)
    places = [row for made in rows for row in made["places"] if row["end"] != PlaceEnd.CONTINUED]
    assert found["total"]["offered"] == len(places) > 3
    assert found["total"]["wait_ms_p90"] == wanted.total.wait_ms_p90
    assert found["total"]["callbacks"]["ordered"] == sum(len(made["callbacks"]) for made in rows)
    by_agent = {each["agent_id"]: each["offered"] for each in found["employees"]}
    assert by_agent == {each.agent_id: each.offered for each in wanted.employees}
    for parts in (found["departments"], found["days"], found["hours"]):
        for name in ("offered", "answered", "abandoned"):
            assert sum(each[name] for each in parts) == found["total"][name]


@pytest.mark.rule("H6")
async def test_figures_stand_by_weekday_and_hour_of_the_zone_that_is_asked_for(
    harness_on_both: HistoryHarness,
) -> None:
    """Friday, 11:00 in Moscow, is 13:45 in Kathmandu; half an hour later is another hour there."""
    await an_office(harness_on_both)
    await abandoned_after(harness_on_both, "in.late", 20 * 60, 30)
    _, found = await asked(harness_on_both, f"/statistics?{DAY}")
    assert [(each["weekday"], each["hour"], each["offered"]) for each in found["hours"]] == [(5, 11, 4)]
    assert [(each["day"], each["offered"]) for each in found["days"]] == [("2027-01-15", 4)]
    _, found = await asked(harness_on_both, f"/statistics?{DAY}&zone=Asia/Kathmandu")
    assert [(each["hour"], each["offered"]) for each in found["hours"]] == [(13, 3), (14, 1)]
    assert found["zone"] == "Asia/Kathmandu"
    [late] = (each for each in found["hours"] if each["hour"] == 14)
    assert late["service_level_percent"] == 0.0
    assert late["wait_ms_median"] == 30_000


@pytest.mark.rule("H6")
async def test_figures_of_chosen_departments_are_theirs_alone(harness_on_both: HistoryHarness) -> None:
    await an_office(harness_on_both)
    _, of_all = await asked(harness_on_both, f"/statistics?{DAY}")
    _, of_sales = await asked(harness_on_both, f"/statistics?{DAY}&department=sales")
    _, of_both = await asked(harness_on_both, f"/statistics?{DAY}&department=sales,service")
    assert [each["name"] for each in of_sales["departments"]] == ["Sales"]
    assert of_sales["total"]["offered"] == of_sales["departments"][0]["offered"] == 2
    assert of_both["total"] == of_all["total"]
    assert of_all["total"]["offered"] == 3
    assert [each["agent_id"] for each in of_all["employees"]] == [ANNA], "a direct call"
    assert of_sales["employees"] == []


@pytest.mark.rule("H6", "P2")
async def test_nobody_s_figures_go_further_than_the_right(harness_on_both: HistoryHarness) -> None:
    """Who is of Sales and asks for Service gets nothing of it, nor internal calls without that right."""
    await an_office(harness_on_both)
    await harness_on_both.tell(RightsSaved(agent_id=ANNA, version=2, role=Role.USER), at_s=60)
    _, found = await asked(harness_on_both, f"/statistics?{DAY}&is_compared=true", ANNA)
    assert [each["department_id"] for each in found["departments"]] == [SALES]
    assert found["total"]["offered"] == 1, "the internal call is not for users"
    assert found["previous"]["departments"] == []
    _, found = await asked(harness_on_both, f"/statistics?{DAY}&department=service", ANNA)
    assert (found["departments"], found["hours"]) == ([], [])
    assert found["total"]["offered"] == 0


@pytest.mark.rule("H6")
async def test_the_period_before_stands_beside_the_period(harness_on_both: HistoryHarness) -> None:
    await an_office(harness_on_both)
    question = "/statistics?since_day=2027-01-16&until_day=2027-01-16&is_compared=true"
    _, found = await asked(harness_on_both, question)
    assert found["total"]["offered"] == 0
    previous = found["previous"]
    assert previous["total"]["offered"] == 3
    assert {each["name"] for each in previous["departments"]} == {"Sales", "Service"}
    moscow = ZoneInfo("Europe/Moscow")
    begun = datetime.fromtimestamp(previous["since_at"] / 1000, UTC).astimezone(moscow)
    assert begun.isoformat() == "2027-01-15T00:00:00+03:00"
    _, alone = await asked(harness_on_both, f"/statistics?{DAY}")
    assert alone["previous"] is None


@pytest.mark.parametrize("seconds", [61, 121, 1_000_000])
async def test_a_service_level_that_can_not_be_told_exactly_is_refused(
    harness: HistoryHarness, seconds: int
) -> None:
    await an_office(harness)
    status, told = await asked(harness, f"/statistics?{DAY}&service_level_s={seconds}")
    assert (status, told["field"]) in ((422, "service_level_s"), (400, "service_level_s"))


async def test_rows_that_an_older_version_wrote_meanwhile_are_counted(
    harness_on_both: HistoryHarness,
) -> None:
    """During an upgrade, and after a downgrade: it writes rows, and no cells."""
    harness = harness_on_both
    await an_office(harness)
    wanted = await cells(harness)
    async with harness.engine.begin() as connection:
        await connection.execute(delete(tables.figure_cells))
        await connection.execute(delete(tables.heard))
        await connection.execute(
            insert(tables.heard).values(organization_id=NORTH, source="queue", incarnation=0, seq=7)
        )
    restarted = HistoryHarness(harness.engine)
    restarted.log.facts[0] = harness.log.facts[0]
    await restarted.tell(stories.a_call("in.next"), at_s=90)
    of_north = {each for each in wanted if each[0] == NORTH}
    assert {each for each in await cells(restarted) if each[0] == NORTH} == of_north


async def test_rows_from_before_an_upgrade_are_counted_after_it(harness_on_both: HistoryHarness) -> None:
    """By the migration itself, so that a company that is quiet has its figures, too."""
    harness = harness_on_both
    await an_office(harness)
    wanted = await cells(harness)
    async with harness.engine.begin() as connection:
        for name in ("figure_cells", "figure_marks"):
            await connection.execute(text(f"DROP TABLE {name}"))
        await connection.run_sync(_migrated_from, "0008", "0009")
    assert await cells(harness) == wanted
    assert wanted


def _migrated_from(connection: Connection, before: str, after: str) -> None:
    """Go through one migration anew; the tables of later ones stay as they are."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.stamp(config, before)
    command.upgrade(config, after)


@pytest.mark.rule("H6", "H5")
async def test_every_table_of_the_figures_is_a_file_in_the_reader_s_language(
    harness_on_both: HistoryHarness,
) -> None:
    """The same numbers as the API, with the period before beside them."""
    await an_office(harness_on_both)
    await abandoned_after(harness_on_both, "in.late", 20 * 60, 30)
    address = f"/statistics.csv?{DAY}&is_compared=true"
    _, figures = await asked(harness_on_both, f"/statistics?{DAY}&is_compared=true")
    status, told = await asked(harness_on_both, f"{address}&part=departments")
    assert status == 200
    heads, *rows = csv.reader(io.StringIO(told), delimiter=";")
    assert heads[:3] == ["Отдел", "АТС", "Поступило"]
    assert "Уровень обслуживания за 20 с, %" in heads
    assert "Поступило, период до" in heads
    assert [row[0] for row in rows] == ["Sales", "Service", "Всего"]
    assert rows[-1][2] == str(figures["total"]["offered"]) == "4"
    _, told = await asked(harness_on_both, f"{address}&part=hours", language="en")
    assert told.splitlines()[1].startswith("Friday,11,4,")
    for part, lines in (("callbacks", 4), ("days", 2), ("employees", 2)):
        _, told = await asked(harness_on_both, f"{address}&part={part}")
        assert len(told.splitlines()) == lines, part
    status, told = await asked(harness_on_both, f"{address}&part=everything")
    assert (status, told["field"]) == (422, "part")


@pytest.mark.rule("P3", "P6")
async def test_files_of_figures_need_the_right_to_download_and_names_stay_text_in_them(
    harness: HistoryHarness,
) -> None:
    await an_office(harness)
    sales = stories.a_department(SALES, HOSTILE, stories.MOSCOW, ANNA, version=3)
    await harness.tell(sales, at_s=70)
    _, told = await asked(harness, f"/statistics.csv?{DAY}")
    cells_ = [cell for row in csv.reader(io.StringIO(told), delimiter=";") for cell in row]
    assert not [cell for cell in cells_ if cell.startswith(("=", "@", "+", "-"))]
    user = RightsSaved(agent_id=ANNA, version=2, role=Role.USER, may_download=False)
    await harness.tell(user, at_s=80)
    assert (await asked(harness, f"/statistics?{DAY}", ANNA))[0] == 200
    assert (await asked(harness, f"/statistics.csv?{DAY}", ANNA))[0] == 403
    await harness.tell(RightsSaved(agent_id=ANNA, version=3, role=Role.RESTRICTED_USER), at_s=90)
    for address in ("/statistics", "/statistics.csv"):
        assert (await asked(harness, f"{address}?{DAY}", ANNA))[0] == 403
