"""The table of a chart's values: each one's path, default, and the comment above it in values.yaml."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from devtools.generated_page import ROOT, GeneratedPage

CHART: Final = ROOT / "charts" / "ringback"
README: Final = "charts/ringback/README.md"
BEGIN: Final = "<!-- The table below is made by `make schemas` from the comments in values.yaml. -->\n"
END: Final = "<!-- The table ends here. -->\n"
DEFAULT_LENGTH_MAX: Final = 80
"""A longer default is looked up in values.yaml."""


class Undescribed(ValueError):
    """A value has no comment; the message names it."""


class Value(NamedTuple):
    """One value that can be set."""

    path: str
    default: str
    """As YAML in one line."""
    comment: str


def values(text: str) -> list[Value]:
    """The values of a values.yaml, in its order. Raises Undescribed."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    found = list(_leaves(root, (), text.splitlines()))
    lacking = [each.path for each in found if not each.comment]
    if lacking:
        raise Undescribed(f"without a comment above them in values.yaml: {', '.join(lacking)}")
    return found


def _leaves(node: yaml.MappingNode, path: tuple[str, ...], lines: list[str]) -> Iterator[Value]:
    for key, value in node.value:
        here = (*path, key.value)
        comment = _comment_above(key.start_mark.line, lines)
        if isinstance(value, yaml.MappingNode) and value.value and _is_described(value, lines):
            yield from _leaves(value, here, lines)
        else:
            yield Value(".".join(here), _one_line(value), comment)


def _is_described(node: yaml.MappingNode, lines: list[str]) -> bool:
    """Whether a mapping has values of its own, and is not one value itself, as labels are."""
    return any(
        _comment_above(key.start_mark.line, lines)
        or (isinstance(value, yaml.MappingNode) and _is_described(value, lines))
        for key, value in node.value
    )


def _comment_above(line: int, lines: list[str]) -> str:
    """The comment that stands directly above a key, in its column."""
    column = len(lines[line]) - len(lines[line].lstrip())
    found: list[str] = []
    while line > 0 and lines[line - 1].startswith(" " * column + "# "):
        line -= 1
        found.insert(0, lines[line].strip().removeprefix("# "))
    return " ".join(found)


def _one_line(node: yaml.Node) -> str:
    written = yaml.safe_dump(
        yaml.safe_load(yaml.serialize(node, Dumper=yaml.SafeDumper)), default_flow_style=True, width=10_000
    )
    return written.removesuffix("\n").removesuffix("\n...")


def table(text: str) -> str:
    """The rows of all values, as Markdown."""
    rows = ["| value | default | what it is |", "|---|---|---|"]
    for path, default, comment in values(text):
        shown = f"`{default}`" if len(default) <= DEFAULT_LENGTH_MAX else "see values.yaml"
        rows.append(f"| `{path}` | {shown} | {comment.replace('|', chr(92) + '|')} |")
    return "\n".join(rows) + "\n"


def page() -> str:
    """The README with a fresh table."""
    kept = Path(ROOT / README).read_text(encoding="utf-8")
    before, begin, rest = kept.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(
            f"{README} must have the lines {BEGIN!r} and {END!r}, between which the table stands"
        )
    return before + begin + table((CHART / "values.yaml").read_text(encoding="utf-8")) + end + after


GENERATED: Final = GeneratedPage(README, page, "charts")
