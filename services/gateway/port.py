"""The adapter port: what a gateway asks of a PBX, and what a PBX tells.

A PBX is asked with the telephony commands themselves, and each request is answered by a `Replied` (which
may come late, twice, or never: the gateway asks again under the same number and the adapter does it once).
What an adapter must do by itself is telephony.md's wiring: a play interrupts hold music, which goes on
afterwards; plays of one leg follow one another, but one that `interrupts` ends those before it (each is told
as over, `ok` and `was_interrupted`) and is heard at once; a bridge ends plays and music; a recording ends on
hang-up, terminator, silence or its maximum. Instants are the adapter's clock in ms, durations are ms.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from contracts import caller_ids, telephony
from contracts.gateway import DeviceState
from contracts.ids import Address, BridgeId, Instant, LegId, PbxId, PlayId, RecordingId


class Result(StrEnum):
    """How a PBX answered a request; `gone` and `already` are normal answers."""

    DONE = "done"
    ALREADY = "already"
    GONE = "gone"
    REFUSED = "refused"


class Cause(StrEnum):
    """Why a recording was closed."""

    HANG_UP = "hang_up"
    TERMINATOR = "terminator"
    SILENCE = "silence"
    MAXIMUM = "maximum"
    STOPPED = "stopped"
    CUT_OFF = "cut_off"


class Happening(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="happening"):
    """Anything a PBX tells."""


class Replied(Happening, tag="replied", frozen=True, kw_only=True):
    """The answer to one request."""

    request: int
    result: Result
    reason: str = ""


class Arrived(Happening, tag="arrived", frozen=True, kw_only=True):
    """Somebody calls a line; `caller` None: withheld, in whatever words the network says so."""

    leg_id: LegId
    caller: str | None
    line: str
    is_internal: bool = False

    def __post_init__(self) -> None:
        """No adapter tells a word for «withheld» as a number, nor what could not be stored as text."""
        msgspec.structs.force_setattr(self, "caller", caller_ids.known(self.caller))


class Progressed(Happening, tag="progressed", frozen=True, kw_only=True):
    """A dialled phone gave a sign of life (`is_ringing`: it rings)."""

    leg_id: LegId
    is_ringing: bool = True


class PickedUp(Happening, tag="picked_up", frozen=True, kw_only=True):
    """A dialled phone was picked up, or an arrived call answered."""

    leg_id: LegId


class Ended(Happening, tag="ended", frozen=True, kw_only=True):
    """A leg is gone; `by_party` when the person did it, `code` as SIP has it (0: none)."""

    leg_id: LegId
    by_party: bool
    code: int = 0


class Pressed(Happening, tag="pressed", frozen=True, kw_only=True):
    """One key on a leg."""

    leg_id: LegId
    digit: str


class PlayEnded(Happening, tag="play_ended", frozen=True, kw_only=True):
    """A play is over; `ok` False when the media is missing or unfit."""

    leg_id: LegId
    play_id: PlayId
    ok: bool
    was_interrupted: bool = False


class Wired(Happening, tag="wired", frozen=True, kw_only=True):
    """Two legs hear each other."""

    bridge_id: BridgeId


class Unwired(Happening, tag="unwired", frozen=True, kw_only=True):
    """They no longer do."""

    bridge_id: BridgeId


class Sound(Happening, tag="sound", frozen=True, kw_only=True):
    """A piece of a recording, A-law at 8 kHz, from its byte `from_byte` on."""

    recording_id: RecordingId
    from_byte: int
    data: bytes


class RecordingClosed(Happening, tag="recording_closed", frozen=True, kw_only=True):
    """A recording is over, all of its sound was told; `bytes` is its length."""

    leg_id: LegId
    recording_id: RecordingId
    bytes: int
    cause: Cause


class Silent(Happening, tag="silent", frozen=True, kw_only=True):
    """No sound has come from a leg for a while."""

    leg_id: LegId


class DeviceSeen(Happening, tag="device_seen", frozen=True, kw_only=True):
    """A registered phone became something else."""

    address: Address
    state: DeviceState


class ExtensionFound(Happening, tag="extension_found", frozen=True, kw_only=True):
    """Whether the PBX has an extension."""

    extension: str
    exists: bool


class PbxGone(Happening, tag="pbx_gone", frozen=True, kw_only=True):
    """The adapter has lost its PBX."""


class LegSeen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A leg that the PBX has now; `caller` as of `Arrived`."""

    leg_id: LegId
    is_answered: bool
    is_arrived: bool
    since_at: Instant
    caller: str | None = None
    line: str = ""
    is_internal: bool = False
    is_ringing: bool = False
    ring_ms_max: int = 0

    def __post_init__(self) -> None:
        """As of `Arrived`: a call that came while the gateway was away is no different."""
        msgspec.structs.force_setattr(self, "caller", caller_ids.known(self.caller))


class RecordingSeen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A recording that the PBX still has: open, or closed and not yet released."""

    leg_id: LegId
    recording_id: RecordingId
    bytes: int
    cause: Cause | None = None


class PbxThere(Happening, tag="pbx_there", frozen=True, kw_only=True):
    """The adapter reaches its PBX (again): all that the PBX has now. Nothing older will be told."""

    legs: tuple[LegSeen, ...] = ()
    recordings: tuple[RecordingSeen, ...] = ()
    bridges: tuple[BridgeId, ...] = ()
    devices: tuple[DeviceSeen, ...] = ()


AnyHappening = (
    Replied
    | Arrived
    | Progressed
    | PickedUp
    | Ended
    | Pressed
    | PlayEnded
    | Wired
    | Unwired
    | Sound
    | RecordingClosed
    | Silent
    | DeviceSeen
    | ExtensionFound
    | PbxGone
    | PbxThere
)
"""The closed union, for dispatch and for decoding."""


AnyCommand = (
    telephony.AnswerLeg
    | telephony.RejectLeg
    | telephony.Play
    | telephony.StopPlay
    | telephony.StartHoldMusic
    | telephony.StopHoldMusic
    | telephony.CollectDigits
    | telephony.Record
    | telephony.StopRecording
    | telephony.DialLeg
    | telephony.CancelLeg
    | telephony.Bridge
    | telephony.Unbridge
    | telephony.HangUp
    | telephony.CheckExtension
)
"""Every telephony command, for dispatch and for decoding."""


class FetchSound(msgspec.Struct, frozen=True, kw_only=True, tag_field="request", tag="fetch_sound"):
    """Tell a recording's sound again from a byte on, and its closing if it is closed."""

    recording_id: RecordingId
    from_byte: int


class ReleaseRecording(msgspec.Struct, frozen=True, kw_only=True, tag_field="request", tag="release"):
    """The gateway has the whole recording: the PBX may forget it."""

    recording_id: RecordingId


Request = telephony.TelephonyCommand | FetchSound | ReleaseRecording


class Pbx(Protocol):
    """One PBX as a gateway sees it. No method waits: answers and happenings come by `take`."""

    pbx_id: PbxId

    def ask(self, number: int, request: Request) -> None:
        """Send a request; one while the PBX is away is dropped (the gateway asks again)."""

    def take(self) -> Sequence[AnyHappening]:
        """What was told since the last call, in order."""
