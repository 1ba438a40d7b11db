"""Phone numbers as people may see them over a shoulder: enough to tell two apart, too little to dial."""

import re
from typing import Final

_NOT_ALONE: Final = "[0-9A-Za-z]"
FOUND: Final = re.compile(
    # A digest or an id is compared by people and dialled by nobody; without a letter it may be numbers.
    rf"(?<!{_NOT_ALONE})(?P<id>(?=[0-9]*[A-Fa-f])[0-9A-Fa-f]{{32,}}|[0-9A-Fa-f]{{8}}(?:-[0-9A-Fa-f]{{4}}){{3}}-[0-9A-Fa-f]{{12}})"
    rf"(?!{_NOT_ALONE})|\+?\d{{9,}}"
)
"""Hexadecimal digests and UUIDs, which stay whole, and phone numbers."""


def masked(text: str) -> str:
    """The text with every phone number's middle left out: `+7…0102`; digests and UUIDs stay as they are."""
    return FOUND.sub(_mask, text)


def _mask(found: re.Match[str]) -> str:
    number = found.group()
    return number if found["id"] else f"{number[:2]}…{number[-4:]}"
