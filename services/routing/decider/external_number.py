"""A scenario's external number: dialled if policy allows, for the seconds that the element says (S3, C10)."""

from typing import Final

from contracts.ids import Address, Instant, LegId
from contracts.queue import OfferLeg
from contracts.routing import ExternalDialled, ExternalEnded
from contracts.scenario import Element
from runtime.decision import Decision
from services.routing.decider import calls, tries
from services.routing.state import RoutingState, employee_refusal, normal_number
from services.routing.state.records import Call

WAIT_MS: Final = 120_000
"""How long an element without seconds rings: as long as an employee (D1)."""


def dial(state: RoutingState, call: Call, element: Element) -> Decision:
    """Dial the number if policy allows it; it never allows an emergency number (G4).

    A satellite number that the administrator allowed counts as an employee's (S3, C10).
    """
    try_id = calls.next_try(call)
    number = normal_number(element.number, state.policy)
    refusal = employee_refusal(number, state.policy)
    if refusal is not None:
        ended = ExternalEnded(leg_id=call.leg_id, try_id=try_id, outcome=None, reason=str(refusal))
        return Decision(facts=(ended,))
    wait_ms = WAIT_MS if element.wait_ms is None else max(0, element.wait_ms)
    dialled = ExternalDialled(
        leg_id=call.leg_id,
        try_id=try_id,
        to_leg_id=LegId(f"{try_id}.0"),
        number=number,
        until_at=Instant(state.now_at + wait_ms),
    )
    return Decision(facts=(dialled,))


def apply_dialled(state: RoutingState, fact: ExternalDialled) -> None:
    """A try of the number begins; its seconds include the set-up, so the first ringing sets no timer (S3)."""
    leg = OfferLeg(leg_id=fact.to_leg_id, address=Address(f"tel:{fact.number}"), dial_at=state.now_at)
    tries.begin(state, fact, None, (leg,), fact.until_at - state.now_at)
