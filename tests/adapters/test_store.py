"""What the host requires of a store, in memory and on Redis."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from contracts.ids import Instant, OrganizationId
from runtime.memory import MemoryStore
from runtime.ports import Outgoing, Position, Refused, Store, StoreUnavailable, Write
from runtime.redis_client import connected
from runtime.redis_store import RedisStore

ACME, BETA = OrganizationId("acme"), OrganizationId("beta {with} odd/name")
POSITION = Position("log", 4, 17, 1_800_000_000_000)
OUTBOX = (
    Outgoing("telephony", "volga", (("ce_id", b"1"),), b"\x00\xff", -1),
    Outgoing("facts", "acme", (), b"{}", 0),
)


@pytest.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest, fresh_prefix: str) -> AsyncIterator[Store]:
    """An empty store."""
    if request.param == "memory":
        yield MemoryStore()
        return
    redis = connected(request.getfixturevalue("redis_server"))
    yield RedisStore(redis, prefix=fresh_prefix, service="toy")
    await redis.aclose()


def a_write(**changes: Any) -> Write:
    """A write of partition 0 from version v0 to v1."""
    plain: dict[str, Any] = {
        "partition": 0, "epoch": "e1", "version": "v0", "new_version": "v1", "position": POSITION,
        "records": {}, "due": {}, "parked": {}, "outbox": (),
    }  # fmt: skip
    return Write(**{**plain, **changes})


async def test_a_new_partition_has_nothing(store: Store) -> None:
    """The host then looks for a snapshot, or for the whole log."""
    loaded = await store.claim(0, "e1", new_version="v0")
    assert (loaded.position, loaded.outbox, loaded.version) == (None, (), "v0")
    assert await store.load(0, [ACME], epoch="e1", version="v0") == [{}]


async def test_the_next_owner_finds_all_of_a_batch(store: Store) -> None:
    """Records, offset, timers, marks and outbox are written together (Q12)."""
    await store.claim(0, "e1", new_version="v0")
    records = {ACME: {"places/p1": b"\x01\x00", "places/p2": b"2"}, BETA: {"agents/a": b"\xff" * 70_000}}
    await store.write(a_write(records=records, due={ACME: Instant(5)}, parked={BETA: b"mark"}, outbox=OUTBOX))
    loaded = await store.claim(0, "e2", new_version="unused")
    assert (loaded.version, loaded.position, loaded.outbox) == ("v1", POSITION, OUTBOX)
    assert (dict(loaded.due), dict(loaded.parked)) == ({ACME: 5}, {BETA: b"mark"})
    assert await store.load(0, [ACME, BETA], epoch="e2", version="v1") == [records[ACME], records[BETA]]
    assert await store.organizations(0, epoch="e2", version="v1") == [ACME, BETA]


async def test_a_later_batch_changes_only_what_it_names(store: Store) -> None:
    """The cost of a fact does not grow with the queue."""
    await store.claim(0, "e1", new_version="v0")
    await store.write(
        a_write(records={ACME: {"p/1": b"1", "p/2": b"2"}}, due={ACME: Instant(5)}, parked={ACME: b"m"})
    )
    await store.write(
        a_write(
            version="v1",
            new_version="v2",
            records={ACME: {"p/1": None, "p/3": b"3"}},
            due={ACME: None},
            parked={ACME: None},
        )
    )
    loaded = await store.claim(0, "e1", new_version="unused")
    assert (dict(loaded.due), dict(loaded.parked)) == ({}, {})
    assert await store.load(0, [ACME], epoch="e1", version="v2") == [{"p/2": b"2", "p/3": b"3"}]


async def test_a_batch_of_thousands_of_records_is_written_and_dropped_whole(store: Store) -> None:
    """A claim after a rollback writes all of them at once; a script's call takes only so many arguments."""
    await store.claim(0, "e1", new_version="v0")
    many = {f"p/{number}": str(number).encode() for number in range(4_321)}
    await store.write(a_write(records={ACME: dict(many)}))
    assert await store.load(0, [ACME], epoch="e1", version="v1") == [many]
    await store.write(
        a_write(version="v1", new_version="v2", records={ACME: {**dict.fromkeys(many), "p/1": b"kept"}})
    )
    assert await store.load(0, [ACME], epoch="e1", version="v2") == [{"p/1": b"kept"}]


async def test_another_epoch_is_refused_everywhere(store: Store) -> None:
    """A zombie neither writes, nor reads, nor trims."""
    await store.claim(0, "e1", new_version="v0")
    await store.claim(0, "e2", new_version="unused")
    await _refused_everywhere(store, epoch="e1", version="v0")


async def test_another_version_is_refused_everywhere(store: Store) -> None:
    """A store that lost its last second has the same epoch, and an older version."""
    await store.claim(0, "e1", new_version="v0")
    await store.write(a_write())
    await _refused_everywhere(store, epoch="e1", version="v0")


async def test_an_emptied_store_refuses(store: Store) -> None:
    """An absent key does not match (FLUSHALL under a living owner)."""
    await store.claim(9, "e1", new_version="v0")
    await _refused_everywhere(store, epoch="e1", version="v0")
    await _refused_everywhere(store, epoch="", version="")


async def _refused_everywhere(store: Store, *, epoch: str, version: str) -> None:
    with pytest.raises(Refused):
        await store.write(a_write(epoch=epoch, version=version, new_version="z", outbox=OUTBOX))
    with pytest.raises(Refused):
        await store.load(0, [ACME], epoch=epoch, version=version)
    with pytest.raises(Refused):
        await store.organizations(0, epoch=epoch, version=version)
    with pytest.raises(Refused):
        await store.clear(0, epoch=epoch, version=version)
    loaded = await store.claim(0, "looks", new_version="looks")
    assert loaded.outbox == ()


async def test_the_next_write_replaces_the_outbox_and_nothing_else(store: Store) -> None:
    """Acknowledged outputs are not sent again."""
    await store.claim(0, "e1", new_version="v0")
    await store.write(a_write(outbox=OUTBOX, records={ACME: {"p/1": b"1"}}))
    await store.write(a_write(version="v1", new_version="v2"))
    loaded = await store.claim(0, "e1", new_version="unused")
    assert (loaded.outbox, loaded.position) == ((), POSITION)
    assert await store.load(0, [ACME], epoch="e1", version="v2") == [{"p/1": b"1"}]


async def test_a_cleared_partition_is_as_new_for_its_owner(store: Store) -> None:
    """Half a recovery leaves no trace in the next one."""
    await store.claim(0, "e1", new_version="v0")
    await store.write(
        a_write(records={ACME: {"p/1": b"1"}}, due={ACME: Instant(1)}, parked={ACME: b"m"}, outbox=OUTBOX)
    )
    await store.clear(0, epoch="e1", version="v1")
    loaded = await store.claim(0, "e1", new_version="unused")
    assert (loaded.version, loaded.position, loaded.outbox, dict(loaded.due)) == ("v1", None, (), {})
    assert await store.organizations(0, epoch="e1", version="v1") == []
    assert await store.load(0, [ACME], epoch="e1", version="v1") == [{}]


async def test_a_write_without_position_leaves_the_partition_unfinished(store: Store) -> None:
    """A recovery that crashes starts again from the beginning."""
    await store.claim(0, "e1", new_version="v0")
    await store.write(a_write(position=None, records={ACME: {"p/1": b"1"}}))
    assert (await store.claim(0, "e1", new_version="unused")).position is None


async def test_partitions_are_apart(store: Store) -> None:
    """Each partition has its own owner."""
    await store.claim(0, "e1", new_version="v0")
    await store.claim(1, "other", new_version="w0")
    await store.write(a_write(records={ACME: {"p/1": b"1"}}))
    assert await store.load(1, [ACME], epoch="other", version="w0") == [{}]


async def test_many_organizations_load_in_their_order(store: Store) -> None:
    """A claim may load hundreds."""
    await store.claim(0, "e1", new_version="v0")
    names = [OrganizationId(f"o{number}") for number in range(180)]
    await store.write(a_write(records={each: {"n/x": each.encode()} for each in names}))
    loaded = await store.load(0, names, epoch="e1", version="v1")
    assert [each["n/x"].decode() for each in loaded] == names


async def test_scripts_that_the_server_forgot_are_an_unclear_answer(
    redis_server: str, fresh_prefix: str
) -> None:
    """A promoted replica knows no scripts: the host claims again, and every claim loads them."""
    redis = connected(redis_server)
    store = RedisStore(redis, prefix=fresh_prefix, service="toy")
    await store.claim(0, "e1", new_version="v0")
    await (await redis.of("any")).script_flush()
    with pytest.raises(StoreUnavailable):
        await store.write(a_write())
    loaded = await store.claim(0, "e2", new_version="unused")
    await store.write(a_write(epoch="e2", version=loaded.version))
    await redis.aclose()


async def test_a_server_that_is_away_is_an_unclear_answer() -> None:
    """Nothing is repeated blindly: the caller decides."""
    redis = connected("redis://127.0.0.1:1/0")
    with pytest.raises(StoreUnavailable):
        await RedisStore(redis, prefix="x", service="toy").claim(0, "e1", new_version="v0")
    await redis.aclose()
