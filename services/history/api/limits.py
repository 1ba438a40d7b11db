"""What the API takes: its bodies are a number or nothing."""

from typing import Final

import msgspec
from litestar import Litestar

from runtime.http_limits import Guard, Limits
from runtime.quotas import QuotaExceeded, with_door
from services.history.rules.errors import Code, Refused, Text

SCHEMA: Final = "/schema"
"""Served on the internal port alone."""
SCHEMA_PATHS: Final = (SCHEMA, f"{SCHEMA}/openapi.json")


GATE: Final = "gate"
"""Where an application's state has its gate."""


def refusal_of(exceeded: QuotaExceeded) -> Refused:
    """A quota that is used up, in the words of the errors' table."""
    return Refused(
        Code.TOO_MANY_REQUESTS,
        what=Text(ru=exceeded.what.ru, en=exceeded.what.en),
        limit=Text(ru=exceeded.limit.ru, en=exceeded.limit.en),
        seconds=str(exceeded.seconds),
    )


def _refusal(exceeded: QuotaExceeded) -> bytes:
    return msgspec.json.encode(refusal_of(exceeded).problem())


def guarded(app: Litestar) -> Guard:
    """The application within its limits, as the public port has it."""
    return Guard(with_door(app, app.state[GATE], _refusal), Limits(), hidden=SCHEMA)
