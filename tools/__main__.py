"""`python -m tools <verb> ...`: each verb is a module or package here with a `main(argv) -> int`.

Verbs are found by reading the files, not by importing them, so that listing them is instant and a verb
whose libraries are missing does not take the others down. A verb's description is the first line of its
module's docstring.
"""

import ast
import importlib
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def verbs() -> dict[str, str]:
    """Every verb with its one-line description, by name."""
    found = {}
    for path in sorted([*FOLDER.glob("*.py"), *FOLDER.glob("*/__init__.py")]):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body):
            name = path.parent.name if path.name == "__init__.py" else path.stem
            found[name] = (ast.get_docstring(tree) or "").partition("\n")[0]
    found.pop("__main__", None)
    return dict(sorted(found.items()))


def main(argv: list[str]) -> int:
    """Run the verb named first; without one, or with an unknown one, list them."""
    known = verbs()
    verb = argv[0].replace("-", "_") if argv else ""
    if verb in known:
        module = importlib.import_module(f"tools.{verb}")
        return int(module.main(argv[1:]))
    is_help = verb in ("", "__help", "_h", "help")
    if not is_help:
        print(f"tools: there is no verb {argv[0]!r}", file=sys.stderr)
    print("usage: python -m tools <verb> [...]\n")
    for name, description in known.items():
        print(f"  {name:<14} {description}")
    return 0 if is_help else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
