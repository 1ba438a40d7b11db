"""Measures statistics of a week, a month and a year with a million contacts in the tables.

A year of ten departments and sixty employees is written as rows; the cells are made of them by the code that
makes them after an upgrade, whose time is a figure of its own.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg
import httpx

from devtools.bench import office
from devtools.bench.company import Company
from devtools.bench.figures import Figure, at_most, median
from devtools.bench.live import TooSlow
from services.history.activities import figure_cells
from services.history.activities.database import connected

WARM_UP: Final = 5
REQUESTS: Final = 40
SERVER_MS_MAX: Final = 150
"""A page of the console, at the median."""
PERIODS: Final = {"a week": 7, "30 days": 30, "a year": 365}

MADE: Final = """
SELECT g, g / 365 % 10 AS department, g / 365 % 60 AS agent, (g / 365 * 31 % 90) * 1000 AS waited_ms,
       $2::bigint - (g % 365) * 86400000::bigint + 28800000 + (g / 365 * 7919::bigint % 43200) * 1000 AS at
FROM generate_series(1, $3::int) g
"""
"""Calls of 365 days, from 8 to 20 o'clock."""
PLACES: Final = """
INSERT INTO places (organization_id, place_id, contact_id, department_id, joined_at, ended_at, "end",
                    waited_ms, is_with_callback, is_internal)
SELECT $1, 'p.year.' || g, 'year.' || g, 'department-' || department, at, at + waited_ms,
       CASE WHEN g % 11 = 0 THEN 'abandoned' ELSE 'connected' END, waited_ms, false, false
FROM ({made}) made
"""
TRIES: Final = """
INSERT INTO tries (organization_id, contact_id, number, agent_id, department_id, kind, rung_at, "end",
                   rang_ms, is_internal)
SELECT $1, 'year.' || g, number, 'agent-' || (agent + number) % 60, 'department-' || department, 'offer',
       at, CASE WHEN number = 0 THEN 'accepted' ELSE 'missed' END, 4000, false
FROM ({made}) made, generate_series(0, 1) number WHERE number = 0 OR g % 5 = 0
"""
CALLBACKS: Final = """
INSERT INTO callbacks (organization_id, callback_id, contact_id, department_id, ordered_at, agent_at,
                       dialled_at, reached_at, ended_at, "end", waited_ms)
SELECT $1, 'cb.year.' || g, 'year.' || g, 'department-' || department, at, at, at, at, at, 'connected', 6000
FROM ({made}) made WHERE g % 10 = 0
"""


async def measured(connection: asyncpg.Connection, made: Company, rows: int) -> list[Figure]:
    """Write a year of rows in place of those there are, count them, and ask for periods."""
    await connection.execute("TRUNCATE places, tries, callbacks")
    now = datetime.now(UTC)
    midnight = int(datetime(now.year, now.month, now.day, tzinfo=UTC).timestamp()) * 1000
    for query in (PLACES, TRIES, CALLBACKS):
        yesterday = midnight - 24 * 3_600_000
        await connection.execute(query.format(made=MADE), office.VOLGA, yesterday, rows, timeout=600)
    began = time.perf_counter()
    engine = connected(made.database)
    async with engine.begin() as filling:
        await filling.run_sync(figure_cells.fill, office.VOLGA)
    await engine.dispose()
    counting_s = time.perf_counter() - began
    await connection.execute("VACUUM ANALYZE figure_cells", timeout=600)
    until = now.date() - timedelta(days=1)
    found = []
    headers = {"Authorization": f"Bearer {made.token()}"}
    async with httpx.AsyncClient(base_url=made.history, headers=headers, timeout=60) as client:
        for name, days in PERIODS.items():
            since = until - timedelta(days=days - 1)
            params = {"since_day": f"{since}", "until_day": f"{until}", "is_compared": "true", "zone": "UTC"}
            found.append(_figure(name, rows, await _asked(client, params)))
    counting = Figure(
        name=f"figures of {rows:,} contacts, counted anew",
        unit="s",
        measured=counting_s,
        how="all cells from the rows, as after an upgrade: once, in the process of history",
    )
    return [*found, counting]


async def _asked(client: httpx.AsyncClient, params: dict[str, str]) -> float:
    """Median seconds of an answer."""
    times = []
    for _ in range(WARM_UP + REQUESTS):
        began = time.perf_counter()
        answer = (await client.get("/statistics", params=params)).raise_for_status().json()
        times.append(time.perf_counter() - began)
        if len(answer["departments"]) < 10 or not answer["total"]["offered"]:
            raise TooSlow("departments are missing")
    return median(times[WARM_UP:])


def _figure(name: str, rows: int, seconds: float) -> Figure:
    return Figure(
        name=f"GET /statistics, {name} of {rows:,} contacts in a year, with the period before",
        unit="ms",
        measured=1000 * seconds,
        goal=None if name == "a year" else at_most(SERVER_MS_MAX),
        how=f"median of {REQUESTS} requests by an administrator: ten departments, sixty employees, the map "
        "of the week, days and callbacks",
        bound_by="a cell for each quarter of an hour of each department that had a call, read and added",
    )
