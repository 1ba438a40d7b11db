"""How many orders are taken (C10): counted per number, per department and in all, by the log's time."""

from contracts.dialling import Refusal
from contracts.ids import CallbackId, DepartmentId, Instant
from contracts.log import TimerDue
from runtime.records import timer_id
from services.callback import rules
from services.callback.state import NUMBER_PREFIX, CallbackState
from services.callback.state.records import ORGANIZATION, OrderCount, WebOrder

NUMBERS_TIMER = "numbers"


def refusal(state: CallbackState, department_id: DepartmentId, number: str) -> Refusal | None:
    """Why one more order is too many, or None."""
    return rules.limit_refusal(
        state.policy(),
        state.now_at,
        of_number=_taken_at(state, _number_key(number)),
        of_department=_taken_at(state, _department_key(department_id)),
        of_organization=_taken_at(state, ORGANIZATION),
        of_day=_of_day(state),
    )


def is_alarm(state: CallbackState) -> bool:
    """Whether an order taken now brings the organization to four fifths of its orders of a day."""
    return rules.is_alarm(state.policy(), _of_day(state))


def number_refusal(state: CallbackState, number: str) -> Refusal | None:
    """Why one more order to this number is too many, or None: an order that stands gets another number."""
    return rules.number_refusal(state.policy(), state.now_at, _taken_at(state, _number_key(number)))


def count(state: CallbackState, department_id: DepartmentId, number: str) -> None:
    """Count one more order."""
    count_number(state, number)
    _count(state, _department_key(department_id), rules.MINUTE_MS)
    of_day = _of_day(state) + 1
    _count(state, ORGANIZATION, rules.MINUTE_MS)
    state.counts.change(state.counts[ORGANIZATION], day=_day(state), of_day=of_day)


def count_number(state: CallbackState, number: str) -> None:
    """Count one more order to a number; the count ends by a timer within an hour after its day."""
    _count(state, _number_key(number), rules.DAY_MS)
    if timer_id(NUMBERS_TIMER, ORGANIZATION) not in state.timers:
        _await_end(state)


def forget_number(state: CallbackState, number: str) -> int:
    """Drop a number's count, and say how many there were."""
    key = _number_key(number)
    found = int(key in state.counts)
    state.counts.drop(key)
    if not state.numbers_by_age:
        state.drop_timer(NUMBERS_TIMER, ORGANIZATION)
    return found


def apply_numbers_due(state: CallbackState, fact: TimerDue) -> None:
    """Drop the counts that are older than a day, and wait for the others."""
    for _ in range(rules.COUNTS_ENDED_AT_ONCE_MAX):
        if not state.numbers_by_age:
            return
        newest_at, key = state.numbers_by_age.peekitem(0)[0]
        if newest_at > state.now_at - rules.DAY_MS:
            break
        state.counts.drop(key)
    if state.numbers_by_age:
        _await_end(state)


def _await_end(state: CallbackState) -> None:
    """Wait for the oldest count's day to end; the counts that end within the hour go together."""
    newest_at, _ = state.numbers_by_age.peekitem(0)[0]
    ends_at = newest_at + rules.DAY_MS
    # What is over already, and did not fit into one step, goes at once.
    earliest_at = state.now_at if ends_at <= state.now_at else state.now_at + rules.HOUR_MS
    state.set_timer(NUMBERS_TIMER, ORGANIZATION, Instant(max(ends_at, earliest_at)))


def note_web_order(state: CallbackState, callback_id: CallbackId) -> None:
    """Note that an order without a call was answered, and drop a few notes too old to be repeated."""
    state.web_orders.put(WebOrder(callback_id, state.now_at))
    for _ in range(rules.COUNTS_DROPPED_MAX):
        asked_at, oldest = state.web_orders_by_age.peekitem(0)[0]
        if asked_at > state.now_at - rules.ASKED_KEPT_MS:
            return
        state.web_orders.drop(oldest)


def _count(state: CallbackState, key: str, window_ms: int) -> None:
    kept = tuple(each for each in _taken_at(state, key) if each > state.now_at - window_ms)
    state.counts.put(OrderCount(key, (*kept, state.now_at)))


def _day(state: CallbackState) -> int:
    """The day by the log's time, in UTC: it is the same for every department, and ends by itself."""
    return state.now_at // rules.DAY_MS


def _of_day(state: CallbackState) -> int:
    """How many orders the organization has taken today."""
    counted = state.counts.get(ORGANIZATION)
    return counted.of_day if counted is not None and counted.day == _day(state) else 0


def _taken_at(state: CallbackState, key: str) -> tuple[Instant, ...]:
    counted = state.counts.get(key)
    return () if counted is None else counted.taken_at


def _number_key(number: str) -> str:
    return f"{NUMBER_PREFIX}{number}"


def _department_key(department_id: DepartmentId) -> str:
    return f"department/{department_id}"
