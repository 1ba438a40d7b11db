"""Makes a full sample of every message type from the type alone: every field is set, and none to its default.

Samples are in tests/golden/messages and never change: a message that was once on a log must always decode.
When a type gains a field, its new sample is added beside the older ones, with the next number.
"""

import types
import typing
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from contracts.codec import TYPES, encode
from contracts.message import Message

FOLDER = Path(__file__).parent.parent / "tests" / "golden" / "messages"
SAMPLE_AT = 1_700_000_000_000
SAMPLE_NUMBER = 7


def sample(kind: type[Message]) -> Message:
    """One message of a type with every field filled."""
    made = filled(kind)
    assert isinstance(made, Message)
    return made


def new_samples(folder: Path = FOLDER) -> dict[Path, bytes]:
    """The samples that have no file yet, each with its file's path."""
    wanted = {}
    for name, kind in TYPES.items():
        line = encode(sample(kind)) + b"\n"
        kept = kept_samples(name, folder)
        if all(path.read_bytes() != line for path in kept):
            number = len(kept) + 1
            wanted[folder / (f"{name}.json" if number == 1 else f"{name}.{number}.json")] = line
    return wanted


def kept_samples(name: str, folder: Path = FOLDER) -> list[Path]:
    """The files with samples of a type, the oldest first."""
    first = folder / f"{name}.json"
    later = (folder / f"{name}.{number}.json" for number in range(2, 1000))
    found = [first] if first.exists() else []
    for path in later:
        if not path.exists():
            break
        found.append(path)
    return found


def filled(kind: type[msgspec.Struct]) -> msgspec.Struct:
    """A struct of a type with every field set, and none to its default."""
    fields = msgspec.structs.fields(kind)
    return kind(
        **{
            # A boolean gets the opposite of its default, so that the sample does not omit it.
            field.name: field.default is not True if field.type is bool else value(field.name, field.type)
            for field in fields
        }
    )


def value(name: str, kind: Any) -> Any:
    """A plausible value for a field, by its type and its name."""
    while isinstance(kind, typing.NewType):
        kind = kind.__supertype__
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        kind = next(each for each in typing.get_args(kind) if each is not types.NoneType)
        return value(name, kind)
    if origin is tuple:
        inner = [each for each in typing.get_args(kind) if each is not Ellipsis]
        return tuple(value(name, each) for each in inner)
    if origin is dict:
        inside = typing.get_args(kind)[1]
        return {"name": "value" if inside is str else value(name, inside)}
    return _plain(name, kind)


def _plain(name: str, kind: type) -> Any:
    if issubclass(kind, msgspec.Struct):
        return filled(kind)
    if issubclass(kind, Enum):
        return list(kind)[-1]
    if kind is int:
        return SAMPLE_AT if name.endswith("_at") else SAMPLE_NUMBER
    if kind is bytes:
        return name.encode()
    if kind is str:
        return f"{name.replace('_', '-')}-1"
    raise TypeError(f"a sample of {kind} ({name}) can't be made: teach devtools/samples.py")
