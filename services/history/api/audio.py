"""Voice messages and recordings in people's hands, and erasing a customer (V5, V6, R1)."""

from typing import Annotated

from litestar import Controller, Response, route
from litestar.params import JSONBody, QueryParameter
from msgspec import Struct

from contracts.rights import Action
from services.history.activities.erasing import Erased
from services.history.api import shown
from services.history.api.asked import Asking, Cursor, Given, Id, Limit, as_kept, cursor, place_of
from services.history.api.methods import delete, get, post

Unclaimed = Annotated[bool, QueryParameter(description="only what nobody took yet")]


class MessageRoutes(Controller):
    """Voice messages."""

    path = "/voice-messages"

    @get(summary="Voice messages, newest first")
    async def listed(
        self,
        parts: Given,
        asker: Asking,
        after: Cursor = "",
        limit: Limit = 50,
        is_unclaimed: Unclaimed = False,
    ) -> shown.MessagePage:
        """Those that rights reach; with `is_unclaimed` only what nobody took yet."""
        await parts.askers.demand(asker, Action.MESSAGE_HEAR, "voice-messages")
        found, last = await parts.messages.listed(
            asker, is_unclaimed=is_unclaimed, before=place_of(after), limit=limit
        )
        return shown.MessagePage(
            messages=tuple(shown.message(*each) for each in found),
            next=None if last is None else cursor(*last),
        )

    @get("/{voice_message_id:str}", summary="One voice message")
    async def one(self, parts: Given, asker: Asking, voice_message_id: Id) -> shown.MessageShown:
        """A voice message, its state, and its letters."""
        return shown.message(*await parts.messages.one(asker, Action.MESSAGE_HEAR, voice_message_id))

    @get("/{voice_message_id:str}/audio", summary="A link to the audio, for five minutes")
    async def audio(self, parts: Given, asker: Asking, voice_message_id: Id) -> shown.Link:
        """A link that anybody may open, so it is short-lived."""
        url, expires_at = await parts.messages.link(asker, voice_message_id)
        return shown.Link(url=url, expires_at=expires_at)

    @post("/{voice_message_id:str}/heard", status_code=200, summary="«I listened»")
    async def heard(self, parts: Given, asker: Asking, voice_message_id: Id) -> shown.MessageShown:
        """The first time counts."""
        return shown.message(*await parts.messages.hear(asker, voice_message_id))

    @post("/{voice_message_id:str}/claim", status_code=200, summary="«I take it»")
    async def claim(self, parts: Given, asker: Asking, voice_message_id: Id) -> shown.MessageShown:
        """The first one on the log has it; the second is told who and when (EC-72)."""
        return shown.message(*await parts.messages.claim(asker, voice_message_id))

    @post("/{voice_message_id:str}/called-back", status_code=200, summary="«I called back»")
    async def called_back(self, parts: Given, asker: Asking, voice_message_id: Id) -> shown.MessageShown:
        """The customer was called."""
        return shown.message(*await parts.messages.call_back(asker, voice_message_id))

    # Litestar's own answer to OPTIONS names only the first method of a path that has two.
    @route("/{voice_message_id:str}", http_method=["OPTIONS"], include_in_schema=False, status_code=204)
    async def methods(self) -> Response[None]:
        """What one voice message can be asked."""
        return Response(content=None, status_code=204, headers={"Allow": "DELETE, GET, OPTIONS"})

    @delete("/{voice_message_id:str}", status_code=200, summary="Delete the audio")
    async def remove(self, parts: Given, asker: Asking, voice_message_id: Id) -> shown.MessageShown:
        """The audio goes within the hour; the row stays."""
        return shown.message(*await parts.messages.delete(asker, voice_message_id))


class RecordingRoutes(Controller):
    """Recorded conversations."""

    path = "/recordings"

    @get("/{recording_id:str}/audio", summary="A link to a recorded conversation, for five minutes")
    async def audio(self, parts: Given, asker: Asking, recording_id: Id) -> shown.Link:
        """By the rights to its contact (O6)."""
        url, expires_at = await parts.messages.recording_link(asker, recording_id)
        return shown.Link(url=url, expires_at=expires_at)


class EraseRequest(Struct, frozen=True, kw_only=True):
    """Whose data are to go: the number as +79161234567."""

    number: str


class EraseRoutes(Controller):
    """Erasing."""

    path = "/erase"

    @post(status_code=200, summary="Erase a customer's personal data and audio")
    async def erase(self, parts: Given, asker: Asking, data: JSONBody[EraseRequest]) -> Erased:
        """The record of the erasure: what can't be recalled, and when the last copy on the log ends (V6)."""
        await parts.askers.demand(asker, Action.ERASE, "erase")
        return await parts.erasing.erase(asker, await as_kept(parts, asker, data.number))
