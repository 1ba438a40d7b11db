"""«My page»: what one does, the call in which one is, one's own calls, and how one takes them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import structlog
from litestar import Controller, Request, Response, get, post
from litestar.response import Redirect, Stream

from runtime.ports import StoreUnavailable
from services.console.activities.api_client import Refused, Unreachable
from services.console.activities.history import RightsChanged
from services.console.activities.sessions import SignInNeeded
from services.console.api import history_addresses
from services.console.api.following import HEADERS, HEARTBEAT, OPENED, RELOAD
from services.console.api.requests import (
    AnotherOrganization,
    Console,
    CurrentPerson,
    Forbidden,
    GivenConsole,
    PathOrganization,
    Person,
    QueryText,
    fields,
    person_of,
    require_screen,
)
from services.console.rules import addresses, navigation, own_words, voice_message_words, wallboard_words
from services.console.rules.contact_words import DIRECTIONS, mark_of
from services.console.rules.rights_words import ACTIONS, REACHES
from services.console.state.own import OwnNow, PauseChange, Reception

SCREEN: Final = "me"
TOO_MANY_REQUESTS: Final = 429
CALLS: Final = 5
MESSAGES: Final = 3
"""Of one's own the newest: the rest is on pages of their own."""
OWN_INBOX: Final = {"inbox": "own"}
CHECK_S: Final = 60.0
"""How often a stream looks whether the session still is."""
SLOW_S: Final = 30.0
SLOW_LOOKS: Final = 20
"""How often, and how many times, a page is made that history has no stream for: three hundred of them are
half of what its quota lets through."""
BEATS: Final = 3
"""Signs of life meanwhile: a page takes twenty seconds of silence for a wire that is gone."""
INSTANT_DIGITS_MAX: Final = 14
WORDS: Final = {
    "states": wallboard_words.STATES,
    "away": wallboard_words.AWAY,
    "reasons": own_words.REASONS,
    "extension_ms": own_words.EXTENSION_MS,
    "mark_of": mark_of,
    "directions": DIRECTIONS,
}
T = TypeVar("T")
_log = structlog.get_logger()


class MyPageRoutes(Controller):
    """Everybody has it."""

    path = "/o/{organization:str}"

    @get()
    async def first(self, person: CurrentPerson, organization: PathOrganization) -> Redirect:
        """The first page that this person may see."""
        screen = navigation.first(person.me.rights)
        return Redirect(addresses.home(organization) + screen.path, status_code=303)

    @get("/me")
    async def show(
        self,
        request: Request[Any, Any, Any],
        console: GivenConsole,
        person: CurrentPerson,
        said: QueryText = "",
    ) -> Response[str]:
        """The page; without history it says so, and waits for it."""
        require_screen(person, SCREEN)
        word = console.pages.word
        rights = [
            (word(request, words), word(request, REACHES[person.me.rights[action]]))
            for action, words in ACTIONS.items()
            if person.me.rights.get(action) in REACHES
        ]
        values = {
            "screen": SCREEN,
            "rights": rights,
            "said": word(request, own_words.SAID[said]) if said in own_words.SAID else "",
            "is_slow": False,
            "has_voicemail": navigation.may_see("voicemail", person.me.rights),
            **await _read(console, person),
            **_words(person),
        }
        return console.pages.render(request, "me.html", values, me=person.me)

    @get("/me/now")
    async def part(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Response[str]:
        """The part of the page that changes, once: for whoever lets it go on, and without a stream.

        A page asks for it by itself, which is no activity.
        """
        person = await person_of(request, organization, is_activity=False)
        require_screen(person, SCREEN)
        return _part(request, console, person, await console.own.now(person.token, person.address))

    @get("/me/calls")
    async def calls(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Response[str]:
        """The latest calls, which the page asks for after each call: that is no activity."""
        person = await person_of(request, organization, is_activity=False)
        require_screen(person, SCREEN)
        values = {**await _latest(console, person), **_words(person)}
        return console.pages.render(request, "me_calls.html", values, me=person.me)

    @get("/me/events")
    async def events(
        self, request: Request[Any, Any, Any], console: GivenConsole, organization: PathOrganization
    ) -> Stream:
        """The same after each change. It always is a stream: what is wrong ends it."""
        said = _events(request, console, organization)
        return Stream(said, media_type="text/event-stream", headers=HEADERS)

    @post("/me/pause")
    async def pause(
        self, request: Request[Any, Any, Any], console: GivenConsole, person: CurrentPerson
    ) -> Redirect:
        """Begin a pause."""
        reason = (await fields(request)).get("reason", "")
        change = PauseChange(is_paused=True, reason=reason or None)
        await console.own.pause(person.token, person.address, _agent(person), change)
        return _back(person, "paused")

    @post("/me/resume")
    async def resume(self, console: GivenConsole, person: CurrentPerson) -> Redirect:
        """End the pause."""
        change = PauseChange(is_paused=False)
        await console.own.pause(person.token, person.address, _agent(person), change)
        return _back(person, "resumed")

    @post("/me/ready")
    async def ready(self, console: GivenConsole, person: CurrentPerson) -> Redirect:
        """End the time for notes."""
        await console.own.wrap_up(person.token, person.address, _agent(person), None)
        return _back(person, "ready")

    @post("/me/extend")
    async def extend(
        self, request: Request[Any, Any, Any], console: GivenConsole, person: CurrentPerson
    ) -> Redirect:
        """Let the time for notes last until the instant that the form names, however often it is sent."""
        given = (await fields(request)).get("until_at", "")
        if not (given.isascii() and given.isdecimal() and len(given) <= INSTANT_DIGITS_MAX):
            return _back(person, "")
        await console.own.wrap_up(person.token, person.address, _agent(person), int(given))
        return _back(person, "extended")


def _words(person: Person) -> dict[str, Any]:
    """What the parts of the page share."""
    address_of = partial(history_addresses.contact, person.me.organization_id, filters={})
    return {**WORDS, "address_of": address_of}


def _agent(person: Person) -> str:
    if person.me.agent_id is None:
        raise Forbidden
    return person.me.agent_id


def _back(person: Person, said: str) -> Redirect:
    """To the page, where the keyboard goes on at the state."""
    query = f"?said={said}" if said else ""
    return Redirect(f"{addresses.home(person.me.organization_id)}{SCREEN}{query}#board", status_code=303)


async def _read(console: Console, person: Person) -> dict[str, Any]:
    """What stands on the page; None, each by itself, while a service gives no answer."""
    now, latest, messages, reception = await asyncio.gather(
        _if_there(console.own.now(person.token, person.address)),
        _latest(console, person),
        _if_there(console.voice_messages.page(person.token, person.address, OWN_INBOX, rows=MESSAGES)),
        _if_there(_reception(console, person, _agent(person))),
    )
    marked = None
    if messages is not None:
        me = person.me.agent_id
        marked = [(each, voice_message_words.mark_of(each, me=me)) for each in messages.messages]
    return {"board": now, **latest, "messages": marked, "reception": reception}


async def _latest(console: Console, person: Person) -> dict[str, Any]:
    """One's own latest calls, and where the others are."""
    own = {"employee": _agent(person)}
    calls = await _if_there(console.contacts.page(person.token, person.address, own, rows=CALLS))
    all_calls = f"{addresses.home(person.me.organization_id)}history?{urlencode(own)}"
    return {"calls": calls, "all_calls": all_calls}


async def _if_there(asked: Awaitable[T]) -> T | None:
    try:
        return await asked
    except Unreachable as error:
        _log.warning("a service can't be reached", reached=error.service, reason=str(error))
    except Refused as refused:
        if not refused.is_for_now:
            raise
    return None


async def _reception(console: Console, person: Person, agent_id: str) -> Reception:
    """How one takes calls; names are asked for only where calls are forwarded to somebody."""
    card, rules = await console.own.card(person.token, person.address, agent_id)
    forwarded = (rules.card.no_answer, rules.card.out_of_hours, rules.card.absence)
    names: dict[str, str] = {}
    if any(each.agent_id or each.department_id for each in forwarded):
        for listed in await console.contacts.names(person.token, person.address):
            names |= {each.id: each.called for each in listed}
    return Reception(card=card.card, rules=rules.card, is_overridden=bool(card.overridden_by), names=names)


def _part(
    request: Request[Any, Any, Any], console: Console, person: Person, now: OwnNow, *, is_slow: bool = False
) -> Response[str]:
    values = {"board": now, "is_slow": is_slow, **_words(person)}
    return console.pages.render(request, "me_now.html", values, me=person.me)


def _event(part: Response[str]) -> str:
    return "".join(f"data: {line}\n" for line in part.content.splitlines()) + "\n"


async def _events(request: Request[Any, Any, Any], console: Console, organization: str) -> AsyncIterator[str]:
    yield OPENED
    try:
        async for said in _changes(request, console, organization):
            yield said
    except (SignInNeeded, AnotherOrganization, RightsChanged):
        yield RELOAD
    except Refused as refused:
        if not refused.is_for_now:
            yield RELOAD
    except (Unreachable, StoreUnavailable) as error:
        _log.warning("a page's stream has ended", reason=str(error))


async def _changes(
    request: Request[Any, Any, Any], console: Console, organization: str
) -> AsyncIterator[str]:
    """The part of the page after each change, as long as history's stream goes on."""
    person = await person_of(request, organization, is_activity=False)
    try:
        async with console.own.following(person.token, person.address) as changes:
            checked_at = console.clock.now()
            async for now in changes:
                if console.clock.now() - checked_at >= CHECK_S * 1_000:
                    checked_at = console.clock.now()
                    await person_of(request, organization, is_activity=False)
                yield HEARTBEAT if now is None else _event(_part(request, console, person, now))
    except Refused as refused:
        if refused.status != TOO_MANY_REQUESTS:
            raise
        async for said in _slowly(request, console, organization):
            yield said


async def _slowly(request: Request[Any, Any, Any], console: Console, organization: str) -> AsyncIterator[str]:
    """The same now and then, where history has no stream to give; then the browser comes back for one."""
    for _ in range(SLOW_LOOKS):
        person = await person_of(request, organization, is_activity=False)
        now = await console.own.now(person.token, person.address)
        yield _event(_part(request, console, person, now, is_slow=True))
        for _ in range(BEATS):
            await console.clock.sleep(SLOW_S / BEATS)
            yield HEARTBEAT
