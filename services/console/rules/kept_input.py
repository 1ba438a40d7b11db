"""What of a form is kept when the session has ended before it was sent. The functions are pure."""

from collections.abc import Iterable
from typing import Final

from services.console.rules import csrf

NEVER_KEPT: Final = frozenset({csrf.FIELD, csrf.WHOSE, "key", "password", "new", "again", "code"})
"""The names of what each form has of its own, and of secrets: a test compares them with the pages' fields for
passwords."""

Texts = tuple[tuple[str, str], ...]
"""Names and texts of a form's fields, in its order; a name may come more than once."""


def kept(sent: Iterable[tuple[str, object]]) -> Texts:
    """What somebody has typed and chosen: no secrets, no files."""
    return tuple((name, value) for name, value in sent if isinstance(value, str) and name not in NEVER_KEPT)
