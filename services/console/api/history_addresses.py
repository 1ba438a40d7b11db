"""Addresses of history with its filters: of the list, and of a contact that leads back to it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final
from urllib.parse import quote, urlencode

from services.console.rules import addresses
from services.console.rules.navigation import OWN

READ: Final = "history.read"


def filtered(path: str, filters: Mapping[str, str], **other: str) -> str:
    """A page with these filters, and others in place of some; empty ones are left out."""
    shown = {name: value for name, value in {**filters, **other}.items() if value}
    return f"{path}?{urlencode(shown)}" if shown else path


def contact(organization: str, contact_id: str, *, filters: Mapping[str, str]) -> str:
    """A contact's page, which keeps the filters of the list that leads to it."""
    return filtered(f"{addresses.home(organization)}history/{quote(contact_id, safe='')}", filters)


def contacts(organization: str, rights: Mapping[str, str]) -> Callable[[str], str] | None:
    """Where customers' contacts are, by id; None: these rights reach no further than one's own."""
    if rights.get(READ, OWN) == OWN:
        return None
    return partial(contact, organization, filters={})
