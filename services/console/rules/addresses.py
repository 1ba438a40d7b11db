"""Addresses of the console, and which of them a browser may be sent to."""

import re
from typing import Final

ORGANIZATION_PATTERN: Final = r"[a-z][a-z0-9._\-]{0,63}"
NEXT_LENGTH_MAX: Final = 500
_ORGANIZATION: Final = re.compile(ORGANIZATION_PATTERN)
# No backslash, no double slash, no control character: browsers take some of them for another host.
# A plus is part of a voice message's name where a place was passed on; a letter's link writes it as %2B.
_INSIDE: Final = re.compile(r"(/([A-Za-z0-9._~\-+]|%2B)+)+/?(\?[A-Za-z0-9._~\-=&%+:,/]*)?")


def is_organization(text: str) -> bool:
    """Whether a text can be an organization's id."""
    return _ORGANIZATION.fullmatch(text) is not None


def home(organization: str) -> str:
    """An organization's first page."""
    return f"/o/{organization}/"


def sign_in(organization: str) -> str:
    """Where an organization's people sign in."""
    return f"/o/{organization}/sign-in"


def inside(address: str, organization: str) -> str:
    """An address to go on with after a sign-in, if it is a page of this organization; else its first page.

    Whatever else a link names (another host, another organization, the sign-in itself) is left out.
    """
    own = home(organization)
    is_fit = (
        len(address) <= NEXT_LENGTH_MAX
        and address.startswith(own)
        and _INSIDE.fullmatch(address) is not None
        and ".." not in address
        and not address.startswith(sign_in(organization))
    )
    return address if is_fit else own


def here(address: str) -> str:
    """An address of this console to come back to after a preference was set; else the beginning."""
    is_fit = len(address) <= NEXT_LENGTH_MAX and _INSIDE.fullmatch(address) is not None
    return address if is_fit and ".." not in address else "/"
