"""Measures pages of history, and statistics, with a million rows on PostgreSQL, and a look-up by primary key.

The service projects one real call from the log. The other rows are its copies with different names and times,
so that every page is decoded and shown like any other.
"""

import asyncio
import time
from typing import Final

import asyncpg
import httpx
import uvloop

from contracts.directory import RightsSaved, Role, StrategyKind
from contracts.gateway import CallArrived, EndedBy, LegEnded, Outcome
from contracts.ids import Instant, LegId, PlaceId
from contracts.message import Fact
from contracts.queue import PlaceConnected, PlaceTaken
from devtools.bench import office, period
from devtools.bench.bench import Bench
from devtools.bench.figures import Figure, median
from devtools.bench.live import TooSlow
from ringback.stack import postgres
from runtime import kafka_clients
from runtime.kafka_log import KafkaLog
from runtime.token_keys import SigningKeys
from runtime.tokens import Claims, TokenUse, sign

ROWS: Final = 1_000_000
WARM_UP: Final = 30
REQUESTS: Final = 300
PAGE: Final = 50
WAIT_S: Final = 60
ANNA: Final = office.agent_id(0)
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
    """Measure pages with few rows, then with many, each in turn with a bare look-up."""
    reason = postgres.reason_missing()
    if reason is not None:
        raise TooSlow(reason)
    server = postgres.start(bench.run, dies_with_parent=True)
    try:
        token_keys = SigningKeys.generate()
        settings = bench.fresh_settings(bench.broker) | {
            "RINGBACK_HISTORY_DATABASE": server.database("bench"),
            "RINGBACK_TOKEN_PUBLIC_KEYS": token_keys.public.as_json(),
            # One login asks as fast as it is answered, which quotas are there to prevent.
            "RINGBACK_QUOTA_FACTOR": "10000",
        }
        service = bench.service("history", settings)
        service.wait_ready()
        found = uvloop.run(_measured(bench, settings, token_keys, service.address))
        service.kill()
        return found
    finally:
        server.stop()


async def _measured(
    bench: Bench, settings: dict[str, str], token_keys: SigningKeys, address: str
) -> list[Figure]:
    await _say(settings)
    connection = await asyncpg.connect(settings["RINGBACK_HISTORY_DATABASE"])
    try:
        await _one_row(connection)
        few, many = 1_000, bench.size(ROWS, 20_000)
        await _copy(connection, 1, few)
        first, _ = await _pages(address, token_keys, connection)
        bench.say(f"history: {many:,} rows")
        await _copy(connection, few + 1, many)
        page, bare = await _pages(address, token_keys, connection)
        keys, heap = await _keys(connection)
        database = settings["RINGBACK_HISTORY_DATABASE"]
        bench.say("history: statistics of a year")
        periods = await period.measured(connection, database, address, _headers(token_keys), many)
    finally:
        await connection.close()
    return [*_figures(many, first=first, page=page, bare=bare, keys=keys, heap=heap), *periods]


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


async def _say(settings: dict[str, str]) -> None:
    """Append the office, its administrator and one call to the log."""
    rights = RightsSaved(agent_id=ANNA, version=1, role=Role.ADMINISTRATOR)
    book = (*office.book(agents=10, kind=StrategyKind.RING_ALL), rights)
    (arrived, ended), (taken, connected) = _call()
    log = KafkaLog(
        kafka_clients.from_environment(settings),
        prefix=settings["RINGBACK_TOPIC_PREFIX"],
        client_id="bench-history",
    )
    await log.start()
    try:
        partition = await log.partition_of("facts", office.VOLGA)
        incarnation = await log.append(partition, [office.Gateway().claim()])
        gateway = office.Gateway(incarnation=incarnation)
        queue = [
            office.record(fact, office.VOLGA, source="queue", id_=str(seq), seq=seq)
            for seq, fact in enumerate((taken, connected), start=1)
        ]
        said = [*office.book_records(office.VOLGA, book), gateway.record(arrived), *queue]
        await log.append(partition, [*said, gateway.record(ended)])
    finally:
        await log.stop()


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


def _headers(keys: SigningKeys) -> dict[str, str]:
    """The administrator's token."""
    now = Instant(time.time_ns() // 1_000_000)
    claims = Claims(
        organization_id=office.VOLGA,
        use=TokenUse.ACCESS,
        agent_id=ANNA,
        issued_at=now,
        expires_at=Instant(now + 3_600_000),
    )
    return {"Authorization": f"Bearer {sign(claims, keys)}"}


async def _pages(address: str, keys: SigningKeys, connection: asyncpg.Connection) -> tuple[float, float]:
    """Median seconds of a page, and of the bare look-up, in turns."""
    bare = await connection.prepare(BARE)
    pages, looks = [], []
    async with httpx.AsyncClient(base_url=address, headers=_headers(keys)) as client:
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
