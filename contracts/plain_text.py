"""Characters that no text from outside may have: nobody types them, and they hide or forge what is read.

This is the one place that defines them. What people send is refused (the patterns stand in the APIs'
documents, and mean the same in Python and in ECMAScript); what other machines send, as PBXs do, is cleaned.
"""

import unicodedata
from typing import Final

END: Final = r"(?![\s\S])"
"""The end of a text, in every dialect: `$` also stands before a line feed at it."""
_LINES: Final = r"\t\n\r"
_OTHER_CONTROLS: Final = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_FORMATS: Final = r"\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ufff9-\ufffb"
"""Line separators, directions of writing and their overrides, marks without a width. Joiners (U+200C, U+200D)
are letters' and emoji's own."""
UNSEEN: Final = _LINES + _OTHER_CONTROLS + _FORMATS
"""What stands in no text of one line, for a class of characters in a pattern.

Lone surrogates are missing: no JSON and no address of a request that can be read has them.
"""
LINE_PATTERN: Final = rf"^[^{UNSEEN}]*{END}"
"""A text of one line."""
TEXT_PATTERN: Final = rf"^[^{_OTHER_CONTROLS}{_FORMATS}]*{END}"
"""A text that may have several lines, and tabs."""


def cleaned(text: str) -> str:
    """A machine's text without invisible characters, lone surrogates included."""
    return "".join(each for each in text if not _is_unseen(each)).strip()


def _is_unseen(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] == "C" or category in ("Zl", "Zp")
