"""Contacts that stay in memory between batches, so that they are neither read back nor written whole.

A call's facts come within seconds of each other. Of a kept contact we know the rows that we wrote, and write
only those that differ. Of a name that was looked up we know all contacts that have it, for as long as each of
them is kept. A partition has one writer; one that fails, or finds another's traces, forgets all this.
"""

from collections.abc import Collection, Iterable
from typing import Final

from msgspec import Struct

from contracts.ids import OrganizationId
from services.history.rules.live_contacts import LiveKey, LiveRow
from services.history.rules.table_rows import TableRow
from services.history.state import Contact, ContactId

OPEN_MAX: Final = 1_000
"""Contacts of a partition that go on, those that changed last: 17 KiB each, for a call with one place."""
ENDED_MAX: Final = 100
"""Of those that have ended: an agent's leg, a recording, a letter follow within seconds."""


class KeptContact(Struct, kw_only=True, frozen=True):
    """A contact and its names, and what the tables have of it."""

    contact: Contact
    names: Collection[str]
    live: dict[LiveKey, LiveRow]
    rows: dict[str, list[TableRow]] | None = None
    """As we wrote them; None: we have only read its document, and an older version may have written them."""


_Key = tuple[OrganizationId, str]


class KeptContacts:
    """The contacts of a partition that were changed last."""

    def __init__(self) -> None:
        self._open: dict[_Key, KeptContact] = {}
        self._ended: dict[_Key, KeptContact] = {}
        self._named: dict[_Key, set[ContactId]] = {}

    def contact(self, organization_id: OrganizationId, contact_id: ContactId) -> KeptContact | None:
        """A contact, if it is kept."""
        key = (organization_id, contact_id)
        return self._open.get(key) or self._ended.get(key)

    def named(self, organization_id: OrganizationId, name: str) -> set[ContactId] | None:
        """All contacts that have a name, each of them kept; None: the tables must be asked."""
        return self._named.get((organization_id, name))

    def keep(
        self, organization_id: OrganizationId, looked_up: Iterable[str], contacts: Iterable[KeptContact]
    ) -> None:
        """Keep contacts as they are now. `looked_up`: names of which these are all in the tables."""
        asked = [(organization_id, name) for name in looked_up]
        for key in asked:
            self._named[key] = set()
        for each in contacts:
            self._put((organization_id, each.contact.contact_id), each)
        for key in asked:
            if not self._named.get(key):
                self._named.pop(key, None)
        for kept, most in ((self._open, OPEN_MAX), (self._ended, ENDED_MAX)):
            while len(kept) > most:
                self._drop(next(iter(kept)))

    def forget(self, organization_id: OrganizationId) -> None:
        """Keep nothing of an organization."""
        for key in [each for each in (*self._open, *self._ended) if each[0] == organization_id]:
            self._drop(key)

    def _put(self, key: _Key, kept: KeptContact) -> None:
        organization_id, contact_id = kept.contact.organization_id, kept.contact.contact_id
        before = self._open.pop(key, None) or self._ended.pop(key, None)
        for name in () if before is None else set(before.names).difference(kept.names):
            self._named.get((organization_id, name), set()).discard(contact_id)
        for name in kept.names:
            known = self._named.get((organization_id, name))
            if known is not None:
                known.add(contact_id)
        where = self._open if kept.contact.ended_at is None else self._ended
        where[key] = kept

    def _drop(self, key: _Key) -> None:
        kept = self._open.pop(key, None) or self._ended.pop(key)
        for name in kept.names:
            self._named.pop((kept.contact.organization_id, name), None)
