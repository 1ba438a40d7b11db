"""A contact's tries, from departments and direct calls alike: who was rung, when, how it ended.

A try is *accepted* when somebody picks up, and answered only when a talk follows. So the answered calls of
employees are their talks, whatever became of an attempt (C6), a whisper or a caller (Q9).
"""

from typing import Final

from contracts.ids import AgentId, Instant, PlaceId
from services.history.state import TRIES_MAX, Contact, Try, TryEnd


def add_try(contact: Contact, made: Try) -> None:
    """Add a try once; beyond the maximum only count it."""
    if contact.find_try(made.try_id) is not None:
        return
    if len(contact.tries) >= TRIES_MAX:
        contact.tries_left_out += 1
        return
    contact.tries.append(made)


def end_try(contact: Contact, try_id: str, end: TryEnd, at: Instant, *, reason: str = "") -> None:
    """End an open try; the first end counts."""
    found = contact.find_try(try_id)
    if found is not None and found.ended_at is None:
        found.ended_at, found.end, found.reason = at, end, reason


GONE: Final = "gone_before_bridge"
"""Why an accepted try was no answer: the agent was gone before the bridge (Q9, C7)."""


def move_claim(
    contact: Contact, place_id: PlaceId, joined_at: Instant | None, deadline_at: Instant | None
) -> None:
    """Give an open place the times of the customer's earlier claim, where there were two (C8)."""
    place = contact.place(place_id)
    if place is not None and place.ended_at is None:
        place.joined_at = joined_at or place.joined_at
        place.deadline_at = deadline_at or place.deadline_at


def take_back_answer(
    contact: Contact, place_id: PlaceId, agent_id: AgentId, end: TryEnd, reason: str
) -> None:
    """Give the last try that an agent accepted for a place its true end: it was no answer."""
    for each in reversed(contact.tries):
        if (each.place_id, _agent_of(each), each.end) == (place_id, agent_id, TryEnd.ACCEPTED):
            each.end, each.reason = end, reason
            return


def ends(contact: Contact) -> list[TryEnd | None]:
    """How each try ended, for rows and statistics: *accepted* only where a talk followed.

    Each talk with an agent takes the last try that this agent had accepted by then. An accepted try without a
    talk is open while the contact is open, and `not_reached` afterwards.
    """
    found = [each.end for each in contact.tries]
    accepted = [number for number, end in enumerate(found) if end is TryEnd.ACCEPTED]
    for talk in contact.talks:
        who = None if talk.agent is None else talk.agent.agent_id
        taken = [
            number
            for number in accepted
            if _agent_of(contact.tries[number]) == who
            and (contact.tries[number].ended_at or 0) <= talk.from_at
        ]
        if taken:
            accepted.remove(taken[-1])
    for number in accepted:
        found[number] = None if contact.ended_at is None else TryEnd.NOT_REACHED
    return found


def _agent_of(made: Try) -> AgentId | None:
    return None if made.agent is None else made.agent.agent_id
