"""`--set sales.strategy=linear`: changes departments' settings in the replayed directory."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from contracts.directory import DepartmentSaved
from contracts.message import Fact

SIMULATED: Final = (
    "strategy",
    "no_answer_ms",
    "no_answer_action",
    "announcement_gap_ms",
    "wrap_up_ms",
    "waiting_max",
    "overflow_action",
    "callback",
    "agents",
)
"""The settings that affect the model's figures."""
EVERY: Final = "*"
SHORT: Final = {"strategy": "strategy.kind", "no_answer_action": "no_answer_action.kind"}
"""For these, a plain value means their `kind`."""


class NoSuchSetting(Exception):
    """An unknown department or setting, or an invalid value; the message names similar ones."""


class Setting(msgspec.Struct, frozen=True):
    """One `--set`."""

    department: str
    path: tuple[str, ...]
    text: str


def parsed(text: str) -> Setting:
    """Read `department.setting=value`. Raises NoSuchSetting."""
    name, is_there, value = text.partition("=")
    department, dot, path = name.strip().partition(".")
    if not is_there or not dot or not path:
        raise NoSuchSetting(f"{text!r} is not a setting: write it as sales.no_answer_ms=300000")
    is_object = value.lstrip().startswith("{")
    path = path if is_object else SHORT.get(path, path)
    return Setting(department, tuple(path.split(".")), value.strip())


def changed(
    book: Sequence[tuple[int, Fact]], settings: Iterable[Setting]
) -> tuple[list[tuple[int, Fact]], list[str]]:
    """The directory with the settings in every version of their departments, and each change in words.

    Raises NoSuchSetting.
    """
    known = {fact.department_id: fact for _, fact in book if isinstance(fact, DepartmentSaved)}
    listed, lines = tuple(settings), []
    for setting in listed:
        if setting.department != EVERY and setting.department not in known:
            named = _near(setting.department, known)
            raise NoSuchSetting(f"there is no department {setting.department!r} on this log{named}")
        for department_id, fact in known.items():
            if setting.department in (EVERY, department_id):
                after = _value(_with(fact, setting), setting.path)
                before = _value(fact, setting.path)
                was = "" if before == after else f" (was {before})"
                lines.append(f"{department_id}.{'.'.join(setting.path)} = {after}{was}")
    new = [(at, _changed(fact, listed) if isinstance(fact, DepartmentSaved) else fact) for at, fact in book]
    return new, lines


def _changed(fact: DepartmentSaved, settings: Iterable[Setting]) -> DepartmentSaved:
    for setting in settings:
        if setting.department in (EVERY, fact.department_id):
            fact = _with(fact, setting)
    return fact


def _with(fact: DepartmentSaved, setting: Setting) -> DepartmentSaved:
    """A department with one setting changed, checked by its type."""
    known = msgspec.to_builtins(fact)
    here: Any = fact
    there = known
    for depth, name in enumerate(setting.path):
        fields = getattr(here, "__struct_fields__", ())
        allowed = SIMULATED if depth == 0 else fields
        if name not in allowed or name not in fields:
            wanted = ".".join(setting.path)
            raise NoSuchSetting(
                f"a department has no setting {wanted!r} that can be tried{_near(name, allowed)}"
            )
        if depth < len(setting.path) - 1:
            here = getattr(here, name)
            there = there.setdefault(name, {})
    there[setting.path[-1]] = _read(setting.text)
    try:
        return msgspec.convert(known, DepartmentSaved, strict=False)
    except msgspec.ValidationError as error:
        wanted = ".".join(setting.path)
        raise NoSuchSetting(f"{setting.text!r} is not a value for {wanted!r}: {error}") from error


def _read(text: str) -> Any:
    """The text's JSON value, or the text itself if it is not JSON."""
    try:
        return msgspec.json.decode(text.encode())
    except msgspec.DecodeError:
        return text


def _value(fact: DepartmentSaved, path: tuple[str, ...]) -> Any:
    found: Any = fact
    for name in path:
        found = getattr(found, name)
    return str(found)


def _near(wanted: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5) or names
    return f"; similar: {', '.join(close)}" if close else ""
