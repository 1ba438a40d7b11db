"""The ASGI application: the routes, one shape for every error, and the OpenAPI document at /schema."""

from collections.abc import Callable
from typing import Any, Final

import structlog
from litestar import Litestar, Request, Response
from litestar.di import Provide
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import Scope

from services.history.api.asked import Parts, the_asker, the_filters
from services.history.api.audio import EraseRoutes, MessageRoutes, RecordingRoutes
from services.history.api.contacts import DownloadRoutes, HistoryRoutes
from services.history.api.figures import StatisticsRoutes
from services.history.rules.errors import Code, Problem, Refused

ROUTES: Final = (
    HistoryRoutes,
    DownloadRoutes,
    StatisticsRoutes,
    MessageRoutes,
    RecordingRoutes,
    EraseRoutes,
)
BODY_BYTES_MAX: Final = 10_000
REASON_LENGTH_MAX: Final = 300
_CODES: Final = {404: Code.ADDRESS_UNKNOWN, 405: Code.METHOD_UNKNOWN}
_log = structlog.get_logger()


def build(parts: Parts, is_ready: Callable[[], bool]) -> Litestar:
    """The application over its parts; until the log is read to its end, every answer is «still reading»."""

    def ready(_request: Request[Any, Any, Any]) -> None:
        if not is_ready():
            raise Refused(Code.STARTING)

    return Litestar(
        route_handlers=ROUTES,
        dependencies={
            "parts": Provide(lambda: parts, sync_to_thread=False),
            "asker": Provide(the_asker),
            "filters": Provide(the_filters),
        },
        before_request=ready,
        exception_handlers={Refused: _refused, HTTPException: _other},
        after_exception=[_note],
        openapi_config=OpenAPIConfig(
            title="Ringback: history",
            version="1",
            path="/schema",
            render_plugins=[JsonRenderPlugin()],
            components=Components(
                security_schemes={"token": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")}
            ),
            security=[{"token": []}],
        ),
        request_max_body_size=BODY_BYTES_MAX,
        logging_config=None,
    )


def _refused(_request: Request[Any, Any, Any], refused: Refused) -> Response[Problem]:
    headers = {"WWW-Authenticate": "Bearer"} if refused.status == 401 else {}
    return Response(content=refused.problem(), status_code=refused.status, headers=headers)


def _other(_request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """What Litestar itself refuses: bodies, parameters, addresses, methods."""
    code = _CODES.get(error.status_code, Code.REQUEST_INVALID)
    reason, field = error.detail, ""
    if isinstance(error, ValidationException) and isinstance(error.extra, list) and error.extra:
        found = error.extra[0]
        reason, field = str(found.get("message", reason)), str(found.get("key", ""))
    problem = Refused(code, field=field, reason=reason[:REASON_LENGTH_MAX]).problem()
    kept = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    status = 413 if error.status_code == 413 else Refused(code).status
    return Response(content=problem, status_code=status, headers=kept)


async def _note(error: Exception, scope: Scope) -> None:
    """What nobody foresaw is logged whole; whoever asked is told nothing of it."""
    if not isinstance(error, Refused | HTTPException):
        _log.error("a request failed", path=scope.get("path"), method=scope.get("method"), exc_info=error)
