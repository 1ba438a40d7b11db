"""What tidy means, as functions from a tree to findings; `test_tidy` wants none, `test_planted` some.

Each finding is one line: where, what, and what to do. The limits and words are those of style.md and of the
glossary.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import phonenumbers

PACKAGES = ("contracts", "runtime", "services", "ringback", "devtools", "tools", "tests")
MODULE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60
BRANCHES_MAX = 10

# The glossary's column «never say in contracts and deciders».
# fmt: off
FORBIDDEN_WORDS = frozenset(
    [
        "tenant", "account", "client", "switch", "staff", "member", "operator", "worker", "group",
        "team", "skill", "entry", "item", "ticket", "index", "eta", "assignment", "task", "channel",
        "session", "job", "retry", "expiry", "ttl", "inbox", "clip", "payload", "data",
    ]
)
# fmt: on
SAYS_NOTHING = re.compile(r"(^|_)(utils?|helpers?|commons?|managers?)(\Z|_)")

SERVICE_FILES_NEEDED = ("README.md", "__init__.py", "__main__.py", "service.py", "settings.py")
# style.md: async only here and in runtime; an adapter of the gateway is an activity in a file of its own.
ASYNC_MODULES = ("activities", "api", "asterisk", "simulated")

# Words that mean something else in one place: (file, name's word) → what it means there.
OTHER_MEANINGS = {
    ("contracts/prompts.py", "group"): "the digits of a phone number are read in groups",
}

# CZ is also two of Unicode's categories in a row, controls and separators.
KNOWING_COUNTRIES = frozenset({"contracts/dialling.py", "contracts/number_ranges.py"})
COUNTRIES = phonenumbers.SUPPORTED_REGIONS - {"CZ"}

SECRET_WORDS = frozenset({"credential", "credentials", "key", "password", "secret", "token"})
# What a URL with a password is described by, and what hides a field from `repr` and from nothing else.
SECRET_SAID = re.compile(r"password@|password>@|//:?user|repr=False")
HIDDEN = re.compile(r"SecretStr|int|float|bool")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(root: Path) -> Iterator[Path]:
    """Every Python file of the packages, sorted."""
    for package in PACKAGES:
        yield from sorted((root / package).rglob("*.py"))


def _where(root: Path, path: Path, line: int | None = None) -> str:
    return path.relative_to(root).as_posix() + (f":{line}" if line else "")


def tree_of(path: Path) -> ast.Module:
    """A file's syntax tree."""
    now = path.stat()
    return _parsed(path, now.st_mtime_ns, now.st_size)


@cache
def _parsed(path: Path, _changed_at: int, _bytes: int) -> ast.Module:
    """Every check walks through every file: parsing them anew for each took longer than the checks."""
    return ast.parse(path.read_text(encoding="utf-8"))


def _functions(tree: ast.Module) -> Iterator[Function]:
    yield from (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def countries(root: Path) -> list[str]:
    """A country's code where a number is read would be wrong in every other country."""
    found = []
    for path in python_files(root):
        if _where(root, path) in KNOWING_COUNTRIES or path.is_relative_to(root / "tests"):
            continue
        named = [
            node
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.Constant) and node.value in COUNTRIES
        ]
        found += [
            f"{_where(root, path, node.lineno)} names a country, {node.value!r}: the policy does that"
            for node in named
        ]
    return found


def is_pure(root: Path, path: Path) -> bool:
    """Whether a file is of those that neither do I/O nor read a clock."""
    parts = path.relative_to(root).with_suffix("").parts
    if parts[0] == "contracts":
        return True
    if parts[0] == "runtime":
        return parts[1] in ("decision", "records")
    return parts[0] == "services" and len(parts) > 2 and parts[2] in ("decider", "port", "rules", "state")


def long_modules(root: Path) -> list[str]:
    """Modules of more lines than one keeps in mind."""
    counted = ((path, len(path.read_text(encoding="utf-8").splitlines())) for path in python_files(root))
    return [
        f"{_where(root, path)}: {lines} lines, the limit is {MODULE_LINES_MAX}: split it by what it is about"
        for path, lines in counted
        if lines > MODULE_LINES_MAX
    ]


def _is_dispatch(node: ast.AST) -> bool:
    """A `match` that only sends on: each case is one plain statement. style.md excepts it from the limits."""
    plain = (ast.Return, ast.Expr, ast.Assign, ast.Raise, ast.Pass)
    return isinstance(node, ast.Match) and all(
        len(case.body) == 1 and isinstance(case.body[0], plain) for case in node.cases
    )


def _lines(function: Function) -> int:
    """A function's lines, without those of dispatching matches."""
    whole = (function.end_lineno or function.lineno) - function.lineno + 1
    dispatched = (node for node in ast.walk(function) if isinstance(node, ast.Match) and _is_dispatch(node))
    return whole - sum((node.end_lineno or node.lineno) - node.lineno + 1 for node in dispatched)


def _branches(function: Function) -> int:
    """How many ways a function can go: ifs, loops, handlers and the cases of a match that is no dispatch."""
    kinds = (ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler)
    count = 0
    for node in ast.walk(function):
        count += isinstance(node, kinds)
        count += len(node.cases) if isinstance(node, ast.Match) and not _is_dispatch(node) else 0
    return count


def large_functions(root: Path) -> list[str]:
    """Functions of too many lines or branches."""
    found = []
    for path in python_files(root):
        for function in _functions(tree_of(path)):
            where = f"{_where(root, path, function.lineno)} {function.name}"
            if _lines(function) > FUNCTION_LINES_MAX:
                found.append(f"{where}: {_lines(function)} lines, the limit is {FUNCTION_LINES_MAX}")
            if _branches(function) > BRANCHES_MAX:
                found.append(f"{where}: {_branches(function)} branches, the limit is {BRANCHES_MAX}")
    return found


def _defined_names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Names that this file chooses, with their line; names it only uses (`.items()`) are others' words."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno


def _words(name: str) -> set[str]:
    """The words of a snake_case or CamelCase name, in lower case and in the singular."""
    split = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    words = {word.lower() for word in split}
    return words | {word.removesuffix("s") for word in words}


def forbidden_words(root: Path) -> list[str]:
    """Synonyms that the glossary forbids, in names of contracts and deciders."""
    found = []
    for path in python_files(root):
        parts = path.relative_to(root).with_suffix("").parts
        if parts[0] != "contracts" and not (parts[0] == "services" and "decider" in parts):
            continue
        meant = {word for file, word in OTHER_MEANINGS if file == _where(root, path)}
        names = [*_defined_names(tree_of(path)), (path.stem, 1)]
        for name, line in names:
            bad = (_words(name) & FORBIDDEN_WORDS) - meant
            found += [f"{_where(root, path, line)} {name}: the glossary never says {word!r}" for word in bad]
    return sorted(found)


def names_that_say_nothing(root: Path) -> list[str]:
    """Files and folders named by what they are to a programmer and not by what they are about."""
    found = set()
    for path in python_files(root):
        relative = path.relative_to(root).with_suffix("")
        found |= {f"{relative}: {part} says nothing" for part in relative.parts if SAYS_NOTHING.search(part)}
    return sorted(found)


def clock_readings(root: Path) -> list[str]:
    """`datetime.now()` and its kin in pure code; import-linter can't see into datetime."""
    found = []
    for path in python_files(root):
        if not is_pure(root, path):
            continue
        for node in ast.walk(tree_of(path)):
            reads = isinstance(node, ast.Attribute) and node.attr in ("now", "utcnow", "today")
            if (
                reads
                and isinstance(node, ast.Attribute)
                and ast.unparse(node.value).endswith(("datetime", "date"))
            ):
                found.append(f"{_where(root, path, node.lineno)}: reads a clock; take the record's time")
    return found


def set_iterations(root: Path) -> list[str]:
    """Loops over a set display, `set(...)` or `frozenset(...)` in pure code: its order is not fixed."""
    found = []
    for path in python_files(root):
        if not is_pure(root, path):
            continue
        for node in ast.walk(tree_of(path)):
            over = node.iter if isinstance(node, (ast.For, ast.comprehension)) else None
            is_call = isinstance(over, ast.Call) and ast.unparse(over.func) in ("set", "frozenset")
            if over is not None and (is_call or isinstance(over, (ast.Set, ast.SetComp))):
                found.append(f"{_where(root, path, over.lineno)}: iterates a set; sort it")
    return found


def misplaced_async(root: Path) -> list[str]:
    """`async def` in contracts, or in a service outside activities and api."""
    found = []
    for path in python_files(root):
        parts = path.relative_to(root).with_suffix("").parts
        allowed = parts[0] not in ("contracts", "services") or (len(parts) > 2 and parts[2] in ASYNC_MODULES)
        if not allowed:
            tree = tree_of(path)
            asynchronous = [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)]
            found += [f"{_where(root, path, node.lineno)} {node.name}: async here" for node in asynchronous]
    return found


def imports_of_tests(root: Path) -> list[str]:
    """Imports of the tests by anything else."""
    found = []
    for path in python_files(root):
        if path.is_relative_to(root / "tests"):
            continue
        for node in ast.walk(tree_of(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == "tests" for name in names):
                found.append(f"{_where(root, path)}: imports the tests")
    return found


def service_layers(root: Path) -> set[str]:
    """The modules a service may have, as pyproject's import-linter contract names them."""
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers = next(
        contract["layers"] for contract in contracts if contract.get("containers") == ["services.*"]
    )
    return {tail.strip().strip("()") for layer in layers for tail in re.split(r"[|:]", layer)}


def service_shapes(root: Path) -> list[str]:
    """Services that lack a file every service has, or hold one that no other may have."""
    services = root / "services"
    allowed = service_layers(root) | {"__init__", "README"}
    found = [
        f"{_where(root, path)}: a script here would shadow a library; put it into a service"
        for path in sorted(services.glob("*.py"))
        if path.name != "__init__.py"
    ]
    for folder in sorted(path.parent for path in services.glob("*/__init__.py")):
        present = {path.name for path in folder.iterdir()}
        missing = [name for name in SERVICE_FILES_NEEDED if name not in present]
        found += [f"{_where(root, folder)}: {name} is missing" for name in missing]
        if "decider.py" in present or "decider" in present:
            found += [
                f"{_where(root, folder)}: a decider without {stem}"
                for stem in ("rules", "state")
                if not {stem, f"{stem}.py"} & present
            ]
        strange = sorted(present - {"__pycache__"})
        found += [
            f"{_where(root, folder)}/{name}: no service has such a file; see architecture.md, «Packages»"
            for name in strange
            if name.partition(".")[0] not in allowed
        ]
    return found


ADDRESS_BY_ITS_BEGINNING = re.compile(r"startswith\([^)]*https?:|[\"']https?://[^\"']*[\"'] in ")


def addresses_by_their_beginning(root: Path) -> list[str]:
    """Addresses that are judged by how they begin: http://localhost@example.org begins like loopback."""
    return [
        f"{_where(root, path, number)}: judges an address by its text: {line.strip()} (take runtime/urls.py)"
        for path in python_files(root)
        if "tests" not in path.relative_to(root).parts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if ADDRESS_BY_ITS_BEGINNING.search(line)
    ]


def named_addresses(root: Path) -> list[str]:
    """Addresses of registries in the requirement lists: they differ from machine to machine."""
    return [
        f"{_where(root, path, number)}: names an address: {line.strip()}"
        for path in sorted((root / "requirements").glob("*"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if "://" in line or line.startswith(("--index", "--extra-index", "--find-links", "-i ", "-f "))
    ]


def told_secrets(root: Path) -> list[str]:
    """Settings that hold a secret by their name or by what is said of them, and that are no SecretStr.

    `…_key` beside `…_certificate` is the path of a private key, and no secret; nor is a public key, or
    the day until which a key holds (`…_until`).
    """
    found = []
    for path in [root / "runtime/settings.py", *sorted(root.glob("services/*/settings.py"))]:
        for class_ in (node for node in tree_of(path).body if isinstance(node, ast.ClassDef)):
            fields = dict(_settings(class_))
            for field, said in fields.items():
                name = ast.unparse(field.target)
                is_open = {"public", "until"} & _words(name) or (
                    name.endswith("_key")
                    and f"{name.removesuffix('_key')}_certificate"
                    in {ast.unparse(each.target) for each in fields}
                )
                holds = SECRET_WORDS & _words(name) or SECRET_SAID.search(said + ast.unparse(field))
                if holds and not is_open and not HIDDEN.search(ast.unparse(field.annotation)):
                    found.append(
                        f"{_where(root, path, field.lineno)}: {name} may hold a secret: make it a SecretStr"
                    )
    return found


def _settings(class_: ast.ClassDef) -> Iterator[tuple[ast.AnnAssign, str]]:
    """The fields of a class, each with the docstring below it."""
    for node, below in zip(class_.body, [*class_.body[1:], ast.Pass()], strict=True):
        if isinstance(node, ast.AnnAssign):
            is_said = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
            yield node, ast.unparse(below) if is_said else ""
