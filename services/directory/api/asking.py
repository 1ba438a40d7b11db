"""What every route shares: who asks, what the request says about versions and repeats, cards in and out."""

from typing import Annotated, Any, Final, TypeVar

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, PathParameter, QueryParameter
from msgspec import Struct

from contracts.ids import DepartmentId, OrganizationId
from contracts.rights import Action, Subject
from services.directory.activities import answers, book
from services.directory.activities.askers import Asker, Askers
from services.directory.activities.book import LIMIT_MAX, SEARCH_LENGTH_MAX, Book, Saved
from services.directory.activities.desk import Desk
from services.directory.activities.employees import Employees
from services.directory.activities.offices import Offices
from services.directory.activities.page import Row
from services.directory.activities.recovery import Recovery
from services.directory.activities.renderings import Renderings
from services.directory.activities.sessions import Sessions
from services.directory.activities.uploads import Uploads
from services.directory.activities.vault import digest
from services.directory.rules import extensions
from services.directory.rules.errors import Code, Problem, Refused
from services.directory.state.cards import Card
from services.directory.state.office import CARDS, Kind
from services.directory.state.shown import Listed, Shown

KEY_LENGTH_MAX: Final = 200
PATH_LENGTH_MAX: Final = 300

IfMatch = Annotated[
    str | None,
    HeaderParameter(name="If-Match", description="the ETag that was read, as it came", max_length=40),
]
IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="a request sent again with it is done once",
        min_length=1,
        max_length=KEY_LENGTH_MAX,
    ),
]
PathId = Annotated[str, PathParameter(max_length=PATH_LENGTH_MAX)]
Limit = Annotated[int, QueryParameter(ge=1, le=LIMIT_MAX, description="how many at most")]
Cursor = Annotated[str, QueryParameter(max_length=64, description="`next` of the page before")]
Search = Annotated[
    str, QueryParameter(max_length=SEARCH_LENGTH_MAX, description="words in names and numbers")
]
DryRun = Annotated[bool, QueryParameter(description="only tell what would change, and save nothing")]

C = TypeVar("C", bound=Card)
B = TypeVar("B")


class Parts(Struct, frozen=True, kw_only=True):
    """What the routes are made of."""

    book: Book
    askers: Askers
    sessions: Sessions
    recovery: Recovery
    employees: Employees
    offices: Offices
    desk: Desk
    uploads: Uploads
    renderings: Renderings


Given = NamedDependency[Parts]
Asking = NamedDependency[Asker]


def version_of(if_match: str | None) -> int:
    """The version in an If-Match header. Raises Refused: missing, or none that was ever given."""
    if if_match is None:
        raise Refused(Problem(code=Code.IF_MATCH_MISSING, field="If-Match"))
    text = if_match.strip().removeprefix("W/").strip('"')
    # What is no version is not this version either.
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1


async def request_of(asker: Asker, request: Request[Any, Any, Any], key: str | None) -> answers.Request:
    """The request as its repeat is recognized: who, key, and all that it says."""
    said = f"{request.method} {request.url.path}\n".encode() + await request.body()
    return answers.Request(
        organization_id=asker.organization_id, who=asker.name, key=key, digest=digest(said)
    )


def tagged(body: B, version: int, status: int = 200) -> Response[B]:
    """An answer with the card's version as its ETag."""
    return Response(content=body, status_code=status, headers={"ETag": f'"{version}"'})


def organization(asker: Asker) -> Subject:
    """The whole organization as what is asked about."""
    return Subject(organization_id=OrganizationId(asker.organization_id))


def of_department(asker: Asker, department_id: str) -> Subject:
    """A department as what is asked about."""
    departments = frozenset({DepartmentId(department_id)})
    return Subject(organization_id=OrganizationId(asker.organization_id), departments=departments)


def shown(row: Row, type_: type[C]) -> Shown[C]:
    """A card as the API shows it."""
    assert isinstance(row.card, type_)
    return Shown(id=row.id, version=row.version, card=row.card)


def shown_saved(saved: Saved, type_: type[C]) -> Shown[C]:
    """A saved card, with what is doubtful about it."""
    assert isinstance(saved.row.card, type_)
    return Shown(id=saved.row.id, version=saved.row.version, card=saved.row.card, warnings=saved.warnings)


class Cards:
    """Reading and saving of cards that need no more than their checks, for one who asks."""

    def __init__(self, parts: Parts, asker: Asker) -> None:
        self._parts = parts
        self._asker = asker

    async def demand(self, action: Action, what: str, subject: Subject | None = None) -> None:
        """Let through what the table allows, or refuse and record it; without a subject: the organization."""
        asked = organization(self._asker) if subject is None else subject
        await self._parts.askers.demand(self._asker, action, asked, what[:PATH_LENGTH_MAX])

    async def listed(self, kind: Kind, type_: type[C], search: str, cursor: str, limit: int) -> Listed[C]:
        """A page of cards."""
        await self.demand(Action.SETTINGS_READ, f"{kind}")
        rows, following = await self._parts.book.listed(
            self._asker.organization_id, kind, search=search, cursor=cursor, limit=limit
        )
        return Listed(cards=tuple(shown(row, type_) for row in rows), next=following)

    async def one(self, kind: Kind, type_: type[C], id_: str) -> Response[Shown[C]]:
        """One card."""
        await self.demand(Action.SETTINGS_READ, f"{kind}/{id_}")
        row = await self._parts.book.one(self._asker.organization_id, kind, id_)
        return tagged(shown(row, type_), row.version)

    async def create(
        self, kind: Kind, type_: type[C], draft: Card, name: str, request: answers.Request
    ) -> Response[Shown[C]]:
        """A new card from its draft: the same fields beside an `id`, and the next free extension (E2)."""
        await self.demand(Action.SETTINGS_WRITE, f"{kind}")
        values = {each: getattr(draft, each) for each in CARDS[kind].__struct_fields__}
        async with self._parts.book.change(self._asker.organization_id, self._asker.name) as page:
            answer = await self._parts.book.earlier(page, request, Shown[type_])  # type: ignore[valid-type]
            if answer is None:
                if "extension" in values and values["extension"] is None:
                    values["extension"] = extensions.free(page.office, values["pbx_id"])
                saved = book.create(page, kind, getattr(draft, "id", None), name, type_(**values))
                answer = shown_saved(saved, type_)
                await self._parts.book.keep(page, request, answer)
        return tagged(answer, answer.version, 201)

    async def replace(
        self, kind: Kind, type_: type[C], id_: str, if_match: str | None, card: C
    ) -> Response[Shown[C]]:
        """A card as its next version."""
        await self.demand(Action.SETTINGS_WRITE, f"{kind}/{id_}")
        version = version_of(if_match)
        async with self._parts.book.change(self._asker.organization_id, self._asker.name) as page:
            saved = book.replace(page, kind, id_, version, card)
        return tagged(shown_saved(saved, type_), saved.row.version)

    async def remove(self, kind: Kind, id_: str, if_match: str | None) -> None:
        """A card out of force."""
        await self.demand(Action.SETTINGS_WRITE, f"{kind}/{id_}")
        version = version_of(if_match)
        async with self._parts.book.change(self._asker.organization_id, self._asker.name) as page:
            book.remove(page, kind, id_, version)


def encoded(body: Struct) -> bytes:
    """A body as JSON, for what is answered outside a route."""
    return msgspec.json.encode(body)
