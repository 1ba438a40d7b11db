"""Finds the service's own facts on the log that the loaded state does not have: at a claim, the log wins.

Every fact that a service says carries the offset of the record that caused it. Facts that are on the log and
not in the state are applied at that record instead of deciding, up to the last one's cause.
"""

import msgspec

from contracts.ids import OrganizationId
from runtime.host.numbering import STREAM_OF_FACTS, Numbering
from runtime.host.outgoing import digest
from runtime.host.reading import Parsed


class Already(msgspec.Struct):
    """One organization's own facts beyond its loaded state, by the offset of their cause."""

    said_last: int
    cause_last: int = -1
    by_cause: dict[int, list[Parsed]] = {}

    def add(self, fact: Parsed) -> None:
        """Add the next fact. A repeat is dropped: readers accepted the first one on the log."""
        if fact.seq != self.said_last + 1:
            return
        self.said_last = fact.seq
        self.cause_last = max(self.cause_last, fact.cause_offset)
        self.by_cause.setdefault(fact.cause_offset, []).append(fact)


class SaidAlready:
    """The own facts that the log already holds, per organization; usually empty."""

    def __init__(self) -> None:
        self._found: dict[OrganizationId, Already] = {}

    def note(self, fact: Parsed, numbers: Numbering) -> None:
        """Note an own fact on the log if the organization's loaded numbers do not cover it."""
        found = self._found.get(fact.organization_id)
        if found is None:
            found = self._found[fact.organization_id] = Already(numbers.said_facts())
        found.add(fact)

    def decides(self, organization_id: OrganizationId, offset: int) -> bool:
        """Whether to decide on the record at `offset`: no own fact follows from it or a later one."""
        found = self._found.get(organization_id)
        return found is None or offset > found.cause_last

    def caused_by(self, organization_id: OrganizationId, offset: int) -> list[Parsed]:
        """The facts that the log says the record at `offset` caused."""
        found = self._found.get(organization_id)
        return [] if found is None else found.by_cause.get(offset, [])

    def is_complete(self, organization_id: OrganizationId, numbers: Numbering) -> bool:
        """Whether every own fact on the log has been applied, once its last cause is passed."""
        found = self._found.get(organization_id)
        return found is None or numbers.said_facts() >= found.said_last

    def forget(self, organization_id: OrganizationId, offset: int) -> None:
        """Drop what was found for an organization once it is stored as of `offset`, past all of it.

        Not earlier: an organization that breaks later in the same batch follows the log once more.
        """
        if organization_id in self._found and self._found[organization_id].cause_last < offset:
            del self._found[organization_id]


def take_numbers(numbers: Numbering, fact: Parsed) -> None:
    """Number as the fact on the log was numbered, and count the commands that went before it."""
    numbers.said[STREAM_OF_FACTS] = fact.seq
    numbers.unconfirmed[fact.seq] = digest(fact.type, fact.record.value)
    for pair in filter(None, fact.streams.split(";")):
        stream, _, number = pair.rpartition("=")
        numbers.said[stream] = max(numbers.said.get(stream, 0), int(number))
