"""The ASGI application: the pages, and one answer to every error."""

import time
from typing import Any, Final, cast

from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.di import Provide
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from runtime import metrics
from runtime.http_limits import Guard, Limits
from runtime.web import App
from services.console.activities.static_files import StaticFiles
from services.console.api import assets
from services.console.api.audio import MessageAudioRoutes, RecordingRoutes
from services.console.api.callback_orders import CallbackOrderRoutes
from services.console.api.callbacks import CallbackRoutes
from services.console.api.contact import ContactRoutes
from services.console.api.errors import HANDLERS
from services.console.api.history import HistoryDownloadRoutes, HistoryRoutes
from services.console.api.my_page import MyPageRoutes
from services.console.api.openid import OpenIdRoutes
from services.console.api.preferences import PreferenceRoutes
from services.console.api.recovery import RecoveryRoutes
from services.console.api.requests import CONSOLE, Console, current_person, require_own_form
from services.console.api.screens import ScreenRoutes
from services.console.api.second_step import SecondStepRoutes, SetupRoutes
from services.console.api.sign_in import BeginningRoutes, SignInRoutes, SignOutRoutes
from services.console.api.statistics import StatisticsDownloadRoutes, StatisticsRoutes
from services.console.api.tv import TvRoutes
from services.console.api.voicemail import VoicemailRoutes
from services.console.api.wallboard import WallboardRoutes

ROUTES: Final = (
    BeginningRoutes,
    SignInRoutes,
    SecondStepRoutes,
    SetupRoutes,
    RecoveryRoutes,
    OpenIdRoutes,
    SignOutRoutes,
    PreferenceRoutes,
    CallbackRoutes,
    CallbackOrderRoutes,
    HistoryRoutes,
    HistoryDownloadRoutes,
    ContactRoutes,
    RecordingRoutes,
    MessageAudioRoutes,
    VoicemailRoutes,
    WallboardRoutes,
    ScreenRoutes,
    TvRoutes,
    StatisticsRoutes,
    StatisticsDownloadRoutes,
    MyPageRoutes,
)
BODY_BYTES_MAX: Final = 64 * 1024


def build(console: Console, static: StaticFiles) -> Litestar:
    """The application over its parts."""
    return Litestar(
        route_handlers=[*ROUTES, assets.route(static)],
        dependencies={
            "console": Provide(lambda: console, sync_to_thread=False),
            "person": Provide(current_person),
        },
        before_request=_own_forms_only,
        middleware=[_measured],
        state=State({CONSOLE: console}),
        exception_handlers=HANDLERS,
        request_max_body_size=BODY_BYTES_MAX,
        openapi_config=None,
        logging_config=None,
    )


def guarded(app: Litestar) -> Guard:
    """The application within its limits, as the public port has it."""
    return Guard(cast("App", app), Limits())


def _measured(app: ASGIApp) -> ASGIApp:
    """The application, which tells how long a reader waits for the beginning of an answer."""

    async def measured(scope: Scope, receive: Receive, send: Send) -> None:
        began = time.monotonic()

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                metrics.PAGE_SECONDS.labels(str(message["status"])).observe(time.monotonic() - began)
            await send(message)

        await app(scope, receive, tell)

    return measured


async def _own_forms_only(request: Request[Any, Any, Any]) -> Response[Any] | None:
    await require_own_form(request)
    return None
