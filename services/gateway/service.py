"""The gateway's table of contents: the messages it hears and says, and its parts."""

from typing import Final

import structlog

from contracts import gateway, telephony
from contracts.directory import OrganizationSaved, PbxSaved
from contracts.message import Message
from contracts.topics import FACTS, TELEPHONY
from runtime.edge import Edge, EdgePorts, EdgeWork, Subscription
from services.gateway.activities.pbx_registry import PbxRegistry
from services.gateway.activities.pbx_runner import MakeAdapter
from services.gateway.activities.spool import Spool
from services.gateway.api import SpoolApi
from services.gateway.settings import Settings
from services.gateway.simulated.tcp import TcpPbx

SERVICE: Final = "gateway"
SAYS: Final[tuple[type[gateway.PbxFact], ...]] = (
    gateway.PbxClaimed,
    gateway.PbxLost,
    gateway.PbxReturned,
    gateway.CallArrived,
    gateway.LegRequested,
    gateway.LegRinging,
    gateway.LegAnswered,
    gateway.DigitsEntered,
    gateway.PlayFinished,
    gateway.RecordingRequested,
    gateway.RecordingSpooled,
    gateway.RecordingFinished,
    gateway.Bridged,
    gateway.Unbridged,
    gateway.MediaLost,
    gateway.LegEnded,
    gateway.DeviceChanged,
    gateway.ExtensionChecked,
    gateway.CommandRefused,
    gateway.CommandDone,
)
COMMANDS: Final[tuple[type[Message], ...]] = (
    telephony.AnswerLeg,
    telephony.RejectLeg,
    telephony.Play,
    telephony.StopPlay,
    telephony.StartHoldMusic,
    telephony.StopHoldMusic,
    telephony.CollectDigits,
    telephony.Record,
    telephony.StopRecording,
    telephony.DialLeg,
    telephony.CancelLeg,
    telephony.Bridge,
    telephony.Unbridge,
    telephony.HangUp,
    telephony.CheckExtension,
)
log = structlog.get_logger(__name__)

COMMANDS_OPEN_MAX: Final = 10_000
"""Commands without an answer yet, mostly running plays: two for each leg of a large PBX."""


def adapter_at(address: str) -> MakeAdapter:
    """The adapter for an address of RINGBACK_PBXS; `tcp://` is a simulated PBX, today's only kind."""
    return lambda pbx_id, on_event: TcpPbx(pbx_id, address, on_event)


def build(ports: EdgePorts, settings: Settings) -> EdgeWork:
    """Build the parts: one spool, and a registry of PBXs that reads facts and commands."""
    try:
        spool = Spool(settings.spool)
    except OSError as error:
        raise SystemExit(
            f"{SERVICE}: the spool {settings.spool} can't be used ({error}): set RINGBACK_SPOOL"
        ) from error
    if not settings.pbxs:
        log.warning("gateway.no_pbx", remedy='set RINGBACK_PBXS, such as {"cloud": "tcp://127.0.0.1:5038"}')
    try:
        registry = PbxRegistry(
            settings.pbxs, adapter_at=adapter_at, ports=ports, spool=spool, spool_url=settings.spool_address
        )
    except ValueError as error:
        raise SystemExit(f"{SERVICE}: RINGBACK_PBXS: {error}") from error
    return EdgeWork(
        subscriptions=(
            Subscription(
                topic=FACTS,
                hears=(*SAYS, OrganizationSaved, PbxSaved),
                handle=registry.hear,
                concurrency_max=1,
                from_start=True,
            ),
            Subscription(
                topic=TELEPHONY, hears=COMMANDS, handle=registry.command, concurrency_max=COMMANDS_OPEN_MAX
            ),
        ),
        background=registry.background,
        on_stop=(registry.stop,),
        is_ready=lambda: registry.is_ready,
        routes=(("/spool", SpoolApi(spool.by_token)),),
    )


EDGE: Final = Edge(name=SERVICE, build=build, parts=("s3",))
