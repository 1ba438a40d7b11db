"""Voice messages and recorded conversations: lists, links to audio, what people do with them (V5, R1)."""

from typing import Annotated

from litestar import Controller, Response, route
from litestar.params import QueryParameter

from contracts.rights import Action
from services.history.api import responses
from services.history.api.methods import delete, get, post
from services.history.api.requests import (
    CurrentPrincipal,
    Cursor,
    Id,
    InjectedParts,
    Limit,
    decoded_cursor,
    encoded_cursor,
)

Unclaimed = Annotated[bool, QueryParameter(description="only what nobody took yet")]


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
    ) -> responses.MessagePage:
        """As far as rights reach; with `is_unclaimed` only those that nobody has claimed."""
        await parts.authentication.require(principal, Action.MESSAGE_HEAR, "voice-messages")
        found, last = await parts.messages.listed(
            principal, is_unclaimed=is_unclaimed, before=decoded_cursor(after), limit=limit
        )
        return responses.MessagePage(
            messages=tuple(responses.message(*each) for each in found),
            next=None if last is None else encoded_cursor(*last),
        )

    @get("/{voice_message_id:str}", summary="One voice message")
    async def one(
        self, parts: InjectedParts, principal: CurrentPrincipal, voice_message_id: Id
    ) -> responses.MessageShown:
        """A voice message, its state, and its letters."""
        return responses.message(*await parts.messages.one(principal, Action.MESSAGE_HEAR, voice_message_id))

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
    ) -> responses.MessageShown:
        """The first time counts."""
        return responses.message(*await parts.messages.hear(principal, voice_message_id))

    @post("/{voice_message_id:str}/claim", status_code=200, summary="«I take it»")
    async def claim(
        self, parts: InjectedParts, principal: CurrentPrincipal, voice_message_id: Id
    ) -> responses.MessageShown:
        """The first claim on the log wins; the second person is told who has it and since when (EC-72)."""
        return responses.message(*await parts.messages.claim(principal, voice_message_id))

    @post("/{voice_message_id:str}/called-back", status_code=200, summary="«I called back»")
    async def called_back(
        self, parts: InjectedParts, principal: CurrentPrincipal, voice_message_id: Id
    ) -> responses.MessageShown:
        """The customer was called."""
        return responses.message(*await parts.messages.call_back(principal, voice_message_id))

    # Litestar's own answer to OPTIONS names only the first method of a path that has two.
    @route("/{voice_message_id:str}", http_method=["OPTIONS"], include_in_schema=False, status_code=204)
    async def methods(self) -> Response[None]:
        """The methods of one voice message."""
        return Response(content=None, status_code=204, headers={"Allow": "DELETE, GET, OPTIONS"})

    @delete("/{voice_message_id:str}", status_code=200, summary="Delete the audio")
    async def remove(
        self, parts: InjectedParts, principal: CurrentPrincipal, voice_message_id: Id
    ) -> responses.MessageShown:
        """The audio goes within the hour; the row stays."""
        return responses.message(*await parts.messages.delete(principal, voice_message_id))


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
