"""What phones are asked to do; a gateway carries it out and answers with facts.

All ids are chosen by the sender before the command, and every command is idempotent per id. `not_after`
exists where lateness would hurt a person: dial, answer, play, record. Never on cancel, stop, unbridge
and hang up.
"""

from enum import StrEnum
from typing import Final

from contracts.addresses import is_public
from contracts.ids import (
    Address,
    BridgeId,
    Instant,
    LegId,
    MediaKey,
    OrganizationId,
    PbxId,
    PlayId,
    RecordingId,
)
from contracts.message import Command

SILENT_MS: Final = 5_000
"""An office's phone that says nothing for so long is dead; SIP's own timer is 32 s (RFC 3261 17.1.1.2)."""
SILENT_PUBLIC_MS: Final = 20_000
"""A mobile network looks for its phone first: ringing after 3 to 10 s is usual, and nothing comes before."""


def silent_ms_max(address: Address) -> int:
    """How long a dialled phone may give no sign of life before it counts as unreachable."""
    return SILENT_PUBLIC_MS if is_public(address) else SILENT_MS


class TelephonyCommand(Command, frozen=True, kw_only=True):
    """Any command to a PBX of one organization."""

    pbx_id: PbxId

    def key(self, organization_id: OrganizationId) -> str:
        """The key on the topic: an organization gives ids to its own PBXs, another one may have the same."""
        return f"{organization_id}/{self.pbx_id}"


class AnswerLeg(TelephonyCommand, tag="telephony.answer_leg", frozen=True, kw_only=True):
    """Pick up an arrived call."""

    leg_id: LegId
    not_after: Instant | None = None


class RejectReason(StrEnum):
    """What a rejected caller hears."""

    BUSY = "busy"
    DECLINED = "declined"
    UNAVAILABLE = "unavailable"


class RejectLeg(TelephonyCommand, tag="telephony.reject_leg", frozen=True, kw_only=True):
    """Do not pick up an arrived call."""

    leg_id: LegId
    reason: RejectReason


class Play(TelephonyCommand, tag="telephony.play", frozen=True, kw_only=True):
    """Play objects one after the other to a leg; with `barge_in` a key ends it early.

    Plays of a leg follow one another, unless one `interrupts`: it ends whatever plays on that leg and what
    waits behind it, and then it plays.
    """

    leg_id: LegId
    play_id: PlayId
    media: tuple[MediaKey, ...]
    barge_in: bool = False
    not_after: Instant | None = None
    interrupts: bool = False


class StopPlay(TelephonyCommand, tag="telephony.stop_play", frozen=True, kw_only=True):
    """End a play."""

    leg_id: LegId
    play_id: PlayId


class StartHoldMusic(TelephonyCommand, tag="telephony.start_hold_music", frozen=True, kw_only=True):
    """Let a leg hear music; a play interrupts it and it goes on afterwards."""

    leg_id: LegId


class StopHoldMusic(TelephonyCommand, tag="telephony.stop_hold_music", frozen=True, kw_only=True):
    """End the music of a leg."""

    leg_id: LegId


class CollectDigits(TelephonyCommand, tag="telephony.collect_digits", frozen=True, kw_only=True):
    """Gather keys on a leg into one `digits_entered` that is complete, empty when none came."""

    leg_id: LegId
    digits_max: int
    first_ms_max: int
    between_ms_max: int
    terminators: str = "#"


class Record(TelephonyCommand, tag="telephony.record", frozen=True, kw_only=True):
    """Record what is said on a leg; ends on hang-up, a terminator, silence, or the maximum.

    With `bridge_id` it is what both legs of that bridge say (R1), and ends with the bridge as well.
    """

    leg_id: LegId
    recording_id: RecordingId
    duration_ms_max: int
    silence_ms_max: int
    terminators: str = "#"
    tone: bool = True
    not_after: Instant | None = None
    bridge_id: BridgeId | None = None


class StopRecording(TelephonyCommand, tag="telephony.stop_recording", frozen=True, kw_only=True):
    """End a recording; what was said is kept."""

    leg_id: LegId
    recording_id: RecordingId


class DialLeg(TelephonyCommand, tag="telephony.dial_leg", frozen=True, kw_only=True):
    """Ring a phone.

    `display_name` (the department's) and `headers` (what the call is about) go to an office phone's screen,
    and never over the public network (G5).
    """

    leg_id: LegId
    address: Address
    caller_id: str
    ring_ms_max: int
    headers: dict[str, str] = {}
    not_after: Instant | None = None
    display_name: str = ""


class CancelLeg(TelephonyCommand, tag="telephony.cancel_leg", frozen=True, kw_only=True):
    """Stop ringing; a leg that was answered meanwhile is hung up, or left alone with `keeps_answered`.

    The latter is for a customer who picks up in the moment in which the agent goes: C7 wants a word there.
    With `is_answered_elsewhere` another phone of the same round was picked up, and this one notes no missed
    call (`Reason: SIP;cause=200`, RFC 3326).
    """

    leg_id: LegId
    keeps_answered: bool = False
    is_answered_elsewhere: bool = False


class Bridge(TelephonyCommand, tag="telephony.bridge", frozen=True, kw_only=True):
    """Let two legs hear each other."""

    bridge_id: BridgeId
    legs: tuple[LegId, LegId]


class Unbridge(TelephonyCommand, tag="telephony.unbridge", frozen=True, kw_only=True):
    """End that, keeping both legs."""

    bridge_id: BridgeId


class HangUp(TelephonyCommand, tag="telephony.hang_up", frozen=True, kw_only=True):
    """End a leg in whatever condition it is."""

    leg_id: LegId
    reason: str = ""


class CheckExtension(TelephonyCommand, tag="telephony.check_extension", frozen=True, kw_only=True):
    """Ask a PBX whether it has an extension."""

    extension: str
