"""Background traffic for measurements, and the bare round trip as a baseline."""

import asyncio
import itertools
import time
from types import TracebackType
from typing import Final, Self

from aiokafka import TopicPartition

from contracts.directory import StrategyKind
from contracts.gateway import DeviceChanged, DeviceState, EndedBy, LegEnded, Outcome
from contracts.ids import OrganizationId
from contracts.message import Fact
from contracts.topics import FACTS, SPEECH
from devtools.bench import office
from runtime import kafka_clients
from runtime.kafka_log import KafkaLog
from runtime.ports import Outgoing

ORGANIZATIONS: Final = 8
FACTS_A_SECOND: Final = 500


class Background:
    """Calls that come and go in other organizations: `FACTS_A_SECOND` facts, each appended separately.

    Their one agent can't be reached, so a call is a place taken, a leg answered, a place abandoned.
    """

    def __init__(self, settings: dict[str, str]) -> None:
        self._log = KafkaLog(
            kafka_clients.from_environment(settings),
            prefix=settings["RINGBACK_TOPIC_PREFIX"],
            client_id="bench-background",
        )
        self._tasks: list[asyncio.Task[None]] = []
        self.said = 0

    async def __aenter__(self) -> Self:
        await self._log.start()
        self._tasks = [
            asyncio.create_task(self._calls(OrganizationId(f"other-{number}")))
            for number in range(ORGANIZATIONS)
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._log.stop()
        for each in ended:
            if not isinstance(each, asyncio.CancelledError) and isinstance(each, BaseException):
                raise each

    async def _calls(self, organization_id: OrganizationId) -> None:
        gateway = office.Gateway(organization_id)
        partition = await self._log.partition_of(FACTS.name, organization_id)
        book = office.book(agents=1, kind=StrategyKind.LONGEST_IDLE)
        await self._log.append(partition, office.book_records(organization_id, book))
        unreachable = DeviceChanged(
            pbx_id=office.PBX, address=office.address(0), state=DeviceState.UNREACHABLE
        )
        gap = ORGANIZATIONS / FACTS_A_SECOND
        due = time.perf_counter()
        for fact in itertools.chain((unreachable,), _comings_and_goings()):
            await self._log.append(partition, [gateway.record(fact)])
            self.said += 1
            # Facts that this machine is too slow for are left out, not sent later in a burst.
            due = max(due + gap, time.perf_counter() - 1)
            await asyncio.sleep(max(0.0, due - time.perf_counter()))


def _comings_and_goings() -> itertools.chain[Fact]:
    return itertools.chain.from_iterable(_call(number) for number in itertools.count())


def _call(number: int) -> tuple[Fact, ...]:
    leg_id = office.caller_leg(number)
    return (
        *office.call(leg_id, f"+7913{number:07d}"),
        LegEnded(pbx_id=office.PBX, leg_id=leg_id, outcome=Outcome.ABANDONED, by=EndedBy.PARTY),
    )


class RoundTrip:
    """Produce one record and consume it on a private topic: the least time that a broker takes."""

    def __init__(self, settings: dict[str, str]) -> None:
        self._log = KafkaLog(
            kafka_clients.from_environment(settings),
            prefix=settings["RINGBACK_TOPIC_PREFIX"],
            client_id="bench-trip",
        )
        self._settings = settings

    async def __aenter__(self) -> Self:
        await self._log.start()
        partition = await self._log.partition_of(SPEECH.name, office.VOLGA)
        self._here = TopicPartition(self._settings["RINGBACK_TOPIC_PREFIX"] + SPEECH.name, partition)
        self._consumer = kafka_clients.from_environment(self._settings).consumer(
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        await self._consumer.start()
        self._consumer.assign([self._here])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._consumer.stop()
        await self._log.stop()

    async def once(self) -> float:
        """Seconds from the send until the record is read."""
        reading = asyncio.create_task(self._consumer.getone(self._here))
        # The consumer's fetch waits at the broker, like a reader's.
        await asyncio.sleep(0.02)
        began = time.perf_counter()
        await self._log.send([Outgoing(SPEECH.name, office.VOLGA, (("ce_id", b"bench"),), b"x" * 300)])
        await reading
        return time.perf_counter() - began
