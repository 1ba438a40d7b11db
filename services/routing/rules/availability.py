"""Whether an employee can be rung now: there, present, in working hours, not busy (D4, D7, E5, E6)."""

from typing import Final

from contracts.directory import AgentAvailabilitySaved
from contracts.ids import AgentId, Instant
from contracts.routing import MissReason
from services.routing.rules.direct_rules import rules_of
from services.routing.state import RoutingState
from services.routing.state.records import Person, phone_key

CALL_MS_MAX: Final = 4 * 60 * 60 * 1000
"""No call lasts longer: the PBX of a phone that seems to be in use for longer forgot to say so (G3)."""


def obstacle(state: RoutingState, agent_id: AgentId) -> MissReason | None:
    """Why an employee is not rung at all now, or None. Absence wins over working hours (D4)."""
    person = state.person(agent_id)
    if person.saved is None or person.saved.is_removed:
        return MissReason.REMOVED
    if is_absent(person.availability, state.now_at):
        return MissReason.ABSENT
    if not is_open(person.availability, state.now_at):
        return MissReason.OUT_OF_HOURS
    if not rules_of(person).has_call_waiting and is_busy(state, person):
        return MissReason.BUSY
    return None


def is_absent(availability: AgentAvailabilitySaved | None, at: Instant) -> bool:
    """Whether the instant is in an absence (E6)."""
    return availability is not None and any(absence.contains(at) for absence in availability.absences)


def is_open(availability: AgentAvailabilitySaved | None, at: Instant) -> bool:
    """Whether the instant is in working hours; an unknown time counts as open (E5)."""
    if availability is None or availability.hours is None:
        return True
    if availability.known_until_at is not None and at >= availability.known_until_at:
        return True
    return any(hours.contains(at) for hours in availability.hours)


def is_busy(state: RoutingState, person: Person) -> bool:
    """Whether a person is on a call of any kind, or rung for one, as far as the network tells (D7)."""
    if person.department_leg_id is not None:
        return True
    if state.calls_of.get(person.agent_id) or state.tries_of.get(person.agent_id):
        return True
    return person.saved is not None and any(
        _is_in_use(state, phone_key(person.saved.pbx_id, device.address)) for device in person.saved.devices
    )


def _is_in_use(state: RoutingState, key: str) -> bool:
    phone = state.phones.get(key)
    return (
        phone is not None and phone.in_use_since_at > 0 and state.now_at - phone.in_use_since_at < CALL_MS_MAX
    )
