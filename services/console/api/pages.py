"""Renders pages: templates with autoescape, in the reader's language, theme and zone."""

import gettext
import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.enums import MediaType

from runtime.languages import accepted_language
from runtime.ports import Clock
from services.console.activities.inputs import Inputs
from services.console.activities.static_files import StaticFiles
from services.console.activities.translations import DEFAULT, LANGUAGES, translations
from services.console.api import cookies
from services.console.api.cookies import Cookies
from services.console.rules import addresses, csrf, formats, navigation
from services.console.rules.rights_words import ROLES
from services.console.state.answers import Me
from services.console.state.sessions import Input

FOLDER: Final = Path(__file__).parent / "templates"
THEMES: Final = ("system", "light", "dark")
CSP: Final = (
    "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'"
)
VERSION_LENGTH: Final = 12
YEAR_S: Final = 365 * 24 * 3_600
PROTECTING: Final = {
    "Content-Security-Policy": CSP,
    "X-Frame-Options": "DENY",
    # A form's page is told to ourselves alone: whoever must sign in anew comes back to it.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every page."""


class FieldError(NamedTuple):
    """What is wrong at a field of a form, in the reader's language, and what to do about it."""

    cause: str
    remedy: str


class Pages:
    """The templates in each language. `version` changes with every template and static file."""

    def __init__(
        self, cookies_: Cookies, static: StaticFiles, inputs: Inputs, form_key: bytes, clock: Clock
    ) -> None:
        self._cookies = cookies_
        self._inputs = inputs
        self._form_key = form_key
        self._clock = clock
        self._protecting = dict(PROTECTING)
        if cookies_.is_secure:
            self._protecting["Strict-Transport-Security"] = f"max-age={YEAR_S}"
        self.version = _version(static)
        self._words: dict[str, gettext.GNUTranslations] = translations()
        self._environments = {each: self._environment(each, static) for each in LANGUAGES}

    def _environment(self, language: str, static: StaticFiles) -> Environment:
        made = Environment(
            loader=FileSystemLoader(FOLDER),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        made.install_gettext_translations(self._words[language], newstyle=True)  # type: ignore[attr-defined]
        made.globals |= {
            "language": language,
            "static": static.address,
            "running": formats.running,
            "number": formats.number,
            "spoken": partial(formats.spoken, language=language),
            "count": partial(formats.count, language=language),
            "share": partial(formats.share, language=language),
            "changed": partial(formats.changed, language=language),
            "written_day": partial(formats.written_day, language=language),
            "weekdays": partial(formats.weekdays, language=language),
            "time_of_day": partial(formats.time_of_day, language=language),
            "calendar_date": partial(formats.calendar_date, language=language),
        }
        return made

    def language(self, request: Request[Any, Any, Any]) -> str:
        """The reader's language: chosen before, or the browser's."""
        chosen = self._cookies.read(request, cookies.LANGUAGE)
        if chosen in LANGUAGES:
            return chosen
        return accepted_language(request.headers.get("accept-language", "")) or DEFAULT

    def word(self, request: Request[Any, Any, Any], text: str) -> str:
        """A marked text in the reader's language."""
        return self._words[self.language(request)].gettext(text)

    def theme(self, request: Request[Any, Any, Any]) -> str:
        """Light or dark, or as the system has it."""
        chosen = self._cookies.read(request, cookies.THEME)
        return chosen if chosen in THEMES else "system"

    def bound_to(self, request: Request[Any, Any, Any]) -> str:
        """What the tokens of this browser's forms are bound to; empty: it has no cookie yet."""
        return self._cookies.read(request, cookies.SESSION) or self._cookies.read(request, cookies.DOOR)

    def render(
        self,
        request: Request[Any, Any, Any],
        template: str,
        values: Mapping[str, Any] | None = None,
        *,
        me: Me | None = None,
        status: int = 200,
        set_cookies: Sequence[Cookie] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Response[str]:
        """A page. With `me` it has the menu of that person's rights, and instants in the organization's zone.

        `values` come from the route. A form's token is bound to the cookie that the browser has, or gets.
        """
        language = self.language(request)
        given = list(set_cookies)
        bound_to = self.bound_to(request)
        if not bound_to:
            bound_to = cookies.random_text()
            given.append(self._cookies.made(cookies.DOOR, bound_to))
        whose = "" if me is None else csrf.whose(self._form_key, me.organization_id, me.login)
        found = self._input(request, me, whose)
        if found is not None:
            given.append(self._cookies.made(cookies.INPUT, ""))
        zone = "UTC" if me is None else me.timezone
        text = (
            self._environments[language]
            .get_template(template)
            .render(
                {
                    "theme": self.theme(request),
                    "csrf": csrf.token(self._form_key, bound_to),
                    "whose": whose,
                    "input": found if found is not None and found.whose == whose else None,
                    "here": _here(request),
                    "me": me,
                    "menu": () if me is None else navigation.menu(me.rights),
                    "role": self._role(language, me),
                    "now_at": self._clock.now(),
                    "clock": partial(formats.clock, language=language, zone=zone),
                    "day": partial(formats.day, language=language, zone=zone),
                    "date": partial(
                        formats.written_date, language=language, zone=zone, now_at=self._clock.now()
                    ),
                    "is_today": partial(formats.is_same_day, other_at=self._clock.now(), zone=zone),
                    **(values or {}),
                }
            )
        )
        return Response(
            content=text,
            status_code=status,
            media_type=MediaType.HTML,
            cookies=given,
            headers={**self._protecting, "Content-Language": language, **(headers or {})},
        )

    def _input(self, request: Request[Any, Any, Any], me: Me | None, whose: str) -> Input | None:
        """What was typed before this sign-in, at the page on which it was typed; there it is shown once.

        Of another person it is found as well, to be forgotten.
        """
        sealed = self._cookies.read(request, cookies.INPUT)
        if not sealed or me is None or request.headers.get("hx-request"):
            return None
        found = self._inputs.opened(sealed)
        if found is None or found.whose != whose:
            return found
        return found if found.page in (_here(request), addresses.home(me.organization_id)) else None

    def _role(self, language: str, me: Me | None) -> str:
        words = None if me is None else ROLES.get(me.role or "")
        return "" if words is None else self._words[language].gettext(words)


def _version(static: StaticFiles) -> str:
    known = hashlib.sha256("\n".join(sorted(static.files)).encode())
    for path in sorted(FOLDER.glob("*.html")):
        known.update(path.read_bytes())
    return known.hexdigest()[:VERSION_LENGTH]


def _here(request: Request[Any, Any, Any]) -> str:
    """The address of a page that was read, to come back to it; of an answer to a form, where that lies."""
    query = request.url.query
    return addresses.here(f"{request.url.path}?{query}" if query else request.url.path)
