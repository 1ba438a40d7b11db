"""History's voice messages: their lists, and what people do with them."""

from collections.abc import Mapping
from typing import Final

from services.console.activities.api_client import ApiClient, Route
from services.console.state.voice_messages import Counts, MessagePage, NoteGiven, OpenedMessage

LIST: Final = Route(
    "GET", "/voice-messages", MessagePage, query=("inbox", "department", "state", "after", "limit")
)
COUNTS: Final = Route("GET", "/voice-messages/counts", Counts)
ONE: Final = Route("GET", "/voice-messages/{voice_message_id}", OpenedMessage)
HEARD: Final = Route("POST", "/voice-messages/{voice_message_id}/heard", OpenedMessage)
CLAIM: Final = Route("POST", "/voice-messages/{voice_message_id}/claim", OpenedMessage)
UNCLAIM: Final = Route("POST", "/voice-messages/{voice_message_id}/unclaim", OpenedMessage)
CALLED_BACK: Final = Route("POST", "/voice-messages/{voice_message_id}/called-back", OpenedMessage)
NOTE: Final = Route("PUT", "/voice-messages/{voice_message_id}/notes/{note_id}", OpenedMessage, NoteGiven)
DELETE: Final = Route("DELETE", "/voice-messages/{voice_message_id}", OpenedMessage)
RESTORE: Final = Route("POST", "/voice-messages/{voice_message_id}/restore", OpenedMessage)

ROUTES: Final = (LIST, COUNTS, ONE, HEARD, CLAIM, UNCLAIM, CALLED_BACK, NOTE, DELETE, RESTORE)
DEEDS: Final = {
    "heard": HEARD,
    "claim": CLAIM,
    "unclaim": UNCLAIM,
    "called-back": CALLED_BACK,
    "delete": DELETE,
    "restore": RESTORE,
}
"""What one does by a button alone, by the last part of the page's address."""
ROWS: Final = 50


class VoiceMessages:
    """Calls of one person, with the person's token. Each raises Refused and Unreachable."""

    def __init__(self, history: ApiClient) -> None:
        self._history = history

    async def page(
        self, token: str, address: str, query: Mapping[str, str], *, rows: int = ROWS
    ) -> MessagePage:
        """A page of voice messages, newest first."""
        wanted = {**query, "limit": str(rows)}
        return await self._history.call(LIST, token=token, address=address, query=wanted)

    async def counts(self, token: str, address: str) -> Counts:
        """How many there are to take care of."""
        return await self._history.call(COUNTS, token=token, address=address)

    async def one(self, token: str, address: str, voice_message_id: str) -> OpenedMessage:
        """A voice message, whole."""
        path = {"voice_message_id": voice_message_id}
        return await self._history.call(ONE, token=token, address=address, path=path)

    async def do(self, deed: str, token: str, address: str, voice_message_id: str) -> OpenedMessage:
        """One of `DEEDS`; done twice it is done once."""
        path = {"voice_message_id": voice_message_id}
        return await self._history.call(DEEDS[deed], token=token, address=address, path=path)

    async def note(
        self, token: str, address: str, voice_message_id: str, *, note_id: str, text: str
    ) -> OpenedMessage:
        """Add a note; the same id is the same note."""
        path = {"voice_message_id": voice_message_id, "note_id": note_id}
        return await self._history.call(
            NOTE, token=token, address=address, path=path, body=NoteGiven(text=text)
        )
