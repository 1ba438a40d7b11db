"""What a batch changes of the present (`GET /live`): rows by kind and subject, each as of its last fact.

A row's offset is that of the fact which changed it, so that a log cut into other batches gives the same rows.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from contracts.codec import encode
from contracts.directory import AgentSaved, LoginEnded, PbxSaved
from contracts.ids import DepartmentId, Instant
from contracts.message import Fact, type_name
from services.history.rules import card_cache, live_contacts
from services.history.rules.agent_changes import AgentChange
from services.history.rules.live_contacts import LiveKey, LiveKind, LiveRow
from services.history.state import Contact, ContactId

PBX_CARD: Final = "pbx_card"
"""The kind of a PBX's card among the subjects of facts, beside those of changes of agents."""


class LiveChange(Struct, frozen=True, kw_only=True):
    """A row as it is from `offset` on; `document` None: it is over. `type` is that of a fact."""

    offset: int
    at: Instant
    document: str | None
    type: str = ""
    department_id: DepartmentId | None = None


class LiveChanges:
    """The changed rows of one organization's part of a batch."""

    def __init__(self) -> None:
        self.rows: dict[LiveKey, LiveChange] = {}
        self.rights_offset = -1
        """The last fact that may have changed who may see what; -1: none has."""
        self._shown: dict[ContactId, dict[LiveKey, LiveRow]] = {}

    def know(self, contact_id: ContactId, rows: dict[LiveKey, LiveRow]) -> None:
        """Note what the tables have of a stored contact."""
        self._shown[contact_id] = rows

    def shown(self, contact_id: ContactId) -> dict[LiveKey, LiveRow]:
        """A contact's rows as they are now."""
        return self._shown[contact_id]

    def show(self, contact: Contact, *, at: Instant, offset: int) -> None:
        """Note what a fact has changed in a contact's rows."""
        before = self._shown.get(contact.contact_id, {})
        now = live_contacts.rows_of(contact)
        self._shown[contact.contact_id] = now
        for key, row in now.items():
            if before.get(key) != row:
                self.rows[key] = LiveChange(
                    offset=offset,
                    at=at,
                    document=live_contacts.encoded(row),
                    department_id=row.department_id,
                )
        for key in before.keys() - now.keys():
            self.rows[key] = LiveChange(
                offset=offset, at=at, document=None, department_id=before[key].department_id
            )

    def hear(self, fact: Fact, changes: Iterable[AgentChange], *, at: Instant, offset: int) -> None:
        """Note what a fact says of agents and PBXs, and whether it may change somebody's rights."""
        for each in changes:
            self._keep(f"{each.kind}|{each.subject}", each.type, each.document, at=at, offset=offset)
        if isinstance(fact, PbxSaved):
            subject = f"{PBX_CARD}|{fact.pbx_id}"
            self._keep(subject, type_name(fact), encode(fact).decode(), at=at, offset=offset)
        if isinstance(fact, LoginEnded | AgentSaved) or type(fact).__name__ in card_cache.KINDS_OF_RIGHTS:
            self.rights_offset = offset

    def _keep(self, subject: str, type_: str, document: str, *, at: Instant, offset: int) -> None:
        key = (LiveKind.FACT, subject)
        self.rows[key] = LiveChange(offset=offset, at=at, document=document, type=type_)
