"""Turns written text into what an engine is given: words, and the punctuation at which a voice pauses.

Everything that an engine could take for an instruction (mark-up, phoneme brackets, control characters) is
removed, and its words are spoken as text (T6). Only letters and punctuation reach an engine.
"""

import re
import unicodedata
from collections.abc import Callable
from itertools import pairwise
from typing import Final

import phonenumbers

from contracts.dialling import HOME_REGION
from contracts.directory import Language
from services.tts.rules import english, russian

MINUS: Final = "−"
"""The mathematical minus, which some keyboards write for a dash."""
_PAUSES: Final = frozenset(".,:;!?-–—()'’")
_SIGNS: Final = frozenset("₽$€£%/+°")
"""Signs that the reading of numbers needs; none of them is left at the end."""
_WORDS: Final[dict[Language, dict[str, str]]] = {
    Language.RUSSIAN: {
        "№": "номер",
        "&": "и",
        "@": "собака",
        "#": "решётка",
        "*": "звёздочка",
        "±": "плюс-минус",
        "≈": "примерно",
        "~": "примерно",
    },
    Language.ENGLISH: {
        "№": "number",
        "&": "and",
        "@": "at",
        "#": "hash",
        "*": "star",
        "±": "plus or minus",
        "≈": "about",
        "~": "about",
    },
}
_FRACTION_POINT: Final[dict[Language, str]] = {Language.RUSSIAN: ",", Language.ENGLISH: "."}
_FRACTIONS: Final = {"½": "5", "¼": "25", "¾": "75"}
_RAISED: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_RAISED_MINUTES: Final = re.compile(r"(?<!\d)(\d{1,2})([⁰¹²³⁴⁵][⁰¹²³⁴⁵⁶⁷⁸⁹])(?![⁰¹²³⁴⁵⁶⁷⁸⁹\d])")
_CELSIUS: Final = re.compile(r"(?:℃|°\s?[CСcс](?!\w))")
_LEFT_OVER: Final[dict[Language, dict[str, str]]] = {
    Language.RUSSIAN: {
        "₽": "рублей",
        "$": "долларов",
        "€": "евро",
        "£": "фунтов",
        "%": "процентов",
        "°": "градусов",
        "+": "плюс",
    },
    Language.ENGLISH: {
        "₽": "roubles",
        "$": "dollars",
        "€": "euros",
        "£": "pounds",
        "%": "percent",
        "°": "degrees",
        "+": "plus",
    },
}
_LOCAL_NUMBER: Final = re.compile(r"(?<![\w-])\d{2,3}-\d\d-\d\d(?![\w-])")
_READERS: Final[dict[Language, Callable[[str], str]]] = {
    Language.RUSSIAN: russian.read,
    Language.ENGLISH: english.read,
}


def as_spoken(language: Language, written: str, region: str = HOME_REGION) -> str:
    """A text as its language reads it aloud, without digits, control characters or signs except pauses.

    Phone numbers without a country code are grouped as in the country `region`, in either language.
    """
    text = _plain_text(language, written)
    text = _read_phone_numbers(language, text, region)
    text = _READERS[language](text)
    for sign, word in _LEFT_OVER[language].items():
        text = text.replace(sign, f" {word} ")
    text = text.replace("/", " ")
    # Babel and num2words answer with characters of their own, such as a no-break space.
    text = _plain_text(language, text)
    # Engines differ on «- 5» and «--x»: a dash that does not join two words becomes a space.
    text = re.sub(r"(?<!\w)[-–—]+(?=\w)|(?<=\w)[-–—]+(?!\w)", " ", text)
    text = re.sub(r"([.,:;!?–—()-])(?:\s*\1)+", r"\1", text)
    return (
        re.sub(r"\s+([.,:;!?])", r"\1", re.sub(r"\s+", " ", text))
        .lstrip(" .,:;!?)-–—'’")
        .rstrip(" ,;:(-–—'’")
    )


def has_words(text: str) -> bool:
    """Whether a text has anything that a voice can say."""
    return any(character.isalnum() for character in text)


def _plain_text(language: Language, written: str) -> str:
    """Keep letters, digits, pauses and signs of numbers; a line end becomes a pause, all else a space."""
    written = re.sub(r"(?<=[\w%₽$€£)°])[ \t]*(?:\r\n|\r|\n)+", ". ", written)
    written = _without_special_digits(language, written)
    for sign, word in _WORDS[language].items():
        written = written.replace(sign, f" {word} ")
    text = "".join(_plain_character(character) for character in unicodedata.normalize("NFKC", written))
    return re.sub(r"\s+", " ", text).strip()


def _without_special_digits(language: Language, written: str) -> str:
    """Rewrite «9⁰⁰», a time, and «1½», a fraction, which as plain digits would be 900 and 11 over 2."""
    written = _RAISED_MINUTES.sub(lambda found: f"{found[1]}:{found[2].translate(_RAISED)}", written)
    for sign, part in _FRACTIONS.items():
        fraction = f"{_FRACTION_POINT[language]}{part}"
        written = re.sub(rf"(?<=\d){sign}", fraction, written).replace(sign, f"0{fraction}")
    return _CELSIUS.sub("°", written)


def _plain_character(character: str) -> str:
    if character in _PAUSES or character in _SIGNS:
        return character
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.digit(character))
    if category == "Pd" or character == MINUS:
        return "-"
    # Only letters are left to be spoken, and stress marks, which belong to their letters.
    return character if category[0] == "L" or category == "Mn" else " "


def _read_phone_numbers(language: Language, text: str, region: str) -> str:
    said = []
    end = 0
    matches = phonenumbers.PhoneNumberMatcher(text, region, leniency=phonenumbers.Leniency.VALID)
    for found in matches:
        # «8 800 …» is read with the eight that people dial, «+7 …» with the country code.
        is_whole = found.raw_string.lstrip("(").startswith("+")
        form = phonenumbers.PhoneNumberFormat
        number = phonenumbers.PhoneNumber()
        number.merge_from(found.number)
        number.extension = None
        written = phonenumbers.format_number(number, form.INTERNATIONAL if is_whole else form.NATIONAL)
        extension = found.number.extension
        said += [text[end : found.start], read_number(language, written)]
        said += [f", {_EXTENSION[language]} {extension}" if extension else ""]
        end = found.end
    text = "".join((*said, text[end:]))
    return _LOCAL_NUMBER.sub(lambda local: read_number(language, local[0]), text)


_EXTENSION: Final = {Language.RUSSIAN: "добавочный", Language.ENGLISH: "extension"}


def read_number(language: Language, written: str) -> str:
    """A phone number written in groups: Russian reads each group as a number, English each digit."""
    groups = re.findall(r"\d+", written)
    plus = [_LEFT_OVER[language]["+"]] if written.lstrip().startswith("+") else []
    if language is Language.ENGLISH:
        return ", ".join((*plus, *(english.digits(group) for group in groups)))
    return ", ".join((*plus, *(_read_group(group) for group in groups)))


def _read_group(group: str) -> str:
    """«девятьсот двенадцать», «ноль семь»; more than three digits in pairs, an odd first digit alone."""
    if len(group) > 3:
        cuts = [0, *range(len(group) % 2 or 2, len(group) + 1, 2)]
        return " ".join(_read_group(group[start:end]) for start, end in pairwise(cuts))
    zeros = len(group) - len(group.lstrip("0"))
    words = [russian.cardinal(0)] * zeros
    return " ".join((*words, russian.cardinal(int(group[zeros:])))) if group[zeros:] else " ".join(words)
