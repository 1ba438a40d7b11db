"""Names in Latin letters, for logins and ids (E1)."""

import re
from collections.abc import Callable, Iterable
from typing import Final

LOGIN_LENGTH_MAX: Final = 32
"""SIP devices cut longer user names; 8 characters are left for a number that makes one unique."""

# As in passports issued in Russia (ICAO Doc 9303), and other alphabets of the region.
_SPELLINGS: Final = """
а a б b в v г g д d е e з z и i й i к k л l м m н n о o п p р r с s т t у u ф f
ж zh х kh ц ts ч ch ш sh щ shch ъ ie ы y ь - э e ю iu я ia ё e
і i ї i є ie ґ g ў u қ k ғ g ң n ө o ұ u ү u һ h ә a
ä ae ö oe ü ue ß ss å a ø o æ ae é e è e ê e ë e á a à a â a ç c ñ n í i ì i î i ó o ò o ô o ú u ù u û u
"""
_WORDS: Final = _SPELLINGS.split()
_LETTERS: Final = {
    letter: "" if spelling == "-" else spelling
    for letter, spelling in zip(_WORDS[::2], _WORDS[1::2], strict=True)
}


def latin(text: str) -> str:
    """A text in lower-case Latin letters and digits, with dashes between words; may be empty."""
    letters = (_LETTERS.get(letter, letter) for letter in text.lower())
    return re.sub(r"[^a-z0-9]+", "-", "".join(letters)).strip("-")


def login(name: str, taken: Iterable[str]) -> str:
    """A unique login from a person's name: family name and initial, as in `gusev.r`."""
    words = latin(name).split("-")
    made = f"{words[0]}.{words[1][0]}" if len(words) > 1 else words[0]
    return unique(made or "user", set(taken).__contains__)


def unique(wanted: str, is_taken: Callable[[str], bool]) -> str:
    """The wanted name, or the first free one of `name-2`, `name-3` …; it begins with a letter."""
    base = (wanted if wanted[:1].isalpha() else f"n{wanted}")[:LOGIN_LENGTH_MAX].strip("-.") or "n"
    found, number = base, 1
    while is_taken(found):
        number += 1
        found = f"{base}-{number}"
    return found
