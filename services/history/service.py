"""The table of contents: what history hears and says, and how its parts are put together."""

import secrets
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.history import (
    Accessed,
    AccessRefused,
    CustomerErased,
    MessageCalledBack,
    MessageClaimed,
    MessageDeleted,
    MessageHeard,
    MessageNoted,
    MessageRemoved,
    MessageRestored,
    MessageUnclaimed,
    RecordingRemoved,
    WarningWanted,
)
from contracts.ids import OrganizationId
from contracts.message import Message
from runtime import plaintext
from runtime.edge import Check, Edge, EdgePorts, EdgeWork
from runtime.lack import Lack
from runtime.quotas import Quotas
from runtime.token_keys import KeyHolder
from services.history.activities import database
from services.history.activities.audio_retention import AudioRetention
from services.history.activities.authentication import Authentication
from services.history.activities.database import connected, migrate
from services.history.activities.erasure import Erasure
from services.history.activities.live_feed import LiveFeed
from services.history.activities.live_wakeups import LiveWakeups
from services.history.activities.own_feed import OwnFeed
from services.history.activities.projector import Projector
from services.history.activities.rebuild import prepared_rebuild
from services.history.activities.retention_warnings import RetentionWarnings
from services.history.activities.row_retention import RowRetention
from services.history.activities.sweeper import Sweeper
from services.history.activities.voice_messages import VoiceMessages
from services.history.api import app as api
from services.history.api.limits import SCHEMA_PATHS, guarded
from services.history.api.requests import Parts
from services.history.rules.projection_batch import HEARS as HEARD
from services.history.settings import Settings

SERVICE: Final = "history"
HEARS: Final[tuple[type[Message], ...]] = HEARD
SAYS: Final[tuple[type[Message], ...]] = (
    MessageHeard,
    MessageClaimed,
    MessageUnclaimed,
    MessageNoted,
    MessageCalledBack,
    MessageDeleted,
    MessageRestored,
    MessageRemoved,
    RecordingRemoved,
    AccessRefused,
    Accessed,
    CustomerErased,
    WarningWanted,
)


def build(ports: EdgePorts, settings: Settings) -> EdgeWork:
    """Put the parts together. Raises ValueError, in words for the operator, when a setting can't be used."""
    return _built(ports, settings, before=migrate)


def _built(
    ports: EdgePorts, settings: Settings, *, before: Callable[[AsyncEngine], Awaitable[None]]
) -> EdgeWork:
    assert ports.log is not None, "history keeps its own offsets, and needs the log itself"
    engine = connected(
        settings.history_database.get_secret_value(), plaintext.allowed(settings.allow_plaintext_to)
    )
    keys = KeyHolder(settings.verifying_keys())
    authentication = Authentication(engine, ports.say, ports.clock, keys, _token)
    live = LiveFeed(engine=engine, clock=ports.clock, authentication=authentication)
    own = OwnFeed(engine=engine, clock=ports.clock, authentication=authentication, live=live)

    def wake(organization_id: OrganizationId) -> None:
        live.wake(organization_id)
        own.wake(organization_id)

    wakeups = LiveWakeups(engine=engine, clock=ports.clock, wake=wake)
    projector = Projector(engine, ports.log, ports.clock, _token, before=before, on_live=wake)
    messages = VoiceMessages(
        engine=engine,
        say=ports.say,
        blobs=ports.blobs,
        clock=ports.clock,
        authentication=authentication,
        tokens=_token,
    )
    erasure = Erasure(engine=engine, clock=ports.clock, authentication=authentication, messages=messages)
    parts = Parts(
        engine=engine,
        authentication=authentication,
        messages=messages,
        erasure=erasure,
        live=live,
        own=own,
        clock=ports.clock,
    )
    audio_retention = AudioRetention(engine=engine, say=ports.say, blobs=ports.blobs, clock=ports.clock)
    warnings = RetentionWarnings(engine=engine, say=ports.say, clock=ports.clock, is_ready=projector.is_ready)
    row_retention = RowRetention(engine=engine, clock=ports.clock)
    sweeper = Sweeper(
        sweeps=(
            audio_retention.sweep,
            warnings.sweep,
            row_retention.sweep,
            authentication.trail.say_counted,
        ),
        clock=ports.clock,
        every_s=settings.history_removals_s,
    )
    app = api.build(parts, projector.is_ready, Quotas(settings.quota_factor))
    return EdgeWork(
        subscriptions=(),
        background=(projector.run, sweeper.run, wakeups.run),
        before_stop=(live.end_streams, own.end_streams),
        on_stop=(projector.stop, own.stop, live.stop, engine.dispose),
        is_ready=projector.is_ready,
        routes=tuple((path, app) for path in SCHEMA_PATHS),
        api=guarded(app),
        rereads={"RINGBACK_TOKEN_PUBLIC_KEYS": keys.read_again},
    )


def _token() -> str:
    return secrets.token_hex(8)


def edge(arguments: Sequence[str]) -> Edge:
    """The edge to run: history, or with `rebuild` history that first rebuilds its tables from the log.

    Where retention has taken the log's beginning, older rows would be lost: that needs
    `rebuild --from-oldest`. Any other argument ends the process with the usage.
    """
    if not arguments:
        return EDGE
    if list(arguments) not in (["rebuild"], ["rebuild", "--from-oldest"]):
        raise SystemExit("history: python -m services.history [rebuild [--from-oldest]]")
    may_lose = "--from-oldest" in arguments

    def build_anew(ports: EdgePorts, settings: Settings) -> EdgeWork:
        assert ports.log is not None
        return _built(ports, settings, before=prepared_rebuild(ports.log, may_lose=may_lose))

    return Edge(name=SERVICE, build=build_anew, parts=PARTS, own_parts=OWN_PARTS)


def _database(settings: Settings) -> Coroutine[Any, Any, Lack | None]:
    allowed_to = plaintext.allowed(settings.allow_plaintext_to)
    return database.lack(settings.history_database.get_secret_value(), allowed_to)


PARTS: Final = ("s3",)
OWN_PARTS: Final[dict[str, Check]] = {database.DATABASE: _database}
EDGE: Final = Edge(name=SERVICE, build=build, parts=PARTS, own_parts=OWN_PARTS)
