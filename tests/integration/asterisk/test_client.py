"""The client of ARI on a server that we play ourselves: lost replies, broken sockets, what is logged."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from services.gateway.asterisk.ari import AriEvent
from services.gateway.asterisk.client import ALIVE, AriClient, NotConnected, Refused, Reply, ReplyLost, path

Handle = Callable[[ServerConnection, dict[str, Any]], Coroutine[Any, Any, None]]


async def reply(socket: ServerConnection, request: dict[str, Any], body: str = "{}") -> None:
    found = {"type": "RESTResponse", "request_id": request["request_id"], "status_code": 200}
    await socket.send(json.dumps({**found, "message_body": body}))


async def reply_to_all(socket: ServerConnection, request: dict[str, Any]) -> None:
    await reply(socket, request)


@asynccontextmanager
async def connected(
    handle: Handle, *, login: str = "ringback:of-the-tests", is_alive: bool = True
) -> AsyncIterator[tuple[AriClient, list[AriEvent]]]:
    """A client of a server that passes every request but the proofs of life to `handle`."""

    async def serve_one(socket: ServerConnection) -> None:
        async for message in socket:
            request = json.loads(message)
            if request["uri"].startswith("events/user/"):
                await reply(socket, request)
                if is_alive:
                    await socket.send(json.dumps({"type": "ChannelUserevent", "eventname": ALIVE}))
            else:
                await handle(socket, request)

    events: list[AriEvent] = []
    async with serve(serve_one, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        client = AriClient(f"http://{login}@127.0.0.1:{port}/ari", "ringback", events.append)
        await client.connect()
        try:
            yield client, events
        finally:
            await client.close()


async def test_each_request_gets_its_own_reply() -> None:
    """Many are on their way at once."""

    async def handle(socket: ServerConnection, request: dict[str, Any]) -> None:
        await reply(socket, request, body=request["uri"])

    async with connected(handle) as (client, _):
        found = await asyncio.gather(*(client.request("GET", f"channels/{number}") for number in range(50)))
    assert [each.body for each in found] == [f"channels/{number}" for number in range(50)]


async def test_a_reply_that_a_later_one_overtakes_was_lost() -> None:
    """Asterisk replies in order: nobody waits ten seconds for a reply that a proxy has dropped."""

    async def handle(socket: ServerConnection, request: dict[str, Any]) -> None:
        if request["uri"] != "lost":
            await reply(socket, request)

    async with connected(handle) as (client, _):
        lost = asyncio.create_task(client.request("POST", "lost"))
        await asyncio.sleep(0)
        assert (await client.request("GET", "channels")).is_ok
        with pytest.raises(ReplyLost):
            await lost


async def test_a_request_dies_with_its_socket_and_none_is_taken_afterwards() -> None:
    """The gateway asks again on the next connection."""

    async def handle(socket: ServerConnection, _: dict[str, Any]) -> None:
        socket.transport.abort()

    async with connected(handle) as (client, _):
        with pytest.raises(NotConnected):
            await client.request("GET", "channels")
        await client.closed()
        assert not client.is_connected
        with pytest.raises(NotConnected):
            await client.request("GET", "channels")


async def test_an_asterisk_that_replies_and_sends_no_events_is_left() -> None:
    """It has lost our application: nobody's hang-up would be told."""
    async with connected(reply_to_all, is_alive=False) as (client, _):
        await client.closed()
        assert not client.is_connected


async def test_what_cannot_be_read_costs_one_event_and_not_the_connection() -> None:
    """A phone may have a name in an old encoding."""

    async def handle(socket: ServerConnection, request: dict[str, Any]) -> None:
        await socket.send(b'{"type": "Dial", "dialstatus": "\xff"}', text=True)
        await socket.send('{"type": "ChannelDtmfReceived", "digit": 5}')
        await socket.send('{"type": "SomethingNew", "channel": {"id": "c1"}, "more": [1]}')
        await reply(socket, request)

    async with connected(handle) as (client, events):
        assert (await client.request("GET", "channels")).is_ok
    assert [(each.type, each.channel and each.channel.id) for each in events] == [("SomethingNew", "c1")]


async def test_neither_password_nor_numbers_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The WebSocket library writes headers and frames into its log, which nobody may switch on."""
    caplog.set_level(logging.DEBUG)
    async with connected(reply_to_all, login="ringback:topsecret") as (client, _):
        query = {"endpoint": "PJSIP/+79161234567@trunk"}
        await client.request("POST", "channels/create", query=query)
    ours = [each for each in caplog.records if each.name == "websockets.asterisk"]
    assert not ours
    assert "topsecret" not in caplog.text
    assert "cmluZ2JhY2s6" not in "".join(each.getMessage() for each in ours)


async def test_whoever_is_no_websocket_is_refused_in_words() -> None:
    """An address of another server is the operator's mistake, and no reason to end."""

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = AriClient(f"http://u:p@127.0.0.1:{port}/ari", "ringback", lambda _: None)
        with pytest.raises(Refused, match="404"):
            await client.connect()
        await client.close()


def test_the_parts_of_a_path_may_have_any_characters() -> None:
    """Ids of ours have colons and slashes in them."""
    assert path("channels", "rb.a/b:c@d e", "dial") == "channels/rb.a%2Fb%3Ac%40d%20e/dial"
    assert Reply(204, "").is_ok
