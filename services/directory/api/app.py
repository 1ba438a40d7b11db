"""The ASGI application: the routes, one shape for every error, and the OpenAPI document at /schema."""

from collections.abc import Callable
from typing import Any, Final

import structlog
from litestar import Litestar, Request, Response
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import Scope
from msgspec import structs

from runtime import request_errors
from runtime.request_shape import Fault
from runtime.uploads import UPLOAD_BYTES_MAX
from services.directory.activities.authentication import Principal
from services.directory.api import (
    agents,
    audit,
    callbacks,
    departments,
    employees,
    extensions,
    notices,
    office,
    organization,
    responsibles,
    scenarios,
    sessions,
    tokens,
    uploads,
)
from services.directory.api.openapi import Document
from services.directory.api.shared import Operations
from services.directory.rules.errors import WORDS, Code, Problem, RequestRefused, shown, status
from services.directory.rules.pattern_texts import PATTERN_TEXTS
from services.directory.state.responses import ErrorShown, Text

ROUTES: Final = (
    sessions.SessionRoutes,
    sessions.RecoveryRoutes,
    sessions.MeRoutes,
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
    tokens.TokenRoutes,
    responsibles.ResponsibleRoutes,
    callbacks.CallbackRoutes,
    uploads.UploadRoutes,
    audit.AuditRoutes,
)
BODY_BYTES_MAX: Final = UPLOAD_BYTES_MAX + 1
_CODES: Final = {404: Code.ADDRESS_UNKNOWN, 405: Code.METHOD_UNKNOWN, 413: Code.BODY_TOO_LARGE}

_log = structlog.get_logger()


def build(operations: Operations, is_ready: Callable[[], bool] = lambda: True) -> Litestar:
    """The application; until `is_ready` every answer is «still starting»."""

    async def ready(request: Request[Any, Any, Any]) -> None:
        if not is_ready():
            raise RequestRefused(Problem(code=Code.SERVICE_STARTING))
        if unknown := request_errors.unknown_parameters(request):
            raise MalformedRequest(unknown)
        await request_errors.remember(request)

    async def the_operations() -> Operations:
        return operations

    async def the_principal(request: Request[Any, Any, Any]) -> Principal:
        return await operations.authentication.principal(request.headers.get("authorization"))

    return Litestar(
        route_handlers=ROUTES,
        dependencies={"operations": Provide(the_operations), "principal": Provide(the_principal)},
        before_request=ready,
        exception_handlers={RequestRefused: _refused, MalformedRequest: _malformed, HTTPException: _other},
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


def _refused(_request: Request[Any, Any, Any], refused: RequestRefused) -> Response[ErrorShown]:
    first, *more = refused.problems
    headers = {}
    if first.code is Code.TOO_MANY_TRIES:
        headers["Retry-After"] = first.values["seconds"]
    if status(first) == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(content=shown(first, *more), status_code=status(first), headers=headers)


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


async def _note(error: Exception, scope: Scope) -> None:
    """Log an unexpected error whole; the answer says nothing of it."""
    if not isinstance(error, RequestRefused | MalformedRequest | HTTPException):
        _log.error("a request failed", path=scope.get("path"), method=scope.get("method"), exc_info=error)
