"""What routes share: parameters, operations, the check of rights, ETags, repeated requests."""

from typing import Annotated, Any, Final, TypeVar

from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, PathParameter, QueryParameter
from msgspec import Struct

from contracts.ids import DepartmentId, OrganizationId
from contracts.rights import Action, Subject
from services.directory.activities.agents import Agents
from services.directory.activities.authentication import Authentication, Principal
from services.directory.activities.callbacks import Callbacks
from services.directory.activities.card_saving import SavedCard
from services.directory.activities.department_seats import Departments
from services.directory.activities.employees import Employees
from services.directory.activities.extension_checks import ExtensionChecks
from services.directory.activities.idempotency import KeyedRequest
from services.directory.activities.notice_renderings import NoticeRenderings
from services.directory.activities.office_import import OfficeImport
from services.directory.activities.password_recovery import PasswordRecovery
from services.directory.activities.repository import LIMIT_MAX, SEARCH_LENGTH_MAX, Repository
from services.directory.activities.responsibles import Responsibles
from services.directory.activities.sealed_secrets import digest
from services.directory.activities.sessions import Sessions
from services.directory.activities.tokens import Tokens
from services.directory.activities.uploads import Uploads
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.state.cards import Card
from services.directory.state.responses import Shown

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


class Operations(Struct, frozen=True, kw_only=True):
    """Everything that routes call, by subject."""

    repository: Repository
    authentication: Authentication
    sessions: Sessions
    password_recovery: PasswordRecovery
    agents: Agents
    callbacks: Callbacks
    departments: Departments
    employees: Employees
    extension_checks: ExtensionChecks
    notice_renderings: NoticeRenderings
    office_import: OfficeImport
    responsibles: Responsibles
    tokens: Tokens
    uploads: Uploads


GivenOperations = NamedDependency[Operations]
CurrentPrincipal = NamedDependency[Principal]


async def require(
    operations: Operations, principal: Principal, action: Action, what: str, subject: Subject | None = None
) -> None:
    """Require a right over a subject, by default the organization; record and raise a refusal."""
    over = subject_of_organization(principal) if subject is None else subject
    await operations.authentication.require(principal, action, over, what[:PATH_LENGTH_MAX])


def subject_of_organization(principal: Principal) -> Subject:
    """The whole organization as the table of rights sees it."""
    return Subject(organization_id=OrganizationId(principal.organization_id))


def subject_of_department(principal: Principal, department_id: str) -> Subject:
    """A department as the table of rights sees it."""
    departments = frozenset({DepartmentId(department_id)})
    return Subject(organization_id=OrganizationId(principal.organization_id), departments=departments)


def version_of(if_match: str | None) -> int:
    """The version in an If-Match header. Raises RequestRefused when the header is missing."""
    if if_match is None:
        raise RequestRefused(Problem(code=Code.IF_MATCH_MISSING, field="If-Match"))
    text = if_match.strip().removeprefix("W/").strip('"')
    # A malformed version never matches.
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1


async def keyed_request(
    principal: Principal, request: Request[Any, Any, Any], key: str | None
) -> KeyedRequest:
    """What a repeat of the request is recognized by: principal, key, and all that the request says."""
    content = f"{request.method} {request.url.path}\n".encode() + await request.body()
    return KeyedRequest(
        organization_id=principal.organization_id, who=principal.name, key=key, digest=digest(content)
    )


def with_etag(body: B, version: int, status: int = 200) -> Response[B]:
    """An answer with the card's version as its ETag."""
    return Response(content=body, status_code=status, headers={"ETag": f'"{version}"'})


def shown_saved(saved: SavedCard, type_: type[C]) -> Shown[C]:
    """A saved card with its warnings."""
    assert isinstance(saved.row.card, type_)
    return Shown(id=saved.row.id, version=saved.row.version, card=saved.row.card, warnings=saved.warnings)
