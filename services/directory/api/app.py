"""The ASGI application: the routes, one shape for every error, and the OpenAPI document at /schema."""

from collections.abc import Callable
from typing import Any, Final

import structlog
from litestar import Litestar, Request, Response
from litestar.di import Provide
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import Scope

from services.directory.activities.askers import Asker
from services.directory.api import logins, office, people, programs
from services.directory.api.asking import Parts
from services.directory.api.document import Document
from services.directory.rules.errors import Code, Problem, Refused, shown, status
from services.directory.state.shown import ErrorShown

ROUTES: Final = (
    logins.SessionRoutes,
    logins.RecoveryRoutes,
    logins.MeRoutes,
    office.OfficeRoutes,
    office.OrganizationRoutes,
    office.PbxRoutes,
    office.DepartmentRoutes,
    office.NoticeRoutes,
    office.ScenarioRoutes,
    people.EmployeeRoutes,
    people.ExtensionRoutes,
    people.AgentRoutes,
    programs.TokenRoutes,
    programs.ResponsibleRoutes,
    programs.CallbackRoutes,
    programs.UploadRoutes,
    programs.AuditRoutes,
)
BODY_BYTES_MAX: Final = programs.UPLOAD_BYTES_MAX + 1
_CODES: Final = {404: Code.ADDRESS_UNKNOWN, 405: Code.METHOD_UNKNOWN, 413: Code.BODY_TOO_LARGE}
REASON_LENGTH_MAX: Final = 300

_log = structlog.get_logger()


def build(parts: Parts, is_ready: Callable[[], bool] = lambda: True) -> Litestar:
    """The application over its parts; until `is_ready` every answer is «still starting»."""

    def ready(request: Request[Any, Any, Any]) -> None:
        if not is_ready():
            raise Refused(Problem(code=Code.SERVICE_STARTING))
        known = request.route_handler.parsed_fn_signature.parameters
        for name in request.query_params:
            if name not in known:
                values = {"reason": f"`{name[:REASON_LENGTH_MAX]}` means nothing here"}
                raise Refused(Problem(code=Code.BODY_INVALID, field=name, values=values))

    async def the_parts() -> Parts:
        return parts

    async def the_asker(request: Request[Any, Any, Any]) -> Asker:
        return await parts.askers.asker(request.headers.get("authorization"))

    return Litestar(
        route_handlers=ROUTES,
        dependencies={"parts": Provide(the_parts), "asker": Provide(the_asker)},
        before_request=ready,
        exception_handlers={Refused: _refused, HTTPException: _other},
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


def _refused(_request: Request[Any, Any, Any], refused: Refused) -> Response[ErrorShown]:
    first, *more = refused.problems
    headers = {}
    if first.code is Code.TOO_MANY_TRIES:
        headers["Retry-After"] = first.values["seconds"]
    if status(first) == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(content=shown(first, *more), status_code=status(first), headers=headers)


def _other(_request: Request[Any, Any, Any], error: HTTPException) -> Response[ErrorShown]:
    """What Litestar itself refuses: bodies, parameters, addresses, methods."""
    code = _CODES.get(error.status_code, Code.BODY_INVALID)
    reason, field = error.detail, ""
    if isinstance(error, ValidationException) and isinstance(error.extra, list) and error.extra:
        found = error.extra[0]
        reason, field = str(found.get("message", reason)), str(found.get("key", ""))
    problem = Problem(code=code, field=field, values={"reason": reason[:REASON_LENGTH_MAX]})
    kept = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    return Response(content=shown(problem), status_code=status(problem), headers=kept)


async def _note(error: Exception, scope: Scope) -> None:
    """What nobody foresaw is logged whole; whoever asked is told nothing of it."""
    if not isinstance(error, Refused | HTTPException):
        _log.error("a request failed", path=scope.get("path"), method=scope.get("method"), exc_info=error)
