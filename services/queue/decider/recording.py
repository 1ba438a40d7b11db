"""Recordings of conversations (R1): the caller is told before the bridge, and recording starts at the bridge.

A caller who could not be told is not recorded, nor is a call of an emergency service (G4).
"""

from contracts import dialling
from contracts.ids import BridgeId, Instant, PlayId, RecordingId
from contracts.prompts import Prompt
from contracts.telephony import Play, Record
from runtime.decision import NOTHING, Decision
from services.queue.rules import notice_media, ring_plans
from services.queue.state import QueueState
from services.queue.state.records import Place

RECORD_LATE_MS_MAX = 10_000
"""A recording that begins later than this would miss too much of the conversation."""


def is_wanted(state: QueueState, place: Place) -> bool:
    """Whether this call is recorded."""
    if not state.departments[place.department_id].saved.records_calls:
        return False
    policy = next(iter(state.organizations), None)
    region = "" if policy is None else policy.saved.dialling_policy.home_region
    return place.caller is None or not dialling.is_emergency(place.caller, region)


def notice_play_id(state: QueueState, place: Place, offer_id: str) -> PlayId | None:
    """The play that tells the caller of the recording; None: not recorded, or told already."""
    is_due = place.leg_id is not None and not place.is_told and is_wanted(state, place)
    return PlayId(f"{offer_id}.r") if is_due else None


def notice(state: QueueState, place: Place) -> tuple[Play, ...]:
    """Tell the caller now, interrupting announcements about a wait that has ended."""
    if place.leg_id is None or place.told_play_id is None:
        return ()
    play = Play(
        pbx_id=place.pbx_id,
        leg_id=place.leg_id,
        play_id=place.told_play_id,
        media=notice_media.standard(state, place, Prompt.CALL_RECORDED),
        interrupts=True,
    )
    return (play,)


def recording_id(state: QueueState, place: Place, bridge_id: BridgeId) -> RecordingId | None:
    """The id of the recording; None: not wanted, or the caller was not told."""
    return RecordingId(f"{bridge_id}.rec") if place.is_told and is_wanted(state, place) else None


def start(state: QueueState, place: Place, bridge_id: BridgeId) -> Decision:
    """Record both sides until the bridge ends; neither keys nor silence end the recording."""
    wanted = recording_id(state, place, bridge_id)
    if wanted is None or place.leg_id is None:
        return NOTHING
    command = Record(
        pbx_id=place.pbx_id,
        leg_id=place.leg_id,
        recording_id=wanted,
        duration_ms_max=ring_plans.CALL_MS_MAX,
        silence_ms_max=ring_plans.CALL_MS_MAX,
        terminators="",
        tone=False,
        not_after=Instant(state.now_at + RECORD_LATE_MS_MAX),
        bridge_id=bridge_id,
    )
    return Decision(commands=(command,))
