"""Claims a partition: loads it, sends the old outbox, marks the log, and finds own facts up to the mark."""

from typing import Any

import structlog
from msgspec.structs import replace

from contracts.codec import Malformed, decode
from contracts.ids import OrganizationId
from contracts.log import PartitionClaimed
from contracts.message import type_name
from runtime.decision import Decider
from runtime.host import identity, snapshots
from runtime.host.held import Closed, Held, HostPorts, Options
from runtime.host.reader import Reader
from runtime.host.reading import Parsed, parsed
from runtime.ports import BlobsUnavailable, Loaded, LogUnavailable, Position

CLAIMED = type_name(PartitionClaimed)
READS_EMPTY_MAX = 60
READ_WAIT_MS = 500
"""Sixty empty reads of half a second: the acknowledged mark can't be found."""

_log = structlog.get_logger()


async def take(partition: int, decider: Decider[Any], ports: HostPorts, options: Options) -> Held:
    """Become the owner of a partition, ready to read on from the held position.

    Raises Closed, RefusedToStart, Refused, StoreUnavailable, LogUnavailable.
    """
    found = await identity.log_id(ports.log, partition, ports.tokens)
    epoch = ports.tokens()
    loaded = await ports.store.claim(partition, epoch, new_version=ports.tokens())
    if loaded.position is None:
        loaded = await _recovered(partition, decider.name, ports, options, epoch, loaded, found)
    assert loaded.position is not None
    identity.check_same_log(loaded.position, found, ports.log.partitions)
    held = Held(partition, decider, ports, options, epoch, loaded)
    await held.say(loaded.outbox)
    mark_offset = await ports.log.append(partition, [held.saying.claimed(partition, epoch)])
    identity.check_not_beyond(held.position, mark_offset)
    await _see_what_is_said(held)
    _read_on_with_new_code(held)
    _log.info(
        "partition claimed", partition=partition, offset=held.position.offset, mark_offset=held.mark_offset
    )
    return held


async def _recovered(
    partition: int,
    service: str,
    ports: HostPorts,
    options: Options,
    epoch: str,
    loaded: Loaded,
    found: str | None,
) -> Loaded:
    """Recover from an empty store: from the last snapshot, else from the log's first record, else refuse."""
    key = snapshots.key_of(options.prefix, service, partition)
    try:
        snapshot = await snapshots.kept(ports.blobs, key)
    except (BlobsUnavailable, snapshots.SnapshotUnreadable) as error:
        raise Closed(f"the store is empty and the snapshot can't be read: {error}") from error
    if snapshot is not None:
        identity.check_same_log(snapshot.position, found, ports.log.partitions)
        _log.warning("the store is empty: recovering from the snapshot", key=key, partition=partition)
        return await snapshots.restored(
            ports.store, partition, snapshot, epoch=epoch, version=loaded.version, tokens=ports.tokens
        )
    oldest = await ports.log.oldest(partition)
    if oldest > 0 or found is None:
        raise Closed(
            f"the store is empty, there is no snapshot {key}, and partition {partition} of the log no longer "
            f"has offsets 0 to {oldest - 1}. Restore the store or the snapshot; see docs/operating.md."
        )
    await ports.store.clear(partition, epoch=epoch, version=loaded.version)
    position = Position(found, ports.log.partitions, 0, 0)
    return Loaded(version=loaded.version, position=position, outbox=(), due={}, parked={})


async def _see_what_is_said(held: Held) -> None:
    """Read the log up to our mark, and note own facts that the loaded state does not have.

    The mark is found by its epoch: the embedded broker's end offsets are wrong.
    """
    reader = Reader(held.ports.log, held.partition, records_max=held.options.records_max)
    offset, empty = held.position.offset, 0
    while empty < READS_EMPTY_MAX:
        records = await reader.read(offset, wait_ms=READ_WAIT_MS)
        empty = 0 if records else empty + 1
        ours: list[Parsed] = []
        for record in records:
            offset = record.offset + 1
            try:
                found = parsed(record, 0)
            except Malformed:
                continue
            if found.source != held.decider.name:
                continue
            if found.type == CLAIMED and _is_mark(found, held.epoch):
                await note(held, ours)
                held.mark_offset = found.offset
                return
            ours.append(found)
        await note(held, ours)
    raise LogUnavailable(f"our mark on partition {held.partition} was acknowledged and can't be read")


def _is_mark(found: Parsed, epoch: str) -> bool:
    try:
        fact = decode(found.type, found.record.value)
    except Malformed:
        return False
    return isinstance(fact, PartitionClaimed) and fact.epoch == epoch


async def note(held: Held, ours: list[Parsed], *, reading_on: OrganizationId | None = None) -> None:
    """Note own facts beyond the loaded numbers. A parked organization's are noted when it reads on."""
    counted = [
        each
        for each in ours
        if each.seq > 0 and (each.organization_id == reading_on or each.organization_id not in held.marks)
    ]
    await held.load(each.organization_id for each in counted)
    for each in counted:
        organization = await held.organization(each.organization_id)
        held.already.note(each, organization.numbers)


def _read_on_with_new_code(held: Held) -> None:
    """Let organizations that another version parked try again with this one."""
    for organization_id, mark in held.marks.items():
        if mark.version != held.options.version:
            held.marks[organization_id] = replace(mark, is_reading_on=True)
