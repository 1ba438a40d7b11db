"""What must hold of gateways, of one or of several that share the PBXs.

Each sentence yields its violations in words. The log tells what gateways said, and the PBXs what they did.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from contracts.gateway import (
    Answered,
    CallArrived,
    LegEnded,
    LegRequested,
    PbxLost,
    PbxReturned,
    RecordingFinished,
    RecordingRequested,
)
from contracts.message import type_name
from contracts.telephony import CancelLeg, HangUp, RejectLeg, TelephonyCommand
from devtools.invariants import Sentence, by_gateways, records_by_gateways
from services.gateway.activities.spool import HEADER_BYTES
from services.gateway.rules import PBX_AWAY_MS
from tests.sim.switchboard import Dialled
from tests.sim.world import Run


def every_command_is_answered_once(run: Run) -> Iterator[str]:
    """Also one that came while nobody had the PBX, or that its owner had begun: its sender waits (G2)."""
    sent = {
        (each.command.pbx_id, each.envelope.source, each.envelope.seq): type_name(each.command)
        for each in run.commands
        if isinstance(each.command, TelephonyCommand) and each.envelope.seq
    }
    answers = Counter(
        (fact.pbx_id, fact.source, fact.seq)
        for fact in by_gateways(run)
        if isinstance(fact, Answered) and fact.source
    )
    for (pbx_id, source, seq), command in sent.items():
        count = answers[pbx_id, source, seq]
        if count != 1:
            yield f"{command}, number {seq} of {source} to {pbx_id}, was answered {count} times"


def no_leg_is_dialled_by_two_gateways(run: Run) -> Iterator[str]:
    """Only the process whose request stands on the log dials; a successor finds it, and does not (G2)."""
    first: dict[str, Dialled] = {}
    for each in run.dialled_by:
        known = first.setdefault(each.leg_id, each)
        if known.process != each.process:
            yield f"{each.leg_id} was dialled by {known.process} and by {each.process}"


def nobody_is_dialled_who_was_given_up(run: Run) -> Iterator[str]:
    """A leg that its PBX did not have was told as lost, and perhaps dialled anew under another id (G2)."""
    ended = {
        said.fact.leg_id: said.at for said in records_by_gateways(run) if isinstance(said.fact, LegEnded)
    }
    for each in run.dialled_by:
        if ended.get(each.leg_id, each.at) < each.at:
            yield f"{each.leg_id} was dialled by {each.process} after its end"


def nobody_claims_a_pbx_that_is_anothers(run: Run) -> Iterator[str]:
    """A process that lost a share unnoticed may; one that was told takes the PBX from its owner (G2)."""
    yield from run.stolen


def no_talk_is_ended_by_a_gateway_that_lost_it(run: Run) -> Iterator[str]:
    """Who was away, or asleep, ends nobody's talk as unknown to it, or by a limit of its own (G3)."""
    at = {each.offset: each.at for each in run.facts}
    ordered: dict[str, int] = {}
    for sent in run.commands:
        if isinstance(sent.command, HangUp | CancelLeg | RejectLeg):
            ordered.setdefault(sent.command.leg_id, at.get(sent.envelope.cause_offset, 0))
    begun: dict[str, int] = {}
    ended: dict[str, int] = {}
    for said in records_by_gateways(run):
        match said.fact:
            case CallArrived() | LegRequested():
                begun.setdefault(said.fact.leg_id, said.at)
            case LegEnded():
                ended[said.fact.leg_id] = said.at
            case _:
                pass
    for each in run.hung_up:
        if ordered.get(each.leg_id, each.at) < each.at:
            continue
        if begun.get(each.leg_id, each.at) < each.at < ended.get(each.leg_id, each.at + 1):
            yield f"{each.leg_id} was hung up by {each.process}, which had lost the PBX"


def no_pbx_keeps_a_leg(run: Run) -> Iterator[str]:
    """A leg that nobody ends would cost money until the network gives it up (G3)."""
    for leg_id in run.remains.legs:
        yield f"the PBX still has the leg {leg_id}"


def every_recording_is_told_once(run: Run) -> Iterator[str]:
    """As stored or as missing, whoever had the PBX when it began, and when it ended (V8)."""
    requested: dict[str, None] = {}
    ends: Counter[str] = Counter()
    for fact in by_gateways(run):
        if isinstance(fact, RecordingRequested):
            requested[fact.recording_id] = None
        if isinstance(fact, RecordingFinished):
            ends[fact.recording_id] += 1
    for recording_id in requested:
        if ends[recording_id] != 1:
            yield f"the recording {recording_id} ended {ends[recording_id]} times"


def every_sound_of_a_pbx_is_in_s3(run: Run) -> Iterator[str]:
    """What a PBX has recorded is freed there only when all of it is stored (V7).

    What was given up while the PBX was away stays there, as the only copy (EC-63).
    """
    lost = {
        each.recording_id for each in by_gateways(run) if isinstance(each, RecordingFinished) and not each.ok
    }
    given_up = _given_up_while_away(run)
    for recording_id in run.remains.recordings:
        # In the mornings of one gateway, one that slept writes into the files of its successor, and both may
        # find one damaged. Several have volumes of their own.
        if (run.gateways > 1 and recording_id not in given_up) or recording_id not in lost:
            yield f"the PBX still has the recording {recording_id}"
    for fact in by_gateways(run):
        if not isinstance(fact, RecordingFinished) or not fact.ok:
            continue
        stored = run.remains.objects.get(fact.key or "")
        if stored is None:
            yield f"{fact.recording_id} was said to be in S3, and is not"
        elif not fact.is_cut_off and run.remains.sounds.get(fact.recording_id) not in (
            None,
            stored[HEADER_BYTES:],
        ):
            yield f"{fact.recording_id} in S3 is not what the PBX has recorded"


def _given_up_while_away(run: Run) -> set[str]:
    """Recordings that were told as lost when their PBX had been away for as long as one is waited for."""
    found: set[str] = set()
    away: dict[str, int] = {}
    for said in records_by_gateways(run):
        match said.fact:
            case PbxLost(pbx_id=pbx_id):
                away.setdefault(pbx_id, said.at)
            case PbxReturned(pbx_id=pbx_id):
                away.pop(pbx_id, None)
            case RecordingFinished(pbx_id=pbx_id, recording_id=recording_id, ok=False) if pbx_id in away:
                if said.at - away[pbx_id] >= PBX_AWAY_MS:
                    found.add(recording_id)
            case _:
                pass
    return found


SENTENCES_OF_GATEWAYS: Final[tuple[Sentence, ...]] = (
    every_command_is_answered_once,
    no_leg_is_dialled_by_two_gateways,
    nobody_is_dialled_who_was_given_up,
    nobody_claims_a_pbx_that_is_anothers,
    no_talk_is_ended_by_a_gateway_that_lost_it,
    no_pbx_keeps_a_leg,
    every_recording_is_told_once,
    every_sound_of_a_pbx_is_in_s3,
)
