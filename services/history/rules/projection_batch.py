"""A batch of one organization's facts, folded in memory, between the projector's load and its write.

The name by which a fact finds its contact either was in the tables before the batch, or was gained within it.
So names are looked up once per batch, and a log cut into other batches gives the same tables.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from contracts.codec import Envelope
from contracts.directory import LoginEnded
from contracts.history import (
    AccessRefused,
    CustomerErased,
    MessageDeleted,
    MessageRemoved,
    MessageRestored,
    RecordingRemoved,
)
from contracts.ids import Instant, OrganizationId
from contracts.message import Fact
from services.history.rules import (
    agent_changes,
    contact_names,
    contact_projection,
    deduplication,
    erasures,
    live_contacts,
    new_contact,
)
from services.history.rules.agent_changes import AgentChange
from services.history.rules.card_cache import CARDS, Card, CardCache, key_of
from services.history.rules.deduplication import Number
from services.history.rules.erasures import ErasureAnswer, ErasureAsked
from services.history.rules.kept_contacts import KeptContact
from services.history.rules.live_changes import LiveChanges
from services.history.rules.message_care import DELETED, GONE
from services.history.rules.voice_messages import keys_in, keys_of
from services.history.state import Contact, ContactId

HEARS: Final[tuple[type[Fact], ...]] = tuple(
    dict.fromkeys(
        (
            *CARDS,
            *contact_projection.CONTACT_FACTS,
            *agent_changes.CHANGES,
            *erasures.ANSWERS,
            AccessRefused,
            LoginEnded,
        )
    )
)
"""Every type that history reads; other types are skipped by their header."""


class EarlyFact(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that waits for its contact, by one of its names."""

    name: str
    at: Instant
    offset: int
    fact: Fact


EarlyKey = tuple[str, int]
"""The name for which a fact waits, and its offset."""


class Removal(msgspec.Struct, frozen=True, kw_only=True):
    """An audio object to remove from S3, what it belongs to, and since when."""

    key: str
    subject: str
    reason: str
    asked_at: Instant


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A refused request; its offset on the log is its id."""

    offset: int
    at: Instant
    fact: AccessRefused


def read_contact(contact: Contact) -> KeptContact:
    """A contact of which only the document was read."""
    return KeptContact(
        contact=contact, names=contact_names.names_of(contact), live=live_contacts.rows_of(contact)
    )


class ProjectionBatch:
    """One organization's part of a batch; the projector writes what it changed."""

    def __init__(self, organization_id: OrganizationId, cards: CardCache, heard: dict[str, Number]) -> None:
        self.organization_id = organization_id
        self.cards = cards
        self.heard = heard
        self.contacts: dict[ContactId, Contact] = {}
        self.known: dict[ContactId, KeptContact] = {}
        """What the tables have of the contacts that are not new."""
        self.looked_up: list[str] = []
        """The names for which the tables were asked."""
        self.early: dict[EarlyKey, EarlyFact] = {}
        self.removals: dict[str, Removal] = {}
        self.changed_contacts: dict[ContactId, None] = {}
        self.changed_cards: dict[tuple[str, str], Card] = {}
        self.refusals: list[Refusal] = []
        self.ended_logins: list[tuple[Instant, LoginEnded]] = []
        self.agent_changes: list[AgentChange] = []
        self.erasures: list[ErasureAsked] = []
        self.erasure_answers: list[ErasureAnswer] = []
        self.live = LiveChanges()
        self.early_loaded: frozenset[EarlyKey] = frozenset()
        self.removals_loaded: frozenset[str] = frozenset()
        self._names: dict[str, dict[ContactId, None]] = {}

    def note_loaded(self) -> None:
        """Note what was loaded: whatever of it is missing at the end, the batch has used up."""
        self.early_loaded = frozenset(self.early)
        self.removals_loaded = frozenset(self.removals)

    def know(self, kept: KeptContact) -> None:
        """Add a stored contact."""
        contact_id = kept.contact.contact_id
        self.contacts[contact_id] = kept.contact
        self.known[contact_id] = kept
        self.live.know(contact_id, kept.live)
        self._index(contact_id, kept.names)

    def _index(self, contact_id: ContactId, names: Iterable[str]) -> None:
        for name in names:
            self._names.setdefault(name, {})[contact_id] = None

    def hear(self, envelope: Envelope, fact: Fact | None, *, at: Instant, offset: int) -> None:
        """Take one record; `fact` is None for a type that history does not use, whose number still counts."""
        if not deduplication.accepts(self.heard, envelope, offset) or fact is None:
            return
        is_old_card = isinstance(fact, CARDS) and not self.cards.save(fact)
        if isinstance(fact, CARDS) and not is_old_card:
            self.changed_cards[key_of(fact)] = fact
        if isinstance(fact, AccessRefused):
            self.refusals.append(Refusal(offset=offset, at=at, fact=fact))
        if isinstance(fact, LoginEnded):
            self.ended_logins.append((at, fact))
        self._note_erasure(fact, at)
        changes = agent_changes.changes(fact, at=at, offset=offset)
        self.agent_changes.extend(changes)
        if not is_old_card:
            self.live.hear(fact, changes, at=at, offset=offset)
        if isinstance(fact, contact_projection.CONTACT_FACTS):
            self._fold(fact, at=at, offset=offset)

    def _note_erasure(self, fact: Fact, at: Instant) -> None:
        asked, answer = erasures.asked(fact, at), erasures.answer(fact, at)
        if asked is not None:
            self.erasures.append(asked)
        if answer is not None:
            self.erasure_answers.append(answer)

    def _fold(self, fact: Fact, *, at: Instant, offset: int) -> None:
        names = contact_names.names_in(fact)
        concerned = contact_names.owners(fact, self._concerned(names))
        if not concerned:
            abandoned = contact_names.abandoned_contact(
                fact, self._concerned(contact_names.names_to_look_up(fact))
            )
            concerned = [] if abandoned is None else [abandoned]
        if not concerned:
            begun = new_contact.begin(fact, self.organization_id, at, self.cards.policy)
            if begun is None:
                self._keep_early(fact, names, at=at, offset=offset)
                return
            concerned = [begun]
            self.contacts[begun.contact_id] = begun
        for contact in concerned:
            self._remove(contact, fact, at)
            contact_projection.apply(contact, fact, at, self.cards)
            self._index(contact.contact_id, contact_names.all_names(contact))
            self.changed_contacts[contact.contact_id] = None
        self._release(concerned, names, at)
        for contact in concerned:
            self.live.show(contact, at=at, offset=offset)
        self._forget_removals(fact, concerned)

    def _concerned(self, names: Iterable[str]) -> list[Contact]:
        found = (id_ for name in names for id_ in self._names.get(name, ()))
        return [self.contacts[id_] for id_ in dict.fromkeys(found)]

    def _keep_early(self, fact: Fact, names: list[str], *, at: Instant, offset: int) -> None:
        if contact_names.is_early(fact) and names:
            self.early[names[0], offset] = EarlyFact(name=names[0], at=at, offset=offset, fact=fact)

    def _release(self, concerned: list[Contact], names: Iterable[str], at: Instant) -> None:
        """Fold the facts that waited for these names; those that waited too long are dropped."""
        wanted = {name: [each for each in concerned if self._has(each, name)] for name in names}
        waiting = sorted((key for key in self.early if wanted.get(key[0])), key=lambda key: key[1])
        for key in waiting:
            early = self.early.pop(key)
            if early.at >= at - contact_names.EARLY_MS_MAX:
                for contact in contact_names.owners(early.fact, wanted[key[0]]):
                    contact_projection.apply(contact, early.fact, early.at, self.cards)

    def _has(self, contact: Contact, name: str) -> bool:
        return contact.contact_id in self._names.get(name, ())

    def _remove(self, contact: Contact, fact: Fact, at: Instant) -> None:
        """Note the audio that this fact removes, and audio that came after it was deleted or erased."""
        found: dict[str, str] = {}
        reason = "erased"
        if isinstance(fact, CustomerErased):
            found = keys_of(contact)
        elif isinstance(fact, MessageDeleted):
            subject, reason = f"message:{fact.voice_message_id}", DELETED
            found = {key: owner for key, owner in keys_of(contact).items() if owner == subject}
        else:
            late = keys_in(fact)
            gone = {f"message:{each.voice_message_id}" for each in contact.messages if each.state in GONE}
            found = {key: owner for key, owner in late.items() if contact.is_erased or owner in gone}
        for key, subject in found.items():
            self.removals[key] = Removal(key=key, subject=subject, reason=reason, asked_at=at)

    def _forget_removals(self, fact: Fact, concerned: list[Contact]) -> None:
        """Drop the removals that this fact reports as done, or that a deletion no longer wants."""
        if isinstance(fact, MessageRemoved):
            subject = f"message:{fact.voice_message_id}"
        elif isinstance(fact, RecordingRemoved):
            subject = f"recording:{fact.recording_id}"
        elif isinstance(fact, MessageRestored) and _is_there(concerned, fact):
            subject = f"message:{fact.voice_message_id}"
        else:
            return
        for key, removal in list(self.removals.items()):
            if removal.subject == subject:
                del self.removals[key]


def _is_there(contacts: list[Contact], fact: MessageRestored) -> bool:
    """Whether the voice message has come back by this fact."""
    found = (each.message(fact.voice_message_id) for each in contacts)
    return any(each is not None and each.state not in GONE for each in found)
