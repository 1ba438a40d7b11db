"""A place's deadline: it acts as soon as nothing rings that may still be answered (Q5, C5, EC-13)."""

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
"""C15: a deadline that waits longer than this for another call of the customer leads to no apology."""


def apply_deadline(state: QueueState, due: TimerDue) -> None:
    """Nothing new is offered from here on."""
    place = state.places.get(due.subject)
    if place is not None:
        state.places.change(place, is_late=True)
        if place.callback_id is not None:
            state.set_timer("patience", place.place_id, Instant(place.deadline_at + PATIENCE_MS))


def late(state: QueueState, place: Place) -> NoAnswerReached | DeadlinePassed:
    """The deadline acts on a place for which nothing rings that may still be answered (EC-13, C5)."""
    if place.callback_id is None:
        return no_answer.reached(state, place, DivertReason.DEADLINE)
    return DeadlinePassed(
        place_id=place.place_id, callback_id=place.callback_id, deadline_at=place.deadline_at
    )


def nobody_can_come(state: QueueState, place: Place) -> NoAnswerReached:
    """With nobody who can come, a caller goes to the action at once; promised callbacks stand (Q6)."""
    return no_answer.reached(state, place, DivertReason.NOBODY_CAN_COME)


def apply_deadline_passed(state: QueueState, fact: DeadlinePassed) -> None:
    """A callback's place waits for callback's word."""
    place = state.places.get(fact.place_id)
    if place is None:  # there was no department to take it in
        return
    place_end.drop_timers(state, place)
    state.places.change(place, phase=Phase.EXPIRED)
