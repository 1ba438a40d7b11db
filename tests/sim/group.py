"""Kafka's group that shares the partitions of commands among gateways, and its members' consumers.

The real `SubscriptionRunner` reads from these consumers. They do what aiokafka and a broker do: members have
lasting names; each rebalance revokes everything, then assigns; whoever says nothing for a session is left
out; offsets are committed by members of the present generation only, and a new owner reads on from them.
A process that sleeps learns of all this when it wakes, and acts on its old share until then.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, Final

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, ConsumerStoppedError, KafkaError

from contracts import codec
from contracts.topics import TELEPHONY, Topic
from runtime.kafka_log import partition_of
from runtime.ports import Outgoing
from tests.sim.edges import RAISED
from tests.sim.ports import Outages, Process, SharedLog

BEAT_S: Final = 1.0
SESSION_S: Final = 6.0
"""Shorter than in production, so that a morning has many hand-overs."""
SWEEP_S: Final = 0.5
CLAIMED_S: Final = 4.0
"""Within this time after a rebalance the new owners have claimed their PBXs, and work."""
IDLE_S: Final = 20.0


class Member:
    """What the broker knows of a member: which process has its name now, and when that was last heard of."""

    def __init__(self, consumer: "GroupConsumer", heard_s: float) -> None:
        self.consumer = consumer
        self.heard_s = heard_s
        self.share: tuple[int, ...] = ()
        self.waits: asyncio.Future[None] | None = None
        """Set while it has asked for a share of the next generation."""


class Group:
    """The broker's side, with the records of each partition and the committed offsets."""

    def __init__(
        self, shared: SharedLog, chance: random.Random, outages: Outages, topic: Topic = TELEPHONY
    ) -> None:
        self.topic = topic
        self.committed = [0] * topic.partitions
        self.generation = 0
        self._shared = shared
        self._chance = chance
        self._outages = outages
        self._members: dict[str, Member] = {}
        self._since_s: float | None = None
        """Since when the group is rebalanced; None: it is stable."""
        self._partitions: list[list[int]] = [[] for _ in range(topic.partitions)]
        self._indexed = 0

    # Records

    def records(self, partition: int) -> list[int]:
        """The places of a partition's records in the topic."""
        sent = self._shared.topics.get(self.topic.name, [])
        for place in range(self._indexed, len(sent)):
            self._partitions[partition_of(sent[place].key, self.topic.partitions)].append(place)
        self._indexed = len(sent)
        return self._partitions[partition]

    def record(self, partition: int, offset: int) -> ConsumerRecord[bytes, bytes]:
        """One record, as a consumer gives it."""
        place = self.records(partition)[offset]
        sent = self._shared.topics[self.topic.name][place]
        return ConsumerRecord(
            topic=self.topic.name,
            partition=partition,
            offset=offset,
            timestamp=self._shared.sent_at[self.topic.name][place],
            timestamp_type=1,
            key=sent.key.encode(),
            value=sent.value,
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            headers=sent.headers,
        )

    @property
    def is_done(self) -> bool:
        """Whether every command was answered, and its offset committed."""
        return all(self.committed[each] == len(self.records(each)) for each in range(self.topic.partitions))

    # Members

    async def run(self) -> None:
        """Leave members out that say nothing."""
        while True:
            await asyncio.sleep(SWEEP_S)
            for name, member in list(self._members.items()):
                if member.waits is None and self._now() - member.heard_s > SESSION_S:
                    self._remove(name, since_s=member.heard_s)
            self._complete()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def beat(self, consumer: "GroupConsumer") -> bool:
        """A member lives; False if it must ask for a share again."""
        member = self._members.get(consumer.name)
        if member is None or member.consumer is not consumer:
            return False
        member.heard_s = self._now()
        return self._since_s is None

    async def join(self, consumer: "GroupConsumer") -> tuple[int, ...]:
        """Ask for a share, and wait until the group has agreed on it.

        A process that has the name of a known member takes that one's place, without a rebalance.
        """
        member = self._members.get(consumer.name)
        is_stable = self._since_s is None
        if member is not None and member.consumer is not consumer and is_stable:
            member.consumer, member.heard_s = consumer, self._now()
            return member.share
        if member is None or member.consumer is not consumer:
            member = self._members[consumer.name] = Member(consumer, self._now())
            self._begin(self._now())
        member.heard_s = self._now()
        if self._since_s is None:
            return member.share
        member.waits = member.waits or asyncio.get_running_loop().create_future()
        self._complete()
        waits = member.waits
        if waits is not None:
            await asyncio.shield(waits)
        return member.share

    def leave(self, consumer: "GroupConsumer") -> None:
        """A member goes for good: nobody waits for its name."""
        member = self._members.get(consumer.name)
        if member is not None and member.consumer is consumer:
            self._remove(consumer.name, since_s=self._now())
            self._complete()

    def _remove(self, name: str, *, since_s: float) -> None:
        del self._members[name]
        self._begin(since_s)

    def _begin(self, since_s: float) -> None:
        self._since_s = since_s if self._since_s is None else min(self._since_s, since_s)

    def _complete(self) -> None:
        """Share the partitions when all members have asked: one by one, beginning with any of them."""
        members = list(self._members.values())
        if self._since_s is None or any(member.waits is None for member in members):
            return
        self.generation += 1
        self._outages.note(since_s=self._since_s, until_in_s=CLAIMED_S)
        self._since_s = None
        first = self._chance.randrange(len(members)) if members else 0
        for number, member in enumerate(members):
            turn = (number + first) % len(members)
            member.share = tuple(range(turn, self.topic.partitions, len(members)))
            member.heard_s = self._now()
            assert member.waits is not None
            member.waits.set_result(None)
            member.waits = None

    def commit(self, consumer: "GroupConsumer", offsets: dict[TopicPartition, int]) -> None:
        """Note offsets. Raises CommitFailedError for a member that has no share of this generation."""
        member = self._members.get(consumer.name)
        is_member = member is not None and member.consumer is consumer
        if not is_member or self._since_s is not None or consumer.generation != self.generation:
            raise CommitFailedError("the group has rebalanced")
        for at, offset in offsets.items():
            self.committed[at.partition] = offset


class GroupConsumer:
    """A consumer of one process: the part of aiokafka's that an edge uses."""

    def __init__(self, process: Process, shared: SharedLog, group: Group) -> None:
        self.name = process.name.partition("#")[0]
        self.generation = 0
        # `leaves_when_it_stops` takes the name from here.
        self._coordinator = SimpleNamespace(_group_instance_id=self.name)
        self._process = process
        self._shared = shared
        self._group = group
        self._listener: Any = None
        self._positions: dict[TopicPartition, int] = {}
        self._changed = asyncio.Event()
        self._is_stopped = False
        self._tasks: list[asyncio.Task[None]] = []

    def subscribe(self, topics: Sequence[str], *, listener: Any) -> None:
        """Be a member of the group that shares the topic."""
        assert topics == [self._group.topic.name]
        self._listener = listener

    async def start(self) -> None:
        """Join."""
        self._tasks = [asyncio.create_task(self._coordinate())]

    async def stop(self) -> None:
        """End; a member whose name was taken leaves its group, any other one is waited for."""
        self._is_stopped = True
        self._changed.set()
        for task in self._tasks:
            task.cancel()
        await self._process.gate("leave")
        if self._coordinator._group_instance_id is None:
            self._group.leave(self)

    async def _coordinate(self) -> None:
        """Ask for a share whenever the group wants that; at each time everything is revoked first."""
        while True:
            await self._process.gate("join")
            self._listener.on_partitions_revoked(set(self._positions))
            self._positions = {}
            share = await self._group.join(self)
            await self._process.gate("joined")
            # Another rebalance may have come meanwhile: then nothing of this is committed.
            self.generation = self._group.generation
            self._positions = {
                TopicPartition(self._group.topic.name, each): self._group.committed[each] for each in share
            }
            self._changed.set()
            beating = asyncio.create_task(self._beats())
            await self._listener.on_partitions_assigned(set(self._positions))
            await beating

    async def _beats(self) -> None:
        """Return when the group rebalances, or has forgotten us."""
        while True:
            await asyncio.sleep(BEAT_S)
            await self._process.gate("heartbeat")
            if not self._group.beat(self):
                return

    # Records

    async def getone(self) -> ConsumerRecord[bytes, bytes]:
        """The next record of any partition of ours. Raises ConsumerStoppedError."""
        while not self._is_stopped:
            for at, offset in self._positions.items():
                if offset < len(self._group.records(at.partition)):
                    await self._process.gate("poll")
                    if self._positions.get(at) != offset:
                        break
                    self._positions[at] = offset + 1
                    return self._group.record(at.partition, offset)
            else:
                self._changed.clear()
                await self._wait()
        raise ConsumerStoppedError

    async def _wait(self) -> None:
        """Wait for a record, or another share."""
        sent = asyncio.ensure_future(self._shared.wait(self._group.topic.name, IDLE_S))
        changed = asyncio.ensure_future(self._changed.wait())
        await asyncio.wait((sent, changed), return_when=asyncio.FIRST_COMPLETED)
        changed.cancel()
        sent.cancel()

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        """Commit. Raises KafkaError."""

        async def commit() -> None:
            self._group.commit(self, offsets)

        await self._process.call("commit", commit, KafkaError)

    def seek(self, at: TopicPartition, offset: int) -> None:
        """Read from there."""
        self._positions[at] = offset


class GroupClients:
    """Makes the consumers of one process, where an edge asks for them."""

    def __init__(self, process: Process, shared: SharedLog, group: Group) -> None:
        self._make: Callable[[], GroupConsumer] = lambda: GroupConsumer(process, shared, group)

    def consumer(self, **_: Any) -> GroupConsumer:
        """A consumer that is not started yet."""
        return self._make()


class GroupLog:
    """What an edge's reader asks of the log beside records."""

    session_ms = round(SESSION_S * 1000)

    def __init__(self, process: Process, topic: Topic) -> None:
        self._process = process
        self._topic = topic

    async def count(self, _: str) -> int:
        """The topic's partitions."""
        return self._topic.partitions

    async def send(self, letters: Sequence[Outgoing]) -> None:
        """A dead letter: no command of a morning may become one."""
        reasons = [codec.decode(codec.envelope(each.headers).type, each.value) for each in letters]
        self._process.kill(f"{RAISED}: {reasons}")
        await self._process.gate("dead letter")
