"""The ASGI application: the routes, one shape for every error, and the OpenAPI document at /schema."""

from collections.abc import Callable
from typing import Any, Final

import structlog
from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import Scope
from msgspec import structs

from runtime import request_errors
from runtime.quotas import Gate, QuotaExceeded, Quotas, freeing_places, quotas_of
from runtime.request_shape import Fault
from runtime.security_events import Strangers
from runtime.tokens import TokenUse
from runtime.uploads import UPLOAD_BYTES_MAX
from services.directory.activities.authentication import Principal, TokenUnknown
from services.directory.activities.welcome_text import PHONE_PATH
from services.directory.api import (
    agents,
    audit,
    callbacks,
    departments,
    employees,
    extensions,
    notices,
    office,
    openid,
    organization,
    phone_password,
    responsibles,
    scenarios,
    second_factor,
    sessions,
    tokens,
    uploads,
)
from services.directory.api.limits import GATE, let_in, problem_of
from services.directory.api.openapi import Document
from services.directory.api.shared import Operations, client_address
from services.directory.rules.errors import WORDS, Code, Problem, RequestRefused, shown, status
from services.directory.rules.pattern_texts import PATTERN_TEXTS
from services.directory.state.responses import ErrorShown, Text

ROUTES: Final = (
    sessions.SessionRoutes,
    sessions.EmployeeSessionRoutes,
    sessions.RecoveryRoutes,
    sessions.MeRoutes,
    openid.OpenIdRoutes,
    openid.IdentityRoutes,
    second_factor.SecondStepRoutes,
    second_factor.SecondFactorRoutes,
    second_factor.ReauthenticationRoutes,
    office.OfficeRoutes,
    organization.OrganizationRoutes,
    organization.PbxRoutes,
    departments.DepartmentRoutes,
    notices.NoticeRoutes,
    scenarios.ScenarioRoutes,
    employees.EmployeeRoutes,
    employees.ColleagueRoutes,
    extensions.ExtensionRoutes,
    agents.AgentRoutes,
    phone_password.PhonePasswordRoutes,
    tokens.TokenRoutes,
    responsibles.ResponsibleRoutes,
    callbacks.CallbackRoutes,
    uploads.UploadRoutes,
    audit.AuditRoutes,
)
BODY_BYTES_MAX: Final = UPLOAD_BYTES_MAX + 1
_CODES: Final = {404: Code.ADDRESS_UNKNOWN, 405: Code.METHOD_UNKNOWN, 413: Code.BODY_TOO_LARGE}

STRANGERS: Final = "strangers"
"""Where the application's state has what tells of requests without a token."""

_log = structlog.get_logger()


def build(
    operations: Operations, is_ready: Callable[[], bool] = lambda: True, quotas: Quotas | None = None
) -> Litestar:
    """The application; until `is_ready` every answer is «still starting»."""
    gate = Gate(Quotas() if quotas is None else quotas)

    async def ready(request: Request[Any, Any, Any]) -> None:
        if not is_ready():
            raise RequestRefused(Problem(code=Code.SERVICE_STARTING))
        if unknown := request_errors.unknown_parameters(request):
            raise MalformedRequest(unknown)
        await request_errors.remember(request)

    async def the_operations() -> Operations:
        return operations

    async def the_principal(request: Request[Any, Any, Any]) -> Principal:
        header = request.headers.get("authorization")
        claims = operations.authentication.claims(header, TokenUse.ACCESS, TokenUse.PROGRAM)
        its = quotas_of(request.route_handler.opt, request.method)
        await let_in(request, claims)
        principal = await operations.authentication.principal(header, client_address(request))
        scope: Any = request.scope
        gate.authenticated(scope, principal.organization_id, its)
        return principal

    return Litestar(
        route_handlers=ROUTES,
        dependencies={"operations": Provide(the_operations), "principal": Provide(the_principal)},
        before_request=ready,
        middleware=[freeing_places],
        state=State({GATE: gate, STRANGERS: Strangers()}),
        exception_handlers={
            RequestRefused: _refused,
            QuotaExceeded: _exceeded,
            MalformedRequest: _malformed,
            HTTPException: _other,
        },
        after_exception=[_note],
        openapi_config=OpenAPIConfig(
            title="Ringback: the office's book",
            version="1",
            path="/schema",
            render_plugins=[Document()],
            components=Components(
                security_schemes={"token": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")}
            ),
            security=[{"token": []}],
        ),
        request_max_body_size=BODY_BYTES_MAX,
        logging_config=None,
    )


def _refused(request: Request[Any, Any, Any], refused: RequestRefused) -> Response[ErrorShown]:
    first, *more = refused.problems
    if isinstance(refused, TokenUnknown):
        strangers: Strangers = request.app.state[STRANGERS]
        strangers.refused(address=client_address(request), method=request.method, path=request.url.path)
    headers = {}
    if status(first) == 429:
        headers["Retry-After"] = first.values["seconds"]
    if status(first) == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(content=shown(first, *more), status_code=status(first), headers=headers)


def _exceeded(request: Request[Any, Any, Any], exceeded: QuotaExceeded) -> Response[ErrorShown]:
    return _refused(request, RequestRefused(problem_of(exceeded)))


class MalformedRequest(Exception):
    """A request's shape does not fit its route; `faults` say where."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__(", ".join(each.field for each in faults))


def _malformed(_request: Request[Any, Any, Any], malformed: MalformedRequest) -> Response[ErrorShown]:
    first, *more = (
        ErrorShown(
            code=Code.BODY_INVALID,
            cause=Text(ru=each.cause.ru, en=each.cause.en),
            remedy=Text(ru=each.remedy.ru, en=each.remedy.en),
            field=each.field,
        )
        for each in malformed.faults
    )
    content = structs.replace(first, more=tuple(more))
    return Response(content=content, status_code=WORDS[Code.BODY_INVALID].status)


def _other(request: Request[Any, Any, Any], error: HTTPException) -> Response[ErrorShown]:
    """Answer what Litestar itself refuses: bodies, parameters, addresses, methods."""
    code = _CODES.get(error.status_code)
    if code is None:
        return _malformed(request, MalformedRequest(request_errors.told(request, PATTERN_TEXTS)))
    problem = Problem(code=code)
    kept = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    return Response(content=shown(problem), status_code=status(problem), headers=kept)


def _told(path: str) -> str:
    """A path as the log may have it: the last part of a phone's is a secret."""
    return f"{PHONE_PATH}/…" if path.partition(PHONE_PATH)[1] else path


async def _note(error: Exception, scope: Scope) -> None:
    """Log an unexpected error whole; the answer says nothing of it."""
    if not isinstance(error, RequestRefused | QuotaExceeded | MalformedRequest | HTTPException):
        _log.error(
            "a request failed", path=_told(scope.get("path", "")), method=scope.get("method"), exc_info=error
        )
