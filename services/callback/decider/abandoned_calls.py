"""Abandoned calls (C11): a customer who waited and hung up is called back, where the department wants that.

Nobody asked for such a callback. It has one attempt and no apology, and is void as soon as the customer calls
again.
"""

from contracts import dialling
from contracts.callback import Origin
from contracts.ids import CallbackId, PlaceId
from contracts.queue import PlaceAbandoned, PlaceTaken
from runtime.decision import NOTHING, Decision, together
from services.callback import rules
from services.callback.decider import endings, erasure, order_limits, orders
from services.callback.state import CallbackState
from services.callback.state.records import Phase

BEFORE_TALK = (Phase.WAITING, Phase.WHISPERING, Phase.DIALLING)


def order(state: CallbackState, fact: PlaceAbandoned) -> Decision:
    """Order a callback where the department wants it; else the call stays *abandoned* (EC-26).

    A number that may not be dialled, or not so often, is no refusal: nobody would hear it.
    """
    department = state.departments.get(fact.department_id) if fact.department_id is not None else None
    if department is None or not (department.settings.is_on and department.settings.from_abandoned):
        return NOTHING
    if fact.waited_ms < rules.ABANDONED_MS_MIN or fact.is_internal or fact.pbx_id is None:
        return NOTHING
    if erasure.is_erased(state, fact.caller, fact.joined_at):
        return NOTHING
    number = dialling.e164(fact.caller or "", state.policy()) or ""
    refusal = dialling.refusal(fact.caller, state.policy())
    refusal = refusal or order_limits.refusal(state, department.department_id, number)
    if refusal or state.callbacks_to(department.department_id, number):
        return NOTHING
    return orders.take_without_place(
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


def decide_called_again(state: CallbackState, fact: PlaceTaken) -> Decision:
    """The customer calls again: a callback that nobody asked for is void."""
    if fact.callback_id is not None or fact.caller is None or len(state.callbacks) == 0:
        return NOTHING
    number = dialling.e164(fact.caller, state.policy()) or fact.caller
    return together(
        endings.cancelled(state, each, "called_again")
        for each in state.callbacks_to(fact.department_id, number)
        if each.origin is Origin.ABANDONED and each.phase in BEFORE_TALK
    )
