"""A proxy between a gateway and ARI that delays everything, loses replies, and has another clock."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4}")


class Proxy:
    """`address` takes the place of the true one; `drop_every` loses each such reply."""

    def __init__(self, address: str) -> None:
        self._true = urlsplit(address)
        self.address = ""
        self.drop_every = 0
        self.delay_s = 0.0
        self.clock_behind = timedelta()
        """By how much Asterisk's clock seems to be behind ours."""
        self.dropped = 0
        self._replies = 0

    async def _pass(self, near: ServerConnection) -> None:
        assert near.request is not None
        login = base64.b64encode(
            f"{unquote(self._true.username or '')}:{unquote(self._true.password or '')}".encode()
        ).decode()
        far_side = connect(
            f"ws://{self._true.hostname}:{self._true.port}{near.request.path}",
            additional_headers={"Authorization": f"Basic {login}"},
            compression=None,
            proxy=None,
        )
        async with far_side as far, asyncio.TaskGroup() as both:
            both.create_task(self._copy(near, far))
            both.create_task(self._copy(far, near))

    async def _copy(
        self, source: ServerConnection | ClientConnection, target: ServerConnection | ClientConnection
    ) -> None:
        loop = asyncio.get_running_loop()
        on_their_way: asyncio.Queue[tuple[float, str | bytes]] = asyncio.Queue()

        async def arrive() -> None:
            while True:
                at, message = await on_their_way.get()
                await asyncio.sleep(max(0.0, at - loop.time()))
                await target.send(message)

        arriving = asyncio.create_task(arrive())
        try:
            async for message in source:
                if not self._is_lost(message):
                    on_their_way.put_nowait((loop.time() + self.delay_s, self._by_its_clock(message)))
        except ConnectionClosed:
            pass
        finally:
            arriving.cancel()
            await target.close()

    def _by_its_clock(self, message: str | bytes) -> str | bytes:
        if not self.clock_behind:
            return message
        text = message if isinstance(message, str) else message.decode()
        return INSTANT.sub(lambda found: self._late(found[0]), text)

    def _late(self, instant: str) -> str:
        late = datetime.fromisoformat(instant) - self.clock_behind
        return f"{late:%Y-%m-%dT%H:%M:%S}.{late.microsecond // 1000:03}{late:%z}"

    def _is_lost(self, message: str | bytes) -> bool:
        text = message if isinstance(message, str) else message.decode()
        if not self.drop_every or '"RESTResponse"' not in text or "pong" in text:
            return False
        self._replies += 1
        is_lost = self._replies % self.drop_every == 0
        self.dropped += is_lost
        return is_lost


@asynccontextmanager
async def a_proxy(address: str) -> AsyncIterator[Proxy]:
    """A proxy before the ARI at an address of RINGBACK_PBXS."""
    proxy = Proxy(address)
    parts = urlsplit(address)
    async with serve(proxy._pass, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        login = parts.netloc.rpartition("@")[0]
        proxy.address = urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{port}"))
        yield proxy
