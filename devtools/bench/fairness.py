"""Measures what an organization notices of a neighbour that asks fifty times as much as usual (O1).

A directory on PostgreSQL and a speech service are real processes. The organization's requests, notices and
orders are measured alone and then beside the neighbour, in one run, with the share of the machine that was
busy: quotas can't make a machine that has nothing left faster.
"""

import asyncio
import multiprocessing
import secrets
import time
from pathlib import Path
from typing import Final

import uvloop
from msgspec import Struct

from contracts.codec import decode, envelope
from contracts.directory import CallbackAsked
from contracts.topics import FACTS
from contracts.tts import NoticeRendered
from devtools.bench import neighbour
from devtools.bench.bench import Bench
from devtools.bench.figures import Figure, percentile, ratio_at_most
from devtools.bench.live import TooSlow
from devtools.bench.neighbour import Caller, Member
from devtools.bench.speech import fresh_text
from ringback.stack import postgres
from runtime import kafka_clients
from runtime.kafka_log import KafkaLog
from runtime.token_keys import SigningKeys

BUSY_MAX: Final = 0.7
"""Beyond this share of the machine the ratio is printed and not judged."""
RATIO_MAX: Final = 2.0
WAIT_S_MAX: Final = 120.0
WARM_UP_S: Final = 4.0
"""The neighbour has used up its bursts after this."""
KINDS: Final = {
    "request": "GET /departments, from the directory",
    "cached notice": "a notice that was rendered before, from its command to `tts.notice_rendered`",
    "new notice": "a new notice of fifteen seconds, from its command to `tts.notice_rendered`",
    "order": "POST of a callback, until `directory.callback_asked` is read from the log",
}


class Phase(Struct):
    """What was measured while others asked or not: seconds by kind, and the machine's busy share."""

    taken: dict[str, list[float]]
    busy: float = 0.0


class Answers:
    """Reads the organization's facts, and says when each thing was seen."""

    def __init__(self, log: KafkaLog, organization_id: str, partition: int) -> None:
        self._log = log
        self._organization_id = organization_id
        self._partition = partition
        self._seen: dict[str, asyncio.Future[float]] = {}

    async def read(self) -> None:
        """Read until cancelled."""
        offset = 0
        while True:
            for record in await self._log.read(self._partition, offset, records_max=500, wait_ms=200):
                offset = record.offset + 1
                found = envelope(record.headers)
                if found.organization_id != self._organization_id:
                    continue
                match decode(found.type, record.value):
                    case CallbackAsked() as fact:
                        self._note(fact.callback_id)
                    case NoticeRendered() as fact:
                        self._note(fact.notice_id)
                    case _:
                        pass

    def _of(self, id_: str) -> asyncio.Future[float]:
        return self._seen.setdefault(id_, asyncio.get_running_loop().create_future())

    def _note(self, id_: str) -> None:
        found = self._of(id_)
        if not found.done():
            found.set_result(time.perf_counter())

    async def seen(self, id_: str) -> float:
        """When it was read (`time.perf_counter`)."""
        try:
            return await asyncio.wait_for(self._of(id_), WAIT_S_MAX)
        except TimeoutError as error:
            raise TooSlow(f"nothing was said of {id_} in {WAIT_S_MAX:.0f} s") from error


def measure(bench: Bench) -> list[Figure]:
    """Measure alone, then beside the neighbour."""
    reason = postgres.reason_missing()
    if reason is not None:
        raise TooSlow(reason)
    server = postgres.start(bench.run, dies_with_parent=True)
    try:
        return _measured(bench, server.database("fairness"))
    finally:
        server.stop()


def _measured(bench: Bench, database: str) -> list[Figure]:
    settings = bench.fresh_settings(bench.broker) | {
        "RINGBACK_DIRECTORY_DATABASE": database,
        "RINGBACK_DIRECTORY_KEY": secrets.token_hex(32),
        "RINGBACK_TOKEN_KEYS": SigningKeys.generate().as_private_json(),
        "RINGBACK_SMTP": bench.smtp.address,
        "RINGBACK_MAIL_FROM": "bench@localhost",
    }
    ours, theirs = uvloop.run(neighbour.begun(settings, "volga", "neighbour"))
    services = [bench.service(name, settings) for name in ("directory", "tts")]
    for service in services:
        service.wait_ready()
    address = services[0].address
    found = uvloop.run(_phases(bench, settings, address, ours, theirs, seconds=bench.size(60, 15)))
    for service in services:
        service.kill()
    return _figures(*found)


async def _phases(
    bench: Bench, settings: dict[str, str], address: str, ours: Member, theirs: Member, *, seconds: float
) -> tuple[Phase, Phase, str]:
    log = KafkaLog(
        kafka_clients.from_environment(settings), prefix=settings["RINGBACK_TOPIC_PREFIX"], client_id="bench"
    )
    await log.start()
    answers = Answers(log, ours.organization_id, await log.partition_of(FACTS.name, ours.organization_id))
    reading = asyncio.create_task(answers.read())
    caller = Caller(ours, address, log)
    cached = fresh_text()
    await answers.seen(await caller.notice(cached))
    bench.say(f"fairness: alone, {seconds:.0f} s")
    await _phase(caller, answers, cached, seconds=WARM_UP_S)
    alone = await _phase(caller, answers, cached, seconds=seconds)
    bench.say(f"fairness: beside a neighbour at {neighbour.TIMES} times its load")
    spawning = multiprocessing.get_context("spawn")
    stops, asked, refused = spawning.Event(), spawning.Value("i", 0), spawning.Value("i", 0)
    flood = spawning.Process(
        target=neighbour.flood, args=(theirs, address, settings, stops, asked, refused), daemon=True
    )
    flood.start()
    try:
        await _asked_something(asked)
        await _phase(caller, answers, cached, seconds=WARM_UP_S)
        beside = await _phase(caller, answers, cached, seconds=seconds)
    finally:
        stops.set()
        await asyncio.to_thread(flood.join, 10)
        flood.kill()
        reading.cancel()
        await asyncio.wait((reading,))
        await caller.close()
        await log.stop()
    told = f"of its {asked.value:,} requests {refused.value:,} were refused"
    return alone, beside, told


async def _asked_something(asked: "multiprocessing.sharedctypes.Synchronized[int]") -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while not asked.value:
        if time.monotonic() > deadline:
            raise TooSlow("the neighbour's process asked nothing")
        await asyncio.sleep(0.1)


async def _phase(caller: Caller, answers: Answers, cached: str, *, seconds: float) -> Phase:
    """Ask as an organization usually does, and note how long each took."""
    found = Phase(taken={kind: [] for kind in KINDS})

    async def request() -> None:
        began = time.perf_counter()
        assert await caller.read() == 200
        found.taken["request"].append(time.perf_counter() - began)

    async def order() -> None:
        began = time.perf_counter()
        status, callback_id = await caller.order()
        assert status == 202, status
        found.taken["order"].append(await answers.seen(callback_id) - began)

    async def notice(kind: str, text: str) -> None:
        began = time.perf_counter()
        found.taken[kind].append(await answers.seen(await caller.notice(text)) - began)

    before = _processor()
    until_s = time.perf_counter() + seconds
    await asyncio.gather(
        neighbour.steadily(request, a_second=neighbour.REQUESTS_A_SECOND, until_s=until_s),
        neighbour.steadily(order, a_second=neighbour.ORDERS_A_SECOND, until_s=until_s),
        neighbour.steadily(
            lambda: notice("cached notice", cached), a_second=neighbour.NOTICES_A_SECOND, until_s=until_s
        ),
        neighbour.steadily(
            lambda: notice("new notice", fresh_text()), a_second=neighbour.NOTICES_A_SECOND, until_s=until_s
        ),
    )
    busy, whole = (now - then for now, then in zip(_processor(), before, strict=True))
    found.busy = busy / max(1, whole)
    return found


def _processor() -> tuple[int, int]:
    """The machine's processor time since its start: busy, and altogether, in ticks."""
    line = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
    ticks = [int(word) for word in line.split()[1:9]]
    # The fourth and fifth are idle, and idle while something waits for a disk.
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


def _figures(alone: Phase, beside: Phase, told: str) -> list[Figure]:
    is_judged = beside.busy <= BUSY_MAX
    shares = f"the machine was busy to {alone.busy:.0%} alone, to {beside.busy:.0%} beside the neighbour"
    figures = [
        Figure(
            name=f"fairness: {kind}, p95 beside a neighbour at {neighbour.TIMES} times its load",
            unit="ms",
            measured=1000 * percentile(beside.taken[kind], 0.95),
            baseline=1000 * percentile(alone.taken[kind], 0.95),
            against="the same without the neighbour, just before",
            goal=ratio_at_most(RATIO_MAX) if is_judged else None,
            how=f"{how}; {len(beside.taken[kind])} times; {shares}, its own work included; {told}",
            bound_by="one event loop a service, and the processor that both organizations' work needs",
        )
        for kind, how in KINDS.items()
    ]
    busy = Figure(
        name="fairness: the machine's busy share beside the neighbour",
        unit="%",
        measured=100 * beside.busy,
        baseline=100 * alone.busy,
        against="the same without the neighbour",
        how=f"all processors, from /proc/stat; beyond {BUSY_MAX:.0%} no ratio is judged",
    )
    return [*figures, busy]
