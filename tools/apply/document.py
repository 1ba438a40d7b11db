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
    return f"{name}:{problem.line or 1}: {word}: {problem.cause}. {problem.remedy}"


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
        raise Refused([Problem((), f"the file is larger than {FILE_BYTES_MAX} bytes", "Split it")], name)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        said = getattr(error, "problem", None) or str(error)
        raise Refused(
            [
                Problem(
                    (),
                    f"this is not YAML: {said}",
                    "Look at the brackets, quotes and spaces of this line and the one before",
                    line=mark.line + 1 if mark else None,
                )
            ],
            name,
        ) from error
    lines: dict[Path, int] = {}
    problems: list[Problem] = []
    data = _Reader(lines, problems).value(node, ()) if node is not None else {}
    if problems:
        raise Refused(problems, name)
    return Document(name=name, data=data, lines=lines)


class _Reader:
    """Turns nodes into data and remembers their lines."""

    def __init__(self, lines: dict[Path, int], problems: list[Problem]) -> None:
        self._lines = lines
        self._problems = problems
        self._nodes = 0

    def value(self, node: yaml.Node, path: Path) -> Any:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise Refused([Problem((), "the file's aliases repeat too much", "Write fewer of them out")])
        self._lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(node, path))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(each, (*path, position)) for position, each in enumerate(node.value)]
        is_null = node.tag == "tag:yaml.org,2002:null"
        return None if is_null else str(node.value)

    def _pairs(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, Any]]:
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
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
