"""Each rule of docs/rules.md with the tests that prove it, or *unproven*.

A test names its rules with `@pytest.mark.rule("C3", "C5")`. Markers are read from the files of tests/ without
running them, which is fast and includes tests that this machine must skip. The exit code is 1 if a rule is
unproven, or if a marker names a rule that does not exist.
"""

import argparse
import ast
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ringback.stack.services import ROOT

# A rule is a list item, which may continue over several lines: «- C3 First the agent, then …».
ITEM = re.compile(r"^- ([A-Z]\d+) (.+?)(?=^- |^#|^$|\Z)", re.MULTILINE | re.DOTALL)
FIRST_SENTENCE_MAX = 110


@dataclass(slots=True)
class Rule:
    """One rule: its id, its beginning, and its proofs."""

    id: str
    promise: str
    tests: list[str] = field(default_factory=list)


def read_rules(root: Path = ROOT) -> dict[str, Rule]:
    """The rules of docs/rules.md by id, in the order of the page."""
    page = (root / "docs" / "rules.md").read_text(encoding="utf-8")
    rules = {}
    for name, words in ITEM.findall(page):
        promise = textwrap.shorten(" ".join(words.split()), FIRST_SENTENCE_MAX, placeholder=" …")
        rules[name] = Rule(name, promise)
    return rules


def _marked(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(rule id, test name) for every marker on a test, on its class, or on the module (`pytestmark`)."""
    on_module = []
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets
        ):
            on_module += _ids(node.value)
    owners: list[ast.Module | ast.ClassDef] = [tree]
    owners += [node for node in tree.body if isinstance(node, ast.ClassDef)]
    for owner in owners:
        inherited = list(on_module)
        if isinstance(owner, ast.ClassDef):
            inherited += [rule for decorator in owner.decorator_list for rule in _ids(decorator)]
        for node in owner.body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_"):
                own = [rule for decorator in node.decorator_list for rule in _ids(decorator)]
                yield from ((rule, node.name) for rule in (*inherited, *own))
    # A hypothesis state machine is run through `TestX = Machine.TestCase`: its class carries the marker.
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("Test"):
            for decorator in node.decorator_list:
                yield from ((rule, node.name) for rule in _ids(decorator))


def _ids(expression: ast.expr) -> list[str]:
    """The ids in every `….mark.rule("A1", "B2")` within an expression."""
    found = []
    for node in ast.walk(expression):
        is_marker = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if is_marker and isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.rule"):
            found += [str(arg.value) for arg in node.args if isinstance(arg, ast.Constant)]
    return found


def proofs(root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """(rule id, `file::test`) for every marker under tests/."""
    for path in sorted((root / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for rule, test in _marked(tree):
            yield rule, f"{path.relative_to(root).as_posix()}::{test}"


def main(argv: list[str]) -> int:
    """Print every rule with its proofs."""
    argparse.ArgumentParser(prog="python -m devtools rules", description=__doc__).parse_args(argv)
    rules = read_rules()
    unknown = []
    for rule, test in proofs():
        if rule in rules:
            rules[rule].tests.append(test)
        else:
            unknown.append(f"{test} names rule {rule}, which docs/rules.md does not have")
    unproven = []
    for entry in rules.values():
        print(f"{entry.id:<4}{entry.promise}")
        print("\n".join(f"      {test}" for test in entry.tests) or "      *unproven*")
        if not entry.tests:
            unproven.append(entry.id)
    print(f"\n{len(rules) - len(unproven)} of {len(rules)} rules are proven")
    for problem in unknown:
        print(f"rules: {problem}")
    if unproven:
        print(f"rules: unproven: {' '.join(unproven)}")
    return 1 if unproven or unknown else 0
