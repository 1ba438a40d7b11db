"""How many orders are taken (C10): counted per number, per department and in all, by the log's time."""

from contracts.dialling import Refusal
from contracts.ids import CallbackId, DepartmentId, Instant
from services.callback import rules
from services.callback.state import NUMBER_PREFIX, ORGANIZATION, CallbackState, OrderCount, WebOrder


def refusal(state: CallbackState, department_id: DepartmentId, number: str) -> Refusal | None:
    """Why one more order is too many, or None."""
    return rules.limit_refusal(
        state.policy(),
        state.now_at,
        of_number=_taken_at(state, _number_key(number)),
        of_department=_taken_at(state, _department_key(department_id)),
        of_organization=_taken_at(state, ORGANIZATION),
    )


def number_refusal(state: CallbackState, number: str) -> Refusal | None:
    """Why one more order to this number is too many, or None: an order that stands gets another number."""
    return rules.number_refusal(state.policy(), state.now_at, _taken_at(state, _number_key(number)))


def count(state: CallbackState, department_id: DepartmentId, number: str) -> None:
    """Count one more order."""
    count_number(state, number)
    _count(state, _department_key(department_id), rules.MINUTE_MS)
    _count(state, ORGANIZATION, rules.MINUTE_MS)


def count_number(state: CallbackState, number: str) -> None:
    """Count one more order to a number, and drop a few counts that are older than a day."""
    _count(state, _number_key(number), rules.DAY_MS)
    for _ in range(rules.COUNTS_DROPPED_MAX):
        newest_at, key = state.numbers_by_age.peekitem(0)[0]
        if newest_at > state.now_at - rules.DAY_MS:
            return
        state.counts.drop(key)


def note_web_order(state: CallbackState, callback_id: CallbackId) -> None:
    """Note that an order of the API was answered, and drop a few notes that are too old to be repeated."""
    state.web_orders.put(WebOrder(callback_id, state.now_at))
    for _ in range(rules.COUNTS_DROPPED_MAX):
        asked_at, oldest = state.web_orders_by_age.peekitem(0)[0]
        if asked_at > state.now_at - rules.ASKED_KEPT_MS:
            return
        state.web_orders.drop(oldest)


def _count(state: CallbackState, key: str, window_ms: int) -> None:
    kept = tuple(each for each in _taken_at(state, key) if each > state.now_at - window_ms)
    state.counts.put(OrderCount(key, (*kept, state.now_at)))


def _taken_at(state: CallbackState, key: str) -> tuple[Instant, ...]:
    counted = state.counts.get(key)
    return () if counted is None else counted.taken_at


def _number_key(number: str) -> str:
    return f"{NUMBER_PREFIX}{number}"


def _department_key(department_id: DepartmentId) -> str:
    return f"department/{department_id}"
