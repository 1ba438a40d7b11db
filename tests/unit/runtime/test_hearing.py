"""A host hears each record once, in order, and only records for its service."""

import pytest

from contracts.codec import Envelope, envelope, headers
from contracts.gateway import CallArrived
from contracts.message import type_name
from contracts.tts import NoticeFailed
from runtime.host.held import Closed
from runtime.host.identity import LogIsAnother
from runtime.ports import LogRecord, Outgoing, Position
from runtime.records import Record
from tests.unit.runtime.worlds import ACME, BETA, ToyState, World, a_call, a_claim, now, quiet, settled, toy


def _notices(world: World) -> list[str]:
    """The toy's facts about calls, in order."""
    return [
        fact.notice_id
        for _, _, fact in world.said()
        if isinstance(fact, NoticeFailed) and fact.notice_id != "second"
    ]


async def test_a_repeat_of_a_decider_is_dropped() -> None:
    """The log delivers at least once; a customer's call is heard once."""
    world = World()
    for seq in (1, 2, 2, 1, 3):
        world.hear(a_call(f"c{seq}"), source="queue", seq=seq)
    await settled(world.owner())
    assert _notices(world) == ["c1", "c2", "c3"]


async def test_what_comes_too_early_waits_for_its_predecessor() -> None:
    """No missing fact is skipped: it may be a hang-up."""
    world = World()
    world.hear(a_call("c1"), source="queue", seq=1)
    world.hear(a_call("c3"), source="queue", seq=3)
    owner = world.owner()
    await settled(owner)
    assert _notices(world) == ["c1"]
    world.hear(a_call("c2"), source="queue", seq=2)
    world.hear(a_call("c3"), source="queue", seq=3)
    await quiet(owner)
    assert _notices(world) == ["c1", "c2", "c3"]


async def test_types_that_are_skipped_count_in_their_sequence() -> None:
    """A filter by header that forgot to count would take the next fact for a gap."""
    world = World()
    skipped = NoticeFailed(notice_id="x", version=1, reason="", is_final=False)  # type: ignore[arg-type]
    world.hear(a_call("c1"), source="queue", seq=1)
    world.hear(skipped, source="queue", seq=2)
    world.hear(a_call("c3"), source="queue", seq=3)
    await settled(world.owner())
    assert _notices(world) == ["c1", "c3"]


async def test_sources_and_organizations_are_numbered_apart() -> None:
    """Nothing done for one organization reads or changes another's (O1)."""
    world = World()
    for organization_id in (ACME, BETA):
        for source in ("queue", "callback"):
            world.hear(
                a_call(f"{organization_id}-{source}"), organization_id=organization_id, source=source, seq=1
            )
    await settled(world.owner())
    assert len(_notices(world)) == 4


async def test_edges_and_the_directory_are_always_heard() -> None:
    """Their facts carry no number: applying them twice is applying them once."""
    world = World()
    world.hear(a_call("c1"), source="tts")
    world.hear(a_call("c2"), source="voicemail.activities")
    world.hear(a_call("c3"), source="directory")
    await settled(world.owner())
    assert _notices(world) == ["c1", "c2", "c3"]


async def test_a_gateway_counts_per_incarnation() -> None:
    """A gateway that restarts counts from 1 again; what its predecessor still says is ignored (G3)."""
    world = World()
    first = world.hear(a_claim(), source="gateway/volga")
    world.hear(a_call("c1"), source="gateway/volga", incarnation=first, seq=1)
    world.hear(a_call("c5"), source="gateway/volga", incarnation=first, seq=5)
    second = world.hear(a_claim(), source="gateway/volga")
    world.hear(a_call("c6"), source="gateway/volga", incarnation=first, seq=6)
    world.hear(a_call("n1"), source="gateway/volga", incarnation=second, seq=1)
    world.hear(a_call("n1"), source="gateway/volga", incarnation=second, seq=1)
    world.hear(a_call("n2"), source="gateway/volga", incarnation=second, seq=2)
    await settled(world.owner())
    assert _notices(world) == ["c1", "c5", "n1", "n2"]


async def test_a_malformed_value_becomes_a_dead_letter_and_others_go_on() -> None:
    """The dead letter has the bytes and the reason; no caller waits for a repair."""
    world = World()
    world.hear(a_call("bad"), value=b'{"type":"gateway.call_arrived"', source="queue", seq=1)
    world.hear(a_call("good"), source="queue", seq=2)
    owner = world.owner()
    await settled(owner)
    assert _notices(world) == ["good"]
    letters = world.log.topics["dead-letters"]
    assert [letter.value for letter in letters] == [b'{"type":"gateway.call_arrived"']
    found = dict(letters[0].headers)
    assert found["dl_reader"] == b"toy"
    assert b"gateway.call_arrived" in found["dl_reason"]


async def test_unreadable_headers_become_a_dead_letter() -> None:
    """Whatever a program writes to the topic, the partition goes on."""
    world = World()
    now(world.log.append(0, [Outgoing("facts", "acme", (("ce_id", b"\xff"),), b"?", 0)]))
    world.hear(a_call("good"))
    await settled(world.owner())
    assert _notices(world) == ["good"]
    assert len(world.log.topics["dead-letters"]) == 1


async def test_an_unknown_type_is_skipped_by_its_header() -> None:
    """Readers are deployed before writers, and sometimes after."""
    world = World()
    made = Envelope(id="x", type="future.thing_happened", source="queue", organization_id=ACME, seq=1)
    now(world.log.append(0, [Outgoing("facts", "acme", tuple(headers(made)), b"not even JSON", 0)]))
    world.hear(a_call("c2"), source="queue", seq=2)
    await settled(world.owner())
    assert _notices(world) == ["c2"]
    assert "dead-letters" not in world.log.topics


async def test_time_never_goes_back() -> None:
    """A broker's clock may go back; deadlines must not."""
    world = World()
    world.hear(a_call("c1"))
    world.clock.advance(-3600)
    world.hear(a_call("c2"))
    owner = world.owner()
    await settled(owner)
    assert owner.held is not None
    state = (await owner.held.organization(ACME)).state
    first, second = sorted(timer.due_at for timer in state.timers)
    assert first == second


async def test_a_gap_that_heals_on_reading_again_is_no_gap() -> None:
    """The embedded broker shows such gaps with two writers."""
    world = World()
    owner = world.owner()
    await settled(owner)
    world.hear(a_call("c1"))
    hidden = world.log.facts[0].pop()
    world.log.facts[0].append(LogRecord(0, hidden.offset + 1, hidden.at, hidden.headers, hidden.value))
    await owner.turn()
    assert _notices(world) == []
    world.log.facts[0].insert(-1, hidden)
    await quiet(owner)
    assert _notices(world) == ["c1", "c1"]


async def test_the_same_gap_twice_is_the_logs_own() -> None:
    """Kafka itself leaves gaps; waiting for them would never end."""
    world = World()
    owner = world.owner()
    await settled(owner)
    world.hear(a_call("c1"))
    only = world.log.facts[0].pop()
    world.log.facts[0].append(LogRecord(0, only.offset + 3, only.at, only.headers, only.value))
    await quiet(owner)
    assert _notices(world) == ["c1"]


async def test_a_range_that_the_log_no_longer_has_closes_the_partition() -> None:
    """Going on would forget the customers in it; the error names the range."""
    world = World()
    owner = world.owner()
    await settled(owner)
    wanted = world.log.end(0)
    for number in range(5):
        world.hear(a_call(f"c{number}"))
    world.log.trim_before(0, wanted + 3)
    with pytest.raises(Closed, match=f"offsets {wanted} to {wanted + 2}"):
        await world.owner().claim()


async def test_with_neither_store_nor_snapshot_nor_log_the_partition_stays_closed() -> None:
    """An empty state would tell every waiting customer that there is no place."""
    world = World()
    await settled(world.owner())
    world.store.stored = {}
    world.log.trim_before(0, 2)
    with pytest.raises(Closed, match="no snapshot"):
        await world.owner().claim()


async def test_an_empty_store_is_rebuilt_from_a_whole_log() -> None:
    """Redis is empty after a failover: the state is rebuilt from the log before any decision (EC-105)."""
    world = World()
    for number in range(4):
        world.hear(a_call(f"c{number}"))
    owner = world.owner()
    await settled(owner)
    await owner.leave()
    said, commands = world.said(), world.commands()
    before = world.store.stored[0].records
    world.store.stored = {}
    owner = world.owner()
    await settled(owner)
    await owner.leave()
    assert (world.said(), world.commands()) == (said, commands)
    assert world.store.stored[0].records == before


async def test_an_empty_store_is_rebuilt_from_a_snapshot() -> None:
    """The log's beginning is gone after a week; the snapshot replaces it."""
    world = World()
    world.hear(a_call("c1"))
    owner = world.owner()
    await settled(owner)
    await owner.snapshot()
    await owner.settle()
    world.hear(a_call("c2"))
    await quiet(owner)
    world.store.stored = {}
    world.log.trim_before(0, 3)
    successor = world.owner()
    await settled(successor)
    world.hear(a_call("c3"))
    await quiet(successor)
    state = (await successor.held.organization(ACME)).state if successor.held else None
    assert isinstance(state, ToyState)
    assert [(seen.leg_id, seen.number) for seen in state.seen] == [("c1", 1), ("c2", 2), ("c3", 3)]
    said = [envelope(each.headers) for each in world.log.facts[0]]
    assert [each.seq for each in said if each.source == "toy" and each.seq > 2] == [3, 4, 5, 6]


async def test_another_log_is_refused() -> None:
    """A restored store with a new Kafka would mix two histories."""
    world, other = World(), World()
    other.owners = 10  # Other random names for its owners.
    for each in (world, other):
        await settled(each.owner())
    other.store = world.store
    with pytest.raises(LogIsAnother, match="belongs to the log"):
        await other.owner().claim()


async def test_a_store_beyond_the_logs_end_is_refused() -> None:
    """A log that lost its end would hand the same offsets out again."""
    world = World()
    await settled(world.owner())
    stored = world.store.stored[0]
    assert stored.position is not None
    stored.position = Position(stored.position.log_id, 1, 1000, 0)
    with pytest.raises(LogIsAnother, match="ends at"):
        await world.owner().claim()


async def test_another_number_of_partitions_is_refused() -> None:
    """Organizations would change partitions, and leave their state behind."""
    world = World()
    await settled(world.owner())
    stored = world.store.stored[0]
    assert stored.position is not None
    stored.position = Position(stored.position.log_id, 4, 1, 0)
    with pytest.raises(LogIsAnother, match="fixed at creation"):
        await world.owner().claim()


class NewerSeen(Record, frozen=True, array_like=True):
    """A record of a later version of the toy."""

    schema = 2
    leg_id: str


async def test_records_of_a_newer_version_close_the_partition() -> None:
    """An older version must not guess at what a newer one wrote: not ready."""
    world = World()
    world.hear(a_call("c1"))
    await settled(world.owner())
    table = ToyState().table("seen", NewerSeen)
    world.store.stored[0].records[ACME]["seen/c1"] = table.encoded(NewerSeen("c1"))
    world.hear(a_call("c2"))
    owner = world.owner()
    await owner.claim()
    with pytest.raises(Closed, match="newer version"):
        await owner.turn()


async def test_idle_organizations_leave_memory_and_return_with_their_state() -> None:
    """Memory holds active organizations; idle ones come back from the store."""
    world = World()
    world.hear(a_call("c1"))
    owner = world.owner()
    await settled(owner)
    world.clock.advance(30)
    await quiet(owner)
    world.clock.advance(3600)
    await quiet(owner)
    assert owner.held is not None
    assert owner.held.organizations.get(ACME) is None
    world.hear(a_call("c2"))
    await quiet(owner)
    state = (await owner.held.organization(ACME)).state
    assert isinstance(state, ToyState)
    assert [seen.number for seen in state.seen] == [1, 2]


async def test_the_toy_hears_what_it_says_it_hears() -> None:
    """The filter uses this declaration."""
    assert type_name(CallArrived) in {type_name(found) for found in toy().hears}
