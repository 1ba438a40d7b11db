"""Voice messages and recorded conversations: lists, links to audio, what people do with them (V5, R1)."""

from typing import Annotated, Final

from litestar import Controller, Response, route
from litestar.params import JSONBody, PathParameter, QueryParameter
from msgspec import Meta, Struct

from contracts.ids import DepartmentId
from contracts.plain_text import END, LINE_PATTERN, TEXT_PATTERN
from contracts.rights import Action
from services.history.activities import inbox
from services.history.activities.authentication import Principal
from services.history.activities.inbox import Counts, Filters
from services.history.activities.repository import load_organization
from services.history.activities.voice_messages import Found
from services.history.api import responses
from services.history.api.filters import Ids, split_ids, words
from services.history.api.methods import delete, get, post, put
from services.history.api.requests import (
    CurrentPrincipal,
    Cursor,
    Id,
    InjectedParts,
    Limit,
    Parts,
    decoded_cursor,
    encoded_cursor,
)
from services.history.rules.errors import Code, Refused
from services.history.rules.message_care import Care, Inbox
from services.history.rules.retention_warnings import DAY_MS

NOTE_LENGTH_MAX: Final = 1_000
WORDS_LENGTH_MAX: Final = 60
NOTE_ID_LENGTH_MAX: Final = 64
NOTE_ID_PATTERN: Final = rf"^[A-Za-z0-9_\-]+{END}"

Unclaimed = Annotated[bool, QueryParameter(description="only what nobody took yet")]
InboxName = Annotated[
    str,
    QueryParameter(
        name="inbox",
        max_length=WORDS_LENGTH_MAX,
        pattern=LINE_PATTERN,
        description="departments, own, colleagues; claimed: by who asks, and not called back yet; else all",
    ),
]
States = Annotated[
    str,
    QueryParameter(
        name="state",
        max_length=WORDS_LENGTH_MAX,
        pattern=LINE_PATTERN,
        description="new, heard, claimed, called_back, gone, with commas between; each stands in one of them",
    ),
]
NoteId = Annotated[
    str,
    PathParameter(
        max_length=NOTE_ID_LENGTH_MAX, pattern=NOTE_ID_PATTERN, description="chosen by who writes it"
    ),
]


class NoteGiven(Struct, frozen=True, kw_only=True):
    """What colleagues shall know; not blank."""

    text: Annotated[str, Meta(min_length=1, max_length=NOTE_LENGTH_MAX, pattern=TEXT_PATTERN)]


class MessageRoutes(Controller):
    """Voice messages."""

    path = "/voice-messages"

    @get(summary="Voice messages, newest first")
    async def listed(
        self,
        parts: InjectedParts,
        principal: CurrentPrincipal,
        after: Cursor = "",
        limit: Limit = 50,
        is_unclaimed: Unclaimed = False,
        inbox_name: InboxName = "",
        department: Ids = "",
        states: States = "",
    ) -> responses.MessagePage:
        """As far as rights reach; with `is_unclaimed` only those that nobody has claimed."""
        await parts.authentication.require(principal, Action.MESSAGE_HEAR, "voice-messages")
        chosen = words(Inbox, inbox_name, "inbox")
        if len(chosen) > 1:
            raise Refused(Code.FILTER_UNKNOWN, field="inbox", known=", ".join(Inbox))
        filters = Filters(
            inbox=chosen[0] if chosen else None,
            departments=tuple(DepartmentId(each) for each in split_ids(department, "department")),
            cares=words(Care, states, "state"),
            is_unclaimed=is_unclaimed,
        )
        async with parts.engine.connect() as connection:
            found, last = await inbox.page(
                connection, principal, filters, before=decoded_cursor(after), limit=limit
            )
        return responses.MessagePage(
            messages=tuple(responses.message(*each) for each in found),
            next=None if last is None else encoded_cursor(*last),
        )

    @get("/counts", summary="How many voice messages there are to take care of, by inbox")
    async def counts(self, parts: InjectedParts, principal: CurrentPrincipal) -> Counts:
        """New ones of each inbox, and those that one has claimed and not called back."""
        await parts.authentication.require(principal, Action.MESSAGE_HEAR, "voice-messages")
        async with parts.engine.connect() as connection:
            return await inbox.counts(connection, principal)

    @get("/{voice_message_id:str}", summary="One voice message")
    async def one(
        self, parts: InjectedParts, principal: CurrentPrincipal, voice_message_id: Id
    ) -> responses.MessageWhole:
        """A voice message, its state, its notes and its letters."""
        found = await parts.messages.one(principal, Action.MESSAGE_HEAR, voice_message_id)
        return await _whole(parts, principal, found)

    @get("/{voice_message_id:str}/audio", summary="A link to the audio, for five minutes")
    async def audio(
        self, parts: InjectedParts, principal: CurrentPrincipal, voice_message_id: Id
    ) -> responses.Link:
        """A short-lived link, since anybody who has it may open it."""
        url, expires_at = await parts.messages.link(principal, voice_message_id)
        return responses.Link(url=url, expires_at=expires_at)

    @post("/{voice_message_id:str}/heard", status_code=200, summary="«I listened»")
    async def heard(
        self, parts: InjectedParts, principal: CurrentPrincipal, voice_message_id: Id
    ) -> responses.MessageWhole:
        """The first time counts."""
        return await _whole(parts, principal, await parts.messages.hear(principal, voice_message_id))

    @post("/{voice_message_id:str}/claim", status_code=200, summary="«I take it»")
    async def claim(
        self, parts: InjectedParts, principal: CurrentPrincipal, voice_message_id: Id
    ) -> responses.MessageWhole:
        """The first claim on the log wins; the second person is told who has it and since when (EC-72)."""
        return await _whole(parts, principal, await parts.messages.claim(principal, voice_message_id))

    @post("/{voice_message_id:str}/unclaim", status_code=200, summary="«I give it back»")
    async def unclaim(
        self, parts: InjectedParts, principal: CurrentPrincipal, voice_message_id: Id
    ) -> responses.MessageWhole:
        """One's own claim; another's, whoever may delete the voice message."""
        return await _whole(parts, principal, await parts.messages.unclaim(principal, voice_message_id))

    @put("/{voice_message_id:str}/notes/{note_id:str}", summary="Add a note, for colleagues")
    async def note(
        self,
        parts: InjectedParts,
        principal: CurrentPrincipal,
        voice_message_id: Id,
        note_id: NoteId,
        data: JSONBody[NoteGiven],
    ) -> responses.MessageWhole:
        """Asked again with the same id it is the same note, with the text that came first."""
        if not data.text.strip():
            raise Refused(Code.NOTE_BLANK, field="text")
        found = await parts.messages.note(principal, voice_message_id, note_id, data.text)
        return await _whole(parts, principal, found)

    @post("/{voice_message_id:str}/called-back", status_code=200, summary="«I called back»")
    async def called_back(
        self, parts: InjectedParts, principal: CurrentPrincipal, voice_message_id: Id
    ) -> responses.MessageWhole:
        """The customer was called."""
        return await _whole(parts, principal, await parts.messages.call_back(principal, voice_message_id))

    # Litestar's own answer to OPTIONS names only the first method of a path that has two.
    @route("/{voice_message_id:str}", http_method=["OPTIONS"], include_in_schema=False, status_code=204)
    async def methods(self) -> Response[None]:
        """The methods of one voice message."""
        return Response(content=None, status_code=204, headers={"Allow": "DELETE, GET, OPTIONS"})

    @delete("/{voice_message_id:str}", status_code=200, summary="Delete the audio")
    async def remove(
        self, parts: InjectedParts, principal: CurrentPrincipal, voice_message_id: Id
    ) -> responses.MessageWhole:
        """Nobody hears it any more; the audio goes within an hour and a quarter, and the row stays."""
        return await _whole(parts, principal, await parts.messages.delete(principal, voice_message_id))

    @post("/{voice_message_id:str}/restore", status_code=200, summary="Undo a deletion, within ten minutes")
    async def restore(
        self, parts: InjectedParts, principal: CurrentPrincipal, voice_message_id: Id
    ) -> responses.MessageWhole:
        """By the right to delete; what was done about the voice message before is as it was."""
        return await _whole(parts, principal, await parts.messages.restore(principal, voice_message_id))


async def _whole(parts: Parts, principal: Principal, found: Found) -> responses.MessageWhole:
    async with parts.engine.connect() as connection:
        card = await load_organization(connection, principal.organization_id)
    retention_ms = None if card is None else card.retention_days * DAY_MS
    return responses.whole(responses.message(*found), retention_ms=retention_ms)


class RecordingRoutes(Controller):
    """Recorded conversations."""

    path = "/recordings"

    @get("/{recording_id:str}/audio", summary="A link to a recorded conversation, for five minutes")
    async def audio(
        self, parts: InjectedParts, principal: CurrentPrincipal, recording_id: Id
    ) -> responses.Link:
        """By the rights to its contact (O6)."""
        url, expires_at = await parts.messages.recording_link(principal, recording_id)
        return responses.Link(url=url, expires_at=expires_at)
