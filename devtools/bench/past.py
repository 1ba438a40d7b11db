"""Measures pages of history, and statistics, with a million rows on PostgreSQL, a look-up by primary key, and
the console's screens over them.

The service projects one real call from the log. The other rows are its copies with different names and times,
so that every page is decoded and shown like any other.
"""

import asyncio
import time
from typing import Final

import asyncpg
import httpx
import uvloop

from contracts.gateway import CallArrived, EndedBy, LegEnded, Outcome
from contracts.ids import Instant, LegId, PlaceId
from contracts.message import Fact
from contracts.queue import PlaceConnected, PlaceTaken
from devtools.bench import office, period, screens
from devtools.bench.bench import Bench
from devtools.bench.company import ANNA, Company, company
from devtools.bench.figures import Figure, median
from devtools.bench.live import TooSlow

ROWS: Final = 1_000_000
WARM_UP: Final = 30
REQUESTS: Final = 300
PAGE: Final = 50
WAIT_S: Final = 60
LEG: Final = LegId("in.kazan.1")

COPIES: Final = """
INSERT INTO contacts
SELECT organization_id, 'copy.' || g, started_at - g * 1000, ended_at - g * 1000, pbx_id, direction,
       is_internal, outcome, is_voicemail, replace(document, contact_id, 'copy.' || g)
FROM contacts, generate_series($1::int, $2::int) g WHERE contact_id NOT LIKE 'copy.%';
"""
LINKS: Final = """
INSERT INTO {table} SELECT organization_id, {column}, started_at - g * 1000, 'copy.' || g
FROM {table}, generate_series($1::int, $2::int) g WHERE contact_id NOT LIKE 'copy.%';
"""
BARE: Final = "SELECT document FROM contacts WHERE organization_id = $1 AND contact_id = $2"
KEYS: Final = """
SELECT started_at, contact_id FROM contacts WHERE organization_id = $1
ORDER BY started_at DESC, contact_id DESC LIMIT 51
"""


def measure(bench: Bench) -> list[Figure]:
    """Measure pages with few rows, then with many, each in turn with a bare look-up; then the console's."""
    with company(bench) as made:
        return uvloop.run(_measured(bench, made))


async def _measured(bench: Bench, made: Company) -> list[Figure]:
    await _say(made)
    connection = await asyncpg.connect(made.database)
    try:
        await _one_row(connection)
        few, many = 1_000, bench.size(ROWS, 20_000)
        await _copy(connection, 1, few)
        first, _ = await _pages(made, connection)
        bench.say(f"history: {many:,} rows")
        await _copy(connection, few + 1, many)
        page, bare = await _pages(made, connection)
        keys, heap = await _keys(connection)
        bench.say("history: statistics of a year")
        periods = await period.measured(connection, made, many)
    finally:
        await connection.close()
    found = _figures(many, first=first, page=page, bare=bare, keys=keys, heap=heap)
    return found + periods + await screens.figures(bench, made, rows=many)


def _figures(rows: int, *, first: float, page: float, bare: float, keys: float, heap: float) -> list[Figure]:
    how = f"median of {REQUESTS} requests of {PAGE} rows by an administrator, in turn with the baseline"
    return [
        Figure(
            name=f"GET /history, first page of {rows:,} rows",
            unit="ms",
            measured=1000 * page,
            baseline=1000 * bare,
            against="a bare SELECT of one document by its primary key, same database, same run",
            how=how,
            bound_by="the token, the rights' card, two queries, and fifty documents decoded and shown",
        ),
        Figure(
            name=f"GET /history, {rows:,} rows against 1,000",
            unit="ms",
            measured=1000 * page,
            baseline=1000 * first,
            against="the same page with a thousand rows",
            how=how,
        ),
        Figure(
            name="GET /history, the page's keys",
            unit="ms",
            measured=1000 * keys,
            baseline=1000 * bare,
            against="a bare SELECT of one document by its primary key, same database, same run",
            how="the query that finds the newest 51, alone",
        ),
        Figure(
            name="GET /history, rows of the table read for the keys",
            unit="rows",
            measured=heap,
            how="heap fetches of that query, as EXPLAIN ANALYZE tells: 0 means from the index alone",
        ),
    ]


def _call() -> tuple[list[Fact], list[Fact]]:
    """An answered call: the gateway's facts, with the queue's in between."""
    place_id = PlaceId(f"p.{LEG}")
    arrived = CallArrived(pbx_id=office.PBX, leg_id=LEG, caller="+79120000001", line=office.LINE)
    taken = PlaceTaken(
        place_id=place_id,
        department_id=office.SALES,
        pbx_id=office.PBX,
        leg_id=LEG,
        caller=arrived.caller,
        line=office.LINE,
        joined_at=Instant(office.MORNING),
        deadline_at=Instant(office.MORNING + 600_000),
        position=1,
    )
    connected = PlaceConnected(
        place_id=place_id, agent_id=ANNA, leg_id=LEG, agent_leg_id=LegId("a.1"), waited_ms=7_000
    )
    ended = LegEnded(
        pbx_id=office.PBX, leg_id=LEG, outcome=Outcome.COMPLETED, by=EndedBy.PARTY, talk_ms=60_000
    )
    return [arrived, ended], [taken, connected]


async def _say(made: Company) -> None:
    """Append one call to the log."""
    (arrived, ended), (taken, connected) = _call()
    async with made.log() as (log, partition):
        incarnation = await log.append(partition, [office.Gateway().claim()])
        gateway = office.Gateway(incarnation=incarnation)
        queue = [
            office.record(fact, office.VOLGA, source="queue", id_=str(seq), seq=seq)
            for seq, fact in enumerate((taken, connected), start=1)
        ]
        await log.append(partition, [gateway.record(arrived), *queue, gateway.record(ended)])


async def _one_row(connection: asyncpg.Connection) -> None:
    """Wait until the ended call is a row."""
    deadline = time.monotonic() + WAIT_S
    while await connection.fetchval("SELECT count(*) FROM contacts WHERE ended_at IS NOT NULL") < 1:
        if time.monotonic() > deadline:
            raise TooSlow("history has not projected the call")
        await asyncio.sleep(0.1)


async def _copy(connection: asyncpg.Connection, first: int, last: int) -> None:
    await connection.execute(COPIES, first, last, timeout=600)
    for table, column in (("contact_departments", "department_id"), ("contact_agents", "agent_id")):
        await connection.execute(LINKS.format(table=table, column=column), first, last, timeout=600)
    # Autovacuum does this by itself within a minute of such a load.
    await connection.execute("VACUUM ANALYZE contacts", timeout=600)


async def _pages(made: Company, connection: asyncpg.Connection) -> tuple[float, float]:
    """Median seconds of a page, and of the bare look-up, in turns."""
    headers = {"Authorization": f"Bearer {made.token()}"}
    bare = await connection.prepare(BARE)
    pages, looks = [], []
    async with httpx.AsyncClient(base_url=made.history, headers=headers) as client:
        for number in range(1, WARM_UP + REQUESTS + 1):
            began = time.perf_counter()
            answer = await client.get("/history", params={"limit": PAGE})
            pages.append(time.perf_counter() - began)
            if len(answer.raise_for_status().json()["rows"]) != PAGE:
                raise TooSlow("a page is not full")
            began = time.perf_counter()
            await bare.fetchval(office.VOLGA, f"copy.{number}")
            looks.append(time.perf_counter() - began)
    return median(pages[WARM_UP:]), median(looks[WARM_UP:])


async def _keys(connection: asyncpg.Connection) -> tuple[float, float]:
    """Median seconds of the query for a page's keys, and how often it had to read the table."""
    query = await connection.prepare(KEYS)
    times = []
    for _ in range(WARM_UP + REQUESTS):
        began = time.perf_counter()
        await query.fetch(office.VOLGA)
        times.append(time.perf_counter() - began)
    told = await connection.fetch(f"EXPLAIN (ANALYZE, COSTS OFF) {KEYS}", office.VOLGA)
    lines = [row[0] for row in told]
    if not any("Index Only Scan" in line for line in lines):
        raise TooSlow("the first page is not read from the index alone: " + "; ".join(lines))
    fetches = [line.rpartition(":")[2] for line in lines if "Heap Fetches" in line]
    return median(times[WARM_UP:]), float(fetches[0])
