"""What the gateway wants done; the shell does it in this order."""

import msgspec

from contracts.gateway import PbxFact
from contracts.ids import RecordingId
from services.gateway.port import Cause, Request


class Say(msgspec.Struct, frozen=True, kw_only=True):
    """Append a fact under this number; nothing later is sent before it stands on the log."""

    seq: int
    fact: PbxFact
    cause: str = ""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """Ask the PBX; the same number means the same request again."""

    number: int
    request: Request


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """The command under this reference is answered, on the log: its offset may be committed."""

    ref: int


class FetchRecording(msgspec.Struct, frozen=True, kw_only=True):
    """The PBX has this recording: ask it for what the spool does not have."""

    recording_id: RecordingId


class CloseRecording(msgspec.Struct, frozen=True, kw_only=True):
    """Close a recording in the spool; `bytes` is its full length, None: whatever is there."""

    recording_id: RecordingId
    bytes: int | None
    cause: Cause


class Superseded(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody else has claimed the PBX: this machine is silent from now on."""

    offset: int


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """Something an operator watches: `what` is a metric's label."""

    what: str


Effect = Say | Ask | Settled | FetchRecording | CloseRecording | Superseded | Count
