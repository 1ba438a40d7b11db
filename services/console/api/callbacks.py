"""«Callbacks»: those that stand, as it happens, and those that have ended, filtered by the address bar."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import structlog
from litestar import Controller, Request, Response, get
from litestar.response import Redirect, Stream

from services.console.activities.api_client import Refused, Unreachable
from services.console.api import following, history_addresses
from services.console.api.history_addresses import READ, filtered
from services.console.api.pages import FieldError
from services.console.api.requests import (
    Console,
    CurrentPerson,
    Forbidden,
    GivenConsole,
    PathOrganization,
    Person,
    person_of,
    require_screen,
)
from services.console.api.sign_in_steps import errors_of
from services.console.rules import addresses, callback_filters, callback_words, callbacks
from services.console.rules.callbacks import reaches
from services.console.rules.present import Present
from services.console.rules.wallboard_words import ATTEMPTS, ORIGINS
from services.console.state.callbacks import Callback, Page
from services.console.state.contacts import Colleague

SCREEN: Final = "callbacks"
ORDER: Final = "callback.order"
CANCEL: Final = "callback.cancel"
FORM_STATUSES: Final = (400, 422)
"""A filter that history can't read: said at its field."""
WORDS: Final = {
    "origins": ORIGINS,
    "attempts": ATTEMPTS,
    "dial_ends": callback_words.DIAL_ENDS,
    "cancelled_words": callback_words.CANCELLED,
    "expired_words": callback_words.EXPIRED,
    "end_of": callback_words.end_of,
    "refusal_of": callback_words.refusal_of,
}
_log = structlog.get_logger()


class CallbackRoutes(Controller):
    """For whoever may see what happens now; who orders and cancels is the directory's to say."""

    path = "/o/{organization:str}/callbacks"

    @get()
    async def show(
        self,
        request: Request[Any, Any, Any],
        console: GivenConsole,
        person: CurrentPerson,
        organization: PathOrganization,
    ) -> Response[Any]:
        """Those that stand; without history the page says so, and waits for it."""
        require_screen(person, SCREEN)
        path = path_of(organization)
        names = (*callback_filters.STANDING, *callback_filters.SAID)
        query = dict(request.query_params)
        found = callback_filters.given(query, names)
        if found != query:
            return Redirect(filtered(path, found), status_code=303)
        filters = callback_filters.given(query, callback_filters.STANDING)
        board = None
        try:
            live = await console.history.live(person.token, person.address)
            board = callbacks.standing(Present(live), filters)
        except Unreachable as error:
            _log.warning("a service can't be reached", reached=error.service, reason=str(error))
        shown = _shared(person, organization, filters) | {
            "board": board,
            "errors": {},
            "departments": () if board is None else _names(board),
            "said": await said_of(console, person, query) if board is not None else None,
            "events": filtered(f"{path}/events", filters),
            "part": filtered(f"{path}/board", filters),
        }
        return console.pages.render(request, "callbacks.html", shown, me=person.me)

    @get("/board")
    async def part(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Response[str]:
        """The part of the page that changes, once: for whoever lets it go on, and without a stream.

        A page asks for it by itself, which is no activity.
        """
        person = await person_of(request, organization, is_activity=False)
        require_screen(person, SCREEN)
        live = await console.history.live(person.token, person.address)
        return _board(request, console, organization, person, Present(live))

    @get("/events")
    async def events(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Stream:
        """The changing part, as server-sent events."""
        picture = partial(_board, request, console, organization)
        return following.stream(request, console, organization, SCREEN, picture)

    @get("/said")
    async def said(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Response[str]:
        """What became of what was just done; the page asks until it is known, which is no activity."""
        person = await person_of(request, organization, is_activity=False)
        require_screen(person, SCREEN)
        found = await said_of(console, person, request.query_params)
        shown = _shared(person, organization, {}) | {"said": found}
        return console.pages.render(request, "callback_said.html", shown, me=person.me)

    @get("/ended")
    async def ended(
        self,
        request: Request[Any, Any, Any],
        console: GivenConsole,
        person: CurrentPerson,
        organization: PathOrganization,
    ) -> Response[Any]:
        """A page of those that have ended, newest order first."""
        require_screen(person, SCREEN)
        if READ not in person.me.rights:
            raise Forbidden
        path = f"{path_of(organization)}/ended"
        query = dict(request.query_params)
        filters = callback_filters.given(query, (*callback_filters.ENDED, callback_filters.AFTER))
        if filters != query:
            return Redirect(filtered(path, filters), status_code=303)
        errors: dict[str, FieldError] = {}
        page = Page(callbacks=())
        try:
            page = await console.callbacks.ended(person.token, person.address, filters)
        except Refused as refused:
            if refused.status not in FORM_STATUSES or refused.problem.field not in callback_filters.ENDED:
                raise
            errors = errors_of(request, console, refused, callback_filters.ENDED)
        shown = _shared(person, organization, filters) | {
            "page": page,
            "errors": errors,
            "departments": reached(
                person, READ, await console.contacts.departments(person.token, person.address)
            ),
            # What is listed can be opened: whoever reads no more than own contacts has no others here.
            "contact_of": partial(history_addresses.contact, organization, filters={}),
            "path": path,
            "newest": filtered(path, filters, after=""),
            "older": filtered(path, filters, after=page.next or ""),
        }
        status = 422 if errors else 200
        return console.pages.render(request, "callbacks_ended.html", shown, me=person.me, status=status)


def path_of(organization: str) -> str:
    """Where callbacks are."""
    return addresses.home(organization) + SCREEN


def reached(person: Person, action: str, departments: tuple[Colleague, ...]) -> tuple[Colleague, ...]:
    """The departments as far as a right goes."""
    me = person.me
    return tuple(each for each in departments if reaches(me.rights, me.departments, action, each.id))


async def said_of(
    console: Console, person: Person, query: Mapping[str, str]
) -> tuple[str, str, Callback | None] | None:
    """What was done, to which callback, and what history knows of it; None: nothing was done."""
    what = next((each for each in callback_filters.SAID if query.get(each)), None)
    if what is None:
        return None
    try:
        return what, query[what], await console.callbacks.one(person.token, person.address, query[what])
    except Unreachable:
        return what, query[what], None
    except Refused as refused:
        if refused.is_signed_out:
            raise
        return None


def _shared(person: Person, organization: str, filters: Mapping[str, str]) -> dict[str, Any]:
    """What every page of callbacks has."""
    me = person.me
    path = path_of(organization)
    return {
        "screen": SCREEN,
        "path": path,
        "ended_path": f"{path}/ended" if READ in me.rights else "",
        "standing_path": path,
        "filters": filters,
        "contact_of": history_addresses.contacts(organization, me.rights),
        "may_order": ORDER in me.rights,
        "may_cancel": partial(reaches, me.rights, me.departments, CANCEL),
        **WORDS,
    }


def _names(board: callbacks.Standing) -> tuple[Colleague, ...]:
    return tuple(
        Colleague(id=each.department.department_id, called=each.department.name) for each in board.departments
    )


def _board(
    request: Request[Any, Any, Any], console: Console, organization: str, person: Person, present: Present
) -> Response[str]:
    filters = callback_filters.given(request.query_params, callback_filters.STANDING)
    shown = _shared(person, organization, filters) | {"board": callbacks.standing(present, filters)}
    return console.pages.render(request, "callbacks_board.html", shown, me=person.me)
