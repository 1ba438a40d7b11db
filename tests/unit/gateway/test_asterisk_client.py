"""The connection to an Asterisk: when it is good for nothing although it is open."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection, serve

from services.gateway.asterisk import client
from services.gateway.asterisk.ari import AriEvent
from services.gateway.asterisk.client import AriClient

DONE_S_MAX = 20.0
"""For a busy machine; nothing is judged by it."""


@asynccontextmanager
async def an_asterisk(*, has_events: bool) -> AsyncIterator[str]:
    """It does what it is asked; with `has_events` it also sends the event that it is asked for."""

    async def answer(socket: ServerConnection) -> None:
        async for data in socket:
            asked = msgspec.json.decode(data)
            reply = {"type": "RESTResponse", "request_id": asked["request_id"], "status_code": 204}
            await socket.send(msgspec.json.encode(reply).decode())
            name = asked["uri"].rpartition("/")[2]
            if has_events and asked["uri"].startswith("events/user/"):
                event = {"type": "ChannelUserevent", "eventname": name}
                await socket.send(msgspec.json.encode(event).decode())

    async with serve(answer, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"http://u:p@127.0.0.1:{port}/ari"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LIFE_S", 0.02)
    monkeypatch.setattr(client, "SILENCE_S_MAX", 2.0)


async def test_a_connection_on_which_no_events_come_is_given_up_although_requests_are_answered() -> None:
    """Seen when a gateway connects while the socket of one before it is being closed: nobody would hear a
    hang-up for hours."""
    async with an_asterisk(has_events=False) as url:
        found = AriClient(url, "ringback", lambda _: None)
        await found.connect()
        assert (await found.request("GET", "asterisk/ping")).is_ok
        async with asyncio.timeout(DONE_S_MAX):
            await found.closed()
        await found.close()


async def test_a_quiet_connection_stays_and_its_proofs_of_life_are_nobody_elses_events() -> None:
    """At night nobody calls."""
    heard: list[AriEvent] = []
    async with an_asterisk(has_events=True) as url:
        found = AriClient(url, "ringback", heard.append)
        await found.connect()
        await asyncio.sleep(2.5)
        assert found.is_connected
        assert heard == []
        await found.close()
