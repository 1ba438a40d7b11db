"""Addresses of history with its filters: of the list, and of a contact that leads back to it."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from services.console.rules import addresses


def filtered(path: str, filters: Mapping[str, str], **other: str) -> str:
    """A page with these filters, and others in place of some; empty ones are left out."""
    shown = {name: value for name, value in {**filters, **other}.items() if value}
    return f"{path}?{urlencode(shown)}" if shown else path


def contact(organization: str, contact_id: str, *, filters: Mapping[str, str]) -> str:
    """A contact's page, which keeps the filters of the list that leads to it."""
    return filtered(f"{addresses.home(organization)}history/{quote(contact_id, safe='')}", filters)
