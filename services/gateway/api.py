"""Files over HTTP, on the internal port: each is found by a name that nobody can guess.

`GET /spool?recording=<token>`: a recording, for voicemail while S3 has not got the audio (V7).
`GET /media?name=<name>.wav`: what an Asterisk plays that shares no folder with the gateway.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, BinaryIO, Final
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


PIECE_BYTES: Final = 1 << 16
"""Two hours of sound are 58 MB: not all at once in memory, for each reader."""


class SpoolApi:
    """An ASGI application. The token is the whole permission: it can't be guessed, and there is no list."""

    def __init__(self, opened: Callable[[str], BinaryIO | None]) -> None:
        """`opened` opens the closed recording of a token."""
        self._opened = opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the closed recording, or 404."""
        asked = parse_qs(scope.get("query_string", b"").decode("ascii", "replace"))
        token = asked.get("recording", [""])[0]
        file = await asyncio.to_thread(self._opened, token)
        await send_file(send, file, "no-store")


class MediaApi:
    """An ASGI application. Media never change under their names, so Asterisk may keep them for a day."""

    def __init__(self, opened: Callable[[str], BinaryIO | None]) -> None:
        """`opened` opens the medium of a name."""
        self._opened = opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the medium, or 404."""
        asked = parse_qs(scope.get("query_string", b"").decode("ascii", "replace"))
        name = asked.get("name", [""])[0].removesuffix(".wav")
        file = await asyncio.to_thread(self._opened, name)
        await send_file(send, file, "private, max-age=86400")


async def send_file(send: Send, file: BinaryIO | None, cache_control: str) -> None:
    """Send an opened WAV piece by piece, and close it; 404 without one."""
    if file is None:
        await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
        return
    with file:
        headers = [
            (b"content-type", b"audio/wav"),
            (b"content-length", str(os.fstat(file.fileno()).st_size).encode()),
            (b"cache-control", cache_control.encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while data := await asyncio.to_thread(file.read, PIECE_BYTES):
            await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
