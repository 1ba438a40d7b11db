"""Tries of a contact: who was rung, when, how it ended; whoever says so, a department or a direct call.

A try is *accepted* when somebody picks up, and counts as answered when a talk came of it. So the answered
calls of employees are their talks, whatever became of an attempt (C6), a whisper or a caller (Q9).
"""

from typing import Final

from contracts.ids import AgentId, Instant, PlaceId
from services.history.state import TRIES_MAX, Contact, Try, TryEnd


def add_try(contact: Contact, made: Try) -> None:
    """Add a try, once; beyond the maximum it is only counted."""
    if contact.find_try(made.try_id) is not None:
        return
    if len(contact.tries) >= TRIES_MAX:
        contact.tries_left_out += 1
        return
    contact.tries.append(made)


def end_try(contact: Contact, try_id: str, end: TryEnd, at: Instant, *, reason: str = "") -> None:
    """End a try that is open; its first end stands."""
    found = contact.find_try(try_id)
    if found is not None and found.ended_at is None:
        found.ended_at, found.end, found.reason = at, end, reason


GONE: Final = "gone_before_bridge"
"""Why a try that was accepted is no answer: who accepted was gone before both heard each other (Q9, C7)."""


def move_claim(
    contact: Contact, place_id: PlaceId, joined_at: Instant | None, deadline_at: Instant | None
) -> None:
    """A place has another claim's times from now on, where there were two (C8)."""
    place = contact.place(place_id)
    if place is not None and place.ended_at is None:
        place.joined_at = joined_at or place.joined_at
        place.deadline_at = deadline_at or place.deadline_at


def take_back_answer(
    contact: Contact, place_id: PlaceId, agent_id: AgentId, end: TryEnd, reason: str
) -> None:
    """The last that an agent accepted of a place was no answer after all: this is how it ended."""
    for each in reversed(contact.tries):
        if (each.place_id, _agent_of(each), each.end) == (place_id, agent_id, TryEnd.ACCEPTED):
            each.end, each.reason = end, reason
            return


def ends(contact: Contact) -> list[TryEnd | None]:
    """How each try ended, as rows and figures have it: *accepted* only where a talk came of it.

    Each talk with an agent takes the last try which that agent had accepted by then. What is left over is not
    over yet while the contact is open, and has reached nobody when it is not.
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
