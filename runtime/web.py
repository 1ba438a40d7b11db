"""The HTTP paths of every process, on its internal port: `/health/live`, `/health/ready`, `/metrics`."""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

HEARTBEAT_S: Final = 0.5
ALIVE_S_MAX: Final = 10.0
"""An event loop without a beat for ten seconds is stuck: nothing in it may block for even one."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Heartbeat:
    """The event loop's heartbeat. Liveness is its age alone, never the state of Kafka or Redis."""

    def __init__(self) -> None:
        self._beat_at = time.monotonic()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to beat."""
        self._task = asyncio.create_task(self._beat())

    async def _beat(self) -> None:
        while True:
            self._beat_at = time.monotonic()
            await asyncio.sleep(HEARTBEAT_S)

    def stop(self) -> None:
        """Stop beating."""
        if self._task is not None:
            self._task.cancel()

    def age_s(self) -> float:
        """Seconds since the last beat."""
        return time.monotonic() - self._beat_at


def routes(
    heartbeat: Heartbeat, reasons_not_ready: Callable[[], list[str]], before_metrics: Callable[[], None]
) -> list[tuple[str, App]]:
    """The three paths as ASGI applications."""

    async def live(_scope: Scope, _receive: Receive, send: Send) -> None:
        age_s = heartbeat.age_s()
        is_alive = age_s < ALIVE_S_MAX
        await _answer(send, 200 if is_alive else 503, {"alive": is_alive, "age_s": round(age_s, 3)})

    async def ready(_scope: Scope, _receive: Receive, send: Send) -> None:
        reasons = reasons_not_ready()
        await _answer(send, 503 if reasons else 200, {"ready": not reasons, "reasons": reasons})

    async def metrics(_scope: Scope, _receive: Receive, send: Send) -> None:
        before_metrics()
        await _send(send, 200, CONTENT_TYPE_LATEST, generate_latest())

    return [("/health/live", live), ("/health/ready", ready), ("/metrics", metrics)]


def pages(routes: list[tuple[str, App]]) -> App:
    """These paths as one application, and nothing else."""
    by_path = dict(routes)

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        found = by_path.get(scope["path"])
        if found is None:
            await _answer(send, 404, {"error": "there is no such page while the process starts"})
        else:
            await found(scope, receive, send)

    return page


async def _answer(send: Send, status: int, content: dict[str, Any]) -> None:
    await _send(send, status, "application/json", msgspec.json.encode(content))


async def _send(send: Send, status: int, content_type: str, body: bytes) -> None:
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
