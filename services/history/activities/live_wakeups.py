"""Hears on PostgreSQL which organizations' present another replica has changed.

SQLite has one process, whose projector calls the feed itself. Where a pooler before PostgreSQL hands no
notifications through, a feed notices changes within a second by looking.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.ids import OrganizationId
from runtime.ports import Clock
from runtime.sql import NotConnected
from services.history.activities.live_rows import CHANNEL

AGAIN_S: Final = 2.0
ASK_S: Final = 30.0
"""How often the connection is asked for a word: one whose other side is gone would stay silent for ever."""
_log = structlog.get_logger()


class LiveWakeups:
    """Listens as long as the process lives."""

    def __init__(self, *, engine: AsyncEngine, clock: Clock, wake: Callable[[OrganizationId], None]) -> None:
        self._engine = engine
        self._clock = clock
        self._wake = wake

    async def run(self) -> None:
        """Listen until cancelled; on SQLite there is nobody to listen to."""
        if self._engine.dialect.name != "postgresql":
            return
        while True:
            try:
                await self._listen()
            except (DBAPIError, NotConnected, OSError) as error:
                _log.warning("nobody tells of other replicas' changes", error=str(error))
                await self._clock.sleep(AGAIN_S)

    async def _listen(self) -> None:
        async with self._engine.connect() as connection:
            raw: Any = (await connection.get_raw_connection()).driver_connection
            await raw.add_listener(CHANNEL, self._heard)
            try:
                while True:
                    await asyncio.sleep(ASK_S)
                    await connection.exec_driver_sql("SELECT 1")
                    await connection.rollback()
            finally:
                if not raw.is_closed():
                    await raw.remove_listener(CHANNEL, self._heard)

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: str) -> None:
        self._wake(OrganizationId(payload))
