"""Reads an office file as YAML, and keeps the line of every value.

Every scalar is read as text, so that `010` keeps its zero and `no` does not become false: the model decides
what it means.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from contracts.directory import Language
from ringback.apply import wording
from ringback.apply.wording import Explanation, Mistake, explained
from runtime.request_shape import Text

Path = tuple[str | int, ...]
"""The place of a value: keys and list positions from the top."""

FILE_BYTES_MAX: Final = 1_000_000
"""A thousand employees take a fifth of this."""
NODES_MAX: Final = 200_000
"""Aliases may repeat a part a thousand times: this limits the expanded size."""
DEPTH_MAX: Final = 40
"""An office is six levels deep."""
CAUSE_LENGTH_MAX: Final = 500
"""A cause may quote the file, and the quoted value may be a page long."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at a place in the file, and what to do about it; a warning does not prevent saving.

    `is_of_key`: the key is wrong, not its value.
    """

    path: Path
    explanation: Explanation
    is_warning: bool = False
    line: int | None = None
    is_of_key: bool = False

    @property
    def cause(self) -> str:
        """What is wrong, in English."""
        return self.explanation.cause.en

    @property
    def remedy(self) -> str:
        """What to do, in English."""
        return self.explanation.remedy.en


class FileRefused(Exception):
    """The file can't be applied; `problems` say why, each with a line."""

    def __init__(self, problems: list[Problem], name: str = "office.yaml") -> None:
        self.problems = problems
        self.name = name
        super().__init__("\n".join(self.lines()))

    def lines(self, language: Language = Language.ENGLISH) -> list[str]:
        """One line per problem: file, line, cause, remedy."""
        return [printed_line(problem, self.name, language) for problem in self.problems]


def printed_line(problem: Problem, name: str, language: Language = Language.ENGLISH) -> str:
    """A problem as a person reads it."""
    word = wording.pick(wording.WARNING if problem.is_warning else wording.ERROR, language)
    cause = wording.pick(problem.explanation.cause, language).replace("\n", " ").replace("\r", " ")
    cause = cause if len(cause) <= CAUSE_LENGTH_MAX else f"{cause[:CAUSE_LENGTH_MAX]}…"
    stop = "" if cause.endswith("?") else "."
    remedy = wording.pick(problem.explanation.remedy, language)
    return f"{name}:{problem.line or 1}: {word}: {cause}{stop} {remedy}"


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file; `uploads` maps the audio files that it names to their keys in the bucket.

    `anchors` has the lines of aliased parts: a mistake in an aliased part is at its anchor.
    """

    name: str
    data: Any
    lines: Mapping[Path, int]
    uploads: Mapping[str, str] = field(default_factory=dict)
    anchors: Mapping[Path, int] = field(default_factory=dict)

    def line(self, path: Path, *, is_of_key: bool = False) -> int:
        """The line of a place, or of the nearest one around it; a number selects the nth key of a mapping."""
        place = self._named(path)
        for length in range(len(place), -1, -1):
            here = place[:length]
            if here in self.anchors and not (is_of_key and length == len(place)):
                return self.anchors[here]
            if here in self.lines:
                return self.lines[here]
        return 1

    def _named(self, path: Path) -> Path:
        found: list[str | int] = []
        data = self.data
        for part in path:
            here: str | int = part
            if isinstance(data, dict) and isinstance(part, int):
                here = next(itertools.islice(data, part, None), part)
            found.append(here)
            is_inside = isinstance(data, dict) or (isinstance(data, list) and isinstance(here, int))
            try:
                data = data[here] if is_inside else None
            except (KeyError, IndexError):
                data = None
        return tuple(found)


def read(text: str, name: str = "office.yaml") -> Document:
    """Read YAML. Raises FileRefused with the line where it is not YAML."""
    if len(text.encode()) > FILE_BYTES_MAX:
        raise _too_large(name)
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise FileRefused([_not_yaml(error, text)], name) from error
    reader = _Reader(name)
    data = reader.value(node, ()) if node is not None else {}
    if reader.problems:
        raise FileRefused(reader.problems, name)
    return Document(name=name, data=data, lines=reader.lines, anchors=reader.anchors)


def _too_large(name: str) -> FileRefused:
    return FileRefused([Problem((), explained(Mistake.TOO_LARGE, limit=str(FILE_BYTES_MAX)))], name)


def text_of(data: bytes, name: str) -> str:
    """A file's bytes as text. Raises FileRefused with the line where they are not UTF-8."""
    if len(data) > FILE_BYTES_MAX:
        raise _too_large(name)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = explained(Mistake.NO_TEXT, byte=f"{data[error.start]:#04x}")
        line = data[: error.start].count(b"\n") + 1
        raise FileRefused([Problem((), found, line=line)], name) from error


def _not_yaml(error: yaml.YAMLError, text: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = mark.line + 1 if mark else None
    # PyYAML's messages are in English only: the Russian text has the line and the remedy.
    why = Text(ru="", en=f": {getattr(error, 'problem', None) or error}")
    if isinstance(error, _TooDeep):
        why = wording.TOO_DEEP
    elif isinstance(error, yaml.reader.ReaderError):
        line = text[: error.position].count("\n") + 1
        why = wording.filled(wording.BAD_CHARACTER, character=f"#x{error.character:04x}")
    return Problem((), explained(Mistake.NO_YAML, why=why), line=line)


class _TooDeep(yaml.MarkedYAMLError):
    """Parts are nested too deep."""


class _Loader(yaml.SafeLoader):
    """Limits the depth of nodes: PyYAML's own limit is Python's stack."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # PyYAML's own
            raise _TooDeep(problem_mark=mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


class _Reader:
    """Turns nodes into data, and collects their lines and problems."""

    def __init__(self, name: str) -> None:
        self.lines: dict[Path, int] = {}
        self.anchors: dict[Path, int] = {}
        self.problems: list[Problem] = []
        self._name = name
        self._nodes = 0
        self._seen: set[int] = set()

    def value(self, node: yaml.Node, path: Path) -> Any:
        self._nodes += 1
        line = node.start_mark.line + 1
        if self._nodes > NODES_MAX:
            raise FileRefused([Problem((), explained(Mistake.ALIAS_REPEATS), line=line)], self._name)
        if len(path) > DEPTH_MAX:
            raise FileRefused([Problem((), explained(Mistake.ALIAS_SELF), line=line)], self._name)
        self.lines.setdefault(path, line)
        if id(node) in self._seen:
            # A node that comes again is an alias: its text is at its anchor.
            self.anchors[path] = line
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(node, path))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(each, (*path, position)) for position, each in enumerate(node.value)]
        is_null = node.tag == "tag:yaml.org,2002:null"
        return None if is_null else str(node.value)

    def _pairs(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, Any]]:
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.append(Problem(path, explained(Mistake.KEY_LIST), line=line))
                continue
            key = str(key_node.value)
            if key in seen:
                found = explained(Mistake.KEY_TWICE, key=key, line=str(seen[key]))
                self.problems.append(Problem(path, found, line=line))
            seen[key] = line
            self.lines[(*path, key)] = line
            yield key, self.value(value_node, (*path, key))
