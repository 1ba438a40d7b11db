"""The wallboard on a screen on a wall: opened by a code, without a login, for as long as its token holds.

It asks nothing of the store of sessions: what it is known by is the sealed cookie of its browser (decision
0064). So it goes on after every restart, and without the directory.
"""

from collections.abc import AsyncIterator
from typing import Any, Final

import structlog
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.response import Redirect, Stream
from msgspec import structs

from services.console.activities.api_client import Refused, Unreachable
from services.console.activities.history import RightsChanged
from services.console.api import cookies
from services.console.api.following import HEADERS, OPENED, RELOAD, pictures
from services.console.api.pages import FieldError
from services.console.api.requests import Console, GivenConsole, PathOrganization, client_address, fields
from services.console.api.wallboard import WORDS, figures_of_today
from services.console.rules import screen_codes, wallboard
from services.console.rules.navigation import marked
from services.console.rules.present import Present
from services.console.state.answers import Me
from services.console.state.live import Figures
from services.console.state.tv import Admission

CODE_WRONG: Final = (
    marked("This code is not known. It may have been used already, or be older than a day."),
    marked("Check it, or have an administrator make another one: wallboard, “On a screen”."),
)
_log = structlog.get_logger()


class TvRoutes(Controller):
    """For a screen; whoever has no cookie types a code."""

    path = "/o/{organization:str}/tv"

    @get()
    async def show(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Response[str]:
        """The screen, or the form for a code."""
        admission = _admission(request, console, organization)
        if admission is None:
            return _door(request, console, organization)
        try:
            admission = await _known_now(request, console, admission)
        except Refused:
            return _door(request, console, organization, has_ended=True)
        board = None
        try:
            live = await console.history.live(admission.token, client_address(request))
            board = Present(live)
        except (Refused, Unreachable) as error:
            _log.warning("a screen has nothing to show yet", reason=str(error))
        figures = await _figures(request, console, admission)
        return _drawn(request, console, admission, "tv.html", board, figures)

    @post(status_code=200)
    async def admit(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Response[Any]:
        """Exchange a code for the cookie; the code is worth nothing afterwards."""
        code = screen_codes.typed((await fields(request)).get("code", ""))
        token = await console.screens.admit(code, organization) if code else ""
        if not token:
            return _door(request, console, organization, status=422, is_wrong=True)
        admission = Admission(organization=organization, token=token, organization_name="", timezone="UTC")
        try:
            admission = await _known_now(request, console, admission)
        except Refused:
            return _door(request, console, organization, has_ended=True)
        answer = Redirect(_address(organization), status_code=303)
        answer.cookies = [_kept(console, admission)]
        return answer

    @get("/events")
    async def events(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Stream:
        """The changing part, as server-sent events."""
        admission = _admission(request, console, organization)
        renewed = [] if admission is None else [_kept(console, admission)]
        return Stream(
            _events(request, console, admission),
            media_type="text/event-stream",
            headers=HEADERS,
            cookies=renewed,
        )


async def _events(
    request: Request[Any, Any, Any], console: Console, admission: Admission | None
) -> AsyncIterator[str]:
    yield OPENED
    if admission is None:
        yield RELOAD
        return
    try:
        figures = await _figures(request, console, admission)

        def picture(present: Present) -> Response[str]:
            return _drawn(request, console, admission, "tv_board.html", present, figures)

        async def check() -> None:
            nonlocal figures
            figures = await _figures(request, console, admission)

        async with console.history.following(admission.token, client_address(request)) as presents:
            async for said in pictures(console.clock, presents, picture, check):
                yield said
    except (Refused, RightsChanged):
        if await _has_ended(request, console, admission):
            yield RELOAD
    except Unreachable as error:
        _log.warning("a screen's stream has ended", reason=str(error))


async def _has_ended(request: Request[Any, Any, Any], console: Console, admission: Admission) -> bool:
    """Whether the token is not valid any more. That is the directory's to say: a history that begins anew
    knows no tokens for a while."""
    try:
        await _known_now(request, console, admission)
    except Refused:
        return True
    return False


async def _known_now(request: Request[Any, Any, Any], console: Console, admission: Admission) -> Admission:
    """The screen with what the directory calls its organization now, if it can be asked. Raises Refused once
    the token is not valid any more."""
    try:
        me = await console.directory.me(admission.token, client_address(request))
    except Unreachable:
        return admission
    except Refused as refused:
        if refused.is_signed_out:
            raise
        return admission
    return structs.replace(
        admission,
        organization_name=me.organization_name,
        timezone=me.timezone,
        service_level=me.service_level,
    )


async def _figures(request: Request[Any, Any, Any], console: Console, admission: Admission) -> Figures | None:
    try:
        return await figures_of_today(
            console, admission.token, client_address(request), admission.timezone, admission.service_level
        )
    except Refused:
        # A token that was made to see the present alone.
        return None


def _drawn(
    request: Request[Any, Any, Any],
    console: Console,
    admission: Admission,
    template: str,
    present: Present | None,
    figures: Figures | None,
) -> Response[str]:
    board = None if present is None else wallboard.board(present, present.at)
    values = {
        "theme": "dark",
        "address": _address(admission.organization),
        "version": console.pages.version,
        "board": board,
        "chosen": "",
        "figures": figures,
        **WORDS,
    }
    me = Me(
        organization_id=admission.organization,
        agent_id=None,
        role=None,
        departments=(),
        rights={},
        name="",
        login="",
        organization_name=admission.organization_name,
        timezone=admission.timezone,
        service_level=admission.service_level,
    )
    kept = [_kept(console, admission)]
    return console.pages.render(request, template, values, me=me, set_cookies=kept)


def _door(
    request: Request[Any, Any, Any],
    console: Console,
    organization: str,
    *,
    has_ended: bool = False,
    is_wrong: bool = False,
    status: int = 200,
) -> Response[str]:
    """The form for a code."""
    cause, remedy = (console.pages.word(request, each) for each in CODE_WRONG)
    values = {
        "organization": organization,
        "address": _address(organization),
        "has_ended": has_ended,
        "errors": {"code": FieldError(cause, remedy)} if is_wrong else {},
    }
    return console.pages.render(request, "tv_door.html", values, status=status)


def _admission(request: Request[Any, Any, Any], console: Console, organization: str) -> Admission | None:
    """What this browser is known by as a screen of this organization."""
    sealed = console.cookies.read(request, cookies.SCREEN)
    found = console.screen_seal.open(
        sealed, Admission, now_s=console.clock.now() // 1_000, lasts_s=cookies.SCREEN.lasts_s or 0
    )
    return found if found is not None and found.organization == organization else None


def _kept(console: Console, admission: Admission) -> Cookie:
    """The cookie, which lasts for another year from now, sealed by the key that seals now."""
    sealed = console.screen_seal.seal(admission, console.clock.now() // 1_000)
    return console.cookies.made(cookies.SCREEN, sealed)


def _address(organization: str) -> str:
    return f"/o/{organization}/tv"
