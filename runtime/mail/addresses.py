"""What a valid e-mail address is, the same wherever an address comes in.

Only the syntax is checked: private domains (`.local`, a bare host name) are valid, a domain may be
internationalized, and characters beyond ASCII before the @ are allowed; only sending shows whether a mail
server accepts those (SMTPUTF8). Comments, quoted parts and IP addresses are not allowed.
"""

from functools import lru_cache
from typing import Final

import email_validator
from email_validator import EmailNotValidError, ValidatedEmail

# The library's way to allow private domains: a company's mail server may be at `pbx.local` or `localhost`.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

LENGTH_MAX: Final = 254
"""The longest address that fits into a command (RFC 5321)."""


class InvalidAddress(ValueError):
    """Not a valid e-mail address; the message says why."""


def canonical(text: str) -> str:
    """The address as it is stored and shown: the domain in Unicode, lower case. Raises InvalidAddress."""
    return _parsed(text).normalized


def on_the_wire(text: str) -> str:
    """The address as a mail server gets it: the domain in ASCII. Raises InvalidAddress."""
    found = _parsed(text)
    return f"{found.local_part}@{found.ascii_domain}"


def domain(text: str) -> str:
    """The domain of an address, in ASCII. Raises InvalidAddress."""
    found = _parsed(text).ascii_domain
    return str(found)


@lru_cache(maxsize=4_096)
def _parsed(text: str) -> ValidatedEmail:
    if len(text) > LENGTH_MAX:
        raise InvalidAddress(f"an e-mail address has {LENGTH_MAX} characters at most")
    try:
        return email_validator.validate_email(
            text.strip(" "),
            check_deliverability=False,
            # The 64 characters of RFC 5321 before the @.
            strict=True,
            # Without this a domain must have a dot.
            globally_deliverable=False,
        )
    except (EmailNotValidError, UnicodeError) as error:
        raise InvalidAddress(str(error)) from error
