"""Pages that follow the present: the changing part of one, sent anew after each change of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, Final

import structlog
from litestar import Request, Response
from litestar.response import Stream

from runtime.ports import StoreUnavailable
from services.console.activities.api_client import Refused, Unreachable
from services.console.activities.history import RightsChanged
from services.console.activities.sessions import SignInNeeded
from services.console.api.requests import AnotherOrganization, Console, Person, person_of
from services.console.rules import navigation
from services.console.rules.present import Present

PAUSE_S: Final = 0.25
"""Between two pictures of a busy minute: a change is seen within a second all the same."""
HEARTBEAT_S: Final = 15.0
SESSION_LOOK_S: Final = 60.0
HEARTBEAT: Final = ": still here\n\n"
OPENED: Final = "retry: 1000\n\n"
RELOAD: Final = "event: reload\ndata: now\n\n"
"""The page is to be asked for anew: the login is over, or sees another part of the present."""
HEADERS: Final = {
    "Cache-Control": "no-store",
    # A proxy that gathers answers would show nothing for minutes.
    "X-Accel-Buffering": "no",
}
Picture = Callable[[Person, Present], Response[str]]
"""The changing part of a page, as somebody sees it."""
_log = structlog.get_logger()


def stream(
    request: Request[Any, Any, Any], console: Console, organization: str, screen: str, picture: Picture
) -> Stream:
    """Pictures as server-sent events, for whoever may see the screen.

    It always is a stream, since a page can't show an error in its place: what is wrong ends it, and the
    browser comes back.
    """
    said = _events(request, console, organization, screen, picture)
    return Stream(said, media_type="text/event-stream", headers=HEADERS)


async def _events(
    request: Request[Any, Any, Any], console: Console, organization: str, screen: str, picture: Picture
) -> AsyncIterator[str]:
    yield OPENED
    try:
        person = await person_of(request, organization, is_activity=False)
        if not navigation.may_see(screen, person.me.rights):
            yield RELOAD
            return
        async with console.history.following(person.token, person.address) as presents:
            async for said in _pictures(request, console, organization, person, presents, picture):
                yield said
    except (SignInNeeded, AnotherOrganization, RightsChanged):
        yield RELOAD
    except Refused as refused:
        if not refused.is_for_now:
            yield RELOAD
    except (Unreachable, StoreUnavailable) as error:
        _log.warning("a page's stream has ended", reason=str(error))


class _Latest:
    """What came last, and whether it was shown; the reader of history's stream never waits for a browser."""

    def __init__(self) -> None:
        self.present: Present | None = None
        self.has_changed = asyncio.Event()

    async def read(self, presents: AsyncIterator[Present]) -> None:
        """Read until history ends the stream."""
        try:
            async for present in presents:
                self.present = present
                self.has_changed.set()
        finally:
            self.has_changed.set()


async def _pictures(
    request: Request[Any, Any, Any],
    console: Console,
    organization: str,
    person: Person,
    presents: AsyncIterator[Present],
    picture: Picture,
) -> AsyncIterator[str]:
    """The part of the page after each change, and a sign of life in between."""
    latest = _Latest()
    reading = asyncio.create_task(latest.read(presents))
    looked_at = console.clock.now()
    try:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_S):
                    await latest.has_changed.wait()
            if reading.done():
                reading.result()
                return
            if console.clock.now() - looked_at >= SESSION_LOOK_S * 1_000:
                looked_at = console.clock.now()
                await person_of(request, organization, is_activity=False)
            if not latest.has_changed.is_set():
                yield HEARTBEAT
                continue
            latest.has_changed.clear()
            if latest.present is not None:
                text = picture(person, latest.present).content
                yield "".join(f"data: {line}\n" for line in text.splitlines()) + "\n"
            await asyncio.sleep(PAUSE_S)
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await reading
