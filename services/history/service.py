"""The table of contents: what history hears and says, and what it is made of."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.history import (
    AccessRefused,
    CustomerErased,
    MessageCalledBack,
    MessageClaimed,
    MessageDeleted,
    MessageHeard,
    MessageRemoved,
    RecordingRemoved,
    WarningWanted,
)
from contracts.message import Message
from runtime.edge import Edge, EdgePorts, EdgeWork
from runtime.tokens import KEY_BYTES_MIN
from services.history.activities.asking import Askers
from services.history.activities.database import connected, migrate
from services.history.activities.erasing import Erasing
from services.history.activities.forgetting import Forgetting
from services.history.activities.messages import Messages
from services.history.activities.projecting import Projector, emptying
from services.history.activities.removing import Removing
from services.history.activities.sweeping import Sweeping
from services.history.activities.warning import Warnings
from services.history.api import app as api
from services.history.api.asked import Parts
from services.history.rules.projecting import HEARS as HEARD
from services.history.settings import Settings

SERVICE: Final = "history"
HEARS: Final[tuple[type[Message], ...]] = HEARD
SAYS: Final[tuple[type[Message], ...]] = (
    MessageHeard,
    MessageClaimed,
    MessageCalledBack,
    MessageDeleted,
    MessageRemoved,
    RecordingRemoved,
    AccessRefused,
    CustomerErased,
    WarningWanted,
)


def build(ports: EdgePorts, settings: Settings) -> EdgeWork:
    """Put the parts together; an unusable address of the database is said in the operator's words."""
    return _built(ports, settings, before=migrate)


def _built(
    ports: EdgePorts, settings: Settings, *, before: Callable[[AsyncEngine], Awaitable[None]]
) -> EdgeWork:
    assert ports.log is not None, "history keeps its own offsets, and needs the log itself"
    engine = connected(settings.history_database)
    key = settings.token_key.get_secret_value()
    if len(key.encode()) < KEY_BYTES_MIN:
        raise ValueError(f"set RINGBACK_TOKEN_KEY to the directory's key: {KEY_BYTES_MIN} bytes at least")
    projector = Projector(engine, ports.log, ports.clock, _token, before=before)
    askers = Askers(engine, ports.say, ports.clock, key, _token)
    messages = Messages(
        engine=engine, say=ports.say, blobs=ports.blobs, clock=ports.clock, askers=askers, tokens=_token
    )
    erasing = Erasing(engine=engine, clock=ports.clock, askers=askers, messages=messages)
    parts = Parts(engine=engine, askers=askers, messages=messages, erasing=erasing, clock=ports.clock)
    removing = Removing(engine=engine, say=ports.say, blobs=ports.blobs, clock=ports.clock)
    warnings = Warnings(engine=engine, say=ports.say, clock=ports.clock, is_ready=projector.is_ready)
    forgetting = Forgetting(engine=engine, clock=ports.clock)
    sweeping = Sweeping(
        rounds=(removing.round, warnings.round, forgetting.round),
        clock=ports.clock,
        every_s=settings.history_removals_s,
    )
    return EdgeWork(
        subscriptions=(),
        background=(projector.run, sweeping.run),
        on_stop=(projector.stop, engine.dispose),
        is_ready=projector.is_ready,
        api=api.build(parts, projector.is_ready),
    )


def _token() -> str:
    return secrets.token_hex(8)


def edge(arguments: Sequence[str]) -> Edge:
    """What to run: history; or, told to `rebuild`, history that makes its tables anew from the log first.

    A log that has lost its beginning to retention would not give back what is older: that takes
    `rebuild --from-oldest`. Anything else is refused in words.
    """
    if not arguments:
        return EDGE
    if list(arguments) not in (["rebuild"], ["rebuild", "--from-oldest"]):
        raise SystemExit("history: python -m services.history [rebuild [--from-oldest]]")
    may_lose = "--from-oldest" in arguments

    def build_anew(ports: EdgePorts, settings: Settings) -> EdgeWork:
        assert ports.log is not None
        return _built(ports, settings, before=emptying(ports.log, may_lose=may_lose))

    return Edge(name=SERVICE, build=build_anew, parts=PARTS)


PARTS: Final = ("s3",)
EDGE: Final = Edge(name=SERVICE, build=build, parts=PARTS)
