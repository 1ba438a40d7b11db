"""Plays the gateway of one office for a real queue service: phones that answer at once, on a real log.

`Town` reads the queue's commands on `telephony` and answers each with a gateway's facts. A measurement waits
for a command (`next_dial`) or counts events.
"""

import asyncio
import time
from collections import deque
from types import TracebackType
from typing import Self

from aiokafka import TopicPartition

from contracts.codec import decode
from contracts.gateway import DeviceChanged, DeviceState, EndedBy, LegEnded, Outcome
from contracts.ids import Address, LegId, OrganizationId
from contracts.message import Command, Fact
from contracts.telephony import Bridge, DialLeg, HangUp, TelephonyCommand
from contracts.topics import FACTS, TELEPHONY
from devtools.bench import office, phones
from runtime import kafka_clients
from runtime.kafka_log import KafkaLog

WAIT_S_MAX = 120.0
"""A takeover takes the session timeout and the loading of a hundred thousand places."""


class TooSlow(Exception):
    """An awaited command did not come: the service is down, or stands still."""


class Town:
    """Phones and a gateway for the office's PBX, on the topics of one installation."""

    def __init__(
        self,
        settings: dict[str, str],
        organization_id: OrganizationId = office.VOLGA,
        *,
        has_routing: bool = False,
    ) -> None:
        """`has_routing`: a real routing service hands calls over; without, this does so in its name."""
        self._has_routing = has_routing
        self.organization_id = organization_id
        self.log = KafkaLog(
            kafka_clients.from_environment(settings),
            prefix=settings["RINGBACK_TOPIC_PREFIX"],
            client_id="bench-town",
        )
        self.bridged: deque[tuple[LegId, LegId, float]] = deque()
        """Customer's leg, agent's leg, and when the bridge was requested."""
        self.freed = 0
        """Agents' legs that were hung up: ended calls."""
        self._settings = settings
        self._dials: asyncio.Queue[tuple[DialLeg, float]] = asyncio.Queue()
        self._phones: dict[LegId, Address] = {}
        self._answered_places: set[str] = set()
        self.partition = 0
        """Where its facts are."""
        self._saying = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.log.start()
        self.partition = await self.log.partition_of(FACTS.name, self.organization_id)
        gateway = office.Gateway(self.organization_id)
        incarnation = await self.log.append(self.partition, [gateway.claim()])
        self.gateway = office.Gateway(self.organization_id, incarnation=incarnation)
        prefix = self._settings["RINGBACK_TOPIC_PREFIX"]
        key = f"{self.organization_id}/{office.PBX}"
        here = TopicPartition(prefix + TELEPHONY.name, await self.log.partition_of(TELEPHONY.name, key))
        self._consumer = kafka_clients.from_environment(self._settings).consumer(
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        await self._consumer.start()
        self._consumer.assign([here])
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait((self._reading,))
        await self._consumer.stop()
        await self.log.stop()

    async def say(self, *facts: Fact) -> None:
        """Append gateway facts, numbered in the order of the log."""
        async with self._saying:
            await self.log.append(self.partition, [self.gateway.record(fact) for fact in facts])

    async def save(self, *facts: Fact) -> None:
        """Append the directory's facts."""
        await self.log.append(self.partition, office.book_records(self.organization_id, facts))

    async def call(self, number: int) -> None:
        """Let a customer call the office, and routing hand the call over."""
        arrived, reached = office.call(office.caller_leg(number), f"+7912{number:07d}")
        await self.say(arrived)
        if self._has_routing:
            return
        record = office.record(reached, self.organization_id, source="routing", id_=reached.leg_id)
        await self.log.append(self.partition, [record])

    async def hang_up(self, leg_id: LegId) -> None:
        """Let the person on a leg hang up: the leg ends, and an agent's phone becomes idle."""
        ended = LegEnded(pbx_id=office.PBX, leg_id=leg_id, outcome=Outcome.COMPLETED, by=EndedBy.PARTY)
        await self.say(ended, *self._phone(leg_id, DeviceState.IDLE))

    async def next_dial(self) -> tuple[DialLeg, float]:
        """Wait for the next dialled phone, and when the command was read."""
        try:
            return await asyncio.wait_for(self._dials.get(), WAIT_S_MAX)
        except TimeoutError as error:
            raise TooSlow(f"no phone was dialled for {WAIT_S_MAX:.0f} s") from error

    def forget_dials(self) -> None:
        """Ignore the dial commands read so far."""
        while not self._dials.empty():
            self._dials.get_nowait()

    async def _read(self) -> None:
        while True:
            for records in (await self._consumer.getmany(timeout_ms=1000)).values():
                read_at = time.perf_counter()
                facts: list[Fact] = []
                for record in records:
                    headers = dict(record.headers)
                    if headers["ce_organization"].decode() == self.organization_id:
                        command = decode(headers["ce_type"].decode(), record.value)
                        assert isinstance(command, TelephonyCommand)
                        facts.extend(self._answered(command, read_at))
                if facts:
                    await self.say(*facts)

    def _answered(self, command: Command, read_at: float) -> list[Fact]:
        match command:
            case DialLeg():
                self._dials.put_nowait((command, read_at))
                return self._rung(command)
            case Bridge():
                customer, agent = command.legs
                self.bridged.append((customer, agent, read_at))
            case HangUp():
                self.freed += command.leg_id in self._phones
                return [*phones.answers(command), *self._phone(command.leg_id, DeviceState.IDLE)]
            case _:
                pass
        return list(phones.answers(command))

    def _rung(self, command: DialLeg) -> list[Fact]:
        """Let a place's first phone answer, and the others ring until they are cancelled."""
        place = command.leg_id.rpartition(".o")[0]
        if place in self._answered_places:
            return list(phones.answers(command, phones.Ring.GOES_ON))
        self._answered_places.add(place)
        self._phones[command.leg_id] = command.address
        return [*phones.answers(command), *self._phone(command.leg_id, DeviceState.IN_USE)]

    def _phone(self, leg_id: LegId, state: DeviceState) -> list[Fact]:
        """A registered phone's state, which a PBX reports at every use."""
        address = self._phones.get(leg_id)
        if address is None:
            return []
        if state is DeviceState.IDLE:
            del self._phones[leg_id]
        return [DeviceChanged(pbx_id=office.PBX, address=address, state=state)]
