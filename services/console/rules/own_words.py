"""What one's own page says in words for the catalogues: reasons of a pause, and how far a call is."""

from collections.abc import Mapping
from typing import Final

from services.console.rules.navigation import marked

REASONS: Final[Mapping[str, str]] = {
    "break": marked("Break"),
    "lunch": marked("Lunch"),
    "meeting": marked("Meeting"),
    "training": marked("Training"),
    "other_work": marked("Other work"),
}
"""In the order in which they are offered; the contract's, so that heads and statistics have the same."""
SAID: Final[Mapping[str, str]] = {
    "paused": marked("Your pause is taken. A call that goes on is not cut off: the pause begins after it."),
    "resumed": marked("You take calls again."),
    "ready": marked("The time for notes is over: you take calls again."),
    "extended": marked("You have half a minute more for notes."),
}
"""What a form has done, by the word in the address."""
EXTENSION_MS: Final = 30_000
"""How much longer notes may be taken at each press: as long as the usual time for them."""
