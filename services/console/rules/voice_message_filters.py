"""The filters of voice messages, as they stand in the address bar: a link to what one sees can be sent."""

from collections.abc import Mapping
from typing import Final

from services.console.rules.navigation import OWN

NAMES: Final = ("inbox", "department", "state")
"""By the names that history gives them, so that its refusals stand at their fields."""
AFTER: Final = "after"
STANDING: Final = "new,heard,claimed,called_back"
"""What is shown without a filter: all that can still be heard."""
WITH_DEPARTMENTS: Final = ("departments", "claimed")
"""Inboxes with voice messages of departments."""
ORGANIZATION: Final = "organization"


def given(query: Mapping[str, str]) -> dict[str, str]:
    """The filters of an address, and where its page begins, without those that are left empty."""
    found = {name: query.get(name, "").strip() for name in (*NAMES, AFTER)}
    return {name: value for name, value in found.items() if value}


def asked(filters: Mapping[str, str], inbox: str) -> dict[str, str]:
    """The same for history, which would also list what is deleted."""
    found = {"state": STANDING, **filters, "inbox": inbox}
    if inbox not in WITH_DEPARTMENTS:
        found.pop("department", None)
    return found


def inboxes(reach: str) -> tuple[str, ...]:
    """The inboxes of somebody who may hear voice messages so far."""
    if reach == OWN:
        return ("own",)
    if reach == ORGANIZATION:
        return ("departments", "own", "colleagues", "claimed")
    return ("departments", "own", "claimed")
