"""Pages that follow the present: the changing part of one, sent anew after each change of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

import structlog
from litestar import Request, Response
from litestar.response import Stream

from runtime.ports import Clock, StoreUnavailable
from services.console.activities.api_client import Refused, Unreachable
from services.console.activities.history import RightsChanged
from services.console.activities.sessions import SignInNeeded
from services.console.api.requests import AnotherOrganization, Console, Person, person_of
from services.console.rules import navigation, wallboard
from services.console.rules.present import Present

PAUSE_S: Final = 0.25
"""Between two pictures of a busy minute: a change is seen within a second all the same."""
LOOK_S: Final = 5.0
"""How often a quiet present is looked at: a deadline comes closer without a fact."""
CHECK_S: Final = 60.0
HEARTBEAT: Final = "event: beat\ndata: now\n\n"
"""An event of its own, as a page hears no comments: it must tell silence from a quiet minute."""
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
        check = partial(person_of, request, organization, is_activity=False)
        async with console.history.following(person.token, person.address) as presents:
            async for said in pictures(console.clock, presents, partial(picture, person), check):
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

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._present: Present | None = None
        self._ahead = 0
        self.has_changed = asyncio.Event()

    async def read(self, presents: AsyncIterator[Present]) -> None:
        """Read until history ends the stream."""
        try:
            async for present in presents:
                self._present = present
                self._ahead = present.at - self._clock.now()
                self.has_changed.set()
        finally:
            self.has_changed.set()

    def now(self) -> Present | None:
        """The present as of this moment, by history's clock; None: nothing has come yet."""
        if self._present is not None:
            self._present.at = self._clock.now() + self._ahead
        return self._present


async def pictures(
    clock: Clock,
    presents: AsyncIterator[Present],
    picture: Callable[[Present], Response[str]],
    check: Callable[[], Awaitable[object]] | None = None,
) -> AsyncIterator[str]:
    """The part of the page after each change and when a deadline turns, and signs of life in between.

    `check` is awaited each minute, and ends the stream by what it raises.
    """
    latest = _Latest(clock)
    reading = asyncio.create_task(latest.read(presents))
    checked_at = clock.now()
    shown: object = None
    try:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await latest.has_changed.wait()
            if reading.done():
                reading.result()
                return
            if check is not None and clock.now() - checked_at >= CHECK_S * 1_000:
                checked_at = clock.now()
                await check()
            present, has_changed = latest.now(), latest.has_changed.is_set()
            latest.has_changed.clear()
            turns = None if present is None else wallboard.board(present, present.at).turns
            if present is None or (turns == shown and not has_changed):
                yield HEARTBEAT
                continue
            shown = turns
            text = picture(present).content
            yield "".join(f"data: {line}\n" for line in text.splitlines()) + "\n"
            await asyncio.sleep(PAUSE_S)
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await reading
