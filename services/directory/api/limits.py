"""What the API takes: small bodies everywhere, but for an audio file and a whole office."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from litestar import Litestar, Request

from runtime.http_limits import Guard, LargeBody, Limits, NotAdmitted
from runtime.ports import Clock
from runtime.quotas import Gate, QuotaExceeded, quotas_of, with_door
from runtime.tokens import Claims, TokenUse
from runtime.uploads import UPLOAD_BYTES_MAX
from services.directory.activities.authentication import Authentication
from services.directory.api.console_clients import ConsoleClients
from services.directory.rules.errors import Code, Problem, RequestRefused, shown, status
from services.directory.state.responses import Text

SCHEMA: Final = "/schema"
"""Served on the internal port alone."""
SCHEMA_PATHS: Final = (SCHEMA, f"{SCHEMA}/openapi.json")
LARGE_BODY_S_MAX: Final = 120.0
"""Ten megabytes at 0.7 Mbit/s, a slow uplink."""
LIMITS: Final = Limits(
    large={
        ("POST", "/uploads"): LargeBody(
            bytes_max=UPLOAD_BYTES_MAX, seconds_max=LARGE_BODY_S_MAX, is_json=False
        ),
        # Two thousand employees take 2 MB.
        ("PUT", "/office"): LargeBody(
            bytes_max=8 * 1024 * 1024, seconds_max=LARGE_BODY_S_MAX, items_max=250_000
        ),
    }
)


GATE: Final = "gate"
"""Where an application's state has its gate."""


def problem_of(exceeded: QuotaExceeded) -> Problem:
    """A quota that is used up, in the words of the errors' table."""
    return Problem(
        code=Code.TOO_MANY_REQUESTS,
        values={"seconds": str(exceeded.seconds)},
        texts={
            "what": Text(ru=exceeded.what.ru, en=exceeded.what.en),
            "limit": Text(ru=exceeded.limit.ru, en=exceeded.limit.en),
        },
    )


async def let_in(request: Request[Any, Any, Any], claims: Claims) -> None:
    """Check the quotas of a login or a program, before the database is asked. Raises QuotaExceeded."""
    gate: Gate = request.app.state[GATE]
    scope: Any = request.scope
    await gate.before_database(
        scope,
        organization_id=claims.organization_id,
        # Each refresh token of a login has an ending of its own.
        login=claims.family.partition(".")[0] or claims.token_id or claims.agent_id or "",
        quotas=quotas_of(request.route_handler.opt, request.method),
    )


def _refusal(exceeded: QuotaExceeded) -> bytes:
    return msgspec.json.encode(shown(problem_of(exceeded)))


def guarded(
    app: Litestar, authentication: Authentication, console_keys: Sequence[str], clock: Clock
) -> Guard:
    """The application within its limits, as the public port has it; `console_keys` sign clients' addresses.

    A large body needs a token of ours before its first byte is read; whether it still holds, and what it
    allows, is looked up by the route.
    """

    def admit(authorization: str | None) -> str:
        try:
            claims = authentication.claims(authorization, TokenUse.ACCESS, TokenUse.PROGRAM)
        except RequestRefused as refused:
            first, *more = refused.problems
            headers = [(b"www-authenticate", b"Bearer")] if status(first) == 401 else []
            raise NotAdmitted(status(first), headers, msgspec.json.encode(shown(first, *more))) from refused
        return claims.organization_id

    opened = ConsoleClients(with_door(app, app.state[GATE], _refusal), console_keys, clock)
    return Guard(opened, LIMITS, hidden=SCHEMA, admit=admit)
