"""Who takes a connection and is no Asterisk: the adapter tries again soon, and nothing of ours ends."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from websockets.exceptions import ConnectionClosedError

from services.gateway.asterisk import client
from services.gateway.asterisk.ari import AriEvent
from services.gateway.asterisk.client import AriClient, Refused

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def resets_after_the_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()


async def closes_after_the_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def has_nobody_behind_it(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    writer.close()


async def does_not_know_us(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    writer.close()


def ignored(_: AriEvent) -> None:
    """No event comes."""


async def connect(port: int) -> None:
    ari = AriClient(f"http://user:word@127.0.0.1:{port}/ari", "ringback", ignored)
    try:
        await ari.connect()
    finally:
        await ari.close()


async def connect_to(serve: Serve) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        await connect(server.sockets[0].getsockname()[1])


@pytest.mark.parametrize("serve", [resets_after_the_request, closes_after_the_request, has_nobody_behind_it])
async def test_whoever_is_no_asterisk_is_as_good_as_nobody(serve: Serve) -> None:
    """A load balancer, or a proxy whose Asterisk is away."""
    with pytest.raises(ConnectionError):
        await connect_to(serve)


async def test_a_connection_that_is_reset_at_once_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen on a busy machine: the reset came before the WebSocket had said its first word."""

    async def reset(*_: object, **__: object) -> None:
        raise ConnectionClosedError(None, None)

    monkeypatch.setattr(client, "connect", reset)
    with pytest.raises(ConnectionError):
        await connect(1)


async def test_an_asterisk_that_does_not_know_us_says_so() -> None:
    """That is for the operator, and trying each second would help nobody."""
    with pytest.raises(Refused, match="401"):
        await connect_to(does_not_know_us)
