"""What the routes share: their parts, the principal, numbers and cursors in requests."""

import base64
import binascii
from typing import Annotated, Any, Final

from litestar import Request
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import dialling
from contracts.plain_text import LINE_PATTERN
from runtime.ports import Clock
from runtime.quotas import Gate, quotas_of
from services.history.activities.authentication import Authentication, Principal
from services.history.activities.erasure import Erasure
from services.history.activities.live_feed import LiveFeed
from services.history.activities.own_feed import OwnFeed
from services.history.activities.queries import PAGE_MAX
from services.history.activities.repository import load_rights_cards
from services.history.activities.voice_messages import VoiceMessages
from services.history.rules.errors import Code, Refused

INSTANT_MAX: Final = 10**15
ID_LENGTH_MAX: Final = 300
CURSOR_LENGTH_MAX: Final = 600

Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_MAX, description="how many at most")]
Cursor = Annotated[
    str,
    QueryParameter(
        max_length=CURSOR_LENGTH_MAX,
        pattern=LINE_PATTERN,
        description="`next` of the page before",
    ),
]
Id = Annotated[str, PathParameter(max_length=ID_LENGTH_MAX, pattern=LINE_PATTERN)]


class Parts(Struct, frozen=True, kw_only=True):
    """What the routes work with."""

    engine: AsyncEngine
    authentication: Authentication
    messages: VoiceMessages
    erasure: Erasure
    live: LiveFeed
    own: OwnFeed
    clock: Clock


InjectedParts = NamedDependency[Parts]
InjectedGate = NamedDependency[Gate]
CurrentPrincipal = NamedDependency[Principal]


async def current_principal(
    parts: InjectedParts, gate: InjectedGate, request: Request[Any, Any, Any]
) -> Principal:
    """The principal of a request, let in by its organization's quotas. Raises Refused, QuotaExceeded."""
    header = request.headers.get("authorization")
    claims = parts.authentication.claims(header)
    its = quotas_of(request.route_handler.opt, request.method)
    scope: Any = request.scope
    await gate.before_database(
        scope,
        organization_id=claims.organization_id,
        login=claims.family or claims.token_id or "",
        quotas=its,
    )
    principal = await parts.authentication.principal(header, client_address(request))
    gate.authenticated(scope, principal.organization_id, its)
    return principal


def client_address(request: Request[Any, Any, Any]) -> str:
    """The network address that the request came from: a proxy's, where one is in between."""
    return request.client.host if request.client is not None else ""


async def canonical_number(parts: Parts, principal: Principal, number: str) -> str:
    """A number in the form that history stores, read as people of the organization's country write it.

    Raises Refused.
    """
    async with parts.engine.connect() as connection:
        cards = await load_rights_cards(connection, principal.organization_id, None)
    found = dialling.canonical(number, cards.policy)
    if found is None or not any(each.isdigit() for each in found):
        raise Refused(Code.NUMBER_UNUSABLE, field="number")
    return found


def encoded_cursor(at: int, id_: str) -> str:
    """Where a page ends, as text for the next request."""
    return base64.urlsafe_b64encode(f"{at}/{id_}".encode()).decode().rstrip("=")


def decoded_cursor(text: str) -> tuple[int, str] | None:
    """A cursor read back; None for the first page. Raises Refused."""
    if not text:
        return None
    try:
        read = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
        at, slash, id_ = read.partition("/")
        if not slash or not at.isascii() or not at.isdecimal() or int(at) > INSTANT_MAX or "\0" in id_:
            raise ValueError
        return int(at), id_
    except (binascii.Error, ValueError) as error:
        raise Refused(Code.CURSOR_UNKNOWN, field="after") from error
