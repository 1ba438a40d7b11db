"""The sound of a recording from an Asterisk by HTTP: in pieces, from a slow one, and never into the log."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from services.gateway.asterisk.downloads import Downloads, NotThere

SOUND = bytes(range(256)) * 4_000
LOGIN = "Basic dTpw"
"""u:p"""


@asynccontextmanager
async def an_asterisk(
    *, status: int = 200, cut_at: int | None = None
) -> AsyncIterator[tuple[str, list[str]]]:
    """A server that gives one recording; its address, and what it was asked."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(SOUND)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + SOUND[:cut_at])
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield f"http://u:p@127.0.0.1:{port}/ari", asked


async def test_all_of_a_recording_is_read_piece_by_piece() -> None:
    """Two hours of a bridge are 58 MB, and not in memory at once."""
    async with an_asterisk() as (url, asked):
        pieces = [each async for each in Downloads(url).sound("rb.rec/1")]
        assert b"".join(pieces) == SOUND
        assert len(pieces) > 10
        assert asked[0].startswith("GET /ari/recordings/stored/rb.rec%2F1/file ")
        assert LOGIN in asked[0]


@pytest.mark.parametrize(("status", "is_final"), [(404, True), (500, False), (401, False)])
async def test_what_is_not_there_is_another_thing_than_what_can_not_be_read_now(
    status: int, is_final: bool
) -> None:
    """The gateway asks again for the latter."""
    async with an_asterisk(status=status) as (url, _):
        with pytest.raises(NotThere) as found:
            [each async for each in Downloads(url).sound("rb.rec")]
        assert found.value.is_final is is_final


async def test_a_download_that_is_cut_is_no_whole_recording() -> None:
    """It is read again, and its end is not told."""
    async with an_asterisk(cut_at=100_000) as (url, _):
        with pytest.raises(NotThere):
            [each async for each in Downloads(url).sound("rb.rec")]


async def test_nothing_of_it_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The HTTP library would write every address."""
    with caplog.at_level(logging.INFO):
        async with an_asterisk() as (url, _):
            [each async for each in Downloads(url).sound("rb.in.cloud.79161234567")]
    assert "79161234567" not in caplog.text
