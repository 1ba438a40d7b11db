"""What Prometheus is told when partitions and organizations come and go."""

import asyncio
from typing import Any

import pytest
from prometheus_client import REGISTRY

from contracts.ids import Instant, PlaceId
from contracts.message import type_name
from contracts.queue import PlaceAbandoned
from runtime import metrics
from runtime.decision import Decider
from runtime.host.held import HostPorts, Options
from runtime.host.host import Host
from runtime.memory import counting_tokens
from runtime.records import Earliest, Record
from services.callback import service as callback
from services.queue import service as queue
from tests.unit.runtime.worlds import ToyState, World, a_call, toy

WAITING = "ringback_places_waiting"
PARTITION = {"partition": "0"}
OF_A_PARTITION = (
    "ringback_outbox_since_seconds",
    "ringback_organizations_parked",
    "ringback_partitions_closed",
    "ringback_organizations_loaded",
)


class Due(Record, frozen=True, array_like=True):
    """Something that is due, or not any more."""

    key: str
    due_at: Instant
    is_over: bool = False


def _counting() -> Decider[ToyState]:
    decider = toy()
    return Decider(
        name=decider.name,
        hears=decider.hears,
        says=decider.says,
        new_state=decider.new_state,
        apply=decider.apply,
        decide=decider.decide,
        owed=decider.owed,
        gauges=lambda state: {"places_waiting": float(len(state.seen))},
    )


async def _on_a_call(world: World) -> Host:
    """A host that owns a partition on which a call was heard."""
    ports = HostPorts(
        log=world.log,
        store=world.store,
        blobs=world.blobs,
        clock=world.clock,
        tokens=counting_tokens("host."),
    )
    host = Host(_counting(), ports, Options(version="1"))
    world.hear(a_call("leg1"))
    await host.gained((0,))
    for _ in range(200):
        await asyncio.sleep(0)
    return host


async def test_a_lost_partition_takes_its_figures_along() -> None:
    """A figure that stays on the former replica would ring an alarm that nobody can mend."""
    host = await _on_a_call(World())
    host.show_gauges()
    metrics.PARKED.labels(0).set(1)
    assert all(REGISTRY.get_sample_value(name, PARTITION) is not None for name in OF_A_PARTITION)
    host.stop()
    await host.lost((0,))
    assert [REGISTRY.get_sample_value(name, PARTITION) for name in OF_A_PARTITION] == [None] * 4


async def test_nobody_waits_at_a_replica_that_has_lost_its_partitions() -> None:
    """Otherwise a customer who was served elsewhere would wait here for ever."""
    host = await _on_a_call(World())
    host.show_gauges()
    assert REGISTRY.get_sample_value(WAITING) == 1.0
    host.stop()
    await host.lost((0,))
    host.show_gauges()
    assert REGISTRY.get_sample_value(WAITING) == 0.0


async def test_what_was_counted_is_told_when_it_is_asked_for() -> None:
    """Counts wait in a dictionary until then: none may be lost or told twice."""
    said = {"type": "toy.counted"}
    before = REGISTRY.get_sample_value("ringback_messages_said_total", said) or 0.0
    metrics.SAID.counted[("toy.counted",)] += 2
    metrics.SAID.labels("toy.counted").inc()
    assert REGISTRY.get_sample_value("ringback_messages_said_total", said) == before + 3
    assert REGISTRY.get_sample_value("ringback_messages_said_total", said) == before + 3


async def test_a_host_tells_how_many_partitions_there_are() -> None:
    """Who knows only the owned ones does not miss the others."""
    world = World()
    ports = HostPorts(
        log=world.log,
        store=world.store,
        blobs=world.blobs,
        clock=world.clock,
        tokens=counting_tokens("host."),
    )
    host = Host(toy(), ports, Options(version="1"))
    running = asyncio.create_task(host.run(broker_without_time_is_fine=True))
    for _ in range(200):
        await asyncio.sleep(0)
    assert REGISTRY.get_sample_value("ringback_partitions") == world.log.partitions
    host.stop()
    await running


@pytest.mark.parametrize("decider", [queue.SERVICE, callback.SERVICE], ids=lambda each: each.name)
def test_waits_are_measured_in_fields_that_messages_have(decider: Decider[Any]) -> None:
    """A field that was renamed would end the service at the first customer who is connected."""
    said = {type_name(kind): kind for kind in decider.says}
    assert decider.measures
    for type_, (_, _, field) in decider.measures.items():
        assert field in said[type_].__struct_fields__


def test_a_wait_is_measured_in_seconds() -> None:
    """Metrics are in base units, messages in milliseconds."""
    before = REGISTRY.get_sample_value("ringback_place_waited_seconds_sum", {"end": "abandoned"}) or 0.0
    abandoned = PlaceAbandoned(place_id=PlaceId("p1"), waited_ms=90_000)
    metrics.measure(queue.SERVICE.measures, "queue.place_abandoned", abandoned)
    assert REGISTRY.get_sample_value("ringback_place_waited_seconds_sum", {"end": "abandoned"}) == before + 90


def test_the_earliest_of_many_is_known_without_looking_at_each() -> None:
    """Prometheus asks every few seconds, with a hundred thousand customers waiting."""
    earliest = Earliest[Due]("due_at", lambda due: not due.is_over)
    one, two = Due("one", Instant(7_000)), Due("two", Instant(5_000))
    for each in (one, two):
        earliest.track(None, each)
    assert (len(earliest), earliest.at_s) == (2, 5.0)
    over = Due("two", Instant(5_000), is_over=True)
    earliest.track(two, over)
    assert (len(earliest), earliest.at_s) == (1, 7.0)
    earliest.track(over, None)
    earliest.track(one, None)
    assert (len(earliest), earliest.at_s) == (0, 0.0)
