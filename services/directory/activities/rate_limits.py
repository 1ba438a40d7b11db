"""Limits failed tries per login and per address, counted in the database for all replicas."""

from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import Instant
from services.directory.activities.database import upsert
from services.directory.activities.tables import TRIES
from services.directory.rules.errors import Code, Problem, RequestRefused

WINDOW_MS: Final = 15 * 60_000
LOGIN_TRIES_MAX: Final = 10
"""In a window: enough for typing errors, and 960 guesses a day."""
ADDRESS_TRIES_MAX: Final = 100
"""An office may stand behind one address."""
SUBJECT_LENGTH_MAX: Final = 120


async def count(connection: AsyncConnection, subject: str, tries_max: int, now_at: Instant) -> None:
    """Count one try. Raises RequestRefused after too many in this window."""
    name = subject[:SUBJECT_LENGTH_MAX]
    row = (await connection.execute(select(TRIES).where(TRIES.c.subject == name))).first()
    is_past = row is None or row.window_at + WINDOW_MS <= now_at
    if row is not None and not is_past and row.failed >= tries_max:
        seconds = (row.window_at + WINDOW_MS - now_at) // 1000 + 1
        raise RequestRefused(Problem(code=Code.TOO_MANY_TRIES, values={"seconds": str(seconds)}))
    fresh = {"window_at": now_at, "failed": 1}
    made = upsert(connection, TRIES).values(subject=name, **fresh)
    # Incremented by the database, so that two tries at once count twice.
    changed = fresh if is_past else {"failed": TRIES.c.failed + 1}
    await connection.execute(made.on_conflict_do_update(index_elements=["subject"], set_=changed))


async def forget(connection: AsyncConnection, subject: str) -> None:
    """Reset the count after a success."""
    await connection.execute(delete(TRIES).where(TRIES.c.subject == subject[:SUBJECT_LENGTH_MAX]))


async def delete_expired(connection: AsyncConnection, now_at: Instant) -> None:
    """Delete windows that have ended."""
    await connection.execute(delete(TRIES).where(TRIES.c.window_at + WINDOW_MS <= now_at))
