"""Accepts a TLS listener's connections: each is counted from its first moment, and its handshake has a time.

asyncio's own server tells nobody of a connection before its handshake is over, and lets it take a minute:
whoever connects and says nothing could hold any number of them.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Final

import structlog

from runtime import metrics
from runtime.server_tls import ServedCertificate

_log = structlog.get_logger()

AGAIN_S: Final = 1.0
"""When no connection can be accepted, as when there are no more file descriptors, so long is waited."""


class TlsServer:
    """What uvicorn takes for a server of asyncio. The protocol sees a connection once it is encrypted."""

    def __init__(
        self,
        listening: socket.socket,
        certificate: ServedCertificate,
        protocol: Callable[[], asyncio.Protocol],
        *,
        may_enter: Callable[[int], bool],
        handshake_s_max: float,
        unread_s_max: float,
    ) -> None:
        """Begin to accept. `may_enter` says whether there is room beside so many handshakes; `unread_s_max`
        is for the end of an answer whose connection closes."""
        self._socket = listening
        self._certificate = certificate
        self._protocol = protocol
        self._may_enter = may_enter
        self._handshake_s_max = handshake_s_max
        self._unread_s_max = unread_s_max
        self._handshakes: set[asyncio.Task[None]] = set()
        self._accepting = asyncio.create_task(self._accept())

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = await loop.sock_accept(self._socket)
            except OSError as error:
                _log.error("no connection can be accepted", reason=str(error))
                await asyncio.sleep(AGAIN_S)
                continue
            if not self._may_enter(len(self._handshakes) + 1):
                accepted.close()
                continue
            task = asyncio.create_task(self._shake_hands(accepted))
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)

    async def _shake_hands(self, accepted: socket.socket) -> None:
        try:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().connect_accepted_socket(
                self._protocol,
                accepted,
                ssl=self._certificate.context(),
                ssl_handshake_timeout=self._handshake_s_max,
                ssl_shutdown_timeout=self._unread_s_max,
            )
        except OSError:
            # Anybody can cause it, at any rate: it is counted and not logged.
            metrics.HTTP_HANDSHAKES_FAILED.inc()

    def close(self) -> None:
        """Accept no more, and end handshakes that are under way."""
        for task in (self._accepting, *self._handshakes):
            task.cancel()

    async def wait_closed(self) -> None:
        """Wait until nothing of it runs."""
        await asyncio.gather(self._accepting, *self._handshakes, return_exceptions=True)
