"""The directory's background work ends with its process, whatever it is at."""

import asyncio
import contextlib
import sqlite3
from pathlib import Path

from tests.integration.directory.companies import Company


async def test_the_end_waits_for_work_that_is_in_a_transaction(tmp_path: Path) -> None:
    """A process that went on without it did not end: one directory of thirty under load, for ever."""
    file = tmp_path / "book.db"
    company = Company(f"sqlite:///{file}")
    background = company.directory.background
    others = asyncio.all_tasks()
    running = asyncio.create_task(background.run())
    while not background.is_up:
        await asyncio.sleep(0.01)
    with contextlib.closing(
        sqlite3.connect(file, timeout=60, isolation_level=None, check_same_thread=False)
    ) as another:
        # Beside the loop, which has to end the transaction that is open.
        await asyncio.to_thread(another.execute, "BEGIN IMMEDIATE")
        # Longer than the sender's pause: it has asked for its next transaction, and waits for this one.
        await asyncio.sleep(1)
        stopping = asyncio.create_task(background.stop())
        await asyncio.sleep(0.5)
        another.execute("ROLLBACK")
        await stopping
    await asyncio.gather(running, return_exceptions=True)
    assert asyncio.all_tasks() == others
