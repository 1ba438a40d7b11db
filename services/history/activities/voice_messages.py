"""What people do with voice messages: hear, claim, note, call back, delete and undo; links to audio (V5).

Each action is a fact, which counts once history has read it back from the log. Of two claims the first on the
log wins, and both people get the same answer.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.audio_keys import is_own_recording
from contracts.history import (
    Accessed,
    AccessKind,
    MessageCalledBack,
    MessageClaimed,
    MessageDeleted,
    MessageFact,
    MessageHeard,
    MessageNoted,
    MessageRestored,
    MessageUnclaimed,
)
from contracts.ids import AgentId, Instant, VoiceMessageId
from contracts.message import Fact
from contracts.rights import Action
from runtime.edge import NotSaid, Say
from runtime.ports import Blobs, Clock
from services.history.activities import queries, tables, visibility
from services.history.activities.access_trail import SOURCE
from services.history.activities.authentication import Authentication, Principal
from services.history.activities.repository import load_rights_cards
from services.history.rules import csv_columns
from services.history.rules.errors import Code, Refused, Text, gone
from services.history.rules.message_care import DELETED, GONE, restorable_until_at
from services.history.state import NOTES_MAX, Contact, VoiceMessage

LINK_S: Final = 300
AUDIO_TYPES: Final = {"mp3": "audio/mpeg", "wav": "audio/wav"}
"""Long enough to listen, too short to pass around."""
READ_BACK_S_MAX: Final = 5.0
POLL_S: Final = 0.05

_log = structlog.get_logger()

T = TypeVar("T")
Found = tuple[Contact, VoiceMessage]


class VoiceMessages:
    """Reads and acts on voice messages and recordings, as far as rights reach."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        say: Say,
        blobs: Blobs,
        clock: Clock,
        authentication: Authentication,
        tokens: Callable[[], str],
    ) -> None:
        self._engine = engine
        self._say = say
        self._blobs = blobs
        self._clock = clock
        self._authentication = authentication
        self._tokens = tokens

    async def one(self, principal: Principal, action: Action, id_: str) -> Found:
        """A voice message that the right reaches. Raises Refused: 403, which is recorded, or 404."""
        await self._authentication.require(principal, action, f"voice-message/{id_}")
        found, is_there = await self._look(principal, action, id_)
        if found is None and is_there:
            await self._authentication.refuse(principal, action, f"voice-message/{id_}")
        if found is None:
            raise Refused(Code.NOT_FOUND)
        return found

    async def _look(self, principal: Principal, action: Action, id_: str) -> tuple[Found | None, bool]:
        table = tables.messages
        mine = (
            table.c.organization_id == principal.organization_id,
            table.c.voice_message_id == id_,
            visibility.was_left(),
        )
        async with self._engine.connect() as connection:
            contact_id = await connection.scalar(select(table.c.contact_id).where(*mine))
            allowed = await connection.scalar(
                select(table.c.contact_id).where(*mine, visibility.voice_messages(principal, action))
            )
            if allowed is None:
                return None, contact_id is not None
            contact = (await queries.documents(connection, principal, [allowed]))[allowed]
        message = contact.message(VoiceMessageId(id_))
        return (None, False) if message is None else ((contact, message), True)

    async def hear(self, principal: Principal, id_: str) -> Found:
        """Note that somebody listened; the first time counts."""
        fact = MessageHeard(voice_message_id=VoiceMessageId(id_), by=_person(principal))
        return await self._do(principal, Action.MESSAGE_HEAR, fact, lambda message: message.heard is not None)

    async def claim(self, principal: Principal, id_: str) -> Found:
        """«I take it». Raises Refused, naming the person who has it and since when (EC-72)."""
        by = _person(principal)
        fact = MessageClaimed(voice_message_id=VoiceMessageId(id_), by=by)
        contact, message = await self._do(
            principal, Action.MESSAGE_HEAR, fact, lambda message: message.claimed is not None
        )
        claimed = message.claimed
        assert claimed is not None, "that is what was waited for"
        if claimed.by != by:
            when = await self._moment(principal, claimed.at)
            raise Refused(Code.ALREADY_CLAIMED, who=claimed.name, when=when)
        return contact, message

    async def unclaim(self, principal: Principal, id_: str) -> Found:
        """Give a claim back: one's own, or another's where one may also delete. Raises Refused."""
        by = _person(principal)
        contact, message = await self.one(principal, Action.MESSAGE_HEAR, id_)
        claimed = message.claimed
        if claimed is None:
            return contact, message
        if claimed.by != by and not visibility.reaches_department(
            principal, Action.MESSAGE_DELETE, message.department_id, message.agent_id
        ):
            raise Refused(Code.CLAIM_OF_ANOTHER, who=claimed.name)
        fact = MessageUnclaimed(
            voice_message_id=message.voice_message_id, by=by, claimed_by=claimed.by, claimed_at=claimed.at
        )
        return await self._do(
            principal, Action.MESSAGE_HEAR, fact, lambda message: message.claimed != claimed
        )

    async def note(self, principal: Principal, id_: str, note_id: str, text: str) -> Found:
        """Add a note; one that is there already stays as it is. Raises Refused."""
        fact = MessageNoted(
            voice_message_id=VoiceMessageId(id_), by=_person(principal), note_id=note_id, text=text.strip()
        )
        contact, message = await self.one(principal, Action.MESSAGE_HEAR, id_)
        if contact.is_erased:
            raise Refused(Code.CUSTOMER_ERASED)
        if message.note(note_id) is None and len(message.notes) >= NOTES_MAX:
            raise Refused(Code.NOTES_FULL, limit=str(NOTES_MAX))
        return await self._do(
            principal, Action.MESSAGE_HEAR, fact, lambda message: message.note(note_id) is not None
        )

    async def call_back(self, principal: Principal, id_: str) -> Found:
        """Note that the customer was called back."""
        fact = MessageCalledBack(voice_message_id=VoiceMessageId(id_), by=_person(principal))
        return await self._do(
            principal, Action.MESSAGE_HEAR, fact, lambda message: message.called_back is not None
        )

    async def _moment(self, principal: Principal, at: Instant) -> Text:
        """An instant by the organization's clock, in both languages."""
        async with self._engine.connect() as connection:
            cards = await load_rights_cards(connection, principal.organization_id, None)
        return csv_columns.written_moment(at, cards.zone())

    async def delete(self, principal: Principal, id_: str) -> Found:
        """Delete the audio; the voice message stays in history."""
        fact = MessageDeleted(voice_message_id=VoiceMessageId(id_), by=_person(principal))
        return await self._do(principal, Action.MESSAGE_DELETE, fact, lambda message: message.state in GONE)

    async def restore(self, principal: Principal, id_: str) -> Found:
        """Undo a deletion, within ten minutes. Raises Refused."""
        by = _person(principal)
        contact, message = await self.one(principal, Action.MESSAGE_DELETE, id_)
        if message.state not in GONE:
            return contact, message
        until_at = restorable_until_at(message)
        if until_at is None or until_at < self._clock.now():
            raise Refused(Code.AUDIO_GONE, reason=gone(message.reason or DELETED))
        assert message.deleted is not None, "that is what can be undone"
        fact = MessageRestored(
            voice_message_id=message.voice_message_id, by=by, deleted_at=message.deleted.at
        )
        return await self._do(
            principal, Action.MESSAGE_DELETE, fact, lambda message: message.state not in GONE
        )

    async def _do(
        self,
        principal: Principal,
        action: Action,
        fact: MessageFact,
        is_done: Callable[[VoiceMessage], bool],
    ) -> Found:
        """Say a fact unless it is already done, and wait until it is read back. Raises Refused."""
        id_ = fact.voice_message_id
        found = await self.one(principal, action, id_)
        if is_done(found[1]):
            return found
        await self.say(principal, fact)

        async def done() -> Found | None:
            found, _ = await self._look(principal, action, id_)
            return found if found is not None and is_done(found[1]) else None

        return await self.read_back(done)

    def new_id(self) -> str:
        """A new id that nobody can guess."""
        return self._tokens()

    async def say(self, principal: Principal, fact: Fact) -> None:
        """Put a fact on the log. Raises Refused when the log is unavailable."""
        facts: Sequence[Fact] = (fact,)
        try:
            await self._say(
                facts, organization_id=principal.organization_id, source=SOURCE, cause=self._tokens()
            )
        except NotSaid as error:
            raise Refused(Code.LOG_AWAY) from error

    async def read_back(self, done: Callable[[], Awaitable[T | None]]) -> T:
        """Wait until the tables show it, at most five seconds. Raises Refused."""
        until = self._clock.elapsed() + READ_BACK_S_MAX
        while True:
            found = await done()
            if found is not None:
                return found
            if self._clock.elapsed() >= until:
                raise Refused(Code.NOT_YET_READ)
            await self._clock.sleep(POLL_S)

    async def link(self, principal: Principal, id_: str) -> tuple[str, Instant]:
        """A link to a voice message's audio, for five minutes. Raises Refused."""
        _, message = await self.one(principal, Action.MESSAGE_HEAR, id_)
        if message.state in GONE:
            raise Refused(Code.AUDIO_GONE, reason=gone(message.reason or str(message.state)))
        key = message.mp3_key or message.original_key
        return await self._linked(principal, key, "voice-message", id_)

    async def recording_link(self, principal: Principal, id_: str) -> tuple[str, Instant]:
        """A link to a recorded conversation, by the rights to its contact (O6, EC-95). Raises Refused."""
        action = Action.RECORDING_HEAR
        await self._authentication.require(principal, action, f"recording/{id_}")
        async with self._engine.connect() as connection:
            contact_id = await queries.contact_id_of(
                connection, principal.organization_id, f"recording:{id_}"
            )
            if contact_id is None:
                raise Refused(Code.NOT_FOUND)
            contact, _ = await queries.contact(connection, principal, action, contact_id)
        if contact is None:
            await self._authentication.refuse(principal, action, f"recording/{id_}")
        assert contact is not None
        recording = next(each for each in contact.recordings if each.recording_id == id_)
        if recording.key is None:
            raise Refused(Code.AUDIO_GONE, reason=gone(recording.reason))
        return await self._linked(principal, recording.key, "conversation", id_)

    async def _linked(
        self, principal: Principal, key: str | None, name: str, id_: str
    ) -> tuple[str, Instant]:
        if key is None:
            raise Refused(Code.AUDIO_NOT_YET)
        if not is_own_recording(principal.organization_id, key):
            _log.error("alarm: a recording's key is not of its organization, and gets no link")
            raise Refused(Code.NOT_FOUND)
        suffix = "mp3" if key.endswith(".mp3") else "wav"
        link = await self._blobs.link(
            key, seconds=LINK_S, content_type=AUDIO_TYPES[suffix], name=f"{name}.{suffix}"
        )
        what = f"recording/{id_}" if name == "conversation" else f"voice-message/{id_}"
        linked = Accessed(
            by=principal.name, kind=AccessKind.AUDIO_LINKED, subject=what, address=principal.address
        )
        await self._authentication.trail.accessed(principal.organization_id, linked)
        return link, Instant(self._clock.now() + LINK_S * 1000)


def _person(principal: Principal) -> AgentId:
    """The employee who acts: a program can't take a voice message. Raises Refused."""
    if principal.agent_id is None:
        raise Refused(Code.PERSON_NEEDED)
    return principal.agent_id
