"""The ASGI application: the routes, one shape for every error, and the OpenAPI document at /schema."""

from collections.abc import Callable
from typing import Any, Final

import structlog
from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import Scope

from runtime import request_errors
from runtime.quotas import Gate, QuotaExceeded, Quotas, freeing_places
from runtime.request_shape import TEXT_FORMS, Fault
from runtime.security_events import Strangers
from services.history.api.callbacks import CallbackRoutes
from services.history.api.contacts import HistoryRoutes
from services.history.api.csv_download import DownloadRoutes
from services.history.api.erasure import EraseRoutes
from services.history.api.filters import requested_filters
from services.history.api.limits import GATE, refusal_of
from services.history.api.live import LiveRoutes
from services.history.api.own_page import OwnPageRoutes
from services.history.api.periods import requested_period
from services.history.api.requests import Parts, client_address, current_principal
from services.history.api.statistics import StatisticsRoutes, requested_figures
from services.history.api.statistics_download import StatisticsDownloadRoutes
from services.history.api.voice_messages import MessageRoutes, RecordingRoutes
from services.history.rules.errors import Code, Problem, Refused, Text

ROUTES: Final = (
    HistoryRoutes,
    CallbackRoutes,
    LiveRoutes,
    OwnPageRoutes,
    DownloadRoutes,
    StatisticsRoutes,
    StatisticsDownloadRoutes,
    MessageRoutes,
    RecordingRoutes,
    EraseRoutes,
)
BODY_BYTES_MAX: Final = 10_000
_CODES: Final = {404: Code.ADDRESS_UNKNOWN, 405: Code.METHOD_UNKNOWN, 413: Code.BODY_TOO_LARGE}
STRANGERS: Final = "strangers"
"""Where the application's state has what tells of requests without a token."""

_log = structlog.get_logger()


def build(parts: Parts, is_ready: Callable[[], bool], quotas: Quotas | None = None) -> Litestar:
    """The application over its parts; until the log has been read to its end, every request is refused."""
    gate = Gate(Quotas() if quotas is None else quotas)

    async def ready(request: Request[Any, Any, Any]) -> None:
        if not is_ready():
            raise Refused(Code.STARTING)
        if unknown := request_errors.unknown_parameters(request):
            raise MalformedRequest(unknown[0])
        await request_errors.remember(request)

    return Litestar(
        route_handlers=ROUTES,
        dependencies={
            "parts": Provide(lambda: parts, sync_to_thread=False),
            "gate": Provide(lambda: gate, sync_to_thread=False),
            "principal": Provide(current_principal),
            "period": Provide(requested_period),
            "filters": Provide(requested_filters),
            "asked": Provide(requested_figures),
        },
        before_request=ready,
        middleware=[freeing_places],
        state=State({GATE: gate, STRANGERS: Strangers()}),
        exception_handlers={
            Refused: _refused,
            QuotaExceeded: _exceeded,
            MalformedRequest: _malformed,
            HTTPException: _other,
        },
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


def _refused(request: Request[Any, Any, Any], refused: Refused) -> Response[Problem]:
    if refused.status == 401:
        strangers: Strangers = request.app.state[STRANGERS]
        strangers.refused(address=client_address(request), method=request.method, path=request.url.path)
    headers = {"WWW-Authenticate": "Bearer"} if refused.status == 401 else {}
    return Response(content=refused.problem(), status_code=refused.status, headers=headers)


def _exceeded(_request: Request[Any, Any, Any], exceeded: QuotaExceeded) -> Response[Problem]:
    refused = refusal_of(exceeded)
    headers = {"Retry-After": str(exceeded.seconds)}
    return Response(content=refused.problem(), status_code=refused.status, headers=headers)


class MalformedRequest(Exception):
    """A request does not have the shape that its route expects."""

    def __init__(self, found: Fault) -> None:
        self.fault = found
        super().__init__(found.field)


def _malformed(_request: Request[Any, Any, Any], found: MalformedRequest) -> Response[Problem]:
    return Response(content=malformed_problem(found.fault), status_code=Refused(Code.REQUEST_INVALID).status)


def _other(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """Answer what Litestar itself refuses: bodies, parameters, addresses, methods."""
    code = _CODES.get(error.status_code)
    if code is None:
        first, *_ = request_errors.told(request, TEXT_FORMS)
        return _malformed(request, MalformedRequest(first))
    refused = Refused(code)
    kept = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    return Response(content=refused.problem(), status_code=refused.status, headers=kept)


def malformed_problem(fault: Fault) -> Problem:
    """What is wrong with the shape of a request."""
    return Problem(
        code=Code.REQUEST_INVALID,
        cause=Text(ru=fault.cause.ru, en=fault.cause.en),
        remedy=Text(ru=fault.remedy.ru, en=fault.remedy.en),
        field=fault.field,
    )


async def _note(error: Exception, scope: Scope) -> None:
    """Log an unforeseen error whole; the client sees none of it."""
    if not isinstance(error, Refused | QuotaExceeded | MalformedRequest | HTTPException):
        _log.error("a request failed", path=scope.get("path"), method=scope.get("method"), exc_info=error)
