"""A scenario's external number: dialled as policy allows, for the seconds that the element says (S3, C10)."""

from typing import Final

from contracts.ids import Address, Instant, LegId
from contracts.queue import OfferLeg
from contracts.routing import ExternalDialled, ExternalEnded
from contracts.scenario import Element
from runtime.decision import NOTHING, Decision
from services.routing.decider import reaching, ringing, scenario
from services.routing.state import RoutingState, employee_refusal, normal_number
from services.routing.state.records import Call

WAIT_MS: Final = 120_000
"""For an element without seconds: as long as an employee is rung (D1)."""


def dial(state: RoutingState, call: Call, element: Element) -> Decision:
    """Dial the number, if that is allowed now; an emergency number never is (G4).

    A satellite phone that the administrator allowed counts as an employee's (S3, C10).
    """
    try_id = reaching.next_try(call)
    refusal = employee_refusal(element.number, state.policy)
    if refusal is not None:
        ended = ExternalEnded(leg_id=call.leg_id, try_id=try_id, outcome=None, reason=str(refusal))
        return Decision(facts=(ended,))
    wait_ms = WAIT_MS if element.wait_ms is None else max(0, element.wait_ms)
    dialled = ExternalDialled(
        leg_id=call.leg_id,
        try_id=try_id,
        to_leg_id=LegId(f"{try_id}.0"),
        number=normal_number(element.number, state.policy),
        until_at=Instant(state.now_at + wait_ms),
    )
    return Decision(facts=(dialled,))


def apply_dialled(state: RoutingState, fact: ExternalDialled) -> None:
    """The number rings; its seconds include the set-up, so that the first ringing moves nothing (S3)."""
    leg = OfferLeg(leg_id=fact.to_leg_id, address=Address(f"tel:{fact.number}"), dial_at=state.now_at)
    ringing.begin(state, fact, None, (leg,), fact.until_at - state.now_at)


def decide_ended(state: RoutingState, fact: ExternalEnded) -> Decision:
    """Along the arrow for nobody who answers."""
    call = state.calls.get(fact.leg_id)
    return NOTHING if call is None else scenario.follow(state, call, "no_answer")
