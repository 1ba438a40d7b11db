"""What has been done about a voice message, as one word; and how long a deletion can be undone (V5)."""

from enum import StrEnum
from typing import Final

from contracts.ids import Instant
from services.history.rules import errors
from services.history.state import Contact, Done, MessageState, VoiceMessage

GONE: Final = (MessageState.DELETED, MessageState.REMOVED)
DELETED: Final = "deleted"
"""The reason with which a deleted voice message's audio is removed from S3."""
RESTORABLE_MS: Final = 10 * 60_000
"""Who has deleted the wrong one finds out at once, or when a colleague asks."""
REMOVED_AFTER_MS: Final = RESTORABLE_MS + 5 * 60_000
"""The sweep waits longer than anybody may undo: what was said in the last moment is read by then."""


class Care(StrEnum):
    """How far a voice message has come; the furthest counts."""

    NEW = "new"
    HEARD = "heard"
    CLAIMED = "claimed"
    CALLED_BACK = "called_back"
    GONE = "gone"
    """Deleted, or its retention is over: nobody can hear it any more."""


class Inbox(StrEnum):
    """Whose voice messages: of departments' machines, one's own, colleagues', or what one has claimed."""

    DEPARTMENTS = "departments"
    OWN = "own"
    COLLEAGUES = "colleagues"
    CLAIMED = "claimed"
    """Claimed by who asks, and not called back yet."""


def care(message: VoiceMessage) -> Care:
    """What has been done about it."""
    if message.state in GONE:
        return Care.GONE
    if message.called_back is not None:
        return Care.CALLED_BACK
    if message.claimed is not None:
        return Care.CLAIMED
    return Care.NEW if message.heard is None else Care.HEARD


def standing_deletion(message: VoiceMessage) -> Done | None:
    """The deletion that can still be undone; None: there is none, or the audio is gone from S3."""
    if message.state is not MessageState.DELETED or message.reason in errors.GONE:
        return None
    return message.deleted


def restorable_until_at(message: VoiceMessage) -> Instant | None:
    """Until when the API takes it that a deletion is undone."""
    deleted = standing_deletion(message)
    return None if deleted is None else Instant(deleted.at + RESTORABLE_MS)


def machine(contact: Contact, message: VoiceMessage) -> tuple[str, str]:
    """Whose answering machine it was left on: an employee's label and a department's; empty where unknown."""
    who = contact.machine_of
    agent = "" if who is None or who.agent_id != message.agent_id else who.label
    passed = (
        *(each.department for each in contact.places),
        *(each.department for each in contact.callbacks),
        *(each.department for each in contact.stops if each.department is not None),
    )
    named = (each.label for each in passed if each.department_id == message.department_id)
    return agent, next(named, "")
