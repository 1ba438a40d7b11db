"""The adapter port: a gateway's requests to a PBX, and the PBX's events.

Requests are the telephony commands themselves. Each is answered by a `Replied`, which may come late, twice,
or never: the gateway repeats the request under the same number and the adapter carries it out once.
An adapter must do by itself what telephony.md calls wiring: a play interrupts hold music, which goes on
afterwards; plays of one leg follow one another, but one that `interrupts` ends those before it (each ends
`ok` and `was_interrupted`) and is heard at once; a bridge ends plays and music; a recording ends on hang-up,
terminator, silence or its maximum. Instants are the adapter's clock in ms; durations are ms.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Protocol

import msgspec

from contracts import telephony, withheld
from contracts.gateway import DeviceState
from contracts.ids import Address, BridgeId, Instant, LegId, PbxId, PlayId, RecordingId
from contracts.plain_text import cleaned


class Result(StrEnum):
    """How a PBX answered a request; `gone` and `already` are normal answers."""

    DONE = "done"
    ALREADY = "already"
    GONE = "gone"
    REFUSED = "refused"


class Lack(StrEnum):
    """What an adapter cannot do, since its PBX has no way to tell it: the gateway must do without."""

    SILENT = "silent"
    """It never says `Silent`: a leg whose phone went without a word ends when the PBX gives it up."""


class Cause(StrEnum):
    """Why a recording was closed."""

    HANG_UP = "hang_up"
    TERMINATOR = "terminator"
    SILENCE = "silence"
    MAXIMUM = "maximum"
    STOPPED = "stopped"
    CUT_OFF = "cut_off"


WORDS_LENGTH_MAX: Final = 128
"""Lines and reasons of a PBX are shorter; what a stranger writes there is cut."""


def _words(text: str) -> str:
    return cleaned(text)[:WORDS_LENGTH_MAX]


class PbxEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="happening"):
    """Anything that a PBX reports."""


class Replied(PbxEvent, tag="replied", frozen=True, kw_only=True):
    """The answer to one request."""

    request: int
    result: Result
    reason: str = ""

    def __post_init__(self) -> None:
        """Clean the PBX's own words, which people read: another machine may have written them."""
        msgspec.structs.force_setattr(self, "reason", _words(self.reason))


class Arrived(PbxEvent, tag="arrived", frozen=True, kw_only=True):
    """Somebody calls a line: both numbers as the trunk wrote them, `caller` None if withheld.

    Which numbers they are depends on the organization's region, which the gateway knows and no adapter does.
    """

    leg_id: LegId
    caller: str | None
    line: str
    is_internal: bool = False

    def __post_init__(self) -> None:
        """Turn a network's word for «withheld», and text that can't be stored, into None."""
        msgspec.structs.force_setattr(self, "caller", withheld.known(self.caller))
        msgspec.structs.force_setattr(self, "line", _words(self.line))


class Progressed(PbxEvent, tag="progressed", frozen=True, kw_only=True):
    """A dialled phone gave a sign of life. `is_ringing`: it rings (SIP's 180), else its network says 183."""

    leg_id: LegId
    is_ringing: bool = True


class PickedUp(PbxEvent, tag="picked_up", frozen=True, kw_only=True):
    """A dialled phone was picked up, or an arrived call answered."""

    leg_id: LegId


class Ended(PbxEvent, tag="ended", frozen=True, kw_only=True):
    """A leg is gone; `by_party` if the person ended it; `code` is SIP's, or 0."""

    leg_id: LegId
    by_party: bool
    code: int = 0


class Pressed(PbxEvent, tag="pressed", frozen=True, kw_only=True):
    """One key on a leg."""

    leg_id: LegId
    digit: str


class PlayEnded(PbxEvent, tag="play_ended", frozen=True, kw_only=True):
    """A play ended; `ok` is False if media is missing or unfit."""

    leg_id: LegId
    play_id: PlayId
    ok: bool
    was_interrupted: bool = False


class LegsBridged(PbxEvent, tag="wired", frozen=True, kw_only=True):
    """Two legs hear each other."""

    bridge_id: BridgeId


class LegsUnbridged(PbxEvent, tag="unwired", frozen=True, kw_only=True):
    """The two legs no longer hear each other."""

    bridge_id: BridgeId


class Sound(PbxEvent, tag="sound", frozen=True, kw_only=True):
    """A piece of a recording, A-law at 8 kHz, from its byte `from_byte` on."""

    recording_id: RecordingId
    from_byte: int
    data: bytes


class RecordingClosed(PbxEvent, tag="recording_closed", frozen=True, kw_only=True):
    """A recording is over and all its sound was sent; `bytes` is its length.

    `leg_id` is None if the adapter has started since the recording began.
    """

    leg_id: LegId | None = None
    recording_id: RecordingId
    bytes: int
    cause: Cause


class Silent(PbxEvent, tag="silent", frozen=True, kw_only=True):
    """No sound has come from a leg for a while."""

    leg_id: LegId


class DeviceSeen(PbxEvent, tag="device_seen", frozen=True, kw_only=True):
    """A registered phone changed its state."""

    address: Address
    state: DeviceState


class ExtensionFound(PbxEvent, tag="extension_found", frozen=True, kw_only=True):
    """Whether the PBX has an extension."""

    extension: str
    exists: bool


class PbxGone(PbxEvent, tag="pbx_gone", frozen=True, kw_only=True):
    """The adapter has lost its PBX."""


class LegSeen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A leg that the PBX has now; `caller` is as in `Arrived`."""

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
        """As in `Arrived`, for a call that came while the gateway was away."""
        msgspec.structs.force_setattr(self, "caller", withheld.known(self.caller))
        msgspec.structs.force_setattr(self, "line", _words(self.line))


class RecordingSeen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A recording that the PBX still has: open, or closed and not yet released.

    A PBX may know no more of it than its name.
    """

    recording_id: RecordingId
    leg_id: LegId | None = None
    bytes: int | None = None
    cause: Cause | None = None


class PbxThere(PbxEvent, tag="pbx_there", frozen=True, kw_only=True):
    """The adapter reaches its PBX (again): all that the PBX has now. No older event follows."""

    legs: tuple[LegSeen, ...] = ()
    recordings: tuple[RecordingSeen, ...] = ()
    bridges: tuple[BridgeId, ...] = ()
    devices: tuple[DeviceSeen, ...] = ()


AnyPbxEvent = (
    Replied
    | Arrived
    | Progressed
    | PickedUp
    | Ended
    | Pressed
    | PlayEnded
    | LegsBridged
    | LegsUnbridged
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
    """Send a recording's sound again from a byte on, and its closing if it is closed.

    An adapter that is sending it at the moment goes on, and answers `already`. Of an open recording it may
    send nothing.
    """

    recording_id: RecordingId
    from_byte: int


class ReleaseRecording(msgspec.Struct, frozen=True, kw_only=True, tag_field="request", tag="release"):
    """The whole recording is in S3, verified: the PBX may forget it."""

    recording_id: RecordingId


Request = telephony.TelephonyCommand | FetchSound | ReleaseRecording


class Pbx(Protocol):
    """One PBX as a gateway sees it. No method waits: replies and events come by `take`."""

    pbx_id: PbxId
    lacks: frozenset[Lack]

    def ask(self, number: int, request: Request) -> None:
        """Send a request; it is dropped while the PBX is away (the gateway repeats it)."""

    def take(self) -> Sequence[AnyPbxEvent]:
        """The events since the last call, in order."""
