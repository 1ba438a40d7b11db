"""How `apply` writes: callbacks with their timers and stories, conversations, last words, counts.

Every timer of a callback is one, named CALLBACK_TIMER; the phase says what it is for.
"""

from enum import Enum
from typing import Any, Final

import msgspec

from contracts.ids import AgentId, CallbackId, Instant, LegId, PbxId, PlayId
from services.callback import rules
from services.callback.state import (
    NUMBER_PREFIX,
    ORGANIZATION,
    Asked,
    Callback,
    CallbackState,
    Farewell,
    Order,
    OrderCount,
    Phase,
    StoryLine,
)

CALLBACK_TIMER: Final = "callback"
ORDER_TIMER: Final = "order"
FAREWELL_TIMER: Final = "farewell"
LINE_TIMER: Final = "line"
POLICY_TIMER: Final = "policy"

ON_LINE: Final = "customer_on_line"
"""Why a callback expired whose customer was talking with us for too long after the deadline (C15)."""
LATE: Final = "apology_too_late"
"""Why a callback expired for whose apology no line was free in time (C4)."""
QUIET: Final = "quiet_hours"
"""Why a callback expired that quiet hours held back (C12)."""


def change(state: CallbackState, callback: Callback, **fields: Any) -> None:
    """Put a callback with other fields."""
    state.callbacks.put(msgspec.structs.replace(callback, **fields))


def wait(state: CallbackState, callback: Callback, due_ms: int | None) -> None:
    """Set a callback's timer, or drop it."""
    if due_ms is None:
        state.drop_timer(CALLBACK_TIMER, callback.callback_id)
    else:
        state.set_timer(CALLBACK_TIMER, callback.callback_id, Instant(state.now_at + due_ms))


def told(
    state: CallbackState,
    callback: Callback,
    what: str,
    *,
    agent_id: AgentId | None = None,
    leg_id: LegId | None = None,
    reason: str = "",
) -> Callback:
    """The callback with one more line in its story; beyond the maximum it is counted only (C13)."""
    if len(callback.story) >= rules.STORY_LINES_MAX:
        return msgspec.structs.replace(callback, story_left_out=callback.story_left_out + 1)
    line = StoryLine(state.now_at, what, agent_id, leg_id, reason)
    return msgspec.structs.replace(callback, story=(*callback.story, line))


def is_counted(callback: Callback) -> bool:
    """Whether the dial at hand counts as one: the gateway dialled it, or has refused us often enough."""
    is_requested = callback.customer is not None and callback.customer.is_requested
    return is_requested or callback.refusals >= rules.REFUSALS_MAX


def order_play_id(order: Order) -> PlayId:
    """The name of the next thing said in a conversation."""
    return PlayId(f"{order.leg_id}.order{order.plays + 1}")


def go_on(state: CallbackState, order: Order, **fields: Any) -> None:
    """The next step of a conversation: something is said, and an answer awaited."""
    fields.setdefault("play_id", order_play_id(order))
    state.orders.put(msgspec.structs.replace(order, plays=order.plays + 1, **fields))
    state.set_timer(ORDER_TIMER, order.leg_id, Instant(state.now_at + rules.ORDER_STEP_MS_MAX))


class Key(Enum):
    """What a key means while an order is read back."""

    NONE = "none"
    CANCEL = "cancel"
    CHANGE = "change"
    CLOSE = "close"


def key_pressed(state: CallbackState, order: Order, digits: str) -> Key:
    """«0» cancels (C9), «1» agrees, any other asks for another number (C1) as long as one may be given.

    Who only confirmed an earlier order changes nothing of it.
    """
    callback = None if order.callback_id is None else state.callbacks.get(order.callback_id)
    if not digits or callback is None:
        return Key.NONE
    if digits.endswith("0"):
        return Key.CANCEL
    is_own = callback.place_id == order.place_id and callback.phase is Phase.WAITING
    may_change = is_own and order.changes < rules.NUMBER_CHANGES_MAX
    return Key.CLOSE if digits.endswith("1") or not may_change else Key.CHANGE


def close_order(state: CallbackState, leg_id: LegId | None) -> None:
    """A conversation about an order is over, or not ours any more."""
    if leg_id is not None:
        state.orders.drop(leg_id)
        state.drop_timer(ORDER_TIMER, leg_id)


def farewell_play_id(leg_id: LegId) -> PlayId:
    """The name of the last thing said to an agent."""
    return PlayId(f"{leg_id}.farewell")


def take_leave(state: CallbackState, leg_id: LegId, pbx_id: PbxId) -> None:
    """An agent's leg is to hear a last word and to be hung up."""
    state.farewells.put(Farewell(leg_id, pbx_id, farewell_play_id(leg_id)))
    state.set_timer(FAREWELL_TIMER, leg_id, Instant(state.now_at + rules.FAREWELL_MS_MAX))


def can_start(callback: Callback) -> bool:
    """Whether an agent who is ready now begins an attempt."""
    return callback.phase is Phase.WAITING and callback.has_attempts_left


def count_order(state: CallbackState, key: str, window_ms: int) -> None:
    """Note one more order, and forget the instants that no limit looks at any more."""
    counted = state.counts.get(key)
    kept = () if counted is None else counted.taken_at
    kept = tuple(each for each in kept if each > state.now_at - window_ms)
    state.counts.put(OrderCount(key, (*kept, state.now_at)))


def count_number(state: CallbackState, number: str) -> None:
    """Note one more order to a number, and forget a few numbers whose day is over."""
    count_order(state, f"{NUMBER_PREFIX}{number}", rules.DAY_MS)
    for _ in range(rules.COUNTS_DROPPED_MAX):
        newest_at, key = state.numbers_by_age.peekitem(0)[0]
        if newest_at > state.now_at - rules.DAY_MS:
            return
        state.counts.drop(key)


def note_asked(state: CallbackState, callback_id: CallbackId) -> None:
    """An order of the API was answered; forget a few that nobody repeats any more."""
    state.asked.put(Asked(callback_id, state.now_at))
    for _ in range(rules.COUNTS_DROPPED_MAX):
        asked_at, oldest = state.asked_by_age.peekitem(0)[0]
        if asked_at > state.now_at - rules.ASKED_KEPT_MS:
            return
        state.asked.drop(oldest)


def orders_taken(state: CallbackState, key: str) -> tuple[Instant, ...]:
    """When orders were taken under this key."""
    counted = state.counts.get(key)
    return () if counted is None else counted.taken_at


ORGANIZATION_KEY: Final = ORGANIZATION


def department_key(department_id: str) -> str:
    """Under which a department's orders are counted."""
    return f"department/{department_id}"
