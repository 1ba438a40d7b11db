"""How far an edge is on each partition, and the records that it has read ahead."""

import asyncio
from collections.abc import Iterable
from typing import Final

from aiokafka import ConsumerRecord, TopicPartition

from runtime.fairness import Turns

AHEAD_MAX: Final = 20_000
"""Records read in advance of their turn: ten times the notices that one organization can have."""
AHEAD_BYTES_MAX: Final = 32 * 1024 * 1024
"""Of their values. A command has about a kilobyte; beyond this a subscription reads on as turns come."""


class Progress:
    """What is under way on each partition, so that only finished records are committed; and gaps."""

    def __init__(self) -> None:
        self._open: dict[TopicPartition, dict[int, object]] = {}
        self._next: dict[TopicPartition, int] = {}
        self._gap: dict[TopicPartition, tuple[int, int]] = {}
        self._committed: dict[TopicPartition, int] = {}

    def is_gap(self, at: TopicPartition, offset: int) -> int | None:
        """Where to seek back to when records before this one are missing; None for a gap seen twice."""
        wanted = self._next.get(at)
        if wanted is None or offset <= wanted or self._gap.get(at) == (wanted, offset):
            return None
        self._gap[at] = (wanted, offset)
        return wanted

    def is_repeat(self, at: TopicPartition, offset: int) -> bool:
        """Whether this process has had this record already, for instance after seeking back."""
        return offset < self._next.get(at, 0)

    def begin(self, at: TopicPartition, offset: int) -> object:
        """Note that a record is being handled. What this returns tells its handlings apart.

        A record that comes again after a rebalance is not done when its first handling ends: that one may
        have been left to another process meanwhile.
        """
        handling = object()
        self._open.setdefault(at, {})[offset] = handling
        self._next[at] = offset + 1
        return handling

    def is_open(self, at: TopicPartition, offset: int, handling: object) -> bool:
        """Whether this handling is still ours; not after another process was given its partition."""
        return self._open.get(at, {}).get(offset) is handling

    def end(self, at: TopicPartition, offset: int, handling: object) -> None:
        """Note that a record is done."""
        if self.is_open(at, offset, handling):
            del self._open[at][offset]

    def finished(self, at: TopicPartition) -> int | None:
        """The offset up to which everything of a partition is done; None before its first record."""
        return min(self._open.get(at) or {self._next[at]}) if at in self._next else None

    def done(self) -> dict[TopicPartition, int]:
        """Offsets up to which everything is done, where that moved."""
        found = {at: min(self._open.get(at) or {offset}) for at, offset in self._next.items()}
        return {at: offset for at, offset in found.items() if self._committed.get(at) != offset}

    def committed(self, offsets: dict[TopicPartition, int]) -> None:
        """Note offsets as committed."""
        self._committed.update(offsets)

    def forget(self, revoked: Iterable[TopicPartition]) -> None:
        """Forget these partitions: whoever is given them next continues from the committed offsets."""
        for at in revoked:
            for known in (self._open, self._next, self._gap, self._committed):
                known.pop(at, None)


class Ahead:
    """Records that were read and wait for their organization's turn, up to a number and a size."""

    def __init__(self, per_organization_max: int) -> None:
        self._turns: Turns[tuple[TopicPartition, ConsumerRecord, object]] = Turns(per_organization_max)
        self._bytes = 0
        self._has_room = asyncio.Event()
        self._has_room.set()

    async def put(self, at: TopicPartition, record: ConsumerRecord, handling: object) -> None:
        """Add a record once there is room; until then nothing more is read."""
        await self._has_room.wait()
        self._turns.put(_organization_of(record), (at, record, handling))
        self._bytes += len(record.value or b"")
        self._note_room()

    def take(self) -> tuple[str, tuple[TopicPartition, ConsumerRecord, object]] | None:
        """The next record whose organization may begin one more."""
        found = self._turns.take()
        if found is not None:
            self._bytes -= len(found[1][1].value or b"")
            self._note_room()
        return found

    def end(self, organization: str) -> None:
        """A record that was taken is done."""
        self._turns.end(organization)

    def _note_room(self) -> None:
        if self._turns.size < AHEAD_MAX and self._bytes < AHEAD_BYTES_MAX:
            self._has_room.set()
        else:
            self._has_room.clear()


def _organization_of(record: ConsumerRecord) -> str:
    """Whose a record is; those that say nothing of it share one lane."""
    return (dict(record.headers).get("ce_organization") or b"").decode(errors="replace")
