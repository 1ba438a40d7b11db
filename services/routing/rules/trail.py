"""Whom a call has visited, and when it may go no further (D6)."""

from typing import Final

from contracts.ids import AgentId
from contracts.routing import Hop
from services.routing.state.records import Call

FORWARDS_MAX: Final = 5
"""Nobody waits through more than five people who cannot answer; a loop of six is cut there, too (D6)."""


def has_visited(call: Call, hop: Hop) -> bool:
    """Whether this trail has been at the employee or the department of a stop."""
    return any(
        (each.agent_id, each.department_id) == (hop.agent_id, hop.department_id) for each in call.trail
    )


def first_wanted(call: Call) -> AgentId | None:
    """The first employee of the trail: whose missed call it is if nobody answers (H2)."""
    return next((hop.agent_id for hop in call.trail if hop.agent_id is not None), None)
