"""The organizations of one partition in memory: loaded on the first fact or timer, dropped when idle."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from contracts.ids import Instant, OrganizationId
from runtime.decision import Decider
from runtime.host.numbering import RECORD_NAME, Numbering
from runtime.records import NewerSchema, State


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """Where a parked organization stands: the first offset it has not applied, the monotonic time before
    it, the version of the code that could not apply it, and whether the organization is reading on."""

    offset: int
    now_at: int
    version: str
    reason: str
    is_reading_on: bool = False


_ENCODER = msgspec.msgpack.Encoder()
_MARKS = msgspec.msgpack.Decoder(Mark)


def encoded_mark(mark: Mark) -> bytes:
    """A park mark's stored form."""
    return _ENCODER.encode(mark)


def decoded_mark(data: bytes) -> Mark:
    """A stored park mark."""
    return _MARKS.decode(data)


class Organization:
    """One organization's state and numbers in memory."""

    def __init__(self, organization_id: OrganizationId, state: State, numbers: Numbering) -> None:
        self.id = organization_id
        self.state = state
        self.numbers = numbers
        self.used_at = 0.0

    def take_changes(self) -> dict[str, bytes | None]:
        """Records put and dropped since the last call, as the store names them, with the numbers."""
        self.numbers.now_at = self.state.now_at
        changes: dict[str, bytes | None] = {
            f"{table.name}/{key}": data
            for table in self.state.tables.values()
            if table.changes
            for key, data in table.take_changes().items()
        }
        changes[RECORD_NAME] = self.numbers.encoded()
        return changes


class Organizations:
    """Organizations in memory, made from stored records. This class never touches the store."""

    def __init__(self, decider: Decider[Any]) -> None:
        self._decider = decider
        self._loaded: dict[OrganizationId, Organization] = {}

    def __len__(self) -> int:
        return len(self._loaded)

    def __iter__(self) -> Iterator[Organization]:
        return iter(self._loaded.values())

    def get(self, organization_id: OrganizationId) -> Organization | None:
        """The organization if it is in memory, or None."""
        return self._loaded.get(organization_id)

    def missing(self, wanted: Iterable[OrganizationId]) -> list[OrganizationId]:
        """Which of these organizations must be loaded, each once, in order."""
        return [each for each in dict.fromkeys(wanted) if each not in self._loaded]

    def load(self, organization_id: OrganizationId, records: Mapping[str, bytes]) -> Organization:
        """Make an organization from its records, replacing the one in memory. Raises NewerSchema.

        Records of a table that this version does not have stay untouched in the store: an older version
        may run beside a newer one that added the table.
        """
        state: State = self._decider.new_state()
        state.load(records)
        numbers = Numbering(records.get(RECORD_NAME))
        state.now_at = Instant(numbers.now_at)
        organization = Organization(organization_id, state, numbers)
        self._loaded[organization_id] = organization
        return organization

    def forget_idle(self, before: float) -> None:
        """Drop organizations not used since `before`; all of them are in the store."""
        idle = [each.id for each in self._loaded.values() if each.used_at < before]
        for organization_id in idle:
            del self._loaded[organization_id]

    def forget(self, organization_id: OrganizationId) -> None:
        """Drop one organization from memory."""
        self._loaded.pop(organization_id, None)


__all__ = ["Mark", "NewerSchema", "Organization", "Organizations", "decoded_mark", "encoded_mark"]
