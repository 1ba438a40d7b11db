"""The table at the end: the morning's calls from history, requested over HTTP as by a browser."""

import time
import urllib.request
from collections.abc import Collection
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from rich.console import Console
from rich.table import Table

from contracts.ids import AgentId, Instant, OrganizationId
from devtools.demo.promise import Promise
from ringback.words import seconds
from runtime.masking import masked
from runtime.token_keys import SigningKeys
from runtime.tokens import Claims, TokenUse, sign
from services.history.api.responses import Page
from services.history.rules.history_row import Row

ASK_S_MAX: Final = 90.0
"""How long history may take to catch up with the log; on a machine that is not slow it already has."""
PAUSE_S: Final = 0.3
ZONE: Final = ZoneInfo("Europe/Moscow")


def asked(
    address: str,
    keys: SigningKeys,
    *,
    organization_id: OrganizationId,
    agent_id: AgentId,
    wanted: Collection[str],
) -> list[Row]:
    """The rows of history, the first call first, once every wanted caller's contact has ended.

    The employee `agent_id` asks. After a timeout, rows that have not ended are returned as they are.
    """
    now = Instant(time.time_ns() // 1_000_000)
    claims = Claims(
        organization_id=organization_id,
        use=TokenUse.ACCESS,
        agent_id=agent_id,
        issued_at=now,
        expires_at=Instant(now + 600_000),
    )
    request = urllib.request.Request(f"{address}/history?limit=100")  # noqa: S310  # loopback
    request.add_header("Authorization", f"Bearer {sign(claims, keys)}")
    deadline = time.monotonic() + ASK_S_MAX
    while True:
        with urllib.request.urlopen(request, timeout=ASK_S_MAX) as answer:  # noqa: S310
            rows = msgspec.json.decode(answer.read(), type=Page).rows
        over = {row.number for row in rows if row.ended_at is not None}
        if over >= set(wanted) or time.monotonic() > deadline:
            return sorted(rows, key=lambda row: row.started_at)
        time.sleep(PAUSE_S)


def promise(rows: list[Row], callers: Collection[str]) -> Promise:
    """H1 to H4: exactly one row for each caller, and no row is left open."""
    numbers = sorted(row.number or "" for row in rows)
    is_kept = numbers == sorted(callers) and all(row.ended_at is not None for row in rows)
    return Promise("history has one line for each customer, and each is over", is_kept, f"{len(rows)} lines")


def show(console: Console, rows: list[Row]) -> None:
    """The table, as a manager's console would show it."""
    table = Table(title="history", title_justify="left", box=None, pad_edge=False)
    for name in ("time", "customer", "department", "employee", "outcome"):
        table.add_column(name, no_wrap=True)
    table.add_column("waited", justify="right", no_wrap=True)
    table.add_column("talked", justify="right", no_wrap=True)
    for row in rows:
        who = row.agent_label + ("\nАвтоответчик" if row.is_voicemail else "")
        table.add_row(
            f"{datetime.fromtimestamp(row.started_at / 1000, ZONE):%H:%M}",
            masked(row.number or ""),
            row.department_label,
            who,
            row.outcome.replace("_", " "),
            seconds(row.waited_ms),
            seconds(row.talk_ms) if row.talk_ms else "",
        )
    console.print()
    console.print(table)
