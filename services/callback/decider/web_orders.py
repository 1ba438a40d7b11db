"""Web orders (C11): callbacks ordered through the API, with the policy and limits of all orders.

Such a callback has no place yet: queue takes one when it hears `callback.ordered`. It keeps quiet hours,
unless it is asked for again because the log was lost on which the customer had ordered it in a call (C12).
"""

from contracts import dialling
from contracts.callback import CallbackConfirmed, CallbackRefused, Origin
from contracts.dialling import Refusal
from contracts.directory import CallbackAsked
from contracts.ids import PlaceId
from runtime.decision import NOTHING, Decision, together
from services.callback import rules
from services.callback.decider import endings, order_limits, orders
from services.callback.state import CallbackState
from services.callback.state.records import PROMISED, Callback, Department, Phase

REPLACED_IN = (Phase.WAITING, Phase.APOLOGY_DUE, Phase.APOLOGY_DIALLED)


def decide_asked(state: CallbackState, fact: CallbackAsked) -> Decision:
    """Order the callback, confirm the one there is, or say why neither (C8, C10).

    What was promised on a lost log stands, whatever its department has switched off since.
    """
    was_promised = fact.joined_at is not None
    if fact.callback_id in state.web_orders or fact.callback_id in state.callbacks:
        return NOTHING
    department = state.departments.get(fact.department_id)
    if department is None or not (was_promised or department.settings.is_on):
        return _refuse(state, fact, Refusal.CALLBACKS_OFF)
    number = dialling.e164(fact.number, state.policy()) or ""
    known = state.callbacks_to(fact.department_id, number)
    reason = dialling.refusal(fact.number, state.policy())
    if reason is not None:
        return _refuse(state, fact, reason)
    promised = next((each for each in known if each.phase in PROMISED and not _is_unasked(each)), None)
    if promised is not None:
        confirmed = CallbackConfirmed(
            callback_id=promised.callback_id,
            place_id=promised.place_id,
            asked_id=fact.callback_id,
            joined_at=promised.joined_at,
            deadline_at=promised.deadline_at,
        )
        return Decision(facts=(confirmed,))
    reason = order_limits.refusal(state, department.department_id, number)
    if reason is not None and not was_promised:
        return _refuse(state, fact, reason)
    replaced = (
        endings.cancelled(state, each, "ordered_again") for each in known if each.phase in REPLACED_IN
    )
    ordered = orders.take_without_place(
        state,
        department,
        number,
        callback_id=fact.callback_id,
        place_id=_place_id(fact),
        origin=_origin(state, department, fact),
        pbx_id=department.pbx_id,
        caller_id=_caller_id(department),
        joined_at=fact.joined_at,
    )
    return together((*replaced, ordered))


def _origin(state: CallbackState, department: Department, fact: CallbackAsked) -> Origin:
    """How it was ordered. A call that the log was lost for too long after is no reason to ring at night.

    By then the old deadline would be too far in the past for an apology call in quiet hours (C4).
    """
    if fact.origin is not Origin.QUEUE or fact.joined_at is None:
        return fact.origin
    late_ms = state.now_at - (fact.joined_at + department.no_answer_ms)
    return Origin.API if late_ms >= rules.APOLOGY_QUIET_LATE_MS else Origin.QUEUE


def _place_id(fact: CallbackAsked) -> PlaceId:
    return fact.place_id or PlaceId(f"p.asked.{fact.callback_id}")


def _is_unasked(callback: Callback) -> bool:
    """Whether nobody has asked for this callback yet: a customer who now asks gets the full promise."""
    return callback.origin is Origin.ABANDONED and callback.phase is Phase.WAITING


def _refuse(state: CallbackState, fact: CallbackAsked, reason: Refusal) -> Decision:
    """Tell the API why not, with all that history shows of it."""
    department = state.departments.get(fact.department_id)
    refused = CallbackRefused(
        place_id=_place_id(fact),
        department_id=fact.department_id,
        leg_id=None,
        reason=reason,
        callback_id=fact.callback_id,
        number=dialling.e164(fact.number, state.policy()) or fact.number[: rules.ASKED_LENGTH_MAX],
        pbx_id=None if department is None else department.pbx_id,
        caller_id=_caller_id(department),
    )
    return Decision(facts=(refused,))


def _caller_id(department: Department | None) -> str:
    """The department's number, which the customer would see."""
    return "" if department is None else next(iter(department.lines), "")
