"""Names of the things that messages speak of.

Every id is a string chosen by its owner before anything is said about the thing, and derived from
the message that caused it, so that a repeated step names the same thing again.
"""

from typing import NewType

OrganizationId = NewType("OrganizationId", str)
PbxId = NewType("PbxId", str)
DepartmentId = NewType("DepartmentId", str)
AgentId = NewType("AgentId", str)
ScenarioId = NewType("ScenarioId", str)
NoticeId = NewType("NoticeId", str)
PlaceId = NewType("PlaceId", str)
TryId = NewType("TryId", str)
OfferId = NewType("OfferId", str)
CallbackId = NewType("CallbackId", str)
LegId = NewType("LegId", str)
PlayId = NewType("PlayId", str)
RecordingId = NewType("RecordingId", str)
BridgeId = NewType("BridgeId", str)
VoiceMessageId = NewType("VoiceMessageId", str)
TimerId = NewType("TimerId", str)

Address = NewType("Address", str)
"""Where a leg is dialled, as seen from the PBX that dials.

`sip:101` an extension of the dialling PBX; `pbx:volga/205` extension 205 of the PBX `volga`, reached
by an inter-PBX link; `tel:+79123456789` a public number (E.164).
"""

MediaKey = NewType("MediaKey", str)
"""Key of an object in the bucket: audio never travels on the log."""

Instant = NewType("Instant", int)
"""Milliseconds since 1970-01-01 UTC, by the log's clock."""
