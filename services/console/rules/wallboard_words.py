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
ORIGINS: Final[Mapping[str, str]] = {
    "queue": marked("from the queue"),
    "api": marked("from the site or by hand"),
    "abandoned": marked("gave up waiting"),
}
"""How a callback was ordered."""
