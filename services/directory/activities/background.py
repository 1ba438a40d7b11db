"""What runs beside the API: first the migrations, then the outbox, welcome letters and maintenance."""

import asyncio
from typing import Final

import structlog

from runtime.host.identity import RefusedToStart
from runtime.sql import NotConnected
from services.directory.activities.database import Database
from services.directory.activities.maintenance import Maintenance
from services.directory.activities.outbox_sender import Sender
from services.directory.activities.welcome_letters import WelcomeLetters

_log: Final = structlog.get_logger()


class Background:
    """Runs the background work; `is_up` once the tables are migrated."""

    def __init__(
        self, database: Database, sender: Sender, letters: WelcomeLetters, maintenance: Maintenance
    ) -> None:
        self._database = database
        self._sender = sender
        self._letters = letters
        self._maintenance = maintenance
        self._work: list[asyncio.Task[None]] = []
        self.is_up = False

    async def run(self) -> None:
        """Migrate, then work; an error ends the process, which is restarted. Raises RefusedToStart."""
        try:
            await self._database.upgrade()
        except NotConnected as error:
            raise RefusedToStart(str(error)) from error
        self.is_up = True
        _log.info("the book is open")
        works = (self._sender.run(), self._letters.run(), self._maintenance.run())
        self._work = [asyncio.create_task(each) for each in works]
        await asyncio.gather(*self._work)

    async def stop(self) -> None:
        """End the work, then close the database; what is not sent stays in the outbox."""
        self.is_up = False
        for work in self._work:
            work.cancel()
        # Each of them: one that still leaves its transaction would be cancelled once more at the end of the
        # process, and closing a connection to SQLite that is closed already waits for ever.
        await asyncio.gather(*self._work, return_exceptions=True)
        await self._database.close()
