"""Facts about agents, kept so that «why did I wait?» can be answered for any second (H7).

Each change is one row: its subject, its kind, the fact. Of each kind and subject the latest row before an
instant holds then; `wait_explanation` puts them together.
"""

from enum import StrEnum
from typing import Final

import msgspec

from contracts import directory, gateway, queue
from contracts.codec import encode
from contracts.ids import Instant
from contracts.message import Fact


class ChangeKind(StrEnum):
    """What a change is about."""

    CARD = "card"
    HOURS = "hours"
    PAUSE = "pause"
    OFFER = "offer"
    CALL = "call"
    WRAP_UP = "wrap_up"
    DEVICE = "device"
    PBX = "pbx"
    SEATS = "seats"


class AgentChange(msgspec.Struct, frozen=True, kw_only=True):
    """One change: `subject` is an agent, a PBX, a department or a phone; `document` is the fact."""

    kind: ChangeKind
    subject: str
    offset: int
    at: Instant
    type: str
    document: str


_BY_AGENT: Final[dict[type[Fact], ChangeKind]] = {
    directory.AgentSaved: ChangeKind.CARD,
    directory.AgentAvailabilitySaved: ChangeKind.HOURS,
    directory.AgentPauseSaved: ChangeKind.PAUSE,
    queue.OfferMade: ChangeKind.OFFER,
    queue.FallbackRung: ChangeKind.OFFER,
    queue.OfferAccepted: ChangeKind.OFFER,
    queue.OfferDeclined: ChangeKind.OFFER,
    queue.OfferMissed: ChangeKind.OFFER,
    queue.OfferUnreachable: ChangeKind.OFFER,
    queue.OfferWithdrawn: ChangeKind.OFFER,
    queue.AgentBusy: ChangeKind.CALL,
    queue.AgentFreed: ChangeKind.CALL,
    queue.WrapUpStarted: ChangeKind.WRAP_UP,
    directory.AgentWrapUpSaved: ChangeKind.WRAP_UP,
}
_BY_PBX: Final = (gateway.PbxLost, gateway.PbxReturned)
_BY_QUEUE: Final = (queue.PbxAway, queue.PbxBack)
_BY_MISSES: Final = (queue.AgentPaused, queue.AgentResumed)
CHANGES: Final[tuple[type[Fact], ...]] = (
    *_BY_AGENT,
    *_BY_PBX,
    *_BY_QUEUE,
    *_BY_MISSES,
    gateway.DeviceChanged,
    directory.DepartmentSaved,
)
"""Every fact that changes which agents can be offered a place."""


def changes(fact: Fact, *, at: Instant, offset: int) -> list[AgentChange]:
    """The change that a fact makes, if any."""
    kind = _BY_AGENT.get(type(fact))
    if kind is not None:
        return [_change(kind, str(getattr(fact, "agent_id", "")), fact, at, offset)]
    if isinstance(fact, _BY_PBX):
        return [_change(ChangeKind.PBX, fact.pbx_id, fact, at, offset)]
    # A subject of its own: the queue's word on a PBX or a pause holds beside the gateway's or a person's.
    if isinstance(fact, _BY_QUEUE):
        return [_change(ChangeKind.PBX, f"{fact.pbx_id}|queue", fact, at, offset)]
    if isinstance(fact, _BY_MISSES):
        return [_change(ChangeKind.PAUSE, f"{fact.agent_id}|queue", fact, at, offset)]
    if isinstance(fact, gateway.DeviceChanged):
        return [_change(ChangeKind.DEVICE, phone_key(fact.pbx_id, fact.address), fact, at, offset)]
    if isinstance(fact, directory.DepartmentSaved):
        return [_change(ChangeKind.SEATS, fact.department_id, fact, at, offset)]
    return []


def phone_key(pbx_id: str, address: str) -> str:
    """The key of a registered phone: its PBX and its address there."""
    return f"{pbx_id}|{address}"


def _change(kind: ChangeKind, subject: str, fact: Fact, at: Instant, offset: int) -> AgentChange:
    return AgentChange(
        kind=kind,
        subject=subject,
        offset=offset,
        at=at,
        type=str(fact.__struct_config__.tag),
        document=encode(fact).decode(),
    )
