"""The gateway's table of contents: the messages it hears and says, and its parts."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

import structlog

from contracts import gateway, telephony
from contracts.directory import OrganizationSaved, PbxSaved
from contracts.message import Message
from contracts.topics import FACTS, TELEPHONY
from runtime import plaintext
from runtime.edge import Edge, EdgePorts, EdgeWork, Subscription
from services.gateway.activities.pbx_registry import PbxRegistry
from services.gateway.activities.pbx_runner import MakeAdapter
from services.gateway.activities.spool import Spool
from services.gateway.api import MediaApi, SpoolApi
from services.gateway.asterisk import address as asterisk
from services.gateway.asterisk.adapter import AsteriskPbx
from services.gateway.asterisk.media import MediaFolder
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

EVERY_ADDRESS: Final = ("", "0.0.0.0", "::")  # noqa: S104  # compared with, not listened on


SUPPORTED: Final = (f"{asterisk.FORM} (Asterisk; or ari+https)", "tcp://host:port (simulated)")

IN_THE_CLEAR: Final = ("tcp", "ari+http")


def adapter_at(
    address: str, served: MediaFolder | None = None, *, allowed_to: Iterable[str] = ()
) -> MakeAdapter:
    """The adapter for an address of RINGBACK_PBXS, by its scheme; `served` is what `/media` serves.

    `allowed_to` names the parts to which wires may stay unencrypted. Raises ValueError, PlaintextRefused too,
    without the address.
    """
    parts = urlsplit(address)
    scheme = parts.scheme
    if scheme in IN_THE_CLEAR:
        plaintext.refuse(
            "pbx",
            [parts.hostname or ""],
            allowed_to=frozenset(allowed_to),
            remedy="set ari+https://… in RINGBACK_PBXS, with ca= for an authority of your own",
        )
    if scheme == "tcp":
        # A simulated PBX finds its media by itself.
        return lambda pbx_id, on_event, _: TcpPbx(pbx_id, address, on_event)
    if scheme in asterisk.SCHEMES:
        return lambda pbx_id, on_event, blobs: AsteriskPbx(pbx_id, address, on_event, blobs, served=served)
    raise ValueError(
        f"{scheme or 'an address without a scheme'} is no PBX; supported are {', '.join(SUPPORTED)}"
    )


def reachable_spool(settings: Settings) -> str:
    """The spool's address for voicemail, to which a token is appended.

    Raises ValueError, with what to set, if it leads nowhere or in the clear to another machine.
    """
    if not settings.spool_url and settings.internal_host in EVERY_ADDRESS:
        raise ValueError(
            f"RINGBACK_INTERNAL_HOST is {settings.internal_host}, which leads to no machine: set "
            "RINGBACK_SPOOL_URL to where voicemail reaches this gateway, such as https://gateway-0:8081"
        )
    found = urlsplit(settings.spool_address)
    if found.scheme != "https":
        plaintext.refuse(
            "spool",
            [found.hostname or ""],
            allowed_to=plaintext.allowed(settings.allow_plaintext_to),
            remedy="set RINGBACK_INTERNAL_CERTIFICATE and _KEY, and RINGBACK_SPOOL_URL to https://…",
        )
    return settings.spool_address


def build(ports: EdgePorts, settings: Settings) -> EdgeWork:
    """Build the parts: one spool, and a registry of PBXs that reads facts and commands."""
    try:
        spool = Spool(settings.spool)
    except OSError as error:
        raise SystemExit(
            f"{SERVICE}: the spool {settings.spool} can't be used ({error}): set RINGBACK_SPOOL"
        ) from error
    spool_address = reachable_spool(settings)
    if not settings.pbxs:
        log.warning(
            "gateway.no_pbx", remedy='set RINGBACK_PBXS, such as {"vostok/cloud": "tcp://127.0.0.1:5038"}'
        )
    media = MediaFolder(settings.spool / "media")
    allowed_to = plaintext.allowed(settings.allow_plaintext_to)
    try:
        registry = PbxRegistry(
            {name: address.get_secret_value() for name, address in settings.pbxs.items()},
            adapter_at=lambda address: adapter_at(address, media, allowed_to=allowed_to),
            ports=ports,
            spool=spool,
            spool_url=spool_address,
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
                topic=TELEPHONY,
                hears=COMMANDS,
                handle=registry.command,
                concurrency_max=COMMANDS_OPEN_MAX,
                # One organization's plays, each open until it ends, leave the others' calls alone.
                per_organization_max=COMMANDS_OPEN_MAX // 2,
                on_share=registry.own,
            ),
        ),
        background=registry.background,
        on_stop=(registry.stop,),
        is_ready=lambda: registry.is_ready,
        routes=(("/spool", SpoolApi(spool.opened)), ("/media", MediaApi(media.opened))),
    )


EDGE: Final = Edge(name=SERVICE, build=build, parts=("s3",), internal_wire="spool")
