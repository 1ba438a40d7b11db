"""Phones that obey at once: each command of the queue, and the facts that follow from it."""

from collections.abc import Iterator
from enum import Enum

from contracts.gateway import (
    Bridged,
    CommandDone,
    EndedBy,
    LegAnswered,
    LegEnded,
    LegRequested,
    LegRinging,
    Outcome,
    PlayFinished,
)
from contracts.message import Command, Fact, type_name
from contracts.telephony import (
    AnswerLeg,
    Bridge,
    CancelLeg,
    DialLeg,
    HangUp,
    Play,
    StartHoldMusic,
    StopPlay,
)


class Ring(Enum):
    """What a dialled phone does."""

    ANSWERED = "answered"
    MISSED = "missed"
    GOES_ON = "goes_on"
    """The phone rings until another one answers and it is cancelled."""


def answers(command: Command, ring: Ring = Ring.ANSWERED) -> Iterator[Fact]:
    """What a gateway says after carrying a command out."""
    match command:
        case AnswerLeg():
            yield LegAnswered(pbx_id=command.pbx_id, leg_id=command.leg_id)
        case Play():
            yield PlayFinished(pbx_id=command.pbx_id, leg_id=command.leg_id, play_id=command.play_id, ok=True)
        case DialLeg():
            yield LegRequested(pbx_id=command.pbx_id, leg_id=command.leg_id, address=command.address)
            yield LegRinging(pbx_id=command.pbx_id, leg_id=command.leg_id)
            if ring is Ring.ANSWERED:
                yield LegAnswered(pbx_id=command.pbx_id, leg_id=command.leg_id)
            elif ring is Ring.MISSED:
                yield ended(command, Outcome.NO_ANSWER, by=EndedBy.NETWORK)
        case CancelLeg():
            yield ended(command, Outcome.CANCELLED, by=EndedBy.US)
        case HangUp():
            yield ended(command, Outcome.COMPLETED, by=EndedBy.US)
        case Bridge():
            yield Bridged(pbx_id=command.pbx_id, bridge_id=command.bridge_id, legs=command.legs)
        case StartHoldMusic() | StopPlay():
            yield CommandDone(pbx_id=command.pbx_id, command=type_name(command), leg_id=command.leg_id)
        case _:
            raise AssertionError(f"the queue has never said this before: {command}")


def ended(command: CancelLeg | DialLeg | HangUp, outcome: Outcome, *, by: EndedBy) -> LegEnded:
    """The fact that a leg ended."""
    return LegEnded(pbx_id=command.pbx_id, leg_id=command.leg_id, outcome=outcome, by=by)
