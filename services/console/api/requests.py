"""What routes share: the console's parts, whoever asks, and forms that came from our own pages."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from litestar import Request
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from msgspec import Struct

from contracts.plain_text import END
from runtime.ports import Clock
from services.console.activities.callbacks import Callbacks
from services.console.activities.contacts import Contacts
from services.console.activities.directory import Directory
from services.console.activities.history import History
from services.console.activities.inputs import Inputs
from services.console.activities.own_page import OwnPage
from services.console.activities.recordings import Recordings
from services.console.activities.screens import Screens
from services.console.activities.sealing import Seal
from services.console.activities.sessions import Sessions, SignInNeeded
from services.console.activities.statistics import Figures
from services.console.activities.turns import Turns
from services.console.activities.voice_messages import VoiceMessages
from services.console.api import cookies
from services.console.api.cookies import Cookies
from services.console.api.pages import Pages
from services.console.rules import addresses, csrf, kept_input, navigation
from services.console.rules.addresses import ORGANIZATION_PATTERN
from services.console.state.answers import Me
from services.console.state.sessions import Input

CONSOLE: Final = "console"
"""Where the application's state has its parts."""
SENT: Final = "sent"
"""Where a request's state has what a form of a session has sent."""
SAFE_METHODS: Final = ("GET", "HEAD")
USER_AGENT_LENGTH_MAX: Final = 300
FIELD_LENGTH_MAX: Final = 4_000


class Console(Struct, frozen=True, kw_only=True):
    """The parts that routes use."""

    origin: str
    directory: Directory
    contacts: Contacts
    callbacks: Callbacks
    voice_messages: VoiceMessages
    turns: Turns
    recordings: Recordings
    listening: Turns
    history: History
    figures: Figures
    own: OwnPage
    sessions: Sessions
    inputs: Inputs
    screens: Screens
    pages: Pages
    cookies: Cookies
    progress_seal: Seal
    device_seal: Seal
    screen_seal: Seal
    form_key: bytes
    clock: Clock


class Person(Struct, frozen=True, kw_only=True):
    """Whoever has signed in: `token` is for the APIs, `address` is where the person's browser is."""

    me: Me
    token: str
    address: str


PathOrganization = Annotated[str, PathParameter(max_length=64, pattern=rf"^{ORGANIZATION_PATTERN}{END}")]
QueryText = Annotated[str, QueryParameter(max_length=FIELD_LENGTH_MAX)]
GivenConsole = NamedDependency[Console]
CurrentPerson = NamedDependency[Person]


class Forbidden(Exception):
    """Whoever has signed in may not see this page."""


class AnotherOrganization(Exception):
    """The page is of another organization than the session."""

    def __init__(self, own: str) -> None:
        self.own = own
        super().__init__(own)


class FormRefused(Exception):
    """A form that was not shown to this browser by us, or too long ago."""


def client_address(request: Request[Any, Any, Any]) -> str:
    """The network address of whoever asks."""
    return request.client.host if request.client is not None else ""


def user_agent(request: Request[Any, Any, Any]) -> str:
    """The browser's name, for the list of open logins."""
    said = request.headers.get("user-agent", "")[:USER_AGENT_LENGTH_MAX]
    return "".join(each for each in said if each.isascii() and each.isprintable())


async def require_own_form(request: Request[Any, Any, Any]) -> None:
    """Every request that may change something has the token of a form of ours. Raises FormRefused."""
    if request.method in SAFE_METHODS:
        return
    console: Console = request.app.state[CONSOLE]
    form = await fields(request)
    await _remember(request, console, form.get(csrf.WHOSE, ""))
    bound_to = console.pages.bound_to(request)
    if not csrf.is_valid(form.get(csrf.FIELD, ""), console.form_key, bound_to):
        raise FormRefused


async def _remember(request: Request[Any, Any, Any], console: Console, whose: str) -> None:
    """Remember what was sent from a page of a session, as that may have ended."""
    organization = str(request.path_params.get("organization", ""))
    if not whose or not addresses.is_organization(organization):
        return
    request.scope["state"][SENT] = Input(
        whose=whose,
        page=page_before(request, console, organization),
        action=request.url.path,
        sent_at=console.clock.now(),
        texts=kept_input.kept((await request.form()).items()),
    )


async def fields(request: Request[Any, Any, Any]) -> Mapping[str, str]:
    """The texts of a form; of a name that comes twice the last one counts."""
    form = await request.form()
    return {name: value[:FIELD_LENGTH_MAX] for name, value in form.multi_items() if isinstance(value, str)}


async def current_person(request: Request[Any, Any, Any], organization: PathOrganization) -> Person:
    """Whoever has signed in to this organization.

    Raises SignInNeeded, AnotherOrganization, and what the directory and the store raise.
    """
    return await person_of(request, organization)


async def person_of(
    request: Request[Any, Any, Any], organization: str, *, is_activity: bool = True
) -> Person:
    """The same; what a page asks by itself is no activity."""
    console: Console = request.app.state[CONSOLE]
    cookie = console.cookies.read(request, cookies.SESSION)
    if not cookie:
        raise SignInNeeded
    address = client_address(request)
    session = await console.sessions.find(cookie, address, is_activity=is_activity)
    if session.organization != organization:
        raise AnotherOrganization(session.organization)
    me = await console.directory.me(session.access, address)
    return Person(me=me, token=session.access, address=address)


def require_screen(person: Person, name: str) -> None:
    """A screen's address is refused to whoever does not have it in the menu. Raises Forbidden."""
    if not navigation.may_see(name, person.me.rights):
        raise Forbidden


def page_before(request: Request[Any, Any, Any], console: Console, organization: str) -> str:
    """The page to come back to after a sign-in: this one, or the one whose form was sent."""
    if request.method in SAFE_METHODS:
        query = request.url.query
        return addresses.inside(f"{request.url.path}?{query}" if query else request.url.path, organization)
    before = request.headers.get("referer", "")
    return addresses.inside(before.removeprefix(console.origin), organization)
