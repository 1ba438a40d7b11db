"""How a contact is named: its outcome with colour, icon and word, and its direction."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from services.console.rules.navigation import marked


class Mark(NamedTuple):
    """A state is always all three: its colour, its icon, its word."""

    state: str
    icon: str
    word: str


OUTCOMES: Final[Mapping[str, Mark]] = {
    "answered": Mark("free", "tick", marked("Answered")),
    "missed": Mark("soon", "no", marked("Missed")),
    "abandoned": Mark("soon", "no", marked("Abandoned")),
    "open": Mark("talk", "bubble", marked("Going on")),
    "continued": Mark("wait", "back", marked("Continued in another call")),
    "refused": Mark("away", "no", marked("Callback refused")),
    "ended": Mark("away", "no", marked("Ended, nobody was called")),
}
"""How a contact ended, by history's word for it."""
VOICEMAIL: Final = "voicemail"
"""What one can filter by beside outcomes: somebody left a voice message."""
VOICEMAIL_WORD: Final = marked("Voicemail")
DIRECTIONS: Final[Mapping[str, str]] = {
    "incoming": marked("incoming"),
    "outgoing": marked("outgoing"),
    "internal": marked("internal"),
}


def mark_of(outcome: str) -> Mark:
    """The mark of an outcome; one that is newer than this console is shown as history calls it."""
    return OUTCOMES.get(outcome) or Mark("away", "info", outcome)
