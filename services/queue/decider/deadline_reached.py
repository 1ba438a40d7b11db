"""A place's deadline: it acts as soon as no phone rings for the place (Q5, C5, EC-13)."""

from contracts.ids import Instant
from contracts.log import TimerDue
from contracts.queue import (
    DeadlinePassed,
    DivertReason,
    NoAnswerReached,
)
from services.queue.decider import no_answer, place_end
from services.queue.state import QueueState
from services.queue.state.records import Phase, Place

PATIENCE_MS = 15 * 60_000
"""C15: a deadline that has waited longer than this for another call of the customer leads to no apology."""


def apply_deadline(state: QueueState, due: TimerDue) -> None:
    """From now on the place is not offered again."""
    place = state.places.get(due.subject)
    if place is not None:
        state.places.change(place, is_late=True)
        if place.callback_id is not None:
            state.set_timer("patience", place.place_id, Instant(place.deadline_at + PATIENCE_MS))


def passed(state: QueueState, place: Place) -> NoAnswerReached | DeadlinePassed:
    """What the deadline leads to once no phone rings for the place (EC-13, C5)."""
    if place.callback_id is None:
        return no_answer.reached(state, place, DivertReason.DEADLINE)
    return DeadlinePassed(
        place_id=place.place_id, callback_id=place.callback_id, deadline_at=place.deadline_at
    )


def nobody_can_come(state: QueueState, place: Place) -> NoAnswerReached:
    """If nobody can come, a caller's no-answer action follows at once; promised callbacks stand (Q6)."""
    return no_answer.reached(state, place, DivertReason.NOBODY_CAN_COME)


def apply_deadline_passed(state: QueueState, fact: DeadlinePassed) -> None:
    """The place waits until callback ends it."""
    place = state.places.get(fact.place_id)
    if place is None:  # its department was unknown
        return
    place_end.drop_timers(state, place)
    state.places.change(place, phase=Phase.EXPIRED)
