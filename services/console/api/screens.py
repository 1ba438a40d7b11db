"""The screens on walls: who may make tokens makes one for each, and ends it."""

from typing import Annotated, Any, Final

from litestar import Controller, Request, Response, get, post
from litestar.params import PathParameter
from litestar.response import Redirect

from contracts.plain_text import LINE_PATTERN
from services.console.activities.api_client import Refused
from services.console.activities.screens import ACTIONS
from services.console.api import cookies
from services.console.api.pages import FieldError
from services.console.api.requests import (
    Console,
    CurrentPerson,
    Forbidden,
    GivenConsole,
    PathOrganization,
    Person,
    fields,
)
from services.console.api.sign_in_steps import errors_of
from services.console.rules import screen_codes
from services.console.rules.navigation import marked
from services.console.state.tv import TokenDraft

SCREEN: Final = "wallboard"
RIGHT: Final = "secrets.write"
NONE_CHOSEN: Final = (marked("No department is chosen."), marked("Choose what the screen shows."))
FIELDS: Final = ("name", "departments")
ScreenId = Annotated[str, PathParameter(max_length=300, pattern=LINE_PATTERN)]


class ScreenRoutes(Controller):
    """For whoever may make tokens."""

    path = "/o/{organization:str}/wallboard/screens"

    @get()
    async def show(
        self, request: Request[Any, Any, Any], console: GivenConsole, person: CurrentPerson
    ) -> Response[str]:
        """Every screen, and the form for another one."""
        _require(person)
        return await _page(request, console, person)

    @post(status_code=200)
    async def make(
        self, request: Request[Any, Any, Any], console: GivenConsole, person: CurrentPerson
    ) -> Response[str]:
        """Make a screen; its code is shown this once."""
        _require(person)
        form = await fields(request)
        chosen = await _chosen(request)
        name = form.get("name", "").strip()
        if not chosen:
            cause, remedy = (console.pages.word(request, each) for each in NONE_CHOSEN)
            errors = {"departments": FieldError(cause, remedy)}
            return await _page(request, console, person, name=name, errors=errors, status=422)
        draft = TokenDraft(name=name, actions=ACTIONS, department_ids=chosen)
        key = form.get("once", "") or cookies.random_text()
        try:
            code = await console.screens.make(
                person.me.organization_id, person.token, person.address, draft, key
            )
        except Refused as refused:
            if refused.is_signed_out or refused.status == 403:
                raise
            errors = errors_of(request, console, refused, FIELDS)
            return await _page(
                request, console, person, name=name, chosen=chosen, errors=errors, status=refused.status
            )
        return await _page(request, console, person, code=code, code_of=name)

    @post("/{screen_id:str}/code", status_code=200)
    async def make_anew(
        self,
        request: Request[Any, Any, Any],
        console: GivenConsole,
        person: CurrentPerson,
        screen_id: ScreenId,
    ) -> Response[str]:
        """Another code for a screen: for another device, and the one before has no access any more."""
        _require(person)
        form = await fields(request)
        key = form.get("once", "") or cookies.random_text()
        code = await console.screens.make_anew(
            person.me.organization_id, person.token, person.address, screen_id, key
        )
        return await _page(request, console, person, code=code, code_of=form.get("name", ""))

    @post("/{screen_id:str}/end")
    async def end(
        self,
        request: Request[Any, Any, Any],
        console: GivenConsole,
        organization: PathOrganization,
        person: CurrentPerson,
        screen_id: ScreenId,
    ) -> Redirect:
        """End a screen's access."""
        _require(person)
        version = (await fields(request)).get("version", "")
        await console.screens.end(person.token, person.address, screen_id, version)
        return Redirect(f"/o/{organization}/wallboard/screens", status_code=303)


def _require(person: Person) -> None:
    if RIGHT not in person.me.rights:
        raise Forbidden


async def _chosen(request: Request[Any, Any, Any]) -> tuple[str, ...]:
    form = await request.form()
    values = (value for name, value in form.multi_items() if name == "departments")
    return tuple(dict.fromkeys(each for each in values if isinstance(each, str)))


async def _page(
    request: Request[Any, Any, Any],
    console: Console,
    person: Person,
    *,
    name: str = "",
    chosen: tuple[str, ...] = (),
    code: str = "",
    code_of: str = "",
    errors: dict[str, FieldError] | None = None,
    status: int = 200,
) -> Response[str]:
    departments = await console.contacts.departments(person.token, person.address)
    listed = await console.screens.listed(person.token, person.address)
    where = f"{console.origin}/o/{person.me.organization_id}/tv"
    values = {
        "screen": SCREEN,
        "departments": departments,
        "called": {each.id: each.called for each in departments},
        "screens": listed,
        "name": name,
        "chosen": chosen,
        "code": screen_codes.shown(code) if code else "",
        "code_of": code_of,
        "where": where,
        # A form that is sent twice makes one screen.
        "once": cookies.random_text(),
        "errors": errors or {},
    }
    return console.pages.render(request, "screens.html", values, me=person.me, status=status)
