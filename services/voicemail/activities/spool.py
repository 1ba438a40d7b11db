"""Reads spooled audio from the gateway that has it."""

import asyncio
import http.client
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import SplitResult

from runtime import plaintext, urls

Fetch = Callable[[str], Awaitable[bytes | None]]
"""Gets the bytes at a URL; None when there is nothing (any more). Raises FetchFailed."""

TIMEOUT_S: Final = 20.0
"""Between two bytes."""
WHOLE_S_MAX: Final = 120.0
"""For all of them: an answer that drips must not hold a thread for ever."""
_CHUNK_BYTES: Final = 64 * 1024


class FetchFailed(Exception):
    """The gateway did not answer, or answered with an error."""


class SpoolReader:
    """Reads by HTTP, never more than `bytes_max`, and follows no redirects.

    In the clear it asks this machine alone, unless `allowed_to` names `spool`.
    """

    def __init__(
        self,
        *,
        bytes_max: int,
        trust: ssl.SSLContext,
        allowed_to: frozenset[str],
        whole_s_max: float = WHOLE_S_MAX,
    ) -> None:
        self._bytes_max = bytes_max
        self._trust = trust
        self._allowed_to = allowed_to
        self._whole_s_max = whole_s_max

    async def __call__(self, url: str) -> bytes | None:
        """Fetch. Raises FetchFailed."""
        return await asyncio.to_thread(self._get, url)

    def _get(self, url: str) -> bytes | None:
        try:
            parts = urls.parsed(url)
            connection = self._connection(parts)
        except (urls.Unusable, plaintext.PlaintextRefused) as error:
            raise FetchFailed(f"not an address of a spool: {error}") from error
        try:
            try:
                connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path or "/")
                response: http.client.HTTPResponse = connection.getresponse()
                data = self._read(response)
                promised = response.getheader("Content-Length", "")
            finally:
                connection.close()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise FetchFailed(f"the spool can't be read: {error!r}") from error
        if response.status in (404, 410):
            return None
        if response.status != 200:
            raise FetchFailed(f"the spool answered {response.status}")
        # A bounded read does not notice that the connection ended early.
        if promised.isdigit() and len(data) < min(int(promised), self._bytes_max):
            raise FetchFailed(f"the spool sent {len(data)} bytes of {promised}")
        return data

    def _connection(self, parts: SplitResult) -> http.client.HTTPConnection:
        """Not connected yet. Raises PlaintextRefused."""
        host = parts.hostname or ""
        if parts.scheme == "https":
            return http.client.HTTPSConnection(host, parts.port, timeout=TIMEOUT_S, context=self._trust)
        plaintext.refuse(
            "spool",
            [host],
            allowed_to=self._allowed_to,
            remedy="set RINGBACK_SPOOL_URL of the gateway to https://…",
        )
        return http.client.HTTPConnection(host, parts.port, timeout=TIMEOUT_S)

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        """The body, one byte beyond the limit at most. Raises TimeoutError when it takes too long."""
        data = bytearray()
        until = time.monotonic() + self._whole_s_max
        while len(data) <= self._bytes_max:
            if time.monotonic() > until:
                raise TimeoutError(f"the body took longer than {self._whole_s_max:g} s")
            # read1 returns what is there: read would wait until all of it has come.
            piece = response.read1(min(_CHUNK_BYTES, self._bytes_max + 1 - len(data)))
            if not piece:
                break
            data += piece
        return bytes(data)
