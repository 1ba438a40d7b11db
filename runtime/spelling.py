"""Guesses what was probably meant by an unknown word."""

import difflib
from collections.abc import Iterable
from typing import Final

LIKENESS_MIN: Final = 0.6
"""difflib's default: `nmae` is like `name`, `colour` is not like `kind`."""

BEGINNING_MIN: Final = 3
"""The shortest beginning that counts, as `admin` of `administrator`; two letters begin too many words."""


def likely(word: str, known: Iterable[str], count: int) -> list[str]:
    """The known words most like this one, the likeliest first."""
    small = word.lower()
    by_small = {each.lower(): each for each in known}
    near = difflib.get_close_matches(small, by_small, n=count, cutoff=LIKENESS_MIN)
    longer = [each for each in by_small if len(small) >= BEGINNING_MIN and each.startswith(small)]
    return [by_small[each] for each in dict.fromkeys((*near, *longer))][:count]


def meant(word: str, known: Iterable[str]) -> str | None:
    """The known word most like this one, or None."""
    return next(iter(likely(word, known, 1)), None)
