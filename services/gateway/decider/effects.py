"""The gateway's effects, which `activities` carries out in their order."""

import msgspec

from contracts.gateway import PbxFact
from contracts.ids import RecordingId
from services.gateway.port import Cause, Request


class Say(msgspec.Struct, frozen=True, kw_only=True):
    """Append a fact under this number; nothing later is sent before it is on the log."""

    seq: int
    fact: PbxFact
    cause: str = ""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """Send the PBX a request; a repeated number is the same request again."""

    number: int
    request: Request


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """The command with this reference is answered on the log: its offset may be committed."""

    ref: int


class FetchRecording(msgspec.Struct, frozen=True, kw_only=True):
    """Fetch from the PBX what the spool lacks of this recording.

    `is_awaited`: its leg is over, so the PBX should send all of it; one that never does is given up.
    """

    recording_id: RecordingId
    is_awaited: bool = False


class CloseRecording(msgspec.Struct, frozen=True, kw_only=True):
    """Close a recording in the spool; `bytes` is its full length, None closes it as it is."""

    recording_id: RecordingId
    bytes: int | None
    cause: Cause


class Superseded(msgspec.Struct, frozen=True, kw_only=True):
    """Another process has claimed the PBX: this machine says no more."""

    offset: int


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """Add one to a metric; `what` is its label."""

    what: str


Effect = Say | Ask | Settled | FetchRecording | CloseRecording | Superseded | Count
