"""A call's trail: whom it has visited, and how many forwards it may have (D6)."""

from typing import Final

from contracts.ids import AgentId
from contracts.routing import Hop
from services.routing.state.records import Call

FORWARDS_MAX: Final = 5
"""A caller waits through five people who can't answer and no more; that also cuts a loop of six (D6)."""


def has_visited(call: Call, hop: Hop) -> bool:
    """Whether the trail has been at this stop's employee or department."""
    return any(
        (each.agent_id, each.department_id) == (hop.agent_id, hop.department_id) for each in call.trail
    )


def first_wanted(call: Call) -> AgentId | None:
    """The trail's first employee, who has missed the call if nobody answers (H2)."""
    return next((hop.agent_id for hop in call.trail if hop.agent_id is not None), None)
