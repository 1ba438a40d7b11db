"""Small proxies before a console, for what people's companies have in between."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

PIECE: Final = 2**16
GATHERED_BYTES: Final = 2**20
"""What a proxy gathers before it sends any of it."""


@asynccontextmanager
async def gathering(behind: str, *, honours: bool, is_compressing: bool = False) -> AsyncIterator[str]:
    """A proxy that sends an answer's beginning at once, and the rest when a megabyte is there or its end: its
    address.

    `honours`: it passes on at once what says `X-Accel-Buffering: no`, as nginx does. `is_compressing`: it
    compresses what it passes on, and so holds small pieces back.
    """
    there = urlsplit(behind)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(there.hostname, there.port)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            # One request for each connection, and an answer that ends with it, not in chunks.
            asked = _without(head, b"connection").replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1)
            up_writer.write(asked)
            sending = asyncio.create_task(_pass_on(reader, up_writer))
            answer = _without(await up_reader.readuntil(b"\r\n\r\n"), b"connection")
            passes = honours and b"x-accel-buffering: no" in answer.lower()
            squeeze = (
                zlib.compressobj(wbits=31) if is_compressing and b"text/event-stream" in answer else None
            )
            if squeeze is not None:
                answer = answer.replace(b"\r\n", b"\r\nContent-Encoding: gzip\r\n", 1)
            writer.write(answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            async for piece in _pieces(up_reader, 1 if passes else GATHERED_BYTES):
                writer.write(piece if squeeze is None else squeeze.compress(piece))
                await writer.drain()
            sending.cancel()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            for each in (writer, up_writer):
                each.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def _without(head: bytes, name: bytes) -> bytes:
    """A head without this header."""
    lines = head.split(b"\r\n")
    return b"\r\n".join(each for each in lines if not each.lower().startswith(name + b":"))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(PIECE):
        writer.write(piece)


async def _pieces(reader: asyncio.StreamReader, size: int) -> AsyncIterator[bytes]:
    """What comes, in pieces of at least so many bytes, and the rest."""
    held = b""
    while piece := await reader.read(PIECE):
        held += piece
        if len(held) >= size:
            yield held
            held = b""
    if held:
        yield held
