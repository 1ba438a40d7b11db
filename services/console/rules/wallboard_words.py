"""The wallboard's states in words for the catalogues, each with the colour and the icon that go with it."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from services.console.rules.navigation import marked


class StateWord(NamedTuple):
    """How a state is shown: always as colour (`data-state`), icon and word."""

    colour: str
    icon: str
    word: str
    counted: str
    """The word beside a number of agents."""


STATES: Final[Mapping[str, StateWord]] = {
    "free": StateWord("free", "tick", marked("Free"), marked("Free agents")),
    "ringing": StateWord("ring", "bell", marked("Ringing"), marked("Ringing now")),
    "talking": StateWord("talk", "bubble", marked("Talking"), marked("Talking now")),
    "wrap_up": StateWord("wrap", "pencil", marked("Wrap-up"), marked("In wrap-up")),
    "paused": StateWord("paused", "bars", marked("Paused"), marked("On pause")),
    "away": StateWord("away", "moon", marked("Away"), marked("Not here")),
}
AWAY: Final[Mapping[str, str]] = {
    "suspended": marked("Suspended"),
    "absent": marked("Absent"),
    "out_of_hours": marked("Out of hours"),
    "pbx_away": marked("PBX does not answer"),
    "unreachable": marked("Phone not reachable"),
}
"""Why an agent is away, where that is known."""
PAUSES: Final[Mapping[str, str]] = {
    "break": marked("Pause: break"),
    "lunch": marked("Pause: lunch"),
    "meeting": marked("Pause: meeting"),
    "training": marked("Pause: training"),
    "other_work": marked("Pause: other work"),
}
"""A pause with the reason that was given for it (decision 0060)."""
ATTEMPTS: Final[Mapping[str, str]] = {
    "busy": marked("The number was busy"),
    "no_answer": marked("The customer did not answer"),
    "declined": marked("The customer declined the call"),
    "unavailable": marked("The customer could not be reached"),
    "unreachable": marked("The customer could not be reached"),
}
"""How the last attempt of a callback ended, as far as people have a word for it."""
ORIGINS: Final[Mapping[str, str]] = {
    "queue": marked("from the queue"),
    "api": marked("from the site or by hand"),
    "abandoned": marked("gave up waiting"),
}
"""How a callback was ordered."""
