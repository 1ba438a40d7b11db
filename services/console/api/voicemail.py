"""«Voicemail»: what customers have said to answering machines, and who takes care of it."""

import asyncio
import secrets
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Final
from urllib.parse import quote

from litestar import Controller, Request, Response, get, post
from litestar.params import PathParameter
from litestar.response import Redirect

from contracts.plain_text import LINE_PATTERN
from services.console.activities.api_client import Refused
from services.console.activities.voice_messages import DEEDS
from services.console.api import history_addresses
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
from services.console.rules import addresses, navigation, voice_message_filters, voice_message_words
from services.console.rules.callbacks import reaches
from services.console.state.contacts import Colleague
from services.console.state.voice_messages import MessagePage, OpenedMessage

SCREEN: Final = "voicemail"
HEAR: Final = "message.hear"
DELETE: Final = "message.delete"
ORDER: Final = "callback.order"
FORM_STATUSES: Final = (400, 422)
"""A filter that history can't read: said at its field."""
NOTE_STATUSES: Final = (400, 409, 410, 422)
ID_LENGTH_MAX: Final = 300
NOTE_ID_BYTES: Final = 12
NOTE: Final = "text"

MessagePath = Annotated[str, PathParameter(max_length=ID_LENGTH_MAX, pattern=LINE_PATTERN)]
DeedPath = Annotated[str, PathParameter(max_length=20, pattern=LINE_PATTERN)]


class VoicemailRoutes(Controller):
    """Whoever may hear voice messages, as far as that right goes; history refuses all others."""

    path = "/o/{organization:str}/voicemail"

    @get()
    async def show(
        self,
        request: Request[Any, Any, Any],
        console: GivenConsole,
        person: CurrentPerson,
        organization: PathOrganization,
    ) -> Response[Any]:
        """The newest of an inbox; after a deletion also what was deleted, to have it back."""
        require_screen(person, SCREEN)
        query = dict(request.query_params)
        filters = voice_message_filters.given(query)
        deleted = query.get("deleted", "")
        if filters | ({"deleted": deleted} if deleted else {}) != query:
            # A form sends its empty fields, too; an address that is passed on should be short.
            return Redirect(filtered(_path(organization), filters, deleted=deleted), status_code=303)
        gone = await _gone(console, person, deleted) if deleted else None
        return await _page(request, console, person, organization, filters, None, {"gone": gone})

    @get("/{message_id:str}")
    async def one(
        self,
        request: Request[Any, Any, Any],
        console: GivenConsole,
        person: CurrentPerson,
        organization: PathOrganization,
        message_id: MessagePath,
    ) -> Response[Any]:
        """One of them, beside the others; a letter leads here, also whoever has only one's own."""
        if HEAR not in person.me.rights:
            raise Forbidden
        message = await console.voice_messages.one(person.token, person.address, message_id)
        filters = voice_message_filters.given(request.query_params)
        said = request.query_params.get("said", "")
        return await _page(request, console, person, organization, filters, message, {"said": said})

    @get(["/{message_id:str}/note", "/{message_id:str}/{deed:str}"])
    async def back(
        self, request: Request[Any, Any, Any], organization: PathOrganization, message_id: MessagePath
    ) -> Redirect:
        """The page whose form was sent to this address: a browser that reads it comes from there."""
        filters = voice_message_filters.given(request.query_params)
        return Redirect(filtered(_path(organization, message_id), filters), status_code=303)

    @post("/{message_id:str}/note", status_code=200)
    async def note(
        self,
        request: Request[Any, Any, Any],
        console: GivenConsole,
        person: CurrentPerson,
        organization: PathOrganization,
        message_id: MessagePath,
    ) -> Response[Any]:
        """Add a note, and lead back; what can't be kept is still in its field."""
        form = await fields(request)
        filters = voice_message_filters.given(form)
        text, note_id = form.get(NOTE, ""), form.get("note_id", "")
        try:
            if not text.strip():
                raise Blank
            await console.voice_messages.note(
                person.token, person.address, message_id, note_id=note_id, text=text.replace("\r\n", "\n")
            )
        except Blank:
            word = partial(console.pages.word, request)
            errors = {NOTE: FieldError(word(voice_message_words.BLANK), "")}
        except Refused as refused:
            if refused.status not in NOTE_STATUSES:
                raise
            errors = errors_of(request, console, refused, (NOTE,))
        else:
            return Redirect(filtered(_path(organization, message_id), filters), status_code=303)
        message = await console.voice_messages.one(person.token, person.address, message_id)
        values = {"errors": errors, "note": text}
        return await _page(request, console, person, organization, filters, message, values)

    @post("/{message_id:str}/{deed:str}", status_code=200)
    async def do(
        self,
        request: Request[Any, Any, Any],
        console: GivenConsole,
        person: CurrentPerson,
        organization: PathOrganization,
        message_id: MessagePath,
        deed: DeedPath,
    ) -> Redirect | Response[Any]:
        """What a button does, and back; if it could not be done, the page says why."""
        if deed not in DEEDS or HEAR not in person.me.rights:
            raise Forbidden
        filters = voice_message_filters.given(await fields(request))
        said = ""
        try:
            await console.voice_messages.do(deed, person.token, person.address, message_id)
        except Refused as refused:
            said = voice_message_words.REFUSALS.get(refused.problem.code, "")
            if not said:
                raise
        if deed == "delete" and not said and navigation.may_see(SCREEN, person.me.rights):
            where = filtered(_path(organization), filters, deleted=message_id)
        else:
            where = filtered(_path(organization, message_id), filters, said=said)
        return Redirect(where, status_code=303)


class Blank(Exception):
    """A note without a word."""


def _path(organization: str, message_id: str = "") -> str:
    path = addresses.home(organization) + SCREEN
    return f"{path}/{quote(message_id, safe='')}" if message_id else path


async def _gone(console: Console, person: Person, message_id: str) -> OpenedMessage | None:
    """What was deleted a moment ago, as long as it can be had back."""
    try:
        found = await console.voice_messages.one(person.token, person.address, message_id)
    except Refused as refused:
        if refused.status not in (403, 404):
            raise
        return None
    return found if DELETE in person.me.rights and found.restorable_until_at is not None else None


async def _page(
    request: Request[Any, Any, Any],
    console: Console,
    person: Person,
    organization: str,
    filters: Mapping[str, str],
    message: OpenedMessage | None,
    values: Mapping[str, Any],
) -> Response[str]:
    """The list with one of them opened, or none; whoever has only one's own sees that one alone."""
    me = person.me
    inbox = filters.get("inbox") or _inbox_of(message, person)
    listed = None
    errors: dict[str, FieldError] = dict(values.get("errors", {}))
    if navigation.may_see(SCREEN, me.rights):
        try:
            listed = await _listed(console, person, voice_message_filters.asked(filters, inbox))
        except Refused as refused:
            field = refused.problem.field
            if refused.status not in FORM_STATUSES or field not in voice_message_filters.NAMES:
                raise
            errors |= errors_of(request, console, refused, voice_message_filters.NAMES)
    page, counts, departments = listed or (MessagePage(messages=()), None, ())
    path = _path(organization)
    shown = {
        "screen": SCREEN,
        "path": path,
        "message": message,
        "inbox": inbox,
        "inboxes": voice_message_filters.inboxes(me.rights[HEAR]),
        "inbox_words": voice_message_words.INBOXES,
        "has_list": navigation.may_see(SCREEN, me.rights),
        "has_departments": inbox in voice_message_filters.WITH_DEPARTMENTS,
        "filters": filters,
        "page": page,
        "counts": counts,
        "departments": departments,
        "states": voice_message_words.STATES,
        "mark_of": partial(voice_message_words.mark_of, me=me.agent_id),
        "words": voice_message_words,
        "address": filtered,
        "own_path": partial(_path, organization),
        "address_of": lambda id_: filtered(_path(organization, id_), filters),
        "may_delete": message is not None and _may_delete(person, message),
        "contact_address": _contact(person, organization, message),
        "order_address": _order(person, organization, message),
        "note_id": secrets.token_urlsafe(NOTE_ID_BYTES),
        "note": "",
        "said": "",
        "gone": None,
        **values,
        "errors": errors,
    }
    status = 422 if errors else 200
    return console.pages.render(request, "voicemail.html", shown, me=me, status=status)


async def _listed(
    console: Console, person: Person, asked: Mapping[str, str]
) -> tuple[MessagePage, Any, tuple[Colleague, ...]]:
    page, counts, departments = await asyncio.gather(
        console.voice_messages.page(person.token, person.address, asked),
        console.voice_messages.counts(person.token, person.address),
        console.contacts.departments(person.token, person.address),
    )
    if person.me.rights[HEAR] != voice_message_filters.ORGANIZATION:
        departments = tuple(each for each in departments if each.id in person.me.departments)
    return page, counts, departments


def _contact(person: Person, organization: str, message: OpenedMessage | None) -> str:
    """Where the whole call is; empty for whoever does not read history."""
    if message is None or not navigation.may_see("history", person.me.rights):
        return ""
    return history_addresses.contact(organization, message.contact_id, filters={})


def _order(person: Person, organization: str, message: OpenedMessage | None) -> str:
    """Where a call to the customer is ordered; empty for whoever may not, or does not see the number."""
    me = person.me
    if message is None or message.department_id is None or not (message.number or "").startswith("+"):
        return ""
    is_reached = reaches(me.rights, me.departments, ORDER, message.department_id)
    if not is_reached or not navigation.may_see("callbacks", me.rights):
        return ""
    path = f"{addresses.home(organization)}callbacks/order"
    return filtered(path, {"department": message.department_id, "number": message.number or ""})


def _inbox_of(message: OpenedMessage | None, person: Person) -> str:
    """The inbox that an address without one shows: the one with the voice message, else the first."""
    if message is None or message.agent_id is None:
        return voice_message_filters.inboxes(person.me.rights[HEAR])[0]
    return "own" if message.agent_id == person.me.agent_id else "colleagues"


def _may_delete(person: Person, message: OpenedMessage) -> bool:
    """As far as that right goes; history refuses all others."""
    reach = person.me.rights.get(DELETE)
    is_own = message.agent_id is not None and message.agent_id == person.me.agent_id
    return reach == voice_message_filters.ORGANIZATION or (
        reach is not None and (message.department_id in person.me.departments or is_own)
    )
