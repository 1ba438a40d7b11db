"""Measures pages of history, statistics and the console's screens over a week of a million facts a day, on
PostgreSQL.

History reads some thousand real calls from the log (`week`), which make the small database; with the rows of
a week beside them the same pages must take no longer.
"""

import time
from typing import Final

import asyncpg
import httpx
import uvloop

from devtools.bench import period, screens, week
from devtools.bench.bench import Bench
from devtools.bench.company import AGENTS, Company, company
from devtools.bench.figures import Figure, at_most, median, ratio_at_most
from devtools.bench.live import TooSlow
from devtools.bench.recorded import Recorded, recorded

YEAR: Final = 1_000_000
"""Contacts of the year whose statistics are asked for."""
WARM_UP: Final = 30
REQUESTS: Final = 300
PAGE: Final = 50
PAGE_MS_MAX: Final = 20


def measure(bench: Bench) -> list[Figure]:
    """Measure pages with few rows, then with a week's; then statistics and the console's screens."""
    calls = recorded(bench, agents=AGENTS)
    with company(bench) as made:
        return uvloop.run(_measured(bench, made, calls))


async def _measured(bench: Bench, made: Company, calls: Recorded) -> list[Figure]:
    stored = await week.read(bench, made, calls)
    few = await _page(made)
    contacts = await week.fill(bench, made, stored)
    many = await _page(made)
    connection = await asyncpg.connect(made.database)
    try:
        taken = await week.figures(bench, connection, calls, stored, contacts)
        bench.say("history: statistics of a year")
        periods = await period.measured(connection, made, bench.size(YEAR, 20_000))
    finally:
        await connection.close()
    return [
        *_pages(week.name(bench), stored.calls, contacts, few=few, many=many),
        *taken,
        *periods,
        *await screens.figures(bench, made, over=week.name(bench)),
    ]


def _pages(over: str, small: int, contacts: int, *, few: float, many: float) -> list[Figure]:
    how = (
        f"{contacts:,} contacts; median of {REQUESTS} requests of {PAGE} rows by an administrator, one after "
        "the other"
    )
    against = f"the same page with {small:,} contacts in the tables, same run"
    return [
        Figure(
            name=name,
            unit="ms",
            measured=1000 * many,
            baseline=1000 * few,
            against=against,
            goal=goal,
            how=how,
            bound_by="the token, the rights' card, two queries, and fifty documents decoded and shown",
        )
        for name, goal in (
            (f"GET /history, first page of {over}", at_most(PAGE_MS_MAX)),
            ("GET /history, first page of that week against a small database", ratio_at_most(1.5)),
        )
    ]


async def _page(made: Company) -> float:
    """Median seconds of a first page."""
    headers = {"Authorization": f"Bearer {made.token()}"}
    taken = []
    async with httpx.AsyncClient(base_url=made.history, headers=headers) as client:
        for _ in range(WARM_UP + REQUESTS):
            began = time.perf_counter()
            answer = await client.get("/history", params={"limit": PAGE})
            taken.append(time.perf_counter() - began)
            if len(answer.raise_for_status().json()["rows"]) != PAGE:
                raise TooSlow("a page is not full")
    return median(taken[WARM_UP:])
