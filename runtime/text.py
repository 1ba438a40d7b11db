"""Turns bytes from outside into text before anything stores or shows them, and text into one line.

Another program answers in UTF-8, or in its country's charset, and does not say which. The result can always
be stored, sent and read again.
"""

import unicodedata
from collections.abc import Iterator
from typing import Final

_CHARSETS: Final = ("cp1251", "koi8-r", "cp866", "gb18030", "latin-1")
"""Tried in order when the bytes are not UTF-8; the last one decodes everything."""
NAME_LENGTH_MAX: Final = 120
_RARE: Final = dict.fromkeys("хжшюцщэфъё", 0.5)
_FREQUENCIES: Final = _RARE | dict(
    zip(
        "оеаинтсрвлкмдпуяыьгзбчй",
        (
            11,
            8.5,
            8,
            7.4,
            6.7,
            6.3,
            5.5,
            4.7,
            4.5,
            4.4,
            3.5,
            3.2,
            3,
            2.8,
            2.6,
            2,
            1.9,
            1.7,
            1.7,
            1.6,
            1.6,
            1.4,
            1.2,
        ),
        strict=True,
    )
)
"""The frequency of Russian letters in texts, in per cent."""
_HANZI_COMMON: Final = range(0xB0, 0xD8)
"""First bytes of the 3,755 commonest Chinese characters in GB 2312."""
_UNLIKELY: Final = -1.0


def as_text(data: bytes) -> str:
    """Decode bytes as UTF-8, else in the charset in which they look most like words."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return max(_readings(data), key=_likelihood)


def _readings(data: bytes) -> Iterator[str]:
    for charset in _CHARSETS:
        try:
            yield data.decode(charset)
        except UnicodeDecodeError:
            continue


def _likelihood(text: str) -> float:
    """How much the letters beyond ASCII look like words, on average."""
    found = [_of_letter(letter, word) for word in text.split() for letter in word if letter > "\x7f"]
    return sum(found) / len(found) if found else 0.0


def _of_letter(letter: str, word: str) -> float:
    small = letter.lower()
    is_mixed = any(c.isascii() and c.isalpha() for c in word)
    if small in _FREQUENCIES:
        # A word has one alphabet, and no capitals in the middle.
        if is_mixed or not (word.islower() or word.isupper() or word.istitle()):
            return _UNLIKELY
        capitals = 0.85 if word.isupper() else 1.0
        return capitals * (0.5 + _FREQUENCIES[small] / 12)
    if "\u4e00" <= letter <= "\u9fff":
        encoded = letter.encode("gb18030")
        return 0.65 if encoded[0] in _HANZI_COMMON else _UNLIKELY / 2
    if "\u00c0" <= letter <= "\u00ff":
        return 1.0 if is_mixed else 0.0
    return 0.5 if letter in "«»„“”–—№…" else _UNLIKELY


def one_line(text: str, length_max: int = NAME_LENGTH_MAX) -> str:
    """A bounded text for any place: no control, format or private characters, single spaces.

    It has no encoded word (RFC 2047) either, which a reader would decode, with its line ends.
    """
    cleaned = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text).replace("=?", "= ?")
    joined = " ".join(cleaned.split())
    return joined if len(joined) <= length_max else f"{joined[: length_max - 1].rstrip()}…"
