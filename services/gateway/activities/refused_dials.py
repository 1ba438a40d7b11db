"""Dials that the policy forbade, for the security stream: a decider should have refused them before (C10)."""

from typing import Final

from contracts.dialling import Refusal
from contracts.gateway import CommandRefused
from contracts.ids import OrganizationId
from contracts.message import Fact, type_name
from contracts.telephony import DialLeg
from runtime import security_events
from runtime.security_events import SecurityEvent

_DIAL: Final = type_name(DialLeg)
_QUOTAS: Final = frozenset({Refusal.MINUTES_USED_UP})


def note(fact: Fact, organization_id: OrganizationId) -> None:
    """Write an event if this fact says that a dial was refused by the policy, or by the day's minutes."""
    if not isinstance(fact, CommandRefused) or fact.command != _DIAL or fact.reason not in set(Refusal):
        return
    if fact.reason in _QUOTAS:
        security_events.emit(
            SecurityEvent.QUOTA_REFUSED,
            organization_id=organization_id,
            actor="",
            subject=f"pbx/{fact.pbx_id}",
            outcome="refused",
            quota="minutes_per_day",
        )
        return
    security_events.emit(
        SecurityEvent.POLICY_REFUSED,
        organization_id=organization_id,
        actor="",
        subject=f"pbx/{fact.pbx_id}",
        outcome="refused",
        what="dial",
        reason=fact.reason,
        leg_id=fact.leg_id,
    )
