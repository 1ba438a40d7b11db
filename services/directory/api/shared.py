"""What routes share: parameters, operations, the check of rights, ETags, repeated requests."""

from typing import Annotated, Any, Final, TypeVar

from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, PathParameter, QueryParameter
from msgspec import Struct

from contracts.ids import DepartmentId, OrganizationId
from contracts.plain_text import LINE_PATTERN
from contracts.rights import Action, Reach, Subject
from services.directory.activities.agents import Agents
from services.directory.activities.audit_reading import AuditReading
from services.directory.activities.authentication import Authentication, Principal
from services.directory.activities.callbacks import Callbacks
from services.directory.activities.card_saving import SavedCard
from services.directory.activities.department_seats import Departments
from services.directory.activities.employees import Employees
from services.directory.activities.extension_checks import ExtensionChecks
from services.directory.activities.idempotency import KeyedRequest
from services.directory.activities.login_list import LoginList
from services.directory.activities.notice_renderings import NoticeRenderings
from services.directory.activities.office_import import OfficeImport
from services.directory.activities.open_logins import USER_AGENT_LENGTH_MAX, Client
from services.directory.activities.openid import OpenId
from services.directory.activities.own_second_factor import OwnSecondFactor
from services.directory.activities.password_recovery import PasswordRecovery
from services.directory.activities.phone_links import PhoneLinks
from services.directory.activities.reauthentication import Reauthentication
from services.directory.activities.repository import LIMIT_MAX, SEARCH_LENGTH_MAX, Repository
from services.directory.activities.responsibles import Responsibles
from services.directory.activities.sealed_secrets import digest
from services.directory.activities.sessions import Sessions
from services.directory.activities.tokens import Tokens
from services.directory.activities.uploads import Uploads
from services.directory.activities.usages import Usages
from services.directory.rules.errors import Code, Problem, RequestRefused
from services.directory.state.cards import Card
from services.directory.state.responses import Shown

KEY_LENGTH_MAX: Final = 200
PATH_LENGTH_MAX: Final = 300

IfMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-Match",
        description="the ETag that was read, as it came",
        max_length=40,
        pattern=LINE_PATTERN,
    ),
]
IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="a request sent again with it is done once",
        min_length=1,
        max_length=KEY_LENGTH_MAX,
        pattern=LINE_PATTERN,
    ),
]
PathId = Annotated[str, PathParameter(max_length=PATH_LENGTH_MAX, pattern=LINE_PATTERN)]
Limit = Annotated[int, QueryParameter(ge=1, le=LIMIT_MAX, description="how many at most")]
Cursor = Annotated[
    str,
    QueryParameter(
        max_length=64,
        pattern=LINE_PATTERN,
        description="`next` of the page before",
    ),
]
Search = Annotated[
    str,
    QueryParameter(
        max_length=SEARCH_LENGTH_MAX,
        pattern=LINE_PATTERN,
        description="words in names and numbers",
    ),
]
DryRun = Annotated[bool, QueryParameter(description="only tell what would change, and save nothing")]

C = TypeVar("C", bound=Card)
B = TypeVar("B")


class Operations(Struct, frozen=True, kw_only=True):
    """Everything that routes call, by subject."""

    repository: Repository
    authentication: Authentication
    sessions: Sessions
    login_list: LoginList
    openid: OpenId
    own_second_factor: OwnSecondFactor
    reauthentication: Reauthentication
    password_recovery: PasswordRecovery
    agents: Agents
    audit_reading: AuditReading
    callbacks: Callbacks
    departments: Departments
    employees: Employees
    extension_checks: ExtensionChecks
    notice_renderings: NoticeRenderings
    office_import: OfficeImport
    phone_links: PhoneLinks
    responsibles: Responsibles
    tokens: Tokens
    uploads: Uploads
    usages: Usages


GivenOperations = NamedDependency[Operations]
CurrentPrincipal = NamedDependency[Principal]


async def require(
    operations: Operations, principal: Principal, action: Action, what: str, subject: Subject | None = None
) -> None:
    """Require a right over a subject, by default the organization; record and raise a refusal."""
    over = subject_of_organization(principal) if subject is None else subject
    await operations.authentication.require(principal, action, over, what[:PATH_LENGTH_MAX])


async def require_list(
    operations: Operations, principal: Principal, action: Action, what: str
) -> frozenset[DepartmentId] | None:
    """Require a right to a list; the departments within which it is read, or None for the organization."""
    if principal.reach(action) is Reach.DEPARTMENTS:
        return principal.holder.departments
    await require(operations, principal, action, what)
    return None


def subject_of_organization(principal: Principal) -> Subject:
    """The whole organization as the table of rights sees it."""
    return Subject(organization_id=OrganizationId(principal.organization_id))


def subject_of_department(principal: Principal, department_id: str) -> Subject:
    """A department as the table of rights sees it."""
    departments = frozenset({DepartmentId(department_id)})
    return Subject(organization_id=OrganizationId(principal.organization_id), departments=departments)


def client_address(request: Request[Any, Any, Any]) -> str:
    """The network address that the request came from: a proxy's, where one is in between."""
    return request.client.host if request.client is not None else ""


def client_of(request: Request[Any, Any, Any], device: str = "") -> Client:
    """From where a request comes; the browser's name in one line, without what can't be printed."""
    said = request.headers.get("user-agent", "")[:USER_AGENT_LENGTH_MAX]
    shown = "".join(each if each.isprintable() else " " for each in said)
    return Client(address=client_address(request), user_agent=" ".join(shown.split()), device=device)


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
    return KeyedRequest(principal=principal, key=key, digest=digest(content))


def with_etag(body: B, version: int, status: int = 200) -> Response[B]:
    """An answer with the card's version as its ETag."""
    return Response(content=body, status_code=status, headers={"ETag": f'"{version}"'})


def shown_saved(saved: SavedCard, type_: type[C]) -> Shown[C]:
    """A saved card with its warnings."""
    assert isinstance(saved.row.card, type_)
    return Shown(id=saved.row.id, version=saved.row.version, card=saved.row.card, warnings=saved.warnings)
