"""Callers who come and go, in the words of the gateway and the queue: a present without either."""

import time
from typing import Final, Self

from contracts.gateway import CallArrived, EndedBy, LegEnded, Outcome
from contracts.ids import Instant, LegId, PlaceId
from contracts.message import Fact
from contracts.queue import PlaceAbandoned, PlaceTaken
from devtools.bench import office
from runtime.kafka_log import KafkaLog
from runtime.ports import Outgoing

PATIENCE_MS: Final = 600_000


class Callers:
    """The queue's and the gateway's words for callers who come and go."""

    def __init__(self, log: KafkaLog, partition: int, gateway: office.Gateway) -> None:
        self._log = log
        self._partition = partition
        self._gateway = gateway
        self._seq = 0
        self._first = 0
        self._next = 0
        self.left: dict[str, float] = {}
        """Who has hung up, and when (s, of the machine's clock), from before the append."""

    @classmethod
    async def on(cls, log: KafkaLog, partition: int) -> Self:
        """On a company's log."""
        incarnation = await log.append(partition, [office.Gateway().claim()])
        return cls(log, partition, office.Gateway(incarnation=incarnation))

    async def arrives(self, number: int) -> PlaceId:
        """The next caller takes a place."""
        leg_id, place_id = LegId(f"in.kazan.{number}"), PlaceId(f"p.in.kazan.{number}")
        self._next = number + 1
        at = Instant(office.MORNING + number)
        arrived = CallArrived(pbx_id=office.PBX, leg_id=leg_id, caller=caller(number), line=office.LINE)
        taken = PlaceTaken(
            place_id=place_id,
            department_id=office.SALES,
            pbx_id=office.PBX,
            leg_id=leg_id,
            caller=arrived.caller,
            line=office.LINE,
            joined_at=at,
            deadline_at=Instant(at + PATIENCE_MS),
            position=1,
        )
        await self._log.append(self._partition, [self._gateway.record(arrived), self._said(taken)])
        return place_id

    async def changes(self) -> PlaceId:
        """The first caller hangs up, and another comes: whose place it is."""
        leg_id, place_id = LegId(f"in.kazan.{self._first}"), PlaceId(f"p.in.kazan.{self._first}")
        self.left[caller(self._first)] = time.time()
        self._first += 1
        ended = LegEnded(pbx_id=office.PBX, leg_id=leg_id, outcome=Outcome.ABANDONED, by=EndedBy.PARTY)
        gone = PlaceAbandoned(place_id=place_id, waited_ms=60_000)
        await self._log.append(self._partition, [self._gateway.record(ended), self._said(gone)])
        return await self.arrives(self._next)

    def _said(self, fact: Fact) -> Outgoing:
        self._seq += 1
        return office.record(fact, office.VOLGA, source="queue", id_=str(self._seq), seq=self._seq)


def caller(number: int) -> str:
    """The n-th customer's number."""
    return f"+7912{number:07d}"
