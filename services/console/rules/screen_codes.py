"""Codes that a person types at a screen on a wall, by a remote control: short, and without look-alikes."""

from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O and U."""
LENGTH: Final = 12
"""60 bits: of a hundred codes that wait, whoever tries a thousand a second finds one in 365 000 years."""
GROUP: Final = 4
_LOOK_ALIKES: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})


def shown(code: str) -> str:
    """A code as people read and type it: K7QF-2M9X-PR4T."""
    return "-".join(code[at : at + GROUP] for at in range(0, LENGTH, GROUP))


def typed(text: str) -> str:
    """The code that somebody has typed; empty: it can't be one."""
    found = "".join(text.upper().split()).replace("-", "").translate(_LOOK_ALIKES)
    return found if len(found) == LENGTH and set(found) <= set(ALPHABET) else ""
