"""What a decider has kept of its organizations: in the store or, if that is empty, in the last snapshot."""

import secrets
from collections.abc import AsyncIterator
from typing import Any

from msgspec import Struct

from contracts.ids import OrganizationId
from runtime.decision import Decider
from runtime.host import snapshots
from runtime.host.organizations import Organizations
from runtime.ports import Blobs, Store
from runtime.records import State


def token() -> str:
    """A name that nobody else has."""
    return secrets.token_hex(8)


class Kept(Struct, frozen=True, kw_only=True):
    """What one decider has kept of one organization."""

    organization_id: OrganizationId
    state: State


class Keeper:
    """What one decider has kept, partition by partition."""

    def __init__(self, decider: Decider[Any], store: Store, blobs: Blobs, prefix: str) -> None:
        """`prefix` is that of the store's keys and of snapshots."""
        self._decider = decider
        self._store = store
        self._blobs = blobs
        self._prefix = f"{prefix}/"

    def _key(self, partition: int) -> str:
        return snapshots.key_of(self._prefix, self._decider.name, partition)

    async def partitions(self) -> int:
        """How many partitions the lost log had; 0 when nothing is kept."""
        position = (await self._store.claim(0, token(), new_version=token())).position
        if position is None:
            snapshot = await snapshots.kept(self._blobs, self._key(0))
            position = None if snapshot is None else snapshot.position
        return 0 if position is None else position.partitions

    async def kept(self) -> AsyncIterator[Kept]:
        """Every organization. Raises StoreUnavailable, BlobsUnavailable, SnapshotUnreadable, NewerSchema."""
        for partition in range(await self.partitions()):
            for organization_id, records in (await self._records(partition)).items():
                found = Organizations(self._decider).load(organization_id, records)
                yield Kept(organization_id=organization_id, state=found.state)

    async def _records(self, partition: int) -> dict[OrganizationId, dict[str, bytes]]:
        epoch = token()
        loaded = await self._store.claim(partition, epoch, new_version=token())
        if loaded.position is None:
            snapshot = await snapshots.kept(self._blobs, self._key(partition))
            return {} if snapshot is None else snapshot.records
        names = await self._store.organizations(partition, epoch=epoch, version=loaded.version)
        found = await self._store.load(partition, names, epoch=epoch, version=loaded.version)
        return dict(zip(names, found, strict=True))

    async def forget(self, partitions: int) -> None:
        """Drop what belongs to the lost log: its service refuses to read another one with it."""
        for partition in range(max(partitions, await self.partitions())):
            epoch = token()
            loaded = await self._store.claim(partition, epoch, new_version=token())
            await self._store.clear(partition, epoch=epoch, version=loaded.version)
            await self._blobs.delete(self._key(partition))
