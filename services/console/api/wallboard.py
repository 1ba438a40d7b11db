"""The wallboard: who waits, what is promised, who is free; and each change of it as it comes."""

from functools import partial
from typing import Any, Final

import structlog
from litestar import Controller, Request, Response, get
from litestar.response import Stream

from services.console.activities.api_client import Refused, Unreachable
from services.console.api import callbacks, following, history_addresses
from services.console.api.requests import (
    Console,
    CurrentPerson,
    GivenConsole,
    PathOrganization,
    Person,
    QueryText,
    person_of,
    require_screen,
)
from services.console.rules import formats, wallboard, wallboard_words
from services.console.rules.present import Present
from services.console.state.answers import Me, ServiceLevel
from services.console.state.live import Figures

SCREEN: Final = "wallboard"
STATISTICS: Final = "statistics.read"
WORDS: Final = {
    "states": wallboard_words.STATES,
    "away": wallboard_words.AWAY,
    "pauses": wallboard_words.PAUSES,
    "attempts": wallboard_words.ATTEMPTS,
    "origins": wallboard_words.ORIGINS,
}
_log = structlog.get_logger()


class WallboardRoutes(Controller):
    """For whoever may see what happens now."""

    path = "/o/{organization:str}/wallboard"

    @get()
    async def show(
        self,
        request: Request[Any, Any, Any],
        console: GivenConsole,
        person: CurrentPerson,
        department: QueryText = "",
    ) -> Response[str]:
        """The page; without history it says so, and waits for it. Where there is little room it shows one
        department at a time."""
        require_screen(person, SCREEN)
        board = None
        try:
            live = await console.history.live(person.token, person.address)
            board = wallboard.board(Present(live), live.at)
        except Unreachable as error:
            _log.warning("a service can't be reached", reached=error.service, reason=str(error))
        figures = await _figures(console, person)
        values = {"screen": SCREEN, "board": board, "figures": figures, "chosen": department}
        values |= _links(person.me) | WORDS
        return console.pages.render(request, "wallboard.html", values, me=person.me)

    @get("/board")
    async def part(
        self,
        request: Request[Any, Any, Any],
        console: GivenConsole,
        organization: PathOrganization,
        department: QueryText = "",
    ) -> Response[str]:
        """The part of the page that changes, once: for whoever lets it go on, and without a stream.

        A page asks for it by itself, which is no activity.
        """
        person = await person_of(request, organization, is_activity=False)
        require_screen(person, SCREEN)
        live = await console.history.live(person.token, person.address)
        return _board(request, console, department, person, Present(live))

    @get("/today")
    async def today(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Response[str]:
        """The figures of today, which the page asks for now and then: that is no activity."""
        person = await person_of(request, organization, is_activity=False)
        require_screen(person, SCREEN)
        values = {"figures": await _figures(console, person), **WORDS}
        return console.pages.render(request, "wallboard_today.html", values, me=person.me)

    @get("/events")
    async def events(
        self,
        request: Request[Any, Any, Any],
        console: GivenConsole,
        organization: PathOrganization,
        department: QueryText = "",
    ) -> Stream:
        """The changing part, as server-sent events."""
        picture = partial(_board, request, console, department)
        return following.stream(request, console, organization, SCREEN, picture)


async def _figures(console: Console, person: Person) -> Figures | None:
    """Today's figures; None for whoever may not read them, and while history has none to give."""
    if STATISTICS not in person.me.rights:
        return None
    me = person.me
    return await figures_of_today(console, person.token, person.address, me.timezone, me.service_level)


async def figures_of_today(
    console: Console, token: str, address: str, zone: str, level: ServiceLevel
) -> Figures | None:
    """The figures since midnight of a zone; None while history has none to give. Raises Refused."""
    day = formats.date_of(console.clock.now(), zone)
    try:
        return await console.history.figures_of(token, address, day=day, zone=zone, within_s=level.within_s)
    except Unreachable:
        return None
    except Refused as refused:
        if refused.is_for_now:
            return None
        raise


def _board(
    request: Request[Any, Any, Any], console: Console, department: str, person: Person, present: Present
) -> Response[str]:
    board = wallboard.board(present, present.at)
    values = {"board": board, "chosen": department, **_links(person.me), **WORDS}
    return console.pages.render(request, "wallboard_board.html", values, me=person.me)


def _links(me: Me) -> dict[str, Any]:
    """Where a place leads."""
    organization = me.organization_id
    return {
        "contact_of": history_addresses.contacts(organization, me.rights),
        "callbacks_path": callbacks.path_of(organization),
    }
