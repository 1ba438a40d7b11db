"""Maps a field of the sheet to its place in the office file."""

from typing import Final

from ringback.apply.document import Path

ACTIONS: Final = ("no_answer", "full")
_DEVICES: Final = ("sims", "mobile", "rings_desk", "rings_mobile", "mobile_delay_ms")
_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "pbx_id": ("pbx",),
    "agent_id": ("employee",),
    "department_id": ("department",),
    "kind": ("then",),
    "no_answer_action": ("no_answer",),
    "overflow_action": ("full",),
    "waiting_max": ("full", "waiting_max"),
    "ring_ms": ("ring",),
    "step_ms": ("step",),
    "pause_between_rounds_ms": ("pause_between_rounds",),
    "announcement_gap_ms": ("announcements_every",),
    "wrap_up_ms": ("wrap_up",),
    "invitation_after_ms": ("invitation_after",),
    "attempts_max": ("attempts",),
    "attempt_gap_ms": ("attempt_gap",),
    "talk_ms_min": ("talk_at_least",),
    "apologies_at_once_max": ("apologies_at_once",),
    "duration_ms_max": ("message_up_to",),
    "silence_ms": ("silence",),
    "speech_ms_min": ("speech_at_least",),
    "legs_max": ("phones_at_once",),
    "wait_ms": ("wait",),
    "auto_pause_misses": ("pause_after_misses",),
    "from_minute": ("from",),
    "until_minute": ("to",),
}
"""The file's words that differ from the cards'. Any other field gets the nearest enclosing line."""


def place(field: str) -> Path:
    """The path in the file of a dotted field of the sheet; ids in a file have no dots."""
    if not field:
        return ()
    part, _, rest = field.partition(".")
    id_, *words = rest.split(".") if rest else [""]
    if part == "organization":
        return (part, *_place([id_, *words] if id_ else words))
    if part == "notices":
        return _notice(id_, words)
    if part == "rules":
        return ("employees", id_, "direct", *_rules(words))
    if part == "scenarios" and id_:
        return (part, id_, *_scenario(words))
    if part == "employees" and words and words[0] in _DEVICES:
        return (part, id_, "devices")
    if part == "departments" and words[:1] == ["no_answer_ms"]:
        return (part, id_, "no_answer", "after")
    return (part, id_, *_place(words)) if id_ else (part,)


def _place(words: list[str]) -> Path:
    found: list[str | int] = []
    for word in words:
        if word.isdecimal():
            found.append(int(word))
        else:
            found += _WORDS.get(word, (word,))
    return tuple(found)


def _scenario(words: list[str]) -> Path:
    """A place in a scenario: the sheet numbers elements and arrows, the file names them."""
    found: list[str | int] = []
    for word in words:
        if word.isdecimal():
            found.append(int(word))
        else:
            found += ("kind",) if word == "kind" else _WORDS.get(word, (word,))
    return tuple(found)


def _rules(words: list[str]) -> Path:
    return ("ring",) if words[:1] == ["no_answer_ms"] else _place(words)


def _notice(owner: str, words: list[str]) -> Path:
    """A notice's place, from its id: `sales.welcome`, `gusev.direct.absence`, `main.at.greeting`."""
    if words[:1] == ["at"]:
        return ("scenarios", owner, "elements", *words[1:2], "notice")
    if words[:1] == ["direct"]:
        return ("employees", owner, "direct", *words[1:2], "notice")
    if words[:1] and words[0] in ACTIONS:
        return ("departments", owner, words[0], "notice")
    return ("departments", owner, "notices", *words[:1])
