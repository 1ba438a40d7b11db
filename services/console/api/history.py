"""«History»: one row per contact, filtered by the address bar, and the same as CSV."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final

from litestar import Controller, Request, Response, get
from litestar.response import Redirect, Stream

from services.console.activities.api_client import Download, Refused
from services.console.api import history_addresses
from services.console.api.history_addresses import READ
from services.console.api.pages import PROTECTING, FieldError
from services.console.api.requests import (
    CurrentPerson,
    Forbidden,
    GivenConsole,
    PathOrganization,
    Person,
    require_screen,
)
from services.console.api.sign_in_steps import errors_of
from services.console.rules import addresses, contact_filters
from services.console.rules.contact_words import DIRECTIONS, OUTCOMES, VOICEMAIL, VOICEMAIL_WORD, mark_of
from services.console.rules.navigation import OWN
from services.console.state.contacts import Colleague, Page

SCREEN: Final = "history"
DOWNLOAD: Final = "history.download"
FORM_STATUSES: Final = (400, 422)
"""A filter that history can't read: said at its field."""


class HistoryRoutes(Controller):
    """Whoever may read history, as far as that right goes."""

    path = "/o/{organization:str}/history"

    @get()
    async def show(
        self,
        request: Request[Any, Any, Any],
        console: GivenConsole,
        person: CurrentPerson,
        organization: PathOrganization,
    ) -> Response[Any]:
        """A page of rows, newest first."""
        require_screen(person, SCREEN)
        path = addresses.home(organization) + SCREEN
        query = dict(request.query_params)
        filters = contact_filters.given(query)
        if filters != query:
            # A form sends its empty fields, too; an address that is passed on should be short.
            return Redirect(history_addresses.filtered(path, filters), status_code=303)
        errors: dict[str, FieldError] = {}
        page = Page(rows=())
        try:
            asked = contact_filters.asked(filters)
            page = await console.contacts.page(person.token, person.address, asked)
        except Refused as refused:
            if refused.status not in FORM_STATUSES or refused.problem.field not in contact_filters.NAMES:
                raise
            errors = errors_of(request, console, refused, contact_filters.NAMES)
        departments, people = await console.contacts.names(person.token, person.address)
        return console.pages.render(
            request,
            "history.html",
            {
                "screen": SCREEN,
                "path": path,
                "filters": filters,
                "errors": errors,
                "page": page,
                "is_own": person.me.rights[READ] == OWN,
                "sees_numbers": "number.see" in person.me.rights,
                "departments": _reached(person, departments),
                "people": people,
                "outcomes": _outcomes(),
                "directions": DIRECTIONS,
                "mark_of": mark_of,
                "newest": history_addresses.filtered(path, filters, after=""),
                "older": history_addresses.filtered(path, filters, after=page.next or ""),
                "csv": _csv(person, organization, filters),
                "address_of": partial(history_addresses.contact, organization, filters=filters),
            },
            me=person.me,
            status=422 if errors else 200,
        )


class HistoryDownloadRoutes(Controller):
    """The same rows as a file."""

    path = "/o/{organization:str}/history.csv"

    @get()
    async def csv(
        self, request: Request[Any, Any, Any], console: GivenConsole, person: CurrentPerson
    ) -> Stream:
        """What history sends, passed on as it comes."""
        require_screen(person, SCREEN)
        if DOWNLOAD not in person.me.rights:
            raise Forbidden
        filters = contact_filters.given(request.query_params)
        filters.pop(contact_filters.AFTER, None)
        async with AsyncExitStack() as entered:
            entered.enter_context(console.turns.one(f"{person.me.organization_id}/{person.me.login}"))
            found = await entered.enter_async_context(
                console.contacts.download(
                    person.token,
                    person.address,
                    contact_filters.asked(filters),
                    language=console.pages.language(request),
                )
            )
            # From here on the answer holds both, as long as it is being sent.
            held = entered.pop_all()
        return Stream(
            _pieces(held, found),
            media_type="text/csv",
            headers={**PROTECTING, "Content-Disposition": 'attachment; filename="history.csv"'},
        )


async def _pieces(held: AsyncExitStack, found: Download) -> AsyncIterator[bytes]:
    async with held:
        async for piece in found.content:
            yield piece


def _reached(person: Person, departments: tuple[Colleague, ...]) -> tuple[Colleague, ...]:
    """The departments of which somebody sees contacts."""
    if person.me.rights[READ] != "departments":
        return departments
    return tuple(each for each in departments if each.id in person.me.departments)


def _outcomes() -> Mapping[str, str]:
    return {**{name: mark.word for name, mark in OUTCOMES.items()}, VOICEMAIL: VOICEMAIL_WORD}


def _csv(person: Person, organization: str, filters: Mapping[str, str]) -> str:
    """Where the same is as a file; empty without the right to it."""
    if DOWNLOAD not in person.me.rights:
        return ""
    return history_addresses.filtered(f"{addresses.home(organization)}history.csv", filters, after="")
