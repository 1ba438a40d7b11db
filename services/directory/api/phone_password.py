"""The page that shows a phone password once: the only page of this API that is for people."""

from typing import Any, Final

import litestar
from litestar import Controller, Request, Response
from litestar.params import FromPath

from contracts.directory import Language
from runtime.request_errors import ANY_QUERY
from services.directory.activities.phone_page import HEADERS, PhonePage
from services.directory.activities.welcome_text import PHONE_PATH
from services.directory.api.shared import GivenOperations, client_address
from services.directory.rules.errors import RequestRefused, shown, status

HTML: Final = "text/html"

_PAGE: Final = PhonePage()


def _answer(page: str, *, status_code: int = 200, more: dict[str, str] | None = None) -> Response[str]:
    headers = HEADERS | (more or {})
    return Response(content=page, status_code=status_code, media_type=HTML, headers=headers)


def _refused(request: Request[Any, Any, Any], refused: RequestRefused) -> Response[str]:
    first = refused.problems[0]
    told = shown(first)
    language = _preferred(request.headers.get("accept-language", ""))
    page = _PAGE.refusing(language, told.cause, told.remedy)
    more = {"Retry-After": first.values["seconds"]} if status(first) == 429 else {}
    return _answer(page, status_code=status(first), more=more)


def _preferred(accepted: str) -> Language:
    """The first of our languages that a browser names; nobody's link has one of its own."""
    for each in accepted.lower().split(","):
        for language in Language:
            if each.strip().partition(";")[0].partition("-")[0] == language.value:
                return language
    return Language.ENGLISH


class PhonePasswordRoutes(Controller):
    """The one-time link of a welcome letter: no token but the link's own."""

    path = PHONE_PATH
    include_in_schema = False
    exception_handlers = {RequestRefused: _refused}  # Litestar's own
    opt = {ANY_QUERY: True}

    @litestar.get("/{link:str}")
    async def ask(
        self, request: Request[Any, Any, Any], operations: GivenOperations, link: FromPath[str]
    ) -> Response[str]:
        """A page with a button. It changes nothing: programs that scan letters open links, too."""
        return _answer(_PAGE.asking(await operations.phone_links.owner(link, client_address(request))))

    @litestar.post("/{link:str}", status_code=200)
    async def show(
        self, request: Request[Any, Any, Any], operations: GivenOperations, link: FromPath[str]
    ) -> Response[str]:
        """The phone password, once."""
        owner, secret = await operations.phone_links.show(link, client_address(request))
        return _answer(_PAGE.showing(owner, secret))
