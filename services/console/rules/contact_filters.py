"""The filters of history, as they stand in the address bar: a link to what one sees can be sent."""

from collections.abc import Mapping
from typing import Final

from services.console.rules.contact_words import VOICEMAIL

NAMES: Final = ("since_day", "until_day", "department", "employee", "outcome", "direction", "number")
"""By the names that history gives them, so that its refusals stand at their fields."""
AFTER: Final = "after"


def given(query: Mapping[str, str]) -> dict[str, str]:
    """The filters of an address, and where its page begins, without those that are left empty."""
    found = {name: query.get(name, "").strip() for name in (*NAMES, AFTER)}
    return {name: value for name, value in found.items() if value}


def asked(filters: Mapping[str, str]) -> dict[str, str]:
    """The same for history, which has a parameter of its own for voice messages."""
    found = dict(filters)
    if found.get("outcome") == VOICEMAIL:
        del found["outcome"]
        found["is_voicemail"] = "true"
    return found
