"""Real calls as every service tells them on the log, recorded once, and copied as other calls.

The deciders are real processes and the phones are played here, as in the figures of whole calls. A copy has
other legs, other callers and the next numbers of each source, so that readers take it for new calls.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec
import uvloop

from contracts.directory import StrategyKind
from contracts.topics import FACTS
from devtools.bench import office
from devtools.bench.bench import Bench
from devtools.bench.cost import CALLS_A_SECOND, arrivals, talking
from devtools.bench.lag import records
from devtools.bench.live import Town
from devtools.bench.whole_call import DECIDERS, mail_of
from runtime.ports import LogRecord, Outgoing

CALLS: Final = 200
SETTLE_S: Final = 2
LEG: Final = f"{office.PBX}.call-".encode()
CALLER: Final = b"+7912"


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """So many whole calls, and all that was said of them, in the order of the log."""

    calls: int
    facts: tuple[LogRecord, ...]

    @property
    def facts_a_call(self) -> float:
        """What a call says."""
        return len(self.facts) / self.calls


def recorded(bench: Bench, *, agents: int) -> Recorded:
    """Let real deciders handle calls to the office, and keep what is on the log then."""
    calls = bench.size(CALLS, 40)
    bench.say(f"{calls} calls at {CALLS_A_SECOND} calls/s are recorded")
    settings = bench.fresh_settings(bench.broker) | mail_of(bench)
    services = [bench.service(name, settings) for name in DECIDERS]
    for each in services:
        each.wait_ready()
    try:
        facts = uvloop.run(_played(settings, calls, agents))
    finally:
        for each in services:
            each.kill()
    return Recorded(calls=calls, facts=facts)


async def _played(settings: dict[str, str], calls: int, agents: int) -> tuple[LogRecord, ...]:
    async with Town(settings, has_routing=True) as town, talking(town):
        await town.save(*office.book(agents=agents, kind=StrategyKind.LONGEST_IDLE))
        await asyncio.sleep(SETTLE_S)
        first = await town.log.next_offset(town.partition)
        await arrivals(town, range(calls), CALLS_A_SECOND)
        await asyncio.sleep(SETTLE_S)
        end = await town.log.next_offset(town.partition)
        found = [each async for each in records(town.log, town.partition, first, end)]
    return tuple(each for each in found if not dict(each.headers)["ce_type"].startswith(b"log."))


def copies(of: Recorded, times: int) -> Iterator[list[Outgoing]]:
    """The calls again and again, each time as others."""
    numbers: Counter[bytes] = Counter()
    for time in range(times):
        leg, caller = f"{office.PBX}.c{time}-".encode(), f"+7{100 + time:03d}".encode()
        yield [_copied(each, numbers, leg, caller) for each in of.facts]


def _copied(record: LogRecord, numbers: Counter[bytes], leg: bytes, caller: bytes) -> Outgoing:
    headers = dict(record.headers)
    if headers["ce_seq"] != b"0":
        source = headers["ce_source"]
        numbers[source] += 1
        headers["ce_seq"] = str(numbers[source]).encode()
    assert record.value is not None
    value = record.value.replace(LEG, leg).replace(CALLER, caller)
    return Outgoing(FACTS.name, office.VOLGA, tuple(headers.items()), value, 0)
