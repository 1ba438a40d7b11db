"""Finds the place in the office file of a field of the sheet, and the words that the model has at a place."""

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel

from ringback.apply.document import Path
from ringback.apply.model import OfficeFile

ACTIONS: Final = {
    "no_answer": ("no_answer_action", "no_answer_ms"),
    "full": ("overflow_action", "waiting_max"),
}
"""A department's actions in a file: the field of each, and the field that a file has inside it."""
_AROUND: Final = {inner: field for field, inner in ACTIONS.values()}
_DEVICES: Final = ("sims", "mobile", "rings_desk", "rings_mobile", "mobile_delay_ms")


def place(field: str) -> Path:
    """The path in the file of a dotted field of the sheet; ids in a file have no dots."""
    if not field:
        return ()
    part, *words = field.split(".")
    if part == "notices":
        return _notice(words[0] if words else "", words[1:])
    if part == "rules":
        part, words = "employees", [*words[:1], "direct", *words[1:]]
    elif part == "employees" and words[1:2] and words[1] in _DEVICES:
        words = [words[0], "devices"]
    elif part == "departments" and words[1:2] and words[1] in _AROUND:
        words.insert(1, _AROUND[words[1]])
    return tuple(_path([part, *words]))


def _path(fields: list[str]) -> Iterator[str | int]:
    """Follow fields through the model; one that the model does not have gets the nearest enclosing line."""
    shape: Any = OfficeFile
    for field in fields:
        words = words_of(shape)
        word = next((word for word, (saved_as, _) in words.items() if saved_as == field), field)
        yield int(field) if field.isdecimal() else word
        shape = words[word][1] if word in words else _inner(shape)


def words_of(shape: Any) -> dict[str, tuple[str, Any]]:
    """The words that the model allows in a part, each with its field of a card and its type."""
    if not (isinstance(shape, type) and issubclass(shape, BaseModel)):
        return {}
    return {
        each.alias or name: (each.serialization_alias or name, _plain(each.annotation))
        for name, each in shape.model_fields.items()
    }


def shape_at(path: Path) -> Any:
    """The type of a part of the file; None if the model has no such part."""
    shape: Any = OfficeFile
    for step in path:
        words = words_of(shape)
        shape = words[str(step)][1] if str(step) in words else _inner(shape)
    return shape


def _inner(shape: Any) -> Any:
    """The type inside a list or a mapping by ids."""
    inner = get_args(shape)
    if get_origin(shape) is dict:
        return _plain(inner[1])
    return _plain(inner[0]) if get_origin(shape) is tuple else None


def _plain(annotation: Any) -> Any:
    """A type without its limits and without None."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return _plain(next(each for each in get_args(annotation) if each is not NoneType))
    return annotation


def _notice(owner: str, words: list[str]) -> Path:
    """A notice's place, from its id: `sales.welcome`, `gusev.direct.absence`, `main.at.greeting`."""
    if words[:1] == ["at"]:
        return ("scenarios", owner, "elements", *words[1:2], "notice")
    if words[:1] == ["direct"]:
        return ("employees", owner, "direct", *words[1:2], "notice")
    if words[:1] and words[0] in ACTIONS:
        return ("departments", owner, words[0], "notice")
    return ("departments", owner, "notices", *words[:1])
