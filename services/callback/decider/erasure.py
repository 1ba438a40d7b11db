"""Erasure of a customer (V6): open callbacks to the number end, and nothing here holds it any more.

A callback that is open is cancelled with the reason *erased*. Two who are talking, or a voice message that is
being recorded, are not cut off: their callback goes on without the number. A conversation about an order goes
back to queue, whose caller has no number from then on.

Queue may hear of the erasure later, and tell of an earlier key or of a caller who left with the number: it is
read as withheld (`is_erased`).
"""

from msgspec import structs

from contracts import callback as said
from contracts.erasure import counted
from contracts.history import CustomerErased
from contracts.ids import Instant
from runtime import erased_numbers
from runtime.decision import Decision, together
from services.callback.decider import cancellation, order_limits
from services.callback.decider.story import with_line
from services.callback.state import CallbackState, Erasure
from services.callback.state.records import Phase

ERASED = "erased"


def apply_erased(state: CallbackState, fact: CustomerErased) -> None:
    """Forget the number, and note for this step what must be ended."""
    orders = tuple(
        each for each in state.orders if fact.number in (each.number, state.canonical(each.caller))
    )
    for order in orders:
        state.orders.change(order, caller=None, number="")
    found = tuple(each for each in state.callbacks if each.number == fact.number)
    for callback in found:
        # An agent can still say of a talk that nobody was reached (C13): no other attempt follows then.
        is_together = callback.phase in cancellation.COMING_TOGETHER | {Phase.TALKING}
        noted = with_line(state, callback, "cancel_asked", reason=ERASED)
        asked = ERASED if is_together else callback.cancel_asked
        state.callbacks.change(structs.replace(noted, number=""), cancel_asked=asked)
    erased_numbers.note(state.erased_numbers, fact.number, state.now_at)
    state.erasing = Erasure(
        cause=state.cause,
        order_legs=tuple(each.leg_id for each in orders),
        callbacks=tuple(each.callback_id for each in found),
        counts=order_limits.forget_number(state, fact.number),
    )


def is_erased(state: CallbackState, caller: str | None, joined_at: Instant | None) -> bool:
    """Whether this caller's number was erased after the caller had joined."""
    return erased_numbers.is_erased(state.erased_numbers, state.canonical(caller), joined_at)


def decide_erased(state: CallbackState, fact: CustomerErased) -> Decision:
    """End what is open, and answer for it."""
    found = state.erasing
    assert found is not None, "apply has noted it in the same step"
    assert found.cause == state.cause, "apply has noted it in the same step"
    ended = [cancellation.withdrawn(state, callback_id, ERASED) for callback_id in found.callbacks]
    left = [_left(state, leg_id) for leg_id in found.order_legs]
    answer = said.NumberErased(
        erasure_id=fact.erasure_id,
        erased=counted(
            callbacks=len(found.callbacks), orders=len(found.order_legs), order_counts=found.counts
        ),
    )
    answered = Decision(facts=(answer,)) if fact.erasure_id else Decision()
    return together((*ended, *left, answered))


def _left(state: CallbackState, leg_id: str) -> Decision:
    """A conversation that has no order yet goes back to queue."""
    order = state.orders.get(leg_id)
    if order is None or order.callback_id is not None or order.is_accepted:
        return Decision()
    return Decision(facts=(said.OrderAbandoned(place_id=order.place_id, leg_id=order.leg_id),))
