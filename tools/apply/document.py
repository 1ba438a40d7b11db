"""An office file as text: its data, and the line of everything in it.

Every scalar is read as the text that stands there, so that `010` keeps its zero and `no` is no truth value:
the model says what it means.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

Path = tuple[str | int, ...]
"""Where something stands: keys and list positions from the top."""

FILE_BYTES_MAX: Final = 1_000_000
"""A thousand employees take a fifth of it."""
NODES_MAX: Final = 200_000
"""Aliases may repeat a part a thousandfold: this bounds what they unfold to."""

DEPTH_MAX: Final = 40
"""An office is six levels deep."""
CAUSE_LENGTH_MAX: Final = 500
"""A cause may quote what stands in the file, and that may be a page."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at a place in the file, and what to do about it; a warning stops nothing."""

    path: Path
    cause: str
    remedy: str
    is_warning: bool = False
    line: int | None = None


class Refused(Exception):
    """The file can't be applied; `problems` say why, each with its line."""

    def __init__(self, problems: list[Problem], name: str = "office.yaml") -> None:
        self.problems = problems
        self.name = name
        super().__init__("\n".join(self.lines()))

    def lines(self) -> list[str]:
        """One line per problem: file, line, cause, remedy."""
        return [told(problem, self.name) for problem in self.problems]


def told(problem: Problem, name: str) -> str:
    """A problem as a person reads it."""
    word = "warning" if problem.is_warning else "error"
    cause = problem.cause.replace("\n", " ").replace("\r", " ")
    cause = cause if len(cause) <= CAUSE_LENGTH_MAX else f"{cause[:CAUSE_LENGTH_MAX]}…"
    return f"{name}:{problem.line or 1}: {word}: {cause}. {problem.remedy}"


@dataclass(frozen=True, slots=True)
class Document:
    """A file that is YAML; `uploads` maps the audio files that it names to their keys in the bucket."""

    name: str
    data: Any
    lines: Mapping[Path, int]
    uploads: Mapping[str, str] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """The line of a place, or of the nearest one around it."""
        for length in range(len(path), -1, -1):
            found = self.lines.get(path[:length])
            if found is not None:
                return found
        return 1


def read(text: str, name: str = "office.yaml") -> Document:
    """Read YAML. Raises Refused with the line when it is none."""
    if len(text.encode()) > FILE_BYTES_MAX:
        raise _too_large(name)
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise Refused([_not_yaml(error, text)], name) from error
    lines: dict[Path, int] = {}
    problems: list[Problem] = []
    data = _Reader(lines, problems, name).value(node, ()) if node is not None else {}
    if problems:
        raise Refused(problems, name)
    return Document(name=name, data=data, lines=lines)


def _too_large(name: str) -> Refused:
    return Refused([Problem((), f"the file is larger than {FILE_BYTES_MAX} bytes", "Split it")], name)


def text_of(data: bytes, name: str) -> str:
    """A file's bytes as text. Raises Refused with the line when they are none."""
    if len(data) > FILE_BYTES_MAX:
        raise _too_large(name)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        cause = f"this is not text in UTF-8: the byte {data[error.start]:#04x} stands here"
        line = data[: error.start].count(b"\n") + 1
        raise Refused(
            [Problem((), cause, "Save the file as UTF-8 in your editor", line=line)], name
        ) from error


def _not_yaml(error: yaml.YAMLError, text: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = mark.line + 1 if mark else None
    said = getattr(error, "problem", None) or str(error)
    if isinstance(error, yaml.reader.ReaderError):
        line = text[: error.position].count("\n") + 1
        said = f"the character #x{error.character:04x} is not allowed"
    remedy = "Look at the brackets, quotes and spaces of this line and the one before"
    return Problem((), f"this is not YAML: {said}", remedy, line=line)


class _Loader(yaml.SafeLoader):
    """Composes nodes no deeper than anybody nests them: PyYAML's own limit is Python's stack."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # PyYAML's own
            raise yaml.composer.ComposerError(None, None, f"parts are nested deeper than {DEPTH_MAX}", mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


class _Reader:
    """Turns nodes into data and remembers their lines."""

    def __init__(self, lines: dict[Path, int], problems: list[Problem], name: str) -> None:
        self._name = name
        self._lines = lines
        self._problems = problems
        self._nodes = 0

    def value(self, node: yaml.Node, path: Path) -> Any:
        self._nodes += 1
        line = node.start_mark.line + 1
        if self._nodes > NODES_MAX:
            too_many = Problem((), "the file's aliases repeat too much", "Repeat fewer of them", line=line)
            raise Refused([too_many], self._name)
        if len(path) > DEPTH_MAX:
            endless = Problem((), "an alias here contains itself", "Write out what is meant", line=line)
            raise Refused([endless], self._name)
        self._lines.setdefault(path, line)
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
                problem = Problem(path, "a key is a word, and no list", "Write «word: …»", line=line)
                self._problems.append(problem)
                continue
            key = str(key_node.value)
            if key in seen:
                self._problems.append(
                    Problem(
                        path,
                        f"«{key}» stands here twice, first in line {seen[key]}",
                        "Remove or rename one of them",
                        line=line,
                    )
                )
            seen[key] = line
            self._lines[(*path, key)] = line
            yield key, self.value(value_node, (*path, key))
