"""What was probably meant by a word that is none of those there are."""

import difflib
from collections.abc import Iterable
from typing import Final

LIKENESS_MIN: Final = 0.6
"""difflib's own: `nmae` is like `name`, `colour` is not like `kind`."""

BEGINNING_MIN: Final = 3
"""`admin` is the beginning of `administrator`; two letters are the beginning of anything."""


def likely(word: str, known: Iterable[str], count: int) -> list[str]:
    """The known words that are most like one, the likeliest first."""
    small = word.lower()
    by_small = {each.lower(): each for each in known}
    near = difflib.get_close_matches(small, by_small, n=count, cutoff=LIKENESS_MIN)
    longer = [each for each in by_small if len(small) >= BEGINNING_MIN and each.startswith(small)]
    return [by_small[each] for each in dict.fromkeys((*near, *longer))][:count]


def meant(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like one, or None."""
    return next(iter(likely(word, known, 1)), None)
