"""Hourly snapshots: a partition's records, outbox, park marks and offset as one object in S3."""

import zlib
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

import msgspec

from contracts.ids import Instant, OrganizationId
from runtime.ports import Blobs, Loaded, Outgoing, Position, Store, Write

FORMAT = 1
ORGANIZATIONS_A_WRITE = 200
"""A recovery writes in pieces, so that no script blocks the store for seconds."""


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """One partition of one service at one offset."""

    format: int
    position: Position
    records: dict[OrganizationId, dict[str, bytes]]
    due: dict[OrganizationId, Instant]
    parked: dict[OrganizationId, bytes]
    outbox: tuple[Outgoing, ...]


class SnapshotUnreadable(Exception):
    """There is a snapshot, but this version can't read it."""


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Snapshot)


def key_of(prefix: str, service: str, partition: int) -> str:
    """The key of a partition's snapshot; the next one replaces it."""
    return f"snapshots/{prefix}{service}/{partition}"


def encoded(snapshot: Snapshot) -> bytes:
    """The stored form. Level 1 gives half the size for a tenth of the default's time."""
    return zlib.compress(_ENCODER.encode(snapshot), 1)


async def kept(blobs: Blobs, key: str) -> Snapshot | None:
    """Fetch the last snapshot, or None. Raises BlobsUnavailable or SnapshotUnreadable."""
    data = await blobs.get(key)
    return None if data is None else decoded(data, key)


def decoded(data: bytes, key: str) -> Snapshot:
    """Decode a snapshot. Raises SnapshotUnreadable."""
    try:
        snapshot = _DECODER.decode(zlib.decompress(data))
    except (zlib.error, msgspec.DecodeError) as error:
        raise SnapshotUnreadable(f"{key}: {error}") from error
    if snapshot.format > FORMAT:
        raise SnapshotUnreadable(f"{key}: format {snapshot.format}, known is {FORMAT}")
    return snapshot


async def taken(
    store: Store, partition: int, *, epoch: str, version: str, position: Position,
    due: Mapping[OrganizationId, Instant], parked: Mapping[OrganizationId, bytes],
) -> Snapshot:  # fmt: skip
    """Read a whole partition from the store, between two batches, when the outbox is empty."""
    organizations = await store.organizations(partition, epoch=epoch, version=version)
    records = await store.load(partition, organizations, epoch=epoch, version=version)
    return Snapshot(
        FORMAT, position, dict(zip(organizations, records, strict=True)), dict(due), dict(parked), ()
    )


async def restored(
    store: Store, partition: int, snapshot: Snapshot, *, epoch: str, version: str, tokens: Callable[[], str]
) -> Loaded:
    """Write a snapshot into an empty store. The position comes last: after a crash before it, start anew."""
    await store.clear(partition, epoch=epoch, version=version)
    for piece in _pieces(snapshot.records):
        following = tokens()
        await store.write(
            Write(
                partition=partition,
                epoch=epoch,
                version=version,
                new_version=following,
                position=None,
                records=piece,
                due={},
                parked={},
                outbox=(),
            )
        )
        version = following
    following = tokens()
    await store.write(
        Write(
            partition=partition,
            epoch=epoch,
            version=version,
            new_version=following,
            position=snapshot.position,
            records={},
            due=snapshot.due,
            parked=snapshot.parked,
            outbox=snapshot.outbox,
        )
    )
    return Loaded(
        version=following,
        position=snapshot.position,
        outbox=snapshot.outbox,
        due=snapshot.due,
        parked=snapshot.parked,
    )


def _pieces(
    records: Mapping[OrganizationId, Mapping[str, bytes]],
) -> Iterator[dict[OrganizationId, Mapping[str, bytes | None]]]:
    rest = iter(records.items())
    while piece := list(islice(rest, ORGANIZATIONS_A_WRITE)):
        yield {organization_id: dict(found) for organization_id, found in piece}
