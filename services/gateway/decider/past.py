"""Rebuilding from our own facts on the log: the same words, read backwards into the leg table.

Facts of an incarnation older than the newest claim read so far are ignored, as every reader does.
"""

from contracts import gateway
from contracts.ids import Instant, LegId
from contracts.message import Fact
from services.gateway.decider.book import Book
from services.gateway.state import Answers, Leg, Phase, Recording, Wiring


def recall(book: Book, fact: Fact, at: Instant) -> None:
    """Fold one fact of a predecessor (or of our own earlier incarnation) into the book."""
    if isinstance(fact, gateway.Answered) and fact.source:
        answers = book.answers.setdefault((fact.source, book.organization_id), Answers())
        answers.start_at(fact.seq)
        answers.answer(fact.seq)
    match fact:
        case gateway.CallArrived() | gateway.LegRequested() | gateway.LegRinging() | gateway.LegAnswered():
            _recall_leg(book, fact, at)
        case gateway.LegEnded():
            _recall_end(book, fact, at)
        case gateway.PlayFinished():
            _recall_play(book, fact)
        case gateway.Bridged() | gateway.Unbridged():
            _recall_bridge(book, fact)
        case gateway.RecordingRequested() | gateway.RecordingSpooled() | gateway.RecordingFinished():
            _recall_recording(book, fact, at)
        case gateway.DeviceChanged():
            book.devices[fact.address] = fact.state
        case gateway.PbxLost():
            book.is_there = False
        case gateway.PbxReturned():
            book.is_there = None
        case _:
            # What has no lasting effect on legs, and what others say.
            pass


def _recall_end(book: Book, fact: gateway.LegEnded, at: Instant) -> None:
    leg = book.legs.get(fact.leg_id) or _new_leg(book, fact.leg_id, at, is_arrived=False)
    leg.phase = Phase.ENDED


def _recall_play(book: Book, fact: gateway.PlayFinished) -> None:
    leg = book.legs.get(fact.leg_id)
    if leg is not None:
        leg.played.add(fact.play_id)


def _new_leg(book: Book, leg_id: LegId, at: Instant, *, is_arrived: bool) -> Leg:
    leg = Leg(leg_id=leg_id, is_arrived=is_arrived, phase=Phase.REQUESTED, started_at=at)
    book.put_leg(leg)
    return leg


def _recall_leg(
    book: Book,
    fact: gateway.CallArrived | gateway.LegRequested | gateway.LegRinging | gateway.LegAnswered,
    at: Instant,
) -> None:
    is_arrived = isinstance(fact, gateway.CallArrived)
    leg = book.legs.get(fact.leg_id) or _new_leg(book, fact.leg_id, at, is_arrived=is_arrived)
    match fact:
        case gateway.CallArrived() | gateway.LegRinging():
            leg.phase, leg.ringing_at = max(leg.phase, Phase.RINGING), at
        case gateway.LegAnswered():
            leg.phase, leg.answered_at = max(leg.phase, Phase.ANSWERED), at
        case gateway.LegRequested():
            leg.address = fact.address


def _recall_bridge(book: Book, fact: gateway.Bridged | gateway.Unbridged) -> None:
    wiring = book.wirings.get(fact.bridge_id)
    if wiring is None:
        wiring = Wiring(bridge_id=fact.bridge_id, legs=fact.legs, is_wired=True)
        book.wirings[fact.bridge_id] = wiring
        for leg_id in fact.legs:
            if leg_id in book.legs:
                book.legs[leg_id].wirings.append(fact.bridge_id)
    if isinstance(fact, gateway.Unbridged):
        wiring.is_over = True


def _recall_recording(
    book: Book,
    fact: gateway.RecordingRequested | gateway.RecordingSpooled | gateway.RecordingFinished,
    at: Instant,
) -> None:
    recording = book.recordings.get(fact.recording_id)
    if recording is None:
        # Whether a predecessor had started it is unknown: it may have, so it is never started again.
        recording = Recording(recording_id=fact.recording_id, leg_id=fact.leg_id, is_started=True)
        book.recordings[fact.recording_id] = recording
        leg = book.legs.get(fact.leg_id) or _new_leg(book, fact.leg_id, at, is_arrived=False)
        leg.recordings.add(fact.recording_id)
    if isinstance(fact, gateway.RecordingSpooled):
        recording.is_spooled = True
    if isinstance(fact, gateway.RecordingFinished):
        recording.is_finished = True
