"""Patterns end where the text ends: `$` also matches before a line feed, and lets «Bob\\n» pass for «Bob»."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.tidy.checks import python_files, tree_of

FUNCTIONS = frozenset(
    ["compile", "match", "search", "fullmatch", "sub", "subn", "findall", "finditer", "split"]
)
REMEDY = r"end it with contracts.plain_text.END, or \Z where only Python reads it; or use fullmatch"


def loose_ends(root: Path) -> list[str]:
    """Patterns in which `$` stands for the end of the text; where it ends a line (re.MULTILINE) it may."""
    return [
        f"{path.relative_to(root).as_posix()}:{line}: `$` lets a line feed pass; {REMEDY}"
        for path in python_files(root)
        for line, text in sorted(set(_patterns(tree_of(path))))
        if has_bare_dollar(text)
    ]


def _patterns(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The texts that are patterns: first arguments of re's functions, `pattern=`, and what begins with ^."""
    of_lines = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if "MULTILINE" in ast.unparse(node):
                of_lines |= {id(each) for each in ast.walk(node)}
            elif called.startswith("re.") and called[3:] in FUNCTIONS and node.args:
                yield from _texts(node.args[0])
            for keyword in node.keywords:
                if keyword.arg == "pattern":
                    yield from _texts(keyword.value)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Constant, ast.JoinedStr)) and id(node) not in of_lines:
            yield from ((line, text) for line, text in _texts(node) if text.startswith("^"))


def _texts(node: ast.expr | ast.Constant | ast.JoinedStr) -> Iterator[tuple[int, str]]:
    """A literal's text; what an f-string fills in is judged where it is defined, and a letter here."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.lineno, node.value
    elif isinstance(node, ast.JoinedStr):
        parts = (str(each.value) if isinstance(each, ast.Constant) else "x" for each in node.values)
        yield node.lineno, "".join(parts)


def has_bare_dollar(pattern: str) -> bool:
    """Whether a `$` is neither escaped nor in a class of characters, and the pattern is not one of lines."""
    if "(?m" in pattern:
        return False
    is_escaped = is_in_class = False
    for character in pattern:
        if is_escaped:
            is_escaped = False
        elif character == "\\":
            is_escaped = True
        elif is_in_class:
            is_in_class = character != "]"
        elif character == "[":
            is_in_class = True
        elif character == "$":
            return True
    return False
