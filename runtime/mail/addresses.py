"""What an e-mail address is: one type, wherever an address comes in.

Syntax only, nobody is asked: private domains (`.local`, a host's bare name) are as good as others, a domain
may be internationalized, and letters beyond ASCII before the @ are allowed; whether a mail server takes
those is known when a letter goes there (SMTPUTF8). No comments, no quoted parts, no IP addresses.
"""

from functools import lru_cache
from typing import Final

import email_validator
from email_validator import EmailNotValidError, ValidatedEmail

# The library's own way to allow them: a company's mail server may well be at `pbx.local` or `localhost`.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

LENGTH_MAX: Final = 254
"""RFC 5321 has room for no more in a command."""


class NoAddress(ValueError):
    """This is no e-mail address; the message says why."""


def canonical(text: str) -> str:
    """The address as it is stored and shown: the domain in its own letters, small. Raises NoAddress."""
    return _parsed(text).normalized


def on_the_wire(text: str) -> str:
    """The address as a mail server gets it: the domain in ASCII. Raises NoAddress."""
    found = _parsed(text)
    return f"{found.local_part}@{found.ascii_domain}"


def domain(text: str) -> str:
    """The domain of an address, in ASCII. Raises NoAddress."""
    found = _parsed(text).ascii_domain
    return str(found)


@lru_cache(maxsize=4_096)
def _parsed(text: str) -> ValidatedEmail:
    if len(text) > LENGTH_MAX:
        raise NoAddress(f"an e-mail address has {LENGTH_MAX} characters at most")
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
        raise NoAddress(str(error)) from error
