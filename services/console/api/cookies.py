"""The console's cookies: what each has, for how long, and that only this host's pages get them."""

import secrets
from typing import Any, Final, NamedTuple

from litestar import Request
from litestar.datastructures import Cookie

from services.console.activities.inputs import LASTS_S

HOST_PREFIX: Final = "__Host-"
"""Browsers take such a cookie over TLS only, from this host alone, for all of its pages: no neighbour's host
plants one (session fixation)."""
DAY_S: Final = 24 * 3_600
RANDOM_BYTES: Final = 24


class Named(NamedTuple):
    """A cookie; without `lasts_s` it ends with the browser."""

    name: str
    lasts_s: int | None


SESSION: Final = Named("ringback-session", None)
DOOR: Final = Named("ringback-door", None)
"""Random: forms of whoever has not signed in are bound to it."""
PROGRESS: Final = Named("ringback-sign-in", 15 * 60)
"""A sign-in under way, sealed."""
INPUT: Final = Named("ringback-input", LASTS_S)
"""What was typed into a form whose session had ended, sealed."""
DEVICES: Final = Named("ringback-devices", 365 * DAY_S)
"""What the directory knows this browser by, sealed."""
SCREEN: Final = Named("ringback-screen", 365 * DAY_S)
"""What a screen on a wall is known by, sealed; each answer to it makes it last for another year."""
LANGUAGE: Final = Named("ringback-language", 365 * DAY_S)
THEME: Final = Named("ringback-theme", 365 * DAY_S)
ORGANIZATION: Final = Named("ringback-organization", 365 * DAY_S)
"""Where this browser has signed in last, so that nobody types it twice."""


class Cookies:
    """Reads and makes cookies; on plain loopback, where browsers refuse the prefix, names go without it."""

    def __init__(self, *, is_secure: bool) -> None:
        self.is_secure = is_secure

    def read(self, request: Request[Any, Any, Any], named: Named) -> str:
        """A cookie's text; empty: there is none."""
        return request.cookies.get(self._key(named), "")

    def made(self, named: Named, text: str) -> Cookie:
        """A cookie to set; an empty text removes it."""
        return Cookie(
            key=self._key(named),
            value=text,
            max_age=named.lasts_s if text else 0,
            path="/",
            secure=self.is_secure,
            httponly=True,
            samesite="lax",
        )

    def _key(self, named: Named) -> str:
        return (HOST_PREFIX if self.is_secure else "") + named.name


def random_text() -> str:
    """A text that nobody guesses."""
    return secrets.token_urlsafe(RANDOM_BYTES)
