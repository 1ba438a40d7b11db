"""Recorded conversations and voice messages, relayed: a link of history is signed anew for each request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from services.console.activities.api_client import ApiClient, Route
from services.console.activities.audio_storage import AudioStorage, Part
from services.console.state.contact import Link

RECORDING: Final = Route("GET", "/recordings/{recording_id}/audio", Link)
MESSAGE: Final = Route("GET", "/voice-messages/{voice_message_id}/audio", Link)

ROUTES: Final = (RECORDING, MESSAGE)


class Recordings:
    """Reads of one person, with the person's token. Each raises Refused and Unreachable."""

    def __init__(self, history: ApiClient, storage: AudioStorage) -> None:
        self._history = history
        self.storage = storage

    @asynccontextmanager
    async def conversation(self, token: str, address: str, id_: str, wanted: str) -> AsyncIterator[Part]:
        """A recorded conversation, from `wanted` (a `Range`, or empty: the whole)."""
        path = {"recording_id": id_}
        link = await self._history.call(RECORDING, token=token, address=address, path=path)
        async with self.storage.opened(link.url, wanted) as part:
            yield part

    @asynccontextmanager
    async def message(self, token: str, address: str, id_: str, wanted: str) -> AsyncIterator[Part]:
        """A voice message, in the same way."""
        path = {"voice_message_id": id_}
        link = await self._history.call(MESSAGE, token=token, address=address, path=path)
        async with self.storage.opened(link.url, wanted) as part:
            yield part
