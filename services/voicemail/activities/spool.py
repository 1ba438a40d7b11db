"""Reads spooled audio from the gateway that has it."""

import asyncio
import http.client
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

Fetch = Callable[[str], Awaitable[bytes | None]]
"""Gets the bytes at a URL; None when there is nothing (any more). Raises FetchFailed."""

TIMEOUT_S: Final = 20.0


class FetchFailed(Exception):
    """The gateway did not answer, or answered with an error."""


class SpoolReader:
    """Reads by HTTP, never more than `bytes_max`, and follows no redirects."""

    def __init__(self, *, bytes_max: int) -> None:
        self._bytes_max = bytes_max

    async def __call__(self, url: str) -> bytes | None:
        """Fetch. Raises FetchFailed."""
        return await asyncio.to_thread(self._get, url)

    def _get(self, url: str) -> bytes | None:
        try:
            parts = urlsplit(url)
            kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
            if parts.scheme not in kinds or not parts.hostname:
                raise FetchFailed(f"not an address of a spool: {url[:200]!r}")
            connection = kinds[parts.scheme](parts.hostname, parts.port, timeout=TIMEOUT_S)
            try:
                connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path or "/")
                response: http.client.HTTPResponse = connection.getresponse()
                data: bytes = response.read(self._bytes_max + 1)
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
