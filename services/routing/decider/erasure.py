"""Erasure of a customer (V6): the CRM's entry goes, and calls go on without the number."""

from contracts import routing as said
from contracts.erasure import counted
from contracts.history import CustomerErased
from runtime.decision import NOTHING, Decision
from services.routing.state import RoutingState, normal_number


def apply_erased(state: RoutingState, fact: CustomerErased) -> None:
    """Forget the number in every record."""
    responsibles = int(fact.number in state.responsibles)
    state.responsibles.drop(fact.number)
    calls = 0
    for call in tuple(state.calls):
        if call.caller is not None and normal_number(call.caller, state.policy) == fact.number:
            state.calls.change(call, caller=None)
            calls += 1
    state.erased = counted(responsibles=responsibles, calls=calls)


def decide_erased(state: RoutingState, fact: CustomerErased) -> Decision:
    """Answer for it."""
    if not fact.erasure_id:
        return NOTHING
    return Decision(facts=(said.NumberErased(erasure_id=fact.erasure_id, erased=state.erased),))
