"""What the phones did, as a gateway tells it.

A gateway numbers its facts per incarnation, which is the offset of its `pbx_claimed`: both stand in the
envelope, and a reader ignores what is not higher than the newest it has read for that PBX.
"""

from enum import StrEnum

from contracts.ids import Address, BridgeId, Instant, LegId, MediaKey, PbxId, PlayId, RecordingId
from contracts.message import Fact, Part


class Outcome(StrEnum):
    """How a leg ended; a closed set, computed in one function of the gateway."""

    COMPLETED = "completed"
    BUSY = "busy"
    DECLINED = "declined"
    NO_ANSWER = "no_answer"
    UNAVAILABLE = "unavailable"
    BAD_NUMBER = "bad_number"
    NO_CODEC = "no_codec"
    UNREACHABLE = "unreachable"
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"
    FAILED = "failed"


class EndedBy(StrEnum):
    """Who ended a leg: the person on it, we, or the network."""

    PARTY = "party"
    US = "us"
    NETWORK = "network"


class DeviceState(StrEnum):
    """What a PBX knows of a registered phone; `in_use` is any call, ours or not."""

    REACHABLE = "reachable"
    UNREACHABLE = "unreachable"
    IN_USE = "in_use"
    IDLE = "idle"


class PbxFact(Fact, frozen=True, kw_only=True):
    """Any fact of a gateway, about one PBX."""

    pbx_id: PbxId


class Answered(PbxFact, frozen=True, kw_only=True):
    """A gateway fact that may answer a command: whose (`source`) and which (`seq` of that stream)."""

    source: str = ""
    seq: int = 0


class PbxClaimed(PbxFact, tag="gateway.pbx_claimed", frozen=True, kw_only=True):
    """A gateway process takes a PBX; this record's offset is its incarnation."""

    claim: str


class PbxLost(PbxFact, tag="gateway.pbx_lost", frozen=True, kw_only=True):
    """The gateway cannot reach its PBX."""


class PbxReturned(PbxFact, tag="gateway.pbx_returned", frozen=True, kw_only=True):
    """The PBX is there again, with these legs; what it no longer has is reported ended separately."""

    live_legs: tuple[LegId, ...]


class CallArrived(PbxFact, tag="gateway.call_arrived", frozen=True, kw_only=True):
    """Somebody calls a line; the leg rings until it is answered. `caller` None: withheld."""

    leg_id: LegId
    caller: str | None
    line: str
    is_internal: bool = False


class LegRequested(Answered, tag="gateway.leg_requested", frozen=True, kw_only=True):
    """The gateway is about to dial a leg, once; appended before it does."""

    leg_id: LegId
    address: Address


class RecordingRequested(Answered, tag="gateway.recording_requested", frozen=True, kw_only=True):
    """The gateway is about to record, once; appended before it does."""

    leg_id: LegId
    recording_id: RecordingId


class LegRinging(PbxFact, tag="gateway.leg_ringing", frozen=True, kw_only=True):
    """A dialled phone rings."""

    leg_id: LegId


class LegAnswered(Answered, tag="gateway.leg_answered", frozen=True, kw_only=True):
    """A phone was picked up, or an arrived call answered by us."""

    leg_id: LegId


class DigitsEntered(PbxFact, tag="gateway.digits_entered", frozen=True, kw_only=True):
    """Keys pressed on a leg: one by one while nothing collects, or a collected string."""

    leg_id: LegId
    digits: str
    is_complete: bool = False


class PlayFinished(Answered, tag="gateway.play_finished", frozen=True, kw_only=True):
    """A play ended: `ok` False when the media was missing or unfit, or the leg was gone or in a bridge.

    `was_interrupted`: by a key, another play or a bridge; one for a leg in a bridge is not begun at all.
    """

    leg_id: LegId
    play_id: PlayId
    ok: bool
    was_interrupted: bool = False


class RecordingSpooled(PbxFact, tag="gateway.recording_spooled", frozen=True, kw_only=True):
    """A recording is closed in the gateway's spool and waits for S3.

    `is_cut_off`: the recorder died; what was on disk was closed into a playable file (EC-63).
    """

    leg_id: LegId
    recording_id: RecordingId
    bytes: int
    sha256: str
    duration_ms: int
    spool_url: str = ""
    is_cut_off: bool = False


class RecordingFinished(Answered, tag="gateway.recording_finished", frozen=True, kw_only=True):
    """The original is in S3, verified (`ok`), or there is none (`cause`)."""

    leg_id: LegId
    recording_id: RecordingId
    ok: bool
    key: MediaKey | None = None
    bytes: int = 0
    sha256: str = ""
    duration_ms: int = 0
    cause: str = ""
    is_cut_off: bool = False


class Bridged(Answered, tag="gateway.bridged", frozen=True, kw_only=True):
    """Two legs hear each other."""

    bridge_id: BridgeId
    legs: tuple[LegId, ...]


class Unbridged(Answered, tag="gateway.unbridged", frozen=True, kw_only=True):
    """They no longer do."""

    bridge_id: BridgeId
    legs: tuple[LegId, ...]


class MediaLost(PbxFact, tag="gateway.media_lost", frozen=True, kw_only=True):
    """No sound has come from a leg for a while."""

    leg_id: LegId


class LegEnded(Answered, tag="gateway.leg_ended", frozen=True, kw_only=True):
    """A leg is over: exactly once and last per leg."""

    leg_id: LegId
    outcome: Outcome
    by: EndedBy
    code: int = 0
    ring_ms: int = 0
    talk_ms: int = 0
    cause: str = ""


class DeviceChanged(PbxFact, tag="gateway.device_changed", frozen=True, kw_only=True):
    """A registered phone of this PBX became something else; `address` as dialled from this PBX."""

    address: Address
    state: DeviceState


class ExtensionChecked(Answered, tag="gateway.extension_checked", frozen=True, kw_only=True):
    """A PBX answered whether it has this extension."""

    extension: str
    exists: bool


TOO_LATE = "too_late"
"""Why a command is refused that came after its `not_after`; also the cause of the end of a leg that was not
dialled because of that. It is the system's fault, never the other side's."""


TOO_MANY_CALLS = "too_many_calls"
"""Why a dial over the public network is refused: the organization has all the calls that it may at once."""


class CommandRefused(Answered, tag="gateway.command_refused", frozen=True, kw_only=True):
    """The gateway did not do a command: too late, unknown leg, policy; `leg_id` when it was about one."""

    command: str
    reason: str
    leg_id: LegId | None = None


class CommandDone(Answered, tag="gateway.command_done", frozen=True, kw_only=True):
    """A command that has no fact of its own was carried out, or had been before."""

    command: str
    leg_id: LegId | None = None


class LiveLeg(Part, frozen=True, kw_only=True):
    """A leg that a PBX still has, for adoption after a restart."""

    leg_id: LegId
    is_answered: bool
    since_at: Instant
