"""A host reports readiness exactly when it is ready, and how far it is behind."""

import asyncio

from prometheus_client import REGISTRY

from runtime.host.held import HostPorts, Options
from runtime.host.host import Host
from runtime.memory import MemoryLog, counting_tokens
from runtime.ports import LogRecord
from tests.unit.runtime.worlds import World, a_call, toy

LAG = ("ringback_lag_records", {"reader": "toy", "topic": "facts", "partition": "0"})
OWNED = ("ringback_partition_owned", {"partition": "0"})


def _host(world: World | None = None) -> Host:
    world = world or World()
    ports = HostPorts(
        log=world.log,
        store=world.store,
        blobs=world.blobs,
        clock=world.clock,
        tokens=counting_tokens("host."),
    )
    return Host(toy(), ports, Options(version="1"))


async def test_a_host_that_was_not_given_its_partitions_yet_is_not_ready() -> None:
    """A rolling deploy goes on when the new pod is ready: one that owns nothing yet would stop the calls."""
    assert _host().reasons_not_ready() == ["waiting to be given partitions"]


async def test_a_host_that_is_told_to_stand_by_is_ready() -> None:
    """More replicas than partitions are not a failure."""
    host = _host()
    await host.gained(())
    assert host.reasons_not_ready() == []


async def test_a_host_is_ready_once_it_has_read_what_the_log_already_says() -> None:
    """It is not ready while it claims, and is soon after."""
    host = _host()
    await host.gained((0,))
    assert host.reasons_not_ready() == ["partition 0: claiming, or reading what the log already says"]
    for _ in range(200):
        await asyncio.sleep(0)
    assert host.reasons_not_ready() == []
    host.stop()
    await host.lost((0,))


class PatientLog(MemoryLog):
    """A log whose reads wait at the end, as a broker's do, for as long as nothing comes."""

    async def read(self, partition: int, offset: int, *, records_max: int, wait_ms: int) -> list[LogRecord]:
        """Read, and wait for what may never come."""
        found = await super().read(partition, offset, records_max=records_max, wait_ms=wait_ms)
        if not found and wait_ms:
            await asyncio.Event().wait()
        return found


async def test_a_stop_interrupts_the_wait_for_the_log() -> None:
    """An idle partition waits for seconds, and a roll of many replicas must not wait for each of them."""
    world = World()
    world.log = PatientLog(world.clock)
    world.hear(a_call("c1"))
    host = _host(world)
    running = asyncio.create_task(host.run(broker_without_time_is_fine=True))
    for _ in range(200):
        await asyncio.sleep(0)
    assert host.reasons_not_ready() == []
    host.stop()
    async with asyncio.timeout(30):
        await running


async def test_the_lag_grows_while_a_partition_stands_still_and_goes_with_the_partition() -> None:
    """Nobody reads, and the log goes on: an age of the newest fact read would stand still, too."""
    world = World()
    host = _host(world)
    await host.gained((0,))
    for _ in range(200):
        await asyncio.sleep(0)
    await host.show_lag()
    assert (REGISTRY.get_sample_value(*LAG), REGISTRY.get_sample_value(*OWNED)) == (0.0, 1.0)
    for number in range(3):
        world.hear(a_call(f"leg{number}"))
    await host.show_lag()
    assert REGISTRY.get_sample_value(*LAG) == 3.0
    host.stop()
    await host.lost((0,))
    assert (REGISTRY.get_sample_value(*LAG), REGISTRY.get_sample_value(*OWNED)) == (None, 0.0)
