"""Which passwords an employee may not choose: those that are guessed first."""

import string
from collections.abc import Iterable
from typing import Final

from services.directory.rules import naming

CHARACTERS_MIN: Final = 4
"""Different ones: fewer are «aaaaaaaaaa» or «1212121212», which no list names in every length."""
WORD_LETTERS_MIN: Final = 3
"""A shorter own word, as an initial, is part of too many good passwords."""
_AROUND: Final = string.digits + string.punctuation + string.whitespace


def is_common(password: str, common: frozenset[str]) -> bool:
    """Whether it is a common password (in small letters), also between digits and signs, or in Cyrillic."""
    plain = password.casefold()
    core = plain.strip(_AROUND)
    return len(set(plain)) < CHARACTERS_MIN or not common.isdisjoint({plain, core, naming.latin(core)})


def is_own(password: str, own: Iterable[str]) -> bool:
    """Whether its letters are one's own words and nothing else, in whatever order and spelling."""
    letters = _letters(password)
    words = {spelled for each in own for word in _words(each) for spelled in (word, naming.latin(word))}
    reached = {0}
    for at in range(len(letters)):
        if at in reached:
            reached |= {at + len(word) for word in words if letters.startswith(word, at)}
    return bool(letters) and len(letters) in reached


def _words(text: str) -> list[str]:
    whole = _letters(text)
    parts = "".join(each if each.isalpha() else " " for each in text.casefold()).split()
    return [each for each in (whole, *parts) if len(each) >= WORD_LETTERS_MIN]


def _letters(text: str) -> str:
    return "".join(each for each in text.casefold() if each.isalpha())
