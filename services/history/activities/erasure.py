"""Erasing a customer (V6, EC-75): the fact that every projection obeys, and a record of what remains."""

from typing import Final

from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.history import CustomerErased
from contracts.ids import Instant
from contracts.rights import Action
from contracts.topics import FACTS
from contracts.voicemail import LetterKind
from runtime.ports import Clock
from services.history.activities import tables
from services.history.activities.authentication import Authentication, Principal
from services.history.activities.repository import contacts_named
from services.history.activities.voice_messages import VoiceMessages
from services.history.rules import contact_names
from services.history.rules.voice_messages import keys_of
from services.history.state import Letter

LETTERS_MAX: Final = 100
"""As many as a person reads; `letters_total` counts the rest."""


class Unrecallable(Struct, frozen=True, kw_only=True):
    """A letter that was sent, perhaps with the audio attached, and can't be recalled."""

    name: str
    email: str
    sent_at: Instant


class Erased(Struct, frozen=True, kw_only=True):
    """The record of an erasure, for the person who asked for it."""

    contacts: int
    audio_objects: int
    letters: tuple[Unrecallable, ...]
    """The newest first; at most a hundred of `letters_total`."""
    letters_total: int
    log_ends_at: Instant
    """When the last copy on the log is gone: the log's retention after this fact, which names the number."""


class Erasure:
    """Erases by customer number."""

    def __init__(
        self, *, engine: AsyncEngine, clock: Clock, authentication: Authentication, messages: VoiceMessages
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._authentication = authentication
        self._messages = messages

    async def erase(self, principal: Principal, number: str) -> Erased:
        """Erase, and wait until history has read it back; the audio goes within the hour. Raises Refused."""
        await self._authentication.require(principal, Action.ERASE, "erase")
        names = [contact_names.number_name(number)]
        async with self._engine.connect() as connection:
            found = await contacts_named(connection, principal.organization_id, names)
        await self._messages.say(principal, CustomerErased(number=number, by=principal.agent_id))
        table = tables.contact_names
        left = select(func.count()).where(
            table.c.organization_id == principal.organization_id, table.c.name.in_(names)
        )

        async def done() -> bool | None:
            async with self._engine.connect() as connection:
                return True if not await connection.scalar(left) else None

        await self._messages.read_back(done)
        letters = [_sent(each) for contact in found for each in contact.letters if _went(each)]
        letters.sort(key=lambda each: (-each.sent_at, each.email))
        return Erased(
            contacts=len(found),
            audio_objects=sum(len(keys_of(contact)) for contact in found),
            letters=tuple(letters[:LETTERS_MAX]),
            letters_total=len(letters),
            log_ends_at=Instant(self._clock.now() + FACTS.retention_ms),
        )


def _went(letter: Letter) -> bool:
    return letter.state == "accepted" and letter.kind == LetterKind.VOICE_MESSAGE


def _sent(letter: Letter) -> Unrecallable:
    return Unrecallable(name=letter.name, email=letter.email, sent_at=letter.at or letter.due_at)
