"""What an office file changes against what the log says, entity by entity, with versions raised."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from contracts.directory import (
    AgentAvailabilitySaved,
    AgentSaved,
    DepartmentSaved,
    DirectRulesSaved,
    NoticeSaved,
    OrganizationSaved,
    PbxSaved,
    RightsSaved,
)
from contracts.message import Fact

Entity = (
    OrganizationSaved
    | PbxSaved
    | AgentSaved
    | AgentAvailabilitySaved
    | DirectRulesSaved
    | RightsSaved
    | NoticeSaved
    | DepartmentSaved
)
Key = tuple[str, str]
KINDS: Final[dict[type[Fact], tuple[str, str]]] = {
    OrganizationSaved: ("organization", "organization_id"),
    PbxSaved: ("PBX", "pbx_id"),
    AgentSaved: ("agent", "agent_id"),
    AgentAvailabilitySaved: ("hours of agent", "agent_id"),
    DirectRulesSaved: ("direct calls of", "agent_id"),
    RightsSaved: ("rights of", "agent_id"),
    NoticeSaved: ("notice", "notice_id"),
    DepartmentSaved: ("department", "department_id"),
}
"""What a file says; pauses are switched by people, not by files."""


@dataclass(frozen=True, slots=True)
class Change:
    """One entity that differs: `fact` goes on the log; `fields` are (name, before, now) of a changed one."""

    key: Key
    kind: Literal["new", "changed", "removed"]
    fact: Fact
    fields: tuple[tuple[str, Any, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs, in the order it is to be said; and what no file can take away."""

    changes: tuple[Change, ...]
    unchanged: int
    left_over: tuple[Key, ...] = ()

    def facts(self) -> list[Fact]:
        """What goes on the log."""
        return [change.fact for change in self.changes]


def key_of(fact: Fact) -> Key | None:
    """Which entity a fact is about; None for facts that no file says."""
    found = KINDS.get(type(fact))
    return None if found is None else (found[0], str(getattr(fact, found[1])))


def newest(heard: Iterable[Fact]) -> dict[Key, Fact]:
    """The newest version of every entity among facts of the log."""
    found: dict[Key, Fact] = {}
    for fact in heard:
        key = key_of(fact)
        if key is not None and (key not in found or _version(fact) > _version(found[key])):
            found[key] = fact
    return found


def difference(wanted: Iterable[Fact], known: dict[Key, Fact], *, version_first: int = 1) -> Difference:
    """Compare what a file says with what the log says.

    `version_first` is for entities that the log does not have: 1 on a whole log, and the instant (ms) on one
    whose beginning is beyond its retention, since readers may know a version that is no longer on it.
    """
    changes: list[Change] = []
    unchanged = 0
    seen = set()
    for fact in wanted:
        key = key_of(fact)
        assert key is not None
        seen.add(key)
        old = known.get(key)
        if old is None:
            changes.append(Change(key, "new", _with(fact, version=version_first)))
        elif _with(fact, version=_version(old)) == old:
            unchanged += 1
        else:
            now = _with(fact, version=_version(old) + 1)
            changes.append(Change(key, "changed", now, _fields(old, now)))
    gone = [key for key in known if key not in seen]
    removed = [key for key in gone if getattr(known[key], "is_removed", None) is False]
    for key in removed:
        old = known[key]
        fact = _with(old, version=_version(old) + 1, is_removed=True)
        changes.append(Change(key, "removed", fact, (("is_removed", False, True),)))
    # A PBX or a notice has no end of its own: nothing refers to it any more, and it stays.
    stays = tuple(key for key in gone if key[0] in ("PBX", "notice", "organization"))
    return Difference(tuple(changes), unchanged, stays)


def _with(fact: Fact, **changed: Any) -> Fact:
    return msgspec.structs.replace(fact, **changed)


def _version(fact: Fact) -> int:
    return int(getattr(fact, "version", 0))


def _fields(old: Fact, new: Fact) -> tuple[tuple[str, Any, Any], ...]:
    names = [name for name in new.__struct_fields__ if name != "version"]
    return tuple(
        (name, getattr(old, name), getattr(new, name))
        for name in names
        if getattr(old, name) != getattr(new, name)
    )
