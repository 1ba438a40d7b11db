"""Verbs of a package of programs: each is a module or package in it with a `main(argv) -> int`.

Verbs are found by reading files, not by importing them. So listing them is fast, and a verb with missing
libraries does not break the others. A verb's description is its docstring's first line.
"""

import ast
import importlib
import sys
from pathlib import Path


def verbs(package: str) -> dict[str, str]:
    """Every verb of a package with its one-line description, by name."""
    folder = Path(__file__).parents[1] / package
    found = {}
    for path in sorted([*folder.glob("*.py"), *folder.glob("*/__init__.py")]):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body):
            name = path.parent.name if path.name == "__init__.py" else path.stem
            found[name] = (ast.get_docstring(tree) or "").partition("\n")[0]
    return dict(sorted(found.items()))


def run(package: str, argv: list[str]) -> int:
    """Run the verb that `argv` names first; list the verbs if there is none or it is unknown."""
    known = verbs(package)
    verb = argv[0].replace("-", "_") if argv else ""
    if verb in known:
        module = importlib.import_module(f"{package}.{verb}")
        return int(module.main(argv[1:]))
    is_help = verb in ("", "__help", "_h", "help")
    if not is_help:
        print(f"{package}: there is no verb {argv[0]!r}", file=sys.stderr)
    print(f"usage: python -m {package} <verb> [...]\n")
    for name, description in known.items():
        print(f"  {name:<14} {description}")
    return 0 if is_help else 2
