"""A week of a million facts a day in history: how fast it is read from the log, how it is filled, its disk.

Some thousand real calls are copied on the log, and history reads them from the beginning. Then their rows
are copied in the tables, over seven days, until there are as many as a week's calls have.
"""

import asyncio
import math
from typing import Final

import asyncpg
import msgspec

from devtools.bench import office
from devtools.bench.bench import Bench
from devtools.bench.company import AGENTS, Company
from devtools.bench.figures import Figure
from devtools.bench.lag import watched
from devtools.bench.recorded import Recorded, copies
from services.history.activities import tables
from services.history.rules.table_rows import CHILDREN

DAYS: Final = 7
TIMES: Final = 80
"""Copies on the log: as many as history reads within a minute."""
AT_ONCE: Final = 500
STEP: Final = 10_000_000
"""Between the offsets of one copy's facts and those of the next, which came earlier."""
DAY_MS: Final = 24 * 3_600_000
FILLED: Final = ("agent_changes", "contacts", *CHILDREN)
"""The tables that grow with calls; what else there is has a row for a source, a cell or a subject."""
WRITERS: Final = 2
COPYING: Final = (
    "INSERT INTO {table} ({columns}) SELECT {taken} FROM {table}, generate_series(1, {times}) copy"
)


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """What history has read from the log's beginning."""

    calls: int
    facts: int
    facts_a_second: float


def facts_a_day(bench: Bench) -> int:
    """How much that is; a quick run's week is a small one."""
    return bench.size(1_000_000, 2_000)


def name(bench: Bench) -> str:
    """The week in the names of figures."""
    return f"a week of {facts_a_day(bench):,} facts a day"


async def read(bench: Bench, made: Company, calls: Recorded) -> Read:
    """Put copies on the log while history is down; how fast it reads them when it is back."""
    times = bench.size(TIMES, 3)
    history = made.stack.service("history")
    history.stop()
    async with made.log() as (log, partition):
        first = await log.next_offset(partition)
        for copy in copies(calls, times):
            for at in range(0, len(copy), AT_ONCE):
                await log.append(partition, copy[at : at + AT_ONCE])
        end = await log.next_offset(partition)
        bench.say(f"history reads {end - first:,} facts")
        async with watched(made.database, partition) as seen:
            history.start()
            await seen.reach(end)
            pace = seen.pace()
        await asyncio.to_thread(history.wait_ready)
    return Read(calls=times * calls.calls, facts=end - first, facts_a_second=pace)


async def fill(bench: Bench, made: Company, stored: Read) -> int:
    """Copy the rows of the calls in the tables until there are those of a week; how many contacts then."""
    times = math.ceil(DAYS * facts_a_day(bench) / stored.facts) - 1
    bench.say(f"history: {name(bench)}, which is {(times + 1) * stored.calls:,} calls")
    pool = await asyncpg.create_pool(made.database, min_size=WRITERS, max_size=WRITERS)
    async with pool:
        await asyncio.gather(
            *(pool.execute(_copying(table, times), timeout=600) for table in FILLED),
        )
        # Autovacuum does this by itself within a minute of such a load.
        await pool.execute("VACUUM ANALYZE", timeout=600)
    return (times + 1) * stored.calls


def _copying(table: str, times: int) -> str:
    """The statement that copies a table's rows, each copy of other calls and a while earlier."""
    step_ms = DAYS * DAY_MS // (times + 1)
    made = {"offset": f'"offset" - copy * {STEP}::bigint'}
    for column in tables.METADATA.tables[table].c:
        quoted = f'"{column.name}"'
        if column.name.endswith("_at") or column.name == "at":
            made[column.name] = f"{quoted} - copy * {step_ms}::bigint"
        elif column.name.endswith("_id") or column.name in ("name", "document"):
            made[column.name] = f"replace({quoted}, '{office.PBX}.c', '{office.PBX}.w' || copy || '.c')"
        else:
            made.setdefault(column.name, quoted)
    columns = [column.name for column in tables.METADATA.tables[table].c]
    listed, taken = ", ".join(f'"{each}"' for each in columns), ", ".join(made[each] for each in columns)
    return COPYING.format(table=table, columns=listed, taken=taken, times=times)


async def figures(
    bench: Bench, connection: asyncpg.Connection, calls: Recorded, stored: Read, contacts: int
) -> list[Figure]:
    """What a week takes on disk, and how fast its log is read."""
    taken = float(await connection.fetchval("SELECT pg_database_size(current_database())"))
    facts = contacts * stored.facts / stored.calls
    minutes = DAYS * facts_a_day(bench) / stored.facts_a_second / 60
    how = (
        f"{contacts:,} calls of {calls.facts_a_call:.1f} facts, {facts:,.0f} in all, to a department of "
        f"{AGENTS}: the rows of {stored.calls:,} calls that history has read from the log, and copies of them"
    )
    return [
        Figure(
            name=f"history on PostgreSQL's disk, {name(bench)}",
            unit="GiB",
            measured=taken / 2**30,
            how=f"the whole database with its indexes; {how}",
        ),
        Figure(
            name="history on PostgreSQL's disk, per fact on the log",
            unit="bytes",
            measured=taken / facts,
            how=f"the same database: {taken / contacts / 1024:.1f} KiB a call",
        ),
        Figure(
            name="history read from the log's beginning",
            unit="facts/s",
            measured=stored.facts_a_second,
            how=f"one partition, {stored.facts:,} facts into an empty database, on the embedded broker. A "
            f"rebuild of that week would take {minutes:.0f} minutes at this pace: calculated, not measured",
            bound_by="one process folds the facts of a partition and waits for each of its transactions",
        ),
    ]
