"""History of the directory's company, on a port of its own: over ASGI httpx reads no stream."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.codec import Envelope
from contracts.ids import OrganizationId
from contracts.message import Fact
from runtime import http_server
from runtime.http_server import ConnectionLimits
from runtime.ports import Blobs
from services.history.api.limits import guarded
from tests.integration.directory.companies import ORGANIZATION, TOKEN_KEYS, Company
from tests.integration.history.harness import HistoryHarness
from tests.integration.history.logs import record


class CompanyHistory:
    """It hears what the directory says, and what a test says of calls."""

    def __init__(self, company: Company, engine: AsyncEngine, *, links: Blobs | None = None) -> None:
        """Links to audio lead into `links`."""
        self._company = company
        self._heard = 0
        self.harness = HistoryHarness(engine, keys=TOKEN_KEYS, clock=company.clock, links=links)
        self.url = ""

    async def hear_directory(self) -> None:
        """What the directory has said since the last time."""
        said = (await self._company.sent()).sent
        facts = [message for _, message in said[self._heard :] if isinstance(message, Fact)]
        self._heard = len(said)
        await self.tell(*facts)

    async def tell(self, *facts: Fact) -> None:
        """Facts on the log, now."""
        log = self.harness.log
        for fact in facts:
            offset = log.end(0)
            envelope = Envelope(
                id=f"test/{offset}",
                type=str(fact.__struct_config__.tag),
                source="test",
                organization_id=OrganizationId(ORGANIZATION),
            )
            log.facts[0].append(record(offset, self._company.clock.now(), envelope, fact))
        await self.harness.project()


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """An application on a port of loopback: its address."""
    socket = http_server.bound("127.0.0.1", 0)
    listener = http_server.listener(app, has_lifespan=False, limits=ConnectionLimits())
    serving = asyncio.create_task(listener.serve(sockets=[socket]))
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        listener.should_exit = True
        await serving


@asynccontextmanager
async def history_of(company: Company, engine: AsyncEngine) -> AsyncIterator[CompanyHistory]:
    """A company's history, where the console finds it."""
    made = CompanyHistory(company, engine)
    await made.hear_directory()
    async with served(guarded(made.harness.app)) as made.url:
        yield made
        made.harness.live.end_streams()
        made.harness.own.end_streams()
