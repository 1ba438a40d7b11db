"""The proxy that lies: what it passes on unchanged, and what each lie does to a real WebSocket."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage
from websockets.http11 import Request, Response

from devtools.chaos import ari_proxy
from devtools.chaos.ari_proxy import AriProxy, Lie
from ringback.stack.process import free_port

LATE_S = 0.3
SOUND = bytes(range(256)) * 1_000
QUICK_S = 5.0


class Machine:
    """Answers each request with its reply, or says the events that a request names."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def converse(self, connection: ServerConnection) -> None:
        async for text in connection:
            said = json.loads(text)
            self.heard.append(said["request_id"])
            for event in said.get("events", []):
                await connection.send(json.dumps(event))
            await connection.send(json.dumps({"type": "RESTResponse", "request_id": said["request_id"]}))


def _sound(connection: ServerConnection, request: Request) -> Response | None:
    if request.path != "/sound":
        return None
    response = connection.respond(200, "")
    response.body = SOUND
    response.headers["Content-Length"] = str(len(SOUND))
    return response


@asynccontextmanager
async def _between(machine: Machine) -> AsyncIterator[AriProxy]:
    """A proxy in front of a machine."""
    async with serve(machine.converse, "127.0.0.1", 0, process_request=_sound) as server:
        target = server.sockets[0].getsockname()[1]
        proxy = AriProxy("one", free_port(), ("127.0.0.1", target), seed=1)
        proxy.begin()
        try:
            yield proxy
        finally:
            await asyncio.to_thread(proxy.stop)


@asynccontextmanager
async def _client(proxy: AriProxy) -> AsyncIterator[ClientConnection]:
    async with connect(f"ws://127.0.0.1:{proxy.port}/ari/events", ping_interval=None) as connection:
        yield connection


async def _tell(proxy: AriProxy, lie: Lie) -> None:
    proxy.tell(lie)
    # The proxy's own thread does it at once; nothing shows when.
    await asyncio.sleep(0.05)


def _request(number: int, *events: dict[str, Any]) -> str:
    return json.dumps({"type": "RESTRequest", "request_id": f"r{number}", "events": list(events)})


def _event(number: int, channel: str) -> dict[str, Any]:
    return {"type": "ChannelVarset", "number": number, "channel": {"id": channel}}


async def _received(connection: ClientConnection, seconds: float) -> list[dict[str, Any]]:
    """All that comes within some seconds."""
    found: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(seconds):
            while True:
                found.append(json.loads(await connection.recv()))
    except TimeoutError:
        return found


async def test_an_honest_proxy_passes_messages_pings_and_http_on() -> None:
    """Between its lies the proxy must not be seen; a frozen machine must not seem alive by its pongs."""
    machine = Machine()
    async with _between(machine) as proxy, _client(proxy) as connection:
        await connection.send(_request(1))
        assert json.loads(await connection.recv())["request_id"] == "r1"
        await (await connection.ping())
        long = "x" * 70_000
        await connection.send(_request(2, {"type": "long", "said": long}))
        assert json.loads(await connection.recv())["said"] == long

        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"GET /sound HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = await reader.read(-1)
        writer.close()
        assert answer.partition(b"\r\n\r\n")[2] == SOUND
    assert proxy.disturbed == 0


async def test_a_slow_network_is_late_in_both_directions_and_keeps_the_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """3 s in the morning, each way; many messages are under way at once."""
    monkeypatch.setattr(ari_proxy, "LATE_S", LATE_S)
    async with _between(Machine()) as proxy, _client(proxy) as connection:
        await _tell(proxy, Lie.DELAY)
        begun = time.monotonic()
        for number in range(50):
            await connection.send(_request(number))
        answers = [json.loads(await connection.recv())["request_id"] for _ in range(50)]
        took_s = time.monotonic() - begun
    assert answers == [f"r{number}" for number in range(50)]
    assert 2 * LATE_S <= took_s < 50 * LATE_S


async def test_replies_get_lost_and_events_do_not() -> None:
    """The request was carried out, and nobody says so: the client has to ask again."""
    machine = Machine()
    async with _between(machine) as proxy, _client(proxy) as connection:
        await _tell(proxy, Lie.DROP)
        for number in range(60):
            await connection.send(_request(number, _event(number, "c")))
        found = await _received(connection, 0.5)
    replies = [each for each in found if each["type"] == "RESTResponse"]
    events = [each["number"] for each in found if each["type"] == "ChannelVarset"]
    assert len(machine.heard) == 60
    assert events == list(range(60))
    assert 0 < len(replies) < 60
    assert proxy.disturbed == 60 - len(replies)


async def test_messages_overtake_each_other_but_events_of_one_channel_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An Asterisk tells events before its reply; it never tells of a channel's end before its beginning."""
    monkeypatch.setattr(ari_proxy, "OVERTAKEN_S_MAX", LATE_S)
    async with _between(Machine()) as proxy, _client(proxy) as connection:
        await _tell(proxy, Lie.REORDER)
        for number in range(40):
            await connection.send(_request(number, _event(number, f"c{number % 4}")))
        found = await _received(connection, 4 * LATE_S)
    events = [each["number"] for each in found if each["type"] == "ChannelVarset"]
    replies = [each["request_id"] for each in found if each["type"] == "RESTResponse"]
    assert sorted(events) == list(range(40))
    assert events != sorted(events)
    assert len(replies) == 40
    assert replies != [f"r{number}" for number in range(40)]
    for channel in range(4):
        assert [number for number in events if number % 4 == channel] == list(range(channel, 40, 4))


async def test_some_replies_and_events_come_twice() -> None:
    """A key that is told twice was pressed once, and a reply to nothing is none."""
    machine = Machine()
    async with _between(machine) as proxy, _client(proxy) as connection:
        await _tell(proxy, Lie.DOUBLE)
        for number in range(60):
            await connection.send(_request(number))
        found = await _received(connection, 0.5)
    assert machine.heard == [f"r{number}" for number in range(60)]
    assert {each["request_id"] for each in found} == set(machine.heard)
    assert len(machine.heard) < len(found) < 2 * len(machine.heard)


async def test_a_cut_socket_is_reset_and_nobody_connects_until_it_is_mended() -> None:
    """1 s, 30 s and 90 s in the morning."""
    async with _between(Machine()) as proxy:
        async with _client(proxy) as connection:
            await _tell(proxy, Lie.CUT)
            with pytest.raises(ConnectionClosed):
                await connection.recv()
        with pytest.raises((OSError, EOFError, InvalidHandshake, InvalidMessage)):
            async with asyncio.timeout(QUICK_S):
                await connect(f"ws://127.0.0.1:{proxy.port}/ari/events")
        await _tell(proxy, Lie.NONE)
        async with _client(proxy) as again:
            await again.send(_request(1))
            assert json.loads(await again.recv())["request_id"] == "r1"


async def test_through_a_pulled_cable_nothing_comes_until_it_is_back() -> None:
    """Neither side is told: only a ping that is not answered betrays it."""
    async with _between(Machine()) as proxy, _client(proxy) as connection:
        await _tell(proxy, Lie.HOLE)
        await connection.send(_request(1))
        pong = asyncio.ensure_future(await connection.ping())
        assert await _received(connection, LATE_S) == []
        assert not pong.done()
        await _tell(proxy, Lie.NONE)
        assert json.loads(await connection.recv())["request_id"] == "r1"
        await pong


async def test_what_was_late_is_lost_with_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a real network: what was on its way when the socket broke comes never."""
    monkeypatch.setattr(ari_proxy, "LATE_S", LATE_S)
    machine = Machine()
    async with _between(machine) as proxy:
        async with _client(proxy) as connection:
            await _tell(proxy, Lie.DELAY)
            await connection.send(_request(1))
            await asyncio.sleep(0.05)
            await _tell(proxy, Lie.CUT)
            with pytest.raises(ConnectionClosed):
                await connection.recv()
        await asyncio.sleep(2 * LATE_S)
    assert machine.heard == []
