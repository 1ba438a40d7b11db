"""How much a page reads depends on the page, not on the organization's size, as PostgreSQL itself reports."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from msgspec import Struct
from sqlalchemy import Select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.callback import Origin
from contracts.directory import Role
from contracts.ids import AgentId, CallbackId, DepartmentId, Instant
from contracts.rights import Action, Person
from services.history.activities import callbacks, own_calls, queries
from services.history.activities.authentication import Principal
from services.history.activities.callbacks import Filters as CallbackFilters
from services.history.activities.callbacks import Key as CallbackKey
from services.history.activities.database import connected, migrate
from services.history.activities.queries import Filters, Key
from services.history.state import ContactId
from tests.integration.history.harness import HistoryHarness, an_office
from tests.unit.history.stories import ANNA, BEGIN, NORTH, SALES, SERVICE, VERA

CALLS = 20_000
PAGE = 51
READ_MAX = 6 * PAGE
"""For each row of a page its key in an index, the contact, and what rights and filters ask of it."""
COPIES = """
INSERT INTO contacts
SELECT organization_id, contact_id || '.' || g, started_at - g * 1000, ended_at, pbx_id, direction,
    is_internal, outcome, is_voicemail, document
FROM contacts, generate_series(1, :count) g WHERE contact_id = :contact AND organization_id = :org
"""
LINKS = """
INSERT INTO {table} SELECT organization_id, {column}, started_at - g * 1000, contact_id || '.' || g
FROM {table}, generate_series(1, :count) g WHERE contact_id = :contact AND organization_id = :org
"""
OF_VERA = """
INSERT INTO contact_agents SELECT organization_id, 'vera', started_at, contact_id
FROM contact_departments WHERE department_id = 'service' AND contact_id LIKE 'in.service.%'
"""
CALLBACKS = """
INSERT INTO callback_lists
SELECT :org, list, 1800000000000 - g * 1000, 'cb.' || g, 'in.service.' || g, department, origin, g <= 2, false
FROM generate_series(1, :count) g
CROSS JOIN LATERAL (SELECT CASE WHEN g % 5000 = 0 THEN 'sales' ELSE 'service' END AS department,
    CASE WHEN g % 5000 = 1 THEN 'abandoned' ELSE 'queue' END AS origin) it
CROSS JOIN LATERAL (VALUES ('organization'), ('department/' || department), ('agent/vera')) of(list)
"""
"""Four of Sales, four after abandoned calls, two that stand; all others are Service's, and have ended."""


class Read(Struct, frozen=True, kw_only=True):
    """What a statement read: rows of tables and indexes, and which indexes."""

    rows: int
    indexes: frozenset[str]
    found: int


@pytest_asyncio.fixture
async def large(postgres_database: str) -> AsyncIterator[AsyncEngine]:
    """An organization with twenty thousand calls of Service, all Vera's, two of Sales and one of Anna."""
    engine = connected(postgres_database)
    await migrate(engine)
    await an_office(HistoryHarness(engine))
    async with engine.begin() as connection:
        await copies(connection, "in.service", CALLS)
        await connection.execute(text(OF_VERA))
        await connection.execute(text(CALLBACKS), {"count": CALLS, "org": NORTH})
        await connection.execute(text("ANALYZE"))
    yield engine
    await engine.dispose()


async def copies(connection: AsyncConnection, contact: str, count: int) -> None:
    values = {"count": count, "contact": contact, "org": NORTH}
    await connection.execute(text(COPIES), values)
    for table, column in (("contact_departments", "department_id"), ("contact_agents", "agent_id")):
        await connection.execute(text(LINKS.format(table=table, column=column)), values)


def somebody(role: Role, *departments: DepartmentId, agent_id: AgentId = ANNA) -> Principal:
    person = Person(
        organization_id=NORTH,
        agent_id=agent_id,
        role=role,
        departments=frozenset(departments),
    )
    return Principal(holder=person)


HEAD = somebody(Role.DEPARTMENT_HEAD, SALES)
USER = somebody(Role.USER, SALES)
RESTRICTED = somebody(Role.RESTRICTED_USER)
OF_BOTH = somebody(Role.DEPARTMENT_HEAD, SALES, SERVICE)
ADMINISTRATOR = somebody(Role.ADMINISTRATOR)
ALL = Filters()


async def read(
    engine: AsyncEngine,
    principal: Principal,
    filters: Filters = ALL,
    after: Key | None = None,
    actions: tuple[Action, ...] = (Action.HISTORY_READ,),
) -> Read:
    query = queries.keys_query(principal, actions, filters, after=after, limit=PAGE)
    return await read_by(engine, query)


async def read_by(engine: AsyncEngine, query: Select[*tuple[Any, ...]]) -> Read:
    statement = query.compile(dialect=engine.dialect, compile_kwargs={"literal_binds": True})
    async with engine.connect() as connection:
        explained = await connection.scalar(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"))
    plan = explained[0]["Plan"]
    scans = [each for each in nodes(plan) if each["Node Type"].endswith("Scan") and "Relation Name" in each]
    return Read(
        rows=sum(
            each["Actual Loops"] * (each["Actual Rows"] + each.get("Rows Removed by Filter", 0))
            for each in scans
        ),
        indexes=frozenset(each["Index Name"] for each in scans if "Index Name" in each),
        found=plan["Actual Rows"],
    )


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)


@pytest.mark.rule("P6", "H5")
@pytest.mark.parametrize(("principal", "found"), [(HEAD, 3), (USER, 2), (RESTRICTED, 1)])
async def test_who_has_few_calls_in_a_large_organization_reads_few(
    large: AsyncEngine, principal: Principal, found: int
) -> None:
    """A head of a small department does not pay for the calls of all others."""
    seen = await read(large, principal)
    assert seen.found == found
    assert seen.rows <= READ_MAX
    assert seen.indexes & {"contact_departments_pkey", "contact_agents_pkey"}


@pytest.mark.rule("P6", "H5")
async def test_who_has_many_calls_reads_a_page_of_them(large: AsyncEngine) -> None:
    """Also with two departments, much later pages, and for a download."""
    after = Key(started_at=Instant(BEGIN - 5_000_000), contact_id=ContactId(""))
    download = (Action.HISTORY_READ, Action.HISTORY_DOWNLOAD)
    for seen in (
        await read(large, OF_BOTH),
        await read(large, OF_BOTH, after=after),
        await read(large, OF_BOTH, actions=download),
        await read(large, OF_BOTH, Filters(until_at=Instant(BEGIN - 9_000_000))),
        await read(large, somebody(Role.RESTRICTED_USER, agent_id=VERA), after=after),
        await read(large, ADMINISTRATOR, after=after),
    ):
        assert seen.found == PAGE
        assert seen.rows <= 2 * READ_MAX


@pytest.mark.rule("H5")
async def test_an_administrator_who_asks_for_a_small_department_or_one_employee_reads_few(
    large: AsyncEngine,
) -> None:
    """The filter is found by its own index, too."""
    for filters, found in (
        (Filters(departments=(SALES,)), 2),
        (Filters(employees=(ANNA,)), 1),
        (Filters(employees=(ANNA, VERA)), PAGE),
    ):
        seen = await read(large, ADMINISTRATOR, filters)
        assert (seen.found, seen.rows <= READ_MAX) == (found, True), filters


async def test_an_administrators_first_page_is_read_from_one_index_alone(large: AsyncEngine) -> None:
    """As before: newest first, and no row of the table is looked at."""
    seen = await read(large, ADMINISTRATOR)
    assert (seen.found, seen.rows, seen.indexes) == (PAGE, PAGE, frozenset({"contacts_by_time"}))


async def read_callbacks(
    engine: AsyncEngine, principal: Principal, *, after: CallbackKey | None = None, **filters: Any
) -> Read:
    whole = {"since_at": Instant(0), "until_at": Instant(2 * BEGIN)}
    wanted = CallbackFilters(**(whole | filters))
    return await read_by(engine, callbacks.keys_query(principal, wanted, after=after, limit=PAGE))


@pytest.mark.rule("P6", "C13")
async def test_a_page_of_callbacks_reads_a_page_whoever_asks_for_which(large: AsyncEngine) -> None:
    """However many there are: of few the few, of many one page, from one end of an index."""
    later = CallbackKey(ordered_at=Instant(BEGIN - 5_000_000), callback_id=CallbackId(""))
    vera = somebody(Role.RESTRICTED_USER, agent_id=VERA)
    for seen, found in (
        (await read_callbacks(large, ADMINISTRATOR), PAGE),
        (await read_callbacks(large, ADMINISTRATOR, after=later), PAGE),
        (await read_callbacks(large, ADMINISTRATOR, is_standing=True), 2),
        (await read_callbacks(large, ADMINISTRATOR, is_standing=False, after=later), PAGE),
        (await read_callbacks(large, ADMINISTRATOR, departments=(SALES,)), 4),
        (await read_callbacks(large, ADMINISTRATOR, origins=(Origin.ABANDONED,)), 4),
        (await read_callbacks(large, OF_BOTH, origins=(Origin.ABANDONED, Origin.API)), 4),
        (await read_callbacks(large, OF_BOTH, departments=(SALES,), is_standing=False), 4),
        (await read_callbacks(large, OF_BOTH, is_standing=True), 2),
        (await read_callbacks(large, HEAD), 4),
        (await read_callbacks(large, vera, after=later), PAGE),
    ):
        assert (seen.found, seen.rows <= READ_MAX) == (found, True), seen


@pytest.mark.rule("P4")
async def test_the_own_call_is_found_among_the_open_ones_and_its_customers_contacts_by_number(
    large: AsyncEngine,
) -> None:
    """Vera has twenty thousand calls, and reads those of this moment."""
    async with large.begin() as connection:
        await connection.execute(text("UPDATE contacts SET ended_at = started_at"))
        await connection.execute(
            text("UPDATE contacts SET ended_at = NULL WHERE contact_id = 'in.service.7'")
        )
        await connection.execute(text("ANALYZE"))
    for principal in (ADMINISTRATOR, somebody(Role.USER, SERVICE, agent_id=VERA)):
        seen = await read_by(large, own_calls.open_query(principal, VERA))
        assert (seen.found, seen.rows <= PAGE, "contacts_open" in seen.indexes) == (1, True, True)
        earlier = own_calls.earlier_query(principal, ["number:+79165550001"], Instant(BEGIN + 10**6), 11)
        seen = await read_by(large, earlier)
        assert (seen.found > 0, seen.rows <= PAGE) == (True, True), seen
