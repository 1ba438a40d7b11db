"""Carries connections to a port of this network namespace's loopback, where all parts listen.

As a program, `python -m devtools.cluster.relay ADDRESS PORT…`, it gives ports of loopback to pods: they reach
ADDRESS, and the parts go on listening where only this namespace reaches them.
"""

import asyncio
import socket
import sys
from typing import Final

PIECE_BYTES: Final = 1 << 16


async def serve(listener: socket.socket, port: int) -> None:
    """Carry every connection that the socket accepts to a port of loopback, as long as the loop runs."""
    # The loop itself holds no task: one whose client is gone would vanish before it has said so to the part.
    open_ones: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_ones.add(task)
        task.add_done_callback(open_ones.discard)
        try:
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(_carry(reader, to_writer), _carry(to_reader, writer))
        finally:
            writer.close()
            to_writer.close()

    await asyncio.start_server(connected, sock=listener)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One direction of a connection, until its sender has said all or either side is gone."""
    try:
        while piece := await reader.read(PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.close()


async def _main(address: str, ports: list[int]) -> None:
    for port in ports:
        await serve(socket.create_server((address, port)), port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], [int(each) for each in sys.argv[2:]]))
