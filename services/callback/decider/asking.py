"""Callbacks that were not ordered in a call (C11): asked for through the API, or owed to who hung up.

They are orders like all others, with the same policy and limits; what differs is that they have no place
yet, which queue takes when it hears `callback.ordered`, and that they keep quiet hours. One that followed an
abandoned call has one attempt and no apology, and is void as soon as the customer calls again.
"""

from contracts import dialling
from contracts.callback import CallbackConfirmed, CallbackOrdered, CallbackRefused, Origin
from contracts.dialling import Refusal
from contracts.directory import CallbackAsked
from contracts.ids import CallbackId, Instant, PbxId, PlaceId
from contracts.queue import PlaceAbandoned, PlaceTaken
from runtime.decision import NOTHING, Decision, together
from services.callback import rules
from services.callback.decider import endings
from services.callback.decider.changes import ORGANIZATION_KEY, department_key, orders_taken
from services.callback.state import (
    NUMBER_PREFIX,
    PROMISED,
    Callback,
    CallbackState,
    Department,
    Phase,
)

BEFORE_TALK = (Phase.WAITING, Phase.WHISPERING, Phase.DIALLING)


def on_callback_asked(state: CallbackState, fact: CallbackAsked) -> Decision:
    """Order it, confirm the one there is, or say why neither (C8, C10)."""
    if fact.callback_id in state.asked or fact.callback_id in state.callbacks:
        return NOTHING
    department = state.departments.get(fact.department_id)
    if department is None or not department.settings.is_on:
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
    reason = _limit(state, department, number)
    if reason is not None:
        return _refuse(state, fact, reason)
    is_replaced = (Phase.WAITING, Phase.APOLOGY_DUE, Phase.APOLOGY_DIALLED)
    replaced = (
        endings.cancelled(state, each, "ordered_again") for each in known if each.phase in is_replaced
    )
    ordered = _order(
        state,
        department,
        number,
        callback_id=fact.callback_id,
        place_id=_place_id(fact),
        origin=Origin.API,
        pbx_id=department.pbx_id,
        caller_id=_caller_id(department),
    )
    return together((*replaced, ordered))


def _place_id(fact: CallbackAsked) -> PlaceId:
    return PlaceId(f"p.asked.{fact.callback_id}")


def _is_unasked(callback: Callback) -> bool:
    """Whether nobody asked for it: who then does has the full promise."""
    return callback.origin is Origin.ABANDONED and callback.phase is Phase.WAITING


def _refuse(state: CallbackState, fact: CallbackAsked, reason: Refusal) -> Decision:
    """Why not, for the API, and with all that history shows of it."""
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
    """What the customer would see: the department's number."""
    return "" if department is None else next(iter(department.lines), "")


def _limit(state: CallbackState, department: Department, number: str) -> Refusal | None:
    return rules.limit_refusal(
        state.policy(),
        state.now_at,
        of_number=orders_taken(state, f"{NUMBER_PREFIX}{number}"),
        of_department=orders_taken(state, department_key(department.department_id)),
        of_organization=orders_taken(state, ORGANIZATION_KEY),
    )


def _order(
    state: CallbackState,
    department: Department,
    number: str,
    *,
    callback_id: CallbackId,
    place_id: PlaceId,
    origin: Origin,
    pbx_id: PbxId,
    caller_id: str,
    abandoned_place_id: PlaceId | None = None,
) -> Decision:
    ordered = CallbackOrdered(
        callback_id=callback_id,
        place_id=place_id,
        department_id=department.department_id,
        pbx_id=pbx_id,
        number=number,
        caller_id=caller_id,
        joined_at=state.now_at,
        deadline_at=Instant(state.now_at + department.no_answer_ms),
        leg_id=None,
        origin=origin,
        abandoned_place_id=abandoned_place_id,
    )
    return Decision(facts=(ordered,))


def on_abandoned(state: CallbackState, fact: PlaceAbandoned) -> Decision:
    """Who waited and hung up is called, where the department wants that; else it stays *abandoned* (EC-26).

    Nobody asked, so a number that may not be dialled, or too often, is no refusal that anybody would hear.
    """
    department = state.departments.get(fact.department_id) if fact.department_id is not None else None
    if department is None or not (department.settings.is_on and department.settings.from_abandoned):
        return NOTHING
    if fact.waited_ms < rules.ABANDONED_MS_MIN or fact.is_internal or fact.pbx_id is None:
        return NOTHING
    number = dialling.e164(fact.caller or "", state.policy()) or ""
    is_refused = dialling.refusal(fact.caller, state.policy()) or _limit(state, department, number)
    if is_refused or state.callbacks_to(department.department_id, number):
        return NOTHING
    return _order(
        state,
        department,
        number,
        callback_id=CallbackId(f"cb.{fact.place_id}.abandoned"),
        place_id=PlaceId(f"{fact.place_id}.abandoned"),
        origin=Origin.ABANDONED,
        pbx_id=fact.pbx_id,
        caller_id=fact.line,
        abandoned_place_id=fact.place_id,
    )


def on_place_taken(state: CallbackState, fact: PlaceTaken) -> Decision:
    """The customer calls again: a callback that nobody asked for is void (C11)."""
    if fact.callback_id is not None or fact.caller is None or len(state.callbacks) == 0:
        return NOTHING
    number = dialling.e164(fact.caller, state.policy()) or fact.caller
    return together(
        endings.cancelled(state, each, "called_again")
        for each in state.callbacks_to(fact.department_id, number)
        if each.origin is Origin.ABANDONED and each.phase in BEFORE_TALK
    )


def is_quiet(state: CallbackState, callback: Callback) -> bool:
    """Whether quiet hours hold this callback back now; one that was ordered in a call they never do (C12)."""
    return callback.origin is not Origin.QUEUE and is_night(state, callback)


def is_night(state: CallbackState, callback: Callback) -> bool:
    """Whether it is quiet hours where the callback's department is."""
    department = state.departments.get(callback.department_id)
    return department is not None and dialling.quiet_until(state.now_at, department.timezone) is not None
