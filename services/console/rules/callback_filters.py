"""The filters of callbacks, as they stand in the address bar: a link to what one sees can be sent."""

from collections.abc import Mapping
from typing import Final

STANDING: Final = ("department", "origin")
ENDED: Final = (*STANDING, "since_day", "until_day")
"""By the names that history gives them, so that its refusals stand at their fields."""
AFTER: Final = "after"
ORDERED: Final = "ordered"
CANCELLED: Final = "cancelled"
SAID: Final = (ORDERED, CANCELLED)
"""The callback that was just ordered or cancelled: the page says what became of it."""


def given(query: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """The filters of an address, without those that are left empty."""
    found = {name: query.get(name, "").strip() for name in names}
    return {name: value for name, value in found.items() if value}
