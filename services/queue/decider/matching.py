"""What the state as a whole calls for, once nothing more follows from the fact that was heard.

First apologies are granted, then the deadlines act that waited for a ring or for a call of the customer, then
callers leave whom nobody can serve, then the earliest open place meets the agent it can have. Nothing else
offers a place or ends one by its deadline: what may not be offered yet is a condition of being *open* or
*free*, kept in the indexes.
"""

from itertools import islice
from typing import Final

from contracts.log import TimerDue
from contracts.queue import ApologyGranted, DeadlinePassed, NoAnswerReached, OfferMade
from runtime.decision import NOTHING, Decision
from services.queue.decider import customers, deadline, offering
from services.queue.state import QueueState

SETTLED_AT_ONCE_MAX: Final = 40
"""A step travels as one batch of a mebibyte, and an offer with its skipped agents has up to 12 KiB."""
Settled = OfferMade | NoAnswerReached | DeadlinePassed | ApologyGranted
SETTLED: Final = frozenset(Settled.__args__)


def settle(state: QueueState) -> Decision:
    """Say what is due; what does not fit into this step is said by the timer `serve`."""
    cause, count = state.settled
    room = SETTLED_AT_ONCE_MAX - (count if cause == state.cause else 0)
    if room <= 0:
        return NOTHING
    facts: tuple[Settled, ...] = ()
    if state.grantable:
        facts = tuple(customers.granted(state, each) for each in sorted(state.grantable)[:1])
    elif state.late:
        facts = tuple(deadline.late(state, state.places[each]) for each in sorted(state.late)[:room])
    elif state.unserved:
        facts = tuple(
            deadline.nobody_can_come(state, place) for place in islice(state.callers_unserved(), room)
        )
    if not facts and (touched := state.touched_servable()):
        facts = offering.made(state, touched, room)
    return Decision(facts=facts) if facts else NOTHING


def count(state: QueueState) -> None:
    """One more was settled in this step: from the limit on the timer `serve` goes on."""
    cause, said = state.settled
    state.settled = (state.cause, said + 1 if cause == state.cause else 1)
    if state.settled[1] == SETTLED_AT_ONCE_MAX:
        state.set_timer("serve", "rest", state.now_at)


def apply_serve(state: QueueState, due: TimerDue) -> None:
    """Go on with what did not fit into one step."""
    for department_id in state.servable:
        state.touch(department_id)
