"""What a change of a card was, field by field: what the audit trail stores, and how people read it."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from contracts.directory import Language
from runtime.masking import masked_number
from services.directory.rules import audit_words
from services.directory.state.cards import Card

CHANGES_MAX: Final = 200
"""Fields of one change that are stored: a card has about a hundred."""
LENGTH_MAX: Final = 300
"""A longer value is cut: nobody reads more in a list."""
_NUMBER: Final = re.compile(r"(?<![\w.:\-])\+[1-9]\d{4,14}(?!\w)|(?<![\w.:\-])\d{7,15}(?![\w.:\-])")


class Change(Struct, frozen=True, array_like=True):
    """A field by its dotted name, with its values before and after, as builtins."""

    name: str
    before: Any
    after: Any


def changes(before: Card | None, after: Card) -> list[Change]:
    """The fields that differ; of a new card those that are not empty."""
    was = {} if before is None else msgspec.to_builtins(before)
    found = list(_differing(was, msgspec.to_builtins(after), ""))
    return found[:CHANGES_MAX]


def _differing(before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> Iterator[Change]:
    for name, now in after.items():
        was = before.get(name)
        if was == now or (was is None and now in (None, "", [], {}, False)):
            continue
        if isinstance(now, dict) and isinstance(was, dict | None):
            yield from _differing(was or {}, now, f"{path}{name}.")
        else:
            yield Change(f"{path}{name}", _cut(was), _cut(now))


def _cut(value: Any) -> Any:
    """A value as it is stored: long texts are cut, and long lists end early."""
    if isinstance(value, str):
        return value if len(value) <= LENGTH_MAX else value[: LENGTH_MAX - 1] + "…"
    if isinstance(value, list | tuple):
        listed = [_cut(each) for each in value[:20]]
        return listed if len(value) <= len(listed) else [*listed, "…"]
    if isinstance(value, dict):
        return {name: _cut(each) for name, each in value.items()}
    return value


def encoded(found: list[Change]) -> str:
    """The changes as the trail stores them."""
    return msgspec.json.encode(found).decode() if found else ""


def decoded(text: str) -> list[Change]:
    """The changes that a line of the trail has."""
    return msgspec.json.decode(text, type=list[Change]) if text.startswith("[") else []


def masked_numbers(text: str) -> str:
    """A text with every phone number masked."""
    return _NUMBER.sub(lambda found: masked_number(found[0]) or "", text)


class Reader(Struct, frozen=True, kw_only=True):
    """Who reads the trail: the language, whether numbers are shown, and names by kind and id."""

    language: Language
    sees_numbers: bool = True
    names: dict[str, str] = {}

    def said(self, name: str, value: Any) -> str:
        """A field's value in words."""
        text = _in_words(self, name.rpartition(".")[2], value)
        text = text if len(text) <= LENGTH_MAX else text[: LENGTH_MAX - 1] + "…"
        return text if self.sees_numbers else masked_numbers(text)


def _in_words(reader: Reader, name: str, value: Any) -> str:
    match value:
        case None | "" | []:
            return audit_words.NOTHING.said(reader.language)
        case bool():
            return (audit_words.YES if value else audit_words.NO).said(reader.language)
        case int():
            return _number_in_words(reader, name, value)
        case list():
            return ", ".join(_in_words(reader, name, each) for each in value)
        case dict():
            return _struct_in_words(reader, value)
        case str() if name.endswith("_id"):
            return reader.names.get(value, value)
        case str() if name in _ENUMERATED and value in audit_words.VALUES:
            return audit_words.VALUES[value].said(reader.language)
        case _:
            return str(value)


def _struct_in_words(reader: Reader, value: dict[str, Any]) -> str:
    filled = {key: each for key, each in value.items() if each not in (None, "", [], False)}
    said = (
        f"{audit_words.field(key, reader.language)} {_in_words(reader, key, each)}"
        for key, each in filled.items()
    )
    return "; ".join(said)


def _number_in_words(reader: Reader, name: str, value: int) -> str:
    if name in _WRITTEN:
        return _WRITTEN[name](value, reader.language)
    return _duration(value, reader.language) if "_ms" in name else str(value)


_ENUMERATED: Final = ("kind", "language", "role")


def _duration(value_ms: int, language: Language) -> str:
    fitting = (each for each in audit_words.SPANS if value_ms % each[0] == 0)
    size, unit = next(fitting) if value_ms else audit_words.SPANS[-2]
    return f"{value_ms // size} {unit.said(language)}"


def _minute(value: int, _language: Language) -> str:
    return f"{value // 60:02}:{value % 60:02}"


def _day(value: int, language: Language) -> str:
    return audit_words.DAYS[value].said(language) if 0 <= value < 7 else str(value)


_WRITTEN: Final[dict[str, Callable[[int, Language], str]]] = {
    "from_minute": _minute,
    "until_minute": _minute,
    "days": _day,
}
