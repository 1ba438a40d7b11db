"""Measures how soon a changed row of the present is at event-stream clients and in a browser, on PostgreSQL.

Two hundred calls stand; every quarter of a second the first of them hangs up and another arrives. A hundred
clients, each with a login of its own, watch the whole organization over one replica; beside them somebody has
the wallboard open in Chromium.
"""

import asyncio
import time
from typing import Final
from urllib.parse import urlsplit

import httpx
import uvloop

from devtools.bench.bench import Bench
from devtools.bench.callers import Callers
from devtools.bench.company import Company, company
from devtools.bench.figures import Figure, at_most, percentile
from devtools.bench.live import TooSlow
from devtools.bench.window import window

STANDING: Final = 200
CLIENTS: Final = 100
CHANGES: Final = 120
EVERY_S: Final = 0.25
AT_ONCE: Final = 20
SETTLE_S: Final = 3.0
WAIT_S_MAX: Final = 60.0
TARGET: Final = "GET /live/events HTTP/1.1\r\nHost: history\r\nAuthorization: Bearer {token}\r\n\r\n"


def measure(bench: Bench) -> list[Figure]:
    """Measure with one client, then with all, and a browser among them."""
    with company(bench) as made:
        return uvloop.run(_measured(bench, made))


async def _measured(bench: Bench, made: Company) -> list[Figure]:
    changes = bench.size(CHANGES, 20)
    async with made.log() as (log, partition):
        calls = await Callers.on(log, partition)
        for number in range(STANDING):
            await calls.arrives(number)
        await _standing(made)
        alone = await _told(calls, made, clients=1, changes=changes)
        bench.say("a hundred clients come, and a browser")
        async with window(made) as seen:
            calls.left.clear()
            together = await _told(calls, made, clients=CLIENTS, changes=changes)
            in_browser = await seen.told(calls.left)
    how = f"{changes} changes of a queue of {STANDING}, one every {EVERY_S} s; from before the append"
    return [
        Figure(
            name=f"a fact at {CLIENTS} event-stream clients, p95",
            unit="ms",
            measured=1000 * percentile(together, 0.95),
            baseline=1000 * percentile(alone, 0.95),
            against="one client, same run",
            goal=at_most(1000),
            how=how,
            bound_by="history's batches, at most one in 250 ms, and their transaction",
        ),
        Figure(
            name=f"a fact in a browser at the wallboard, beside {CLIENTS} clients, p95",
            unit="ms",
            measured=1000 * percentile(in_browser, 0.95),
            baseline=1000 * percentile(together, 0.95),
            against="the clients of history's stream, same changes",
            goal=at_most(1000),
            how=f"{how} until the row is gone from the page of a real Chromium",
            bound_by="history's batches, the console's four pictures a second, and the rows drawn anew",
        ),
    ]


async def _standing(made: Company) -> None:
    """Wait until history shows all who wait."""
    deadline = time.monotonic() + WAIT_S_MAX
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {made.token()}"}) as client:
        while time.monotonic() < deadline:
            answer = await client.get(f"{made.history}/live")
            if answer.status_code == 200 and len(answer.json()["places"]) == STANDING:
                return
            await asyncio.sleep(0.2)
    raise TooSlow("history has not projected the calls")


async def _told(calls: Callers, made: Company, *, clients: int, changes: int) -> list[float]:
    """Seconds from each change to each client."""
    watching = [_Client() for _ in range(clients)]
    try:
        # A few at a time, as browsers come back: each after another pause.
        for first in range(0, clients, AT_ONCE):
            coming = enumerate(watching[first : first + AT_ONCE], start=first)
            await asyncio.gather(*(each.connect(made, number) for number, each in coming))
        await asyncio.sleep(SETTLE_S)
        said: dict[bytes, float] = {}
        for _ in range(changes):
            began = time.perf_counter()
            said[f'"{await calls.changes()}"'.encode()] = began
            await asyncio.sleep(max(0.0, EVERY_S - (time.perf_counter() - began)))
        async with asyncio.timeout(WAIT_S_MAX):
            while any(len(each.seen(said)) < changes for each in watching):
                await asyncio.sleep(EVERY_S)
        return [at - said[id_] for each in watching for id_, at in each.seen(said).items()]
    except TimeoutError as error:
        raise TooSlow("a client was not told everything") from error
    finally:
        for each in watching:
            each.close()


class _Client:
    """One stream: what came, and when; it is looked into only afterwards, which takes no time of anybody."""

    def __init__(self) -> None:
        self._came: list[tuple[float, bytes]] = []
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def connect(self, made: Company, number: int) -> None:
        """Come with a login of one's own, and wait for the snapshot."""
        there = urlsplit(made.history)
        reader, self._writer = await asyncio.open_connection(there.hostname, there.port, limit=2**20)
        self._writer.write(TARGET.format(token=made.token(number)).encode())
        async with asyncio.timeout(WAIT_S_MAX):
            while b"event: snapshot" not in (line := await reader.readline()):
                if not line:
                    raise TooSlow("a stream was refused")
        self._reading = asyncio.create_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(2**16):
            self._came.append((time.perf_counter(), data))

    def seen(self, said: dict[bytes, float]) -> dict[bytes, float]:
        """When each of these ids had come whole."""
        found: dict[bytes, float] = {}
        before = b""
        for at, data in self._came:
            text = before + data
            found |= {id_: at for id_ in said.keys() - found.keys() if id_ in text}
            before = text[-100:]
        return found

    def close(self) -> None:
        """Go."""
        if self._reading is not None:
            self._reading.cancel()
        if self._writer is not None:
            self._writer.close()
