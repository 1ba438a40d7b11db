"""Erasing a customer (V6, EC-75): the fact that every projection obeys, and a record of what remains."""

from typing import Any, Final

from msgspec import Struct, structs
from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts import codec
from contracts.erasure import NumberErased, StayingPart
from contracts.history import CustomerErased
from contracts.ids import Instant, OrganizationId
from contracts.rights import Action
from contracts.topics import FACTS
from contracts.voicemail import LetterKind
from runtime import security_events
from runtime.ports import Clock
from runtime.security_events import SecurityEvent
from services.history.activities import tables
from services.history.activities.authentication import Authentication, Principal
from services.history.activities.repository import contacts_named
from services.history.activities.voice_messages import VoiceMessages
from services.history.rules import contact_names
from services.history.rules.erasures import OWNERS
from services.history.rules.errors import Code, Refused
from services.history.rules.voice_messages import keys_of
from services.history.state import Letter

SNAPSHOTS_MS: Final = 2 * 3_600_000
"""An hourly copy is written over after an hour; a service that is down does so once it runs."""
ANSWERS_S_MAX: Final = 5.0
POLL_S: Final = 0.05
LETTERS_MAX: Final = 100
"""As many as a person reads; `letters_total` counts the rest."""


class Unrecallable(Struct, frozen=True, kw_only=True):
    """A letter that was sent, perhaps with the audio attached, and can't be recalled."""

    name: str
    email: str
    sent_at: Instant


class ErasedBy(Struct, frozen=True, kw_only=True):
    """What one service has erased, and what stays there: on a card that somebody filled in, or until when."""

    service: str
    at: Instant
    erased: dict[str, int]
    stays: tuple[StayingPart, ...]


class Erasures(Struct, frozen=True, kw_only=True):
    """Who has answered an erasure, and who has not yet; `number` is masked."""

    erasure_id: str
    at: Instant
    by: str
    number: str
    answers: tuple[ErasedBy, ...]
    waiting_for: tuple[str, ...]
    """Services that have not answered: they do as soon as they run. `GET /erase/{erasure_id}` tells later."""
    log_ends_at: Instant
    """When the last copy on the log is gone: its retention after the newest fact that may name the number."""
    snapshots_end_at: Instant
    """When the deciders' hourly copies in S3, which are written over, no longer hold the number."""


class Erased(Erasures, frozen=True, kw_only=True):
    """The record of an erasure, for the person who asked for it: what history held, and who else answered."""

    contacts: int
    audio_objects: int
    """These go within the hour."""
    letters: tuple[Unrecallable, ...]
    """The newest first; at most a hundred of `letters_total`."""
    letters_total: int


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
        """Erase, and wait until history has read it back, and a moment for the others. Raises Refused."""
        await self._authentication.require(principal, Action.ERASE, "erase")
        names = [contact_names.number_name(number)]
        async with self._engine.connect() as connection:
            found = await contacts_named(connection, principal.organization_id, names)
        erasure_id = self._messages.new_id()
        fact = CustomerErased(
            number=number, by=principal.agent_id, erasure_id=erasure_id, actor=principal.name
        )
        await self._messages.say(principal, fact)
        security_events.emit(
            SecurityEvent.CUSTOMER_ERASED,
            organization_id=principal.organization_id,
            actor=principal.name,
            subject=number,
            address=principal.address,
        )
        table = tables.contact_names
        left = select(func.count()).where(
            table.c.organization_id == principal.organization_id, table.c.name.in_(names)
        )

        async def done() -> bool | None:
            async with self._engine.connect() as connection:
                is_read = await _asked(connection, principal.organization_id, erasure_id) is not None
                return True if is_read and not await connection.scalar(left) else None

        await self._messages.read_back(done)
        record = await self._answered(principal, erasure_id)
        letters = [_sent(each) for contact in found for each in contact.letters if _went(each)]
        letters.sort(key=lambda each: (-each.sent_at, each.email))
        return Erased(
            **structs.asdict(record),
            contacts=len(found),
            audio_objects=sum(len(keys_of(contact)) for contact in found),
            letters=tuple(letters[:LETTERS_MAX]),
            letters_total=len(letters),
        )

    async def record(self, principal: Principal, erasure_id: str) -> Erasures:
        """What has been answered by now. Raises Refused."""
        await self._authentication.require(principal, Action.ERASE, f"erase/{erasure_id}")
        found = await self._look(principal, erasure_id)
        if found is None:
            raise Refused(Code.NOT_FOUND)
        return found

    async def _answered(self, principal: Principal, erasure_id: str) -> Erasures:
        """The record once all have answered, or after a few seconds."""
        until = self._clock.elapsed() + ANSWERS_S_MAX
        while True:
            found = await self._look(principal, erasure_id)
            assert found is not None, "it was read back"
            if not found.waiting_for or self._clock.elapsed() >= until:
                return found
            await self._clock.sleep(POLL_S)

    async def _look(self, principal: Principal, erasure_id: str) -> Erasures | None:
        table = tables.erasure_answers
        mine = (table.c.organization_id == principal.organization_id, table.c.erasure_id == erasure_id)
        async with self._engine.connect() as connection:
            asked = await _asked(connection, principal.organization_id, erasure_id)
            rows = (await connection.execute(select(table).where(*mine).order_by(table.c.service))).all()
        if asked is None:
            return None
        answers = tuple(_answer(row) for row in rows)
        named_at = max((asked.at, *(row.at for row in rows)))
        return Erasures(
            erasure_id=erasure_id,
            at=Instant(asked.at),
            by=asked.by,
            number=asked.number,
            answers=answers,
            waiting_for=tuple(each for each in OWNERS if each not in {row.service for row in rows}),
            log_ends_at=Instant(named_at + FACTS.retention_ms),
            snapshots_end_at=Instant(named_at + SNAPSHOTS_MS),
        )


async def _asked(
    connection: AsyncConnection, organization_id: OrganizationId, erasure_id: str
) -> Row[Any] | None:
    table = tables.erasures
    mine = (table.c.organization_id == organization_id, table.c.erasure_id == erasure_id)
    return (await connection.execute(select(table).where(*mine))).first()


def _answer(row: Row[Any]) -> ErasedBy:
    fact = codec.decode(f"{row.service}.number_erased", row.document.encode())
    assert isinstance(fact, NumberErased)
    return ErasedBy(
        service=row.service,
        at=Instant(row.at),
        erased={each.what: each.count for each in fact.erased},
        stays=fact.stays,
    )


def _went(letter: Letter) -> bool:
    return letter.state == "accepted" and letter.kind == LetterKind.VOICE_MESSAGE


def _sent(letter: Letter) -> Unrecallable:
    return Unrecallable(name=letter.name, email=letter.email, sent_at=letter.at or letter.due_at)
