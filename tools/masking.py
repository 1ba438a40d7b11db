"""Phone numbers as people may see them over a shoulder: enough to tell two apart, too little to dial."""

import re
from typing import Final

NUMBER: Final = re.compile(r"\+?\d{9,15}(?!\d)")


def masked(text: str) -> str:
    """The text with every phone number's middle left out: `+7…0102`."""
    return NUMBER.sub(_mask, text)


def _mask(found: re.Match[str]) -> str:
    number = found.group()
    return f"{number[:2]}…{number[-4:]}"
