"""Audio for the browser: conversations and voice messages, by parts, so that one can seek for as long as one
listens."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Annotated, Any, Final

from litestar import Controller, Request, get
from litestar.params import PathParameter
from litestar.response import Stream

from contracts.plain_text import LINE_PATTERN
from services.console.activities.audio_storage import Part
from services.console.api.pages import PROTECTING
from services.console.api.requests import Console, CurrentPerson, Forbidden, GivenConsole, Person
from services.console.rules import audio_ranges

HEAR: Final = "recording.hear"
HEAR_MESSAGES: Final = "message.hear"
ID_LENGTH_MAX: Final = 200

AudioPath = Annotated[str, PathParameter(max_length=ID_LENGTH_MAX, pattern=LINE_PATTERN)]


class RecordingRoutes(Controller):
    """Recorded conversations, for whoever may hear them."""

    path = "/o/{organization:str}/recordings/{recording_id:str}/audio"

    @get()
    async def play(
        self,
        request: Request[Any, Any, Any],
        console: GivenConsole,
        person: CurrentPerson,
        recording_id: AudioPath,
    ) -> Stream:
        """The part that `Range` names, or the whole."""
        if HEAR not in person.me.rights:
            raise Forbidden
        wanted = audio_ranges.asked(request.headers.get("range", ""))
        part = console.recordings.conversation(person.token, person.address, recording_id, wanted)
        return await _relayed(console, person, part)


class MessageAudioRoutes(Controller):
    """Voice messages, for whoever may hear them."""

    path = "/o/{organization:str}/voice-messages/{voice_message_id:str}/audio"

    @get()
    async def play(
        self,
        request: Request[Any, Any, Any],
        console: GivenConsole,
        person: CurrentPerson,
        voice_message_id: AudioPath,
    ) -> Stream:
        """The part that `Range` names, or the whole."""
        if HEAR_MESSAGES not in person.me.rights:
            raise Forbidden
        wanted = audio_ranges.asked(request.headers.get("range", ""))
        part = console.recordings.message(person.token, person.address, voice_message_id, wanted)
        return await _relayed(console, person, part)


async def _relayed(console: Console, person: Person, opening: AbstractAsyncContextManager[Part]) -> Stream:
    """What S3 sends, passed on as it comes, within the number of relays. Raises TooManyAtOnce."""
    async with AsyncExitStack() as entered:
        entered.enter_context(console.listening.one(f"{person.me.organization_id}/{person.me.login}"))
        part = await entered.enter_async_context(opening)
        # From here on the answer holds both, as long as it is being sent.
        held = entered.pop_all()
    headers = {**PROTECTING, **part.headers, "accept-ranges": "bytes"}
    media_type = headers.pop("content-type", "audio/mpeg")
    return Stream(_pieces(held, part), status_code=part.status, media_type=media_type, headers=headers)


async def _pieces(held: AsyncExitStack, part: Part) -> AsyncIterator[bytes]:
    async with held:
        if part.headers.get("content-type"):
            async for piece in part.content:
                yield piece
