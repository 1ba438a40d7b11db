"""Masks phone numbers for screens: enough digits to distinguish two numbers, too few to dial one."""

import re
from typing import Final

_NOT_ALONE: Final = "[0-9A-Za-z]"
FOUND: Final = re.compile(
    # People compare digests and ids, so these stay whole; without a letter one could be a phone number.
    rf"(?<!{_NOT_ALONE})(?P<id>(?=[0-9]*[A-Fa-f])[0-9A-Fa-f]{{32,}}|[0-9A-Fa-f]{{8}}(?:-[0-9A-Fa-f]{{4}}){{3}}-[0-9A-Fa-f]{{12}})"
    rf"(?!{_NOT_ALONE})|\+?\d{{9,}}"
)
"""Matches hexadecimal digests and UUIDs, which stay whole, and phone numbers."""


def masked(text: str) -> str:
    """The text with every phone number's middle removed: `+7…0102`; digests and UUIDs stay."""
    return FOUND.sub(_mask, text)


def _mask(found: re.Match[str]) -> str:
    number = found.group()
    return number if found["id"] else f"{number[:2]}…{number[-4:]}"
