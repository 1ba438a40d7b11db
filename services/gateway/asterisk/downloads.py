"""The sound of recordings by HTTP: the only thing that ARI's socket can't give."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx

from services.gateway.asterisk.client import path

AT_ONCE_MAX: Final = 8
"""A thousand calls that end together are read one after the other, not all into memory."""
PIECE_BYTES: Final = 1 << 16
READ_S_MAX: Final = 20.0
"""Between two pieces. Two hours of sound are 58 MB, in as many pieces as it takes."""
NOT_FOUND: Final = 404

# httpx writes every address with its query, and the names of recordings, at INFO.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class NotThere(Exception):
    """The sound could not be read to its end; `is_final`: Asterisk has no such file."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


class Downloads:
    """Reads stored recordings of one Asterisk."""

    def __init__(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        """`url` is ARI's own, with user and password; `tls` is how https is verified."""
        # As the socket is verified: httpx would take certificates of its own, and not the system's.
        self._verify = tls or ssl.create_default_context()
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self._url = urlunsplit((parts.scheme, host, parts.path, "", ""))
        self._login = (unquote(parts.username or ""), unquote(parts.password or ""))
        self._turn = asyncio.Semaphore(AT_ONCE_MAX)

    async def sound(self, name: str) -> AsyncIterator[bytes]:
        """A stored recording from its beginning, in pieces. Raises NotThere."""
        address = f"{self._url}/{path('recordings', 'stored', name, 'file')}"
        timeout = httpx.Timeout(READ_S_MAX)
        try:
            async with (
                self._turn,
                httpx.AsyncClient(
                    auth=self._login, timeout=timeout, trust_env=False, verify=self._verify
                ) as client,
                client.stream("GET", address) as answer,
            ):
                if answer.status_code != httpx.codes.OK:
                    raise NotThere(f"HTTP {answer.status_code}", is_final=answer.status_code == NOT_FOUND)
                async for piece in answer.aiter_bytes(PIECE_BYTES):
                    yield piece
        except httpx.HTTPError as error:
            raise NotThere(type(error).__name__) from error
