"""Callbacks ordered by hand, and cancelled: what is asked of the directory is decided a moment later."""

import hashlib
import secrets
from typing import Any, Final

from litestar import Controller, Request, Response, get, post
from litestar.response import Redirect

from services.console.activities.api_client import Refused
from services.console.api.callbacks import ORDER, SCREEN, path_of, reached
from services.console.api.history_addresses import filtered
from services.console.api.pages import FieldError
from services.console.api.requests import (
    Console,
    CurrentPerson,
    Forbidden,
    GivenConsole,
    PathOrganization,
    Person,
    fields,
    require_screen,
)
from services.console.api.sign_in_steps import errors_of
from services.console.rules import callback_filters, callback_words
from services.console.state.callbacks import Callback

FIELDS: Final = ("number", "department")
"""What names no field is about the department: there is none, or no longer."""
KEY_BYTES: Final = 16
UNREADABLE: Final = 400
FORM_STATUSES: Final = (400, 404, 409, 422)
_BETWEEN_DIGITS: Final = {ord(each): None for each in " \u00a0\u202f()-\u2010\u2011\u2012\u2013."}


class CallbackOrderRoutes(Controller):
    """Whoever may order and cancel callbacks; in which departments, the directory says."""

    path = "/o/{organization:str}/callbacks"

    @get("/order")
    async def ask(
        self,
        request: Request[Any, Any, Any],
        console: GivenConsole,
        person: CurrentPerson,
        organization: PathOrganization,
    ) -> Response[str]:
        """The form, filled in with what a link to it names."""
        _require_order(person)
        chosen = {each: request.query_params.get(each, "") for each in FIELDS}
        return await _form(request, console, person, organization, chosen, {})

    @post("/order", status_code=200)
    async def order(
        self,
        request: Request[Any, Any, Any],
        console: GivenConsole,
        person: CurrentPerson,
        organization: PathOrganization,
    ) -> Response[Any]:
        """Order it, and lead to where it stands; a refusal stands at its field."""
        _require_order(person)
        form = await fields(request)
        chosen = {each: form.get(each, "").strip() for each in FIELDS}
        number = chosen["number"].translate(_BETWEEN_DIGITS)
        errors = _missing(request, console, chosen)
        if errors:
            return await _form(request, console, person, organization, chosen, errors)
        try:
            callback_id = await console.callbacks.order(
                person.token,
                person.address,
                department_id=chosen["department"],
                number=number,
                key=_key_of(form.get("key", ""), chosen["department"], number),
            )
        except Refused as refused:
            if refused.status not in FORM_STATUSES:
                raise
            errors = errors_of(request, console, refused, FIELDS)
            if refused.status == UNREADABLE and "number" in errors:
                # The API names its field and its pattern, which are for programs.
                words = (console.pages.word(request, each) for each in callback_words.NO_NUMBER)
                errors["number"] = FieldError(*words)
            return await _form(request, console, person, organization, chosen, errors)
        found = await console.callbacks.decided(person.token, person.address, callback_id, lambda _: True)
        if found is not None and found.end == "refused":
            errors = _refusal(request, console, found)
            return await _form(request, console, person, organization, chosen, errors)
        said = {callback_filters.ORDERED: callback_id}
        return Redirect(filtered(path_of(organization), said), status_code=303)

    @post("/cancel", status_code=200)
    async def cancel(
        self,
        request: Request[Any, Any, Any],
        console: GivenConsole,
        person: CurrentPerson,
        organization: PathOrganization,
    ) -> Response[Any]:
        """Cancel it, and lead back to the others with what became of it."""
        require_screen(person, SCREEN)
        form = await fields(request)
        callback_id = form.get("callback_id", "")
        await console.callbacks.cancel(person.token, person.address, callback_id)
        await console.callbacks.decided(
            person.token, person.address, callback_id, lambda found: not found.is_standing
        )
        filters = callback_filters.given(form, callback_filters.STANDING)
        said = {**filters, callback_filters.CANCELLED: callback_id}
        return Redirect(filtered(path_of(organization), said), status_code=303)


def _require_order(person: Person) -> None:
    require_screen(person, SCREEN)
    if ORDER not in person.me.rights:
        raise Forbidden


def _missing(
    request: Request[Any, Any, Any], console: Console, chosen: dict[str, str]
) -> dict[str, FieldError]:
    """What is left empty."""
    word = console.pages.word
    return {
        field: FieldError(word(request, callback_words.MISSING[field]), "")
        for field in FIELDS
        if not chosen[field]
    }


def _key_of(form_key: str, department: str, number: str) -> str:
    """The key of one form with one content: sent twice it is one order, and another number is another one."""
    return hashlib.sha256(f"{form_key}\0{department}\0{number}".encode()).hexdigest()


def _refusal(request: Request[Any, Any, Any], console: Console, found: Callback) -> dict[str, FieldError]:
    """Why an order is refused, at the field that another choice would have to be made in."""
    word = console.pages.word
    reason = word(request, callback_words.refusal_of(found.reason))
    field = "department" if found.reason in callback_words.OF_DEPARTMENT else "number"
    remedy = callback_words.REMEDIES.get(found.reason, callback_words.CHECK_IT)
    cause = word(request, callback_words.NOT_ORDERED) % {"reason": reason}
    return {field: FieldError(cause, word(request, remedy))}


async def _form(
    request: Request[Any, Any, Any],
    console: Console,
    person: Person,
    organization: str,
    chosen: dict[str, str],
    errors: dict[str, FieldError],
) -> Response[str]:
    departments = reached(person, ORDER, await console.contacts.departments(person.token, person.address))
    if len(departments) == 1:
        chosen = {**chosen, "department": chosen["department"] or departments[0].id}
    return console.pages.render(
        request,
        "callback_order.html",
        {
            "screen": SCREEN,
            "path": path_of(organization),
            "departments": departments,
            "filters": chosen,
            "key": secrets.token_urlsafe(KEY_BYTES),
            "errors": errors,
        },
        me=person.me,
        status=422 if errors else 200,
    )
