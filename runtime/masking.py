"""Masks phone numbers and other personal values: the one place that says how much of them is shown."""

import re
from typing import Final

DIGITS_SHOWN_MAX: Final = 4
"""Enough to distinguish two customers on a screen, too few to dial one."""
LETTERS_LOGGED: Final = 2
"""What a log shows of a personal value, which may also be speech."""
_NOT_ALONE: Final = "[0-9A-Za-z]"
_IN_TEXT: Final = re.compile(
    # People compare digests and ids, so these stay whole; without a letter one could be a phone number.
    rf"(?<!{_NOT_ALONE})(?P<id>(?=[0-9]*[A-Fa-f])[0-9A-Fa-f]{{32,}}|[0-9A-Fa-f]{{8}}(?:-[0-9A-Fa-f]{{4}}){{3}}-[0-9A-Fa-f]{{12}})"
    rf"(?!{_NOT_ALONE})|\+?\d{{9,}}"
)
"""Matches hexadecimal digests and UUIDs, which stay whole, and phone numbers."""


def masked_number(number: str | None) -> str | None:
    """A customer's number for who may not see it: `…0102`; a withheld one stays None, an empty one empty.

    Of a short number fewer digits are shown: always less than half of it. Whatever else the network wrote in
    place of a number is hidden whole.
    """
    if not number:
        return number
    digits = re.sub(r"[\s()+.-]", "", number)
    if not (digits.isascii() and digits.isdecimal()):
        return "…"
    shown = min(DIGITS_SHOWN_MAX, (len(digits) - 1) // 2)
    return "…" + (digits[-shown:] if shown else "")


def masked(text: str) -> str:
    """A text for an operator's screen with every phone number's middle removed: `+7…0102`; digests and UUIDs
    stay.
    """
    return _IN_TEXT.sub(_mask, text)


def _mask(found: re.Match[str]) -> str:
    number = found.group()
    return number if found["id"] else f"{number[:2]}…{number[-DIGITS_SHOWN_MAX:]}"


def masked_for_log(value: object) -> str:
    """The part of any personal value that a log may show."""
    text = str(value)
    return "…" + text[-LETTERS_LOGGED:] if len(text) > 2 * LETTERS_LOGGED else "…"
