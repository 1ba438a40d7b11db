"""The spool over HTTP: `GET /spool?recording=<token>`, for voicemail while S3 has not got the audio (V7)."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class SpoolApi:
    """An ASGI application. The token is the whole permission: it can't be guessed, and there is no list."""

    def __init__(self, by_token: Callable[[str], bytes | None]) -> None:
        self._by_token = by_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the closed recording, or 404."""
        asked = parse_qs(scope.get("query_string", b"").decode("ascii", "replace"))
        token = asked.get("recording", [""])[0]
        data = await asyncio.to_thread(self._by_token, token)
        status = 404 if data is None else 200
        body = b"" if data is None else data
        headers = [
            (b"content-type", b"audio/wav"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
