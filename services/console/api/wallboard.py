"""The wallboard: who waits, what is promised, who is free; and each change of it as it comes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final

import structlog
from litestar import Controller, Request, Response, get
from litestar.response import Stream

from runtime.ports import StoreUnavailable
from services.console.activities.api_client import Refused, Unreachable
from services.console.activities.history import RightsChanged
from services.console.activities.sessions import SignInNeeded
from services.console.api.requests import (
    AnotherOrganization,
    Console,
    CurrentPerson,
    GivenConsole,
    PathOrganization,
    Person,
    person_of,
    require_screen,
)
from services.console.rules import formats, navigation, wallboard, wallboard_words
from services.console.rules.present import Present
from services.console.state.live import Figures

SCREEN: Final = "wallboard"
STATISTICS: Final = "statistics.read"
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
WORDS: Final = {
    "states": wallboard_words.STATES,
    "away": wallboard_words.AWAY,
    "origins": wallboard_words.ORIGINS,
}
_log = structlog.get_logger()


class WallboardRoutes(Controller):
    """For whoever may see what happens now."""

    path = "/o/{organization:str}/wallboard"

    @get()
    async def show(
        self, request: Request[Any, Any, Any], console: GivenConsole, person: CurrentPerson
    ) -> Response[str]:
        """The page; without history it says so, and waits for it."""
        require_screen(person, SCREEN)
        board = None
        try:
            live = await console.history.live(person.token, person.address)
            board = wallboard.board(Present(live), live.at)
        except Unreachable as error:
            _log.warning("a service can't be reached", reached=error.service, reason=str(error))
        figures = await _figures(console, person)
        values = {"screen": SCREEN, "board": board, "figures": figures, **WORDS}
        return console.pages.render(request, "wallboard.html", values, me=person.me)

    @get("/board")
    async def part(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Response[str]:
        """The part of the page that changes, once: for whoever lets it go on."""
        person = await person_of(request, organization)
        require_screen(person, SCREEN)
        live = await console.history.live(person.token, person.address)
        return _board(request, console, person, Present(live))

    @get("/today")
    async def today(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Response[str]:
        """The figures of today, which the page asks for now and then: that is no activity."""
        person = await person_of(request, organization, is_activity=False)
        require_screen(person, SCREEN)
        values = {"figures": await _figures(console, person)}
        return console.pages.render(request, "wallboard_today.html", values, me=person.me)

    @get("/events")
    async def events(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Stream:
        """The changing part, as server-sent events. It always is a stream, since a page can't show an error
        in its place: what is wrong ends it, and the browser comes back."""
        return Stream(
            _events(request, console, organization), media_type="text/event-stream", headers=HEADERS
        )


async def _figures(console: Console, person: Person) -> Figures | None:
    """Today's figures; None for whoever may not read them, and while history has none to give."""
    if STATISTICS not in person.me.rights:
        return None
    zone = person.me.timezone
    day = formats.date_of(console.clock.now(), zone)
    try:
        return await console.history.figures_of(person.token, person.address, day=day, zone=zone)
    except Unreachable:
        return None
    except Refused as refused:
        if refused.is_for_now:
            return None
        raise


def _board(
    request: Request[Any, Any, Any], console: Console, person: Person, present: Present
) -> Response[str]:
    board = wallboard.board(present, present.at)
    values = {"board": board, **WORDS}
    return console.pages.render(request, "wallboard_board.html", values, me=person.me)


async def _events(request: Request[Any, Any, Any], console: Console, organization: str) -> AsyncIterator[str]:
    yield OPENED
    try:
        person = await person_of(request, organization, is_activity=False)
        if not navigation.may_see(SCREEN, person.me.rights):
            yield RELOAD
            return
        async with console.history.following(person.token, person.address) as presents:
            async for said in _pictures(request, console, organization, person, presents):
                yield said
    except (SignInNeeded, AnotherOrganization, RightsChanged):
        yield RELOAD
    except Refused as refused:
        if not refused.is_for_now:
            yield RELOAD
    except (Unreachable, StoreUnavailable) as error:
        _log.warning("a wallboard's stream has ended", reason=str(error))


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
                text = _board(request, console, person, latest.present).content
                yield "".join(f"data: {line}\n" for line in text.splitlines()) + "\n"
            await asyncio.sleep(PAUSE_S)
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await reading
