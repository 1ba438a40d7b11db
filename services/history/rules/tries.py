"""Tries of a contact: who was rung, when, how it ended; whoever says so, a department or a direct call."""

from contracts.ids import Instant
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
