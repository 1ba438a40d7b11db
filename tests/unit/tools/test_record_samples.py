"""What one version has stored, another loads: the committed samples of every record, and whole snapshots."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contracts.ids import Instant
from devtools import record_samples
from runtime.decision import Decider
from runtime.host import snapshots
from runtime.host.held import HostPorts, Options
from runtime.host.host import Host
from runtime.host.organizations import Organizations, decoded_mark
from runtime.memory import MemoryBlobs, MemoryClock, MemoryLog, MemoryStore, counting_tokens
from runtime.ports import Position
from runtime.records import NewerSchema, Table
from services.callback.service import SERVICE as CALLBACK
from services.queue.service import SERVICE as QUEUE
from services.routing.service import SERVICE as ROUTING
from services.voicemail.service import SERVICE as VOICEMAIL
from tests.unit.runtime.worlds import ACME, World, a_call, now, settled, state_of

DECIDERS = (CALLBACK, QUEUE, ROUTING, VOICEMAIL)
TABLES = record_samples.tables()
KEPT = sorted(
    path
    for path in record_samples.FOLDER.glob("*/*.bin")
    if not path.name.startswith(record_samples.SNAPSHOT)
)
SNAPSHOTS = sorted(record_samples.FOLDER.glob(f"*/{record_samples.SNAPSHOT}.*.bin"))


def _table(path: Path) -> Table[Any]:
    return TABLES[f"{path.parent.name}/{path.name.split('.')[0]}"]


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", KEPT, ids=_name)
def test_a_record_that_was_once_stored_still_loads(path: Path) -> None:
    """A place that was stored yesterday is a customer who waits today."""
    table = _table(path)
    record = table.decoded(path.read_bytes())
    assert table.decoded(table.encoded(record)) == record


@pytest.mark.parametrize("name", TABLES)
def test_every_record_has_a_sample_with_all_of_its_fields(name: str) -> None:
    """A sample that leaves a field out would not notice when that field's meaning changes."""
    newest = record_samples.kept(name)[-1].read_bytes()
    assert newest == record_samples.sample(TABLES[name]), "`make schemas` keeps a sample of what was changed"


@pytest.mark.parametrize("name", TABLES)
def test_a_record_of_an_older_version_gets_the_defaults_of_what_it_lacks(name: str) -> None:
    """Fields are only added at the end, with defaults: whatever is cut off there, the rest loads."""
    table = TABLES[name]
    data = record_samples.sample(table)
    stored = msgspec.msgpack.decode(data[1:])
    fields = record_samples.fields(table)
    needed = sum(field.required for field in fields)
    assert all(field.required for field in fields[:needed]), "a needed field stands behind one with a default"
    whole = table.decoded(data)
    for length in range(needed, len(fields)):
        record = table.decoded(data[:1] + msgspec.msgpack.encode(stored[:length]))
        for number, field in enumerate(fields):
            found = getattr(record, field.name)
            assert found == (getattr(whole, field.name) if number < length else field.default), field.name


@pytest.mark.parametrize("name", TABLES)
def test_a_field_that_a_newer_version_added_is_passed_over(name: str) -> None:
    """In a rolling deploy the old version takes partitions back from the new one."""
    table = TABLES[name]
    data = record_samples.sample(table)
    longer = [*msgspec.msgpack.decode(data[1:]), "added later", {"with": ["anything"]}]
    assert table.decoded(data[:1] + msgspec.msgpack.encode(longer)) == table.decoded(data)


@pytest.mark.parametrize("name", TABLES)
def test_a_record_of_a_newer_schema_is_refused(name: str) -> None:
    """A record with a changed meaning must not be read with the old one."""
    table = TABLES[name]
    data = record_samples.sample(table)
    with pytest.raises(NewerSchema, match=f"known is {table.record_type.schema}"):
        table.decoded(bytes((table.record_type.schema + 1,)) + data[1:])


def test_every_decider_has_a_snapshot_and_no_sample_is_of_nobody() -> None:
    """A table that was dropped takes its samples with it, or what it stored would be forgotten in silence."""
    assert {path.parent.name for path in SNAPSHOTS} == {decider.name for decider in DECIDERS}
    assert {f"{path.parent.name}/{path.name.split('.')[0]}" for path in KEPT} == set(TABLES)


@pytest.mark.parametrize("path", SNAPSHOTS, ids=_name)
def test_a_snapshot_that_was_once_kept_still_restores(path: Path) -> None:
    """After a lost Redis it is all that is left of a company's day."""
    decider = next(each for each in DECIDERS if each.name == path.parent.name)
    blobs, store = MemoryBlobs(), MemoryStore()
    key = snapshots.key_of("", decider.name, 0)
    now(blobs.put(key, path.read_bytes()))
    snapshot = now(snapshots.kept(blobs, key))
    tokens = counting_tokens()
    claimed = now(store.claim(0, "epoch", new_version="first"))
    loaded = now(
        snapshots.restored(store, 0, snapshot, epoch="epoch", version=claimed.version, tokens=tokens)
    )
    assert loaded.position == snapshot.position
    assert loaded.outbox == snapshot.outbox
    assert [decoded_mark(mark).reason for mark in loaded.parked.values()] == ["reason-1"]
    (organization_id,) = snapshot.records
    (records,) = now(store.load(0, [organization_id], epoch="epoch", version=loaded.version))
    organization = Organizations(decider).load(organization_id, records)
    assert {name for name, table in organization.state.tables.items() if len(table)} == {
        name.split("/")[0] for name in records if not name.startswith("host/")
    }


def test_a_changed_record_gets_a_new_sample_beside_the_old_one(tmp_path: Path) -> None:
    """An old sample is never written over: it stands for what is already in a store."""
    older = tmp_path / "queue" / "places.1.bin"
    older.parent.mkdir()
    older.write_bytes(b"\x01\x90")
    new = record_samples.new_samples(tmp_path)
    assert tmp_path / "queue" / "places.2.bin" in new
    assert older not in new


def _ports(world: World) -> HostPorts:
    return HostPorts(
        log=world.log,
        store=world.store,
        blobs=world.blobs,
        clock=world.clock,
        tokens=counting_tokens("host."),
    )


async def _reasons(decider: Decider[Any], ports: HostPorts) -> list[str]:
    """Why a host that was given these is not ready."""
    host = Host(decider, ports, Options(version="1"))
    await host.gained((0,))
    for _ in range(200):
        await asyncio.sleep(0)
        reasons = host.reasons_not_ready()
        if any("partition 0: a newer" in each or "can't be read" in each for each in reasons):
            break
    host.stop()
    await host.lost((0,))
    return reasons


@pytest.mark.parametrize("table", ["seen", "timers"])
async def test_a_process_that_finds_records_of_a_newer_schema_is_not_ready(table: str) -> None:
    """The old version beside the new one must not own what it can't read: the slow roll stops here."""
    world = World()
    world.hear(a_call("c1"))
    await settled(world.owner())
    records = world.store.stored[0].records[ACME]
    for name in [name for name in records if name.startswith(f"{table}/")]:
        records[name] = b"\x02" + records[name][1:]
    before = dict(records)
    world.hear(a_call("c2"))
    owner = world.owner()
    reasons = await _reasons(owner._decider, _ports(world))
    assert reasons == [
        f"partition 0: a newer version wrote the records of {ACME}: {table}: stored as version 2, known is 1"
    ]
    assert world.store.stored[0].records[ACME] == before, "nothing of it was written over"


async def test_a_process_that_finds_a_snapshot_of_a_newer_format_is_not_ready() -> None:
    """With the store empty the snapshot is all there is; misread it would be a wrong company."""
    clock = MemoryClock()
    world = World()
    made = snapshots.Snapshot(snapshots.FORMAT + 1, Position("log", 1, 0, 0), {}, {}, {}, ())
    await world.blobs.put(snapshots.key_of("", "queue", 0), snapshots.encoded(made))
    log = MemoryLog(clock)
    ports = HostPorts(
        log=log, store=world.store, blobs=world.blobs, clock=clock, tokens=counting_tokens("host.")
    )
    reasons = await _reasons(QUEUE, ports)
    assert "can't be read" in reasons[0]
    assert f"known is {snapshots.FORMAT}" in reasons[0]


async def test_a_table_of_a_newer_version_is_left_alone() -> None:
    """The old version does not know it, and must not lose it for the new one."""
    world = World()
    world.hear(a_call("c1"))
    await settled(world.owner())
    world.store.stored[0].records[ACME]["added/later"] = b"\x01\x91\xa1x"
    owner = world.owner()
    world.hear(a_call("c2"))
    await settled(owner)
    assert world.store.stored[0].records[ACME]["added/later"] == b"\x01\x91\xa1x"
    assert "seen/c2" in await state_of(owner)
    assert world.clock.now() > Instant(0)
