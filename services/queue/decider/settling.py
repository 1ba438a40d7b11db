"""What the state as a whole calls for, once nothing more follows from the consumed fact.

First apologies are granted. Then deadlines act that waited for a ring or for a call of the customer. Then
callers whom nobody can serve go to their no-answer action. Then the earliest open place is offered to a free
agent. Nothing else offers a place or ends one by its deadline; whatever forbids an offer is a condition of
the indexes of *open* places and *free* agents.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from contracts.ids import DepartmentId
from contracts.log import TimerDue
from contracts.queue import ApologyGranted, DeadlinePassed, NoAnswerReached, OfferMade
from runtime.decision import NOTHING, Decision
from services.queue.decider import customers, deadline_reached, offering
from services.queue.state import QueueState
from services.queue.state.records import Place

SETTLED_AT_ONCE_MAX: Final = 40
"""A step travels as one batch of a mebibyte, and an offer with its skipped agents has up to 12 KiB."""
Settled = OfferMade | NoAnswerReached | DeadlinePassed | ApologyGranted
SETTLED: Final = frozenset(Settled.__args__)


def settle(state: QueueState) -> Decision:
    """Decide what is due; the timer `serve` goes on with what does not fit into this step."""
    if not (state.touched or state.grantable or state.late or state.unserved):
        return NOTHING
    cause, count = state.settled
    left = SETTLED_AT_ONCE_MAX - (count if cause == state.cause else 0)
    if left <= 0:
        return NOTHING
    facts: tuple[Settled, ...] = ()
    if state.grantable:
        facts = tuple(customers.granted(state, each) for each in sorted(state.grantable)[:1])
    elif state.late:
        facts = tuple(
            deadline_reached.passed(state, state.places[each]) for each in sorted(state.late)[:left]
        )
    elif state.unserved:
        facts = tuple(
            deadline_reached.nobody_can_come(state, place) for place in islice(_callers_unserved(state), left)
        )
    if not facts and (touched := _touched_servable(state)):
        facts = offering.due_offers(state, touched, left)
    return Decision(facts=facts) if facts else NOTHING


def _callers_unserved(state: QueueState) -> Iterator[Place]:
    """Callers on the line to whom nobody can come, and for whom no phone rings."""
    for department_id in sorted(state.unserved):
        for rank in state.live[department_id]:
            place = state.places[rank[2]]
            if not place.offers and not place.is_ordering and not place.is_joining:
                yield place


def _touched_servable(state: QueueState) -> tuple[DepartmentId, ...]:
    """Touched departments in which there are both open places and free agents."""
    if not state.touched:
        return ()
    return tuple(each for each in sorted(state.touched) if each in state.servable)


def count(state: QueueState) -> None:
    """Count what this step settled; at the limit set the timer `serve`."""
    cause, said = state.settled
    state.settled = (state.cause, said + 1 if cause == state.cause else 1)
    if state.settled[1] == SETTLED_AT_ONCE_MAX:
        state.set_timer("serve", "rest", state.now_at)


def apply_serve(state: QueueState, due: TimerDue) -> None:
    for department_id in state.servable:
        state.touch(department_id)
