"""Language and theme, which this browser keeps; they need no session."""

from typing import Any

from litestar import Controller, Request, post
from litestar.response import Redirect

from services.console.activities.translations import LANGUAGES
from services.console.api import cookies
from services.console.api.pages import THEMES
from services.console.api.requests import GivenConsole, fields
from services.console.rules import addresses


class PreferenceRoutes(Controller):
    """Set by a form on every page."""

    path = "/preferences"

    @post()
    async def set(self, request: Request[Any, Any, Any], console: GivenConsole) -> Redirect:
        """Keep what was chosen, and come back to the page."""
        form = await fields(request)
        answer = Redirect(addresses.here(form.get("here", "")), status_code=303)
        chosen = ((cookies.LANGUAGE, LANGUAGES, "language"), (cookies.THEME, THEMES, "theme"))
        answer.cookies = [
            console.cookies.made(named, form[field])
            for named, known, field in chosen
            if form.get(field) in known
        ]
        return answer
