"""The token of every form: nobody else's page makes a browser send it (CSRF).

It is bound to the cookie of the one who was shown the form, so that a token of somebody else is worth
nothing. A form of a session also says whose it is, which is still true when the session is over. The
functions are pure.
"""

import hashlib
import hmac
from typing import Final

FIELD: Final = "csrf"
WHOSE: Final = "whose"
TOKEN_LENGTH: Final = 64


def token(key: bytes, bound_to: str) -> str:
    """The token for whoever has this cookie."""
    return hmac.new(key, b"ringback console form\x00" + bound_to.encode(), hashlib.sha256).hexdigest()


def is_valid(given: str, key: bytes, bound_to: str) -> bool:
    """Whether a form's token is the one of whoever has this cookie."""
    if not bound_to or len(given) != TOKEN_LENGTH or not given.isascii():
        return False
    return hmac.compare_digest(given, token(key, bound_to))


def whose(key: bytes, organization: str, login: str) -> str:
    """The mark of the one who was shown a form: nobody else is shown the same."""
    said = f"{organization}\x00{login}".encode()
    return hmac.new(key, b"ringback console person\x00" + said, hashlib.sha256).hexdigest()
