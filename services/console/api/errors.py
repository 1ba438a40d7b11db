"""What a person sees when a page can't be shown: the cause and the remedy, and a way on."""

from typing import Any, Final
from urllib.parse import quote

import structlog
from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.exceptions import HTTPException
from litestar.response import Redirect
from litestar.types import ExceptionHandlersMap

from runtime.ports import StoreUnavailable
from services.console.activities.api_client import Refused, Unreachable
from services.console.activities.sessions import SignInNeeded
from services.console.activities.turns import TooManyAtOnce
from services.console.api import cookies
from services.console.api.requests import (
    CONSOLE,
    SENT,
    AnotherOrganization,
    Console,
    Forbidden,
    FormRefused,
    page_before,
)
from services.console.rules import addresses
from services.console.rules.navigation import marked
from services.console.state.sessions import Input

RETRY_S: Final = 5
_log = structlog.get_logger()

# Title, cause and remedy of each error page.
Words = tuple[str, str, str]
FORBIDDEN: Final[Words] = (
    marked("No access"),
    marked("Your role does not have this page."),
    marked("Ask an administrator if you need it."),
)
NOT_FOUND: Final[Words] = (
    marked("There is no such page"),
    marked("The address is wrong, or what it led to is gone."),
    marked("Check the address, or begin on the first page."),
)
FORM_OLD: Final[Words] = (
    marked("The form is out of date"),
    marked(
        "It was opened before you signed in or out, or it did not come from this site. Nothing was saved."
    ),
    marked("Open the page again and repeat the action."),
)
OTHER_COMPANY: Final[Words] = (
    marked("Another company"),
    marked("You are signed in to another company."),
    marked("Sign out first, or go on in your own."),
)
DIRECTORY_AWAY: Final[Words] = (
    marked("No connection to the directory"),
    marked("The console can't reach the service that knows people and their rights."),
    marked("Calls go on as usual. Reload the page in a moment; if it lasts, tell whoever runs Ringback."),
)
HISTORY_AWAY: Final[Words] = (
    marked("No connection to history"),
    marked("The console can't reach the service that knows what happens and has happened."),
    marked("Calls go on as usual. Reload the page in a moment; if it lasts, tell whoever runs Ringback."),
)
STORAGE_AWAY: Final[Words] = (
    marked("No connection to the recordings"),
    marked("The console can't reach the storage that keeps them."),
    marked("Calls go on as usual. Reload the page in a moment; if it lasts, tell whoever runs Ringback."),
)
AWAY: Final = {"directory": DIRECTORY_AWAY, "history": HISTORY_AWAY, "storage": STORAGE_AWAY}
STORE_AWAY: Final[Words] = (
    marked("No connection to the store of sessions"),
    marked("The console can't tell whether you are signed in."),
    marked("Calls go on as usual. Reload the page in a moment; if it lasts, tell whoever runs Ringback."),
)
TOO_MANY: Final[Words] = (
    marked("Too many files at once"),
    marked("So many files are being sent that this one has to wait."),
    marked("Wait until one of yours is finished, then reload."),
)
FAILED: Final[Words] = (
    marked("The page has failed"),
    marked("This is our fault, and it is recorded."),
    marked("Reload the page; if that does not help, tell whoever runs Ringback."),
)
REFUSED: Final = marked("That did not work")


def _page(
    request: Request[Any, Any, Any], words: Words, status: int, *, home: str = "", retry: bool = False
) -> Response[str]:
    console = _console(request)
    title, cause, remedy = (console.pages.word(request, each) for each in words)
    return _shown(request, title, cause, remedy, status, home=home, retry=retry)


def _shown(
    request: Request[Any, Any, Any],
    title: str,
    cause: str,
    remedy: str,
    status: int,
    *,
    home: str = "",
    retry: bool = False,
) -> Response[str]:
    console = _console(request)
    known = console.cookies.read(request, cookies.ORGANIZATION)
    own = addresses.home(known) if addresses.is_organization(known) else "/"
    return console.pages.render(
        request,
        "error.html",
        {"title": title, "cause": cause, "remedy": remedy, "home": home or own, "retry": retry},
        status=status,
        headers=({"Retry-After": str(RETRY_S)} if retry else {}) | _whole_page(request),
    )


def _whole_page(request: Request[Any, Any, Any]) -> dict[str, str]:
    """A page of which htmx wanted a part is asked for anew, whole: it says itself why it can't be shown."""
    return {"HX-Refresh": "true"} if request.headers.get("hx-request-type") == "full" else {}


def _console(request: Request[Any, Any, Any]) -> Console:
    found: Console = request.app.state[CONSOLE]
    return found


def _sign_in_needed(request: Request[Any, Any, Any], _error: SignInNeeded) -> Response[Any]:
    """Lead to the sign-in, and from there back to this page."""
    console = _console(request)
    organization = str(request.path_params.get("organization", ""))
    if not addresses.is_organization(organization):
        return _page(request, NOT_FOUND, 404)
    wanted = page_before(request, console, organization)
    query = "" if wanted == addresses.home(organization) else f"?next={quote(wanted, safe='/')}"
    where = addresses.sign_in(organization) + query
    return _led(request, where, [console.cookies.made(cookies.SESSION, "")])


def _form_refused(request: Request[Any, Any, Any], _error: FormRefused) -> Response[Any]:
    """A form of a session that is over leads back to its page, to be sent again."""
    sent: Input | None = request.scope["state"].get(SENT)
    is_own = request.headers.get("referer", "").startswith(f"{_console(request).origin}/")
    if sent is None or not is_own:
        return _page(request, FORM_OLD, 403)
    return _led(request, sent.page, [])


def _led(request: Request[Any, Any, Any], where: str, made: list[Cookie]) -> Response[Any]:
    """Lead to another page, with what was typed; what is too long for a cookie is shown, to be copied."""
    console = _console(request)
    sent: Input | None = request.scope["state"].get(SENT)
    if sent is not None:
        sealed = console.inputs.sealed(sent)
        if not sealed:
            texts = "\n\n".join(text for _, text in sent.texts if text)
            return console.pages.render(
                request, "too_long.html", {"texts": texts, "where": where}, status=403
            )
        made = [*made, console.cookies.made(cookies.INPUT, sealed)]
    if request.headers.get("hx-request"):
        # A part of a page can't be another page: htmx leads the whole one there.
        return Response(content="", status_code=200, headers={"HX-Redirect": where}, cookies=made)
    answer = Redirect(where, status_code=303)
    answer.cookies = made
    return answer


def _refused(request: Request[Any, Any, Any], refused: Refused) -> Response[Any]:
    """What an API refuses and no form shows at its field."""
    if refused.is_signed_out:
        return _sign_in_needed(request, SignInNeeded())
    console = _console(request)
    language = console.pages.language(request)
    cause, remedy = getattr(refused.problem.cause, language), getattr(refused.problem.remedy, language)
    title = console.pages.word(request, FORBIDDEN[0] if refused.status == 403 else REFUSED)
    return _shown(request, title, cause, remedy, refused.status, retry=refused.is_for_now)


def _unreachable(request: Request[Any, Any, Any], error: Unreachable) -> Response[str]:
    _log.warning("a service can't be reached", reached=error.service, reason=str(error))
    return _page(request, AWAY[error.service], 503, retry=True)


def _no_store(request: Request[Any, Any, Any], error: StoreUnavailable) -> Response[str]:
    _log.warning("the store can't be reached", reason=str(error))
    return _page(request, STORE_AWAY, 503, retry=True)


def _http(request: Request[Any, Any, Any], error: HTTPException) -> Response[str]:
    """What Litestar itself refuses: addresses, methods, parameters."""
    status = error.status_code if error.status_code in (404, 405, 413) else 404
    return _page(request, NOT_FOUND, status)


def _failed(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
    """An unforeseen error: logged whole; the reader sees none of it."""
    _log.error("a request failed", path=request.url.path, method=request.method, exc_info=error)
    return _page(request, FAILED, 500)


HANDLERS: Final[ExceptionHandlersMap] = {
    SignInNeeded: _sign_in_needed,
    Forbidden: lambda request, _error: _page(request, FORBIDDEN, 403),
    AnotherOrganization: lambda request, error: _page(
        request, OTHER_COMPANY, 403, home=addresses.home(error.own)
    ),
    FormRefused: _form_refused,
    Refused: _refused,
    Unreachable: _unreachable,
    StoreUnavailable: _no_store,
    TooManyAtOnce: lambda request, _error: _page(request, TOO_MANY, 503, retry=True),
    HTTPException: _http,
    Exception: _failed,
}
