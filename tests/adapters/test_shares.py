"""How the members of a group share a topic of commands, on Apache Kafka: none is left, none done twice."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from contracts.codec import Envelope, encode, headers
from contracts.ids import LegId, OrganizationId, PbxId
from contracts.message import type_name
from contracts.telephony import HangUp
from contracts.topics import TELEPHONY
from ringback.topics import create_topics
from runtime.edge import NONE, Heard, LeftToAnother, Share, Subscription
from runtime.edge_runner import SubscriptionRunner
from runtime.kafka_clients import Clients
from runtime.kafka_log import KafkaLog, partition_of
from runtime.ports import Outgoing

ACME = OrganizationId("acme")
KEYS = [f"{ACME}/pbx-{number}" for number in range(12)]
SESSION_MS = 120_000
"""Longer than the test: whoever waits for the end of a session fails."""

pytestmark = [pytest.mark.timeout(480), pytest.mark.xdist_group("apache")]


class Member:
    """One process's subscription to the commands, with the share that it was told."""

    def __init__(self) -> None:
        self.share = NONE
        self.heard: list[int] = []
        self.holds: set[int] = set()
        """Numbers of commands that this member begins and leaves to another."""

    async def on_share(self, share: Share) -> None:
        self.share = share

    async def handle(self, heard: Heard) -> None:
        self.heard.append(heard.envelope.seq)
        if heard.envelope.seq in self.holds:
            assert isinstance(heard.message, HangUp)
            while self.share.is_ours(f"{ACME}/{heard.message.pbx_id}"):
                await asyncio.sleep(0.05)
            raise LeftToAnother

    @property
    def keys(self) -> set[str]:
        return {key for key in KEYS if self.share.is_ours(key)}


class Group:
    """A topic of commands on a broker, and members that come and go."""

    def __init__(self, bootstrap: str, prefix: str, log: KafkaLog) -> None:
        self._bootstrap = bootstrap
        self._prefix = prefix
        self.log = log

    @asynccontextmanager
    async def member(self, name: str, member: Member) -> AsyncIterator[SubscriptionRunner]:
        subscription = Subscription(
            topic=TELEPHONY,
            hears=(HangUp,),
            handle=member.handle,
            per_organization_max=100,
            on_share=member.on_share,
        )
        runner = SubscriptionRunner("gateway", subscription, self.log)
        await runner.start(Clients(self._bootstrap), prefix=self._prefix, group="gateway", replica=name)
        reading = asyncio.create_task(runner.run())
        try:
            yield runner
        finally:
            await runner.finish()
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def command(self, key: str, number: int) -> None:
        message = HangUp(pbx_id=PbxId(key.partition("/")[2]), leg_id=LegId("l"))
        made = Envelope(
            id=f"c{number}", type=type_name(message), source="queue", organization_id=ACME, seq=number
        )
        await self.log.send([Outgoing(TELEPHONY.name, key, tuple(headers(made)), encode(message))])


@pytest.fixture
async def group(kafka_apache: str, fresh_prefix: str) -> AsyncIterator[Group]:
    await create_topics(kafka_apache, f"{fresh_prefix}.")
    log = KafkaLog(kafka_apache, prefix=f"{fresh_prefix}.", session_ms=SESSION_MS)
    await log.start()
    yield Group(kafka_apache, f"{fresh_prefix}.", log)
    await log.stop()


def are_shared(first: Member, second: Member) -> bool:
    """Whether both have some keys, no key is both's, and none is nobody's. The first may hear of it later."""
    are_all = first.keys | second.keys == set(KEYS)
    return bool(first.keys) and bool(second.keys) and are_all and not first.keys & second.keys


async def until(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds; the limit only ends a test that stands still."""
    for _ in range(2_400):
        if holds():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it never came to hold")


async def test_each_key_is_one_members_and_the_log_puts_its_records_where_the_share_says(
    group: Group,
) -> None:
    """A gateway must not have a PBX whose commands another one reads."""
    first, second = Member(), Member()
    async with group.member("gateway-0", first), group.member("gateway-1", second):
        await until(lambda: are_shared(first, second))
        assert first.share.is_by_group
        for number, key in enumerate(KEYS, start=1):
            await group.command(key, number)
        await until(lambda: len(first.heard) + len(second.heard) == len(KEYS))
        assert {KEYS[number - 1] for number in first.heard} == first.keys
        assert {KEYS[number - 1] for number in second.heard} == second.keys


async def test_a_member_that_stops_leaves_its_share_at_once_though_its_name_is_a_lasting_one(
    group: Group,
) -> None:
    """Calls wait for nobody's session; a command that was begun is read by the next one, others are not."""
    first, second = Member(), Member()
    async with group.member("gateway-0", first):
        async with group.member("gateway-1", second):
            await until(lambda: are_shared(first, second))
            key = min(second.keys)
            second.holds = {2}
            await group.command(key, 1)
            await group.command(key, 2)
            await until(lambda: second.heard == [1, 2])
        assert first.heard == []
        await until(lambda: first.keys == set(KEYS))
        await until(lambda: first.heard == [2])


async def test_what_a_member_had_begun_before_another_had_it_is_begun_again_when_it_comes_back_undone(
    group: Group,
) -> None:
    """It counts as no repeat: the other one has gone without doing it."""
    first, second = Member(), Member()
    # Few enough that all are under way at once, also those that stay with the first and are begun again.
    numbers = {key: number for number, key in enumerate(KEYS[:3], start=1)}
    async with group.member("gateway-0", first):
        await until(lambda: first.keys == set(KEYS))
        first.holds = second.holds = set(numbers.values())
        for key, number in numbers.items():
            await group.command(key, number)
        await until(lambda: set(first.heard) == first.holds)
        async with group.member("gateway-1", second):
            await until(lambda: are_shared(first, second))
            left = {number for key, number in numbers.items() if key in second.keys}
            assert left
            await until(lambda: set(second.heard) >= left)
            begun = len(first.heard)
        await until(lambda: first.keys == set(KEYS))
        await until(lambda: set(first.heard[begun:]) >= left)


async def test_a_member_that_has_everything_keeps_its_place_under_its_name(group: Group) -> None:
    """Nobody is there to take its share, and the broker gives it back without a wait."""
    first, again = Member(), Member()
    async with group.member("gateway-0", first):
        await until(lambda: first.keys == set(KEYS))
    members = await _members(group)
    assert len(members) == 1
    async with group.member("gateway-0", again):
        await until(lambda: again.keys == set(KEYS))


async def _members(group: Group) -> list[object]:
    admin = Clients(group._bootstrap).admin()
    await admin.start()
    try:
        (found,) = await admin.describe_consumer_groups([f"{group._prefix}gateway.telephony"])
        return list(found.groups[0][-1])
    finally:
        await admin.close()


async def test_a_topic_that_is_read_from_its_start_has_been_caught_up_with(group: Group) -> None:
    """A gateway takes no PBX before it knows what happened there."""
    heard: list[int] = []

    async def handle(found: Heard) -> None:
        await asyncio.sleep(0.01)
        heard.append(found.envelope.seq)

    for number, key in enumerate(KEYS * 4, start=1):
        await group.command(key, number)
    runner = SubscriptionRunner(
        "gateway",
        Subscription(topic=TELEPHONY, hears=(HangUp,), handle=handle, concurrency_max=1, from_start=True),
        group.log,
    )
    await runner.start(Clients(group._bootstrap), prefix=group._prefix, group="gateway", replica="")
    reading = asyncio.create_task(runner.run())
    await runner.catch_up()
    assert sorted(heard) == list(range(1, 4 * len(KEYS) + 1))
    await runner.finish()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


def test_keys_of_pbxs_are_spread_over_the_partitions() -> None:
    """Otherwise a second gateway would have nothing to do."""
    assert {partition_of(key, TELEPHONY.partitions) for key in KEYS} == set(range(TELEPHONY.partitions))
