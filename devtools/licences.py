"""The licence of every package: permitted or refused, and docs/licences.md written.

With --check it only compares. No network is needed: licences come from the installed packages' metadata, and
from devtools/licence_decisions.py where these are silent or unclear.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from license_expression import ExpressionError, get_spdx_licensing

from devtools.generated_page import GeneratedPage
from devtools.licence_decisions import DECLARED, LGPL_BECAUSE, LGPL_PREFIX, PERMITTED, PROGRAMS, Declared
from devtools.pins import ALL, Pin, pins, shipped_names
from ringback.stack.services import ROOT

SPDX: Final = get_spdx_licensing()
NAMES: Final = {
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT license": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "PSFL": "PSF-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
"""What metadata say → its SPDX identifier, where that is certain."""
SAY_TOO_LITTLE: Final = ("", "UNKNOWN", "OSI Approved", "DFSG approved", "BSD License")
"""Words that name no licence, beside which another place must name one."""
CLASSIFIER: Final = "License :: "

HEAD: Final = """\
# Licences

`make licences` writes this page from the installed packages' metadata and `devtools/licence_decisions.py`.
`make check` fails if a package's licence is not permitted there, is unknown, or differs from this page.
Identifiers are those of SPDX.
"""


class Unclear(Exception):
    """Metadata that don't tell the licence; the message has what they say."""


class Metadata(Protocol):
    """What is read of a package: `importlib.metadata.PackageMetadata`, or an e-mail message like it."""

    def get_all(self, name: str, failobj: None = None) -> list[Any] | None:
        """Every value of a field."""


class Licence(NamedTuple):
    """The licence of a package; a package whose licence is not known or refused has `refused_because`."""

    package: str
    expression: str
    is_shipped: bool
    is_declared: bool
    refused_because: str = ""


def said(package: Metadata) -> str:
    """The licence that a package's metadata say, as an SPDX expression.

    `License-Expression` alone counts if it is there (PEP 639). Otherwise the field and the classifiers must
    not contradict each other. Raises Unclear.
    """
    (expression,) = package.get_all("License-Expression") or [""]
    if expression:
        return str(expression)
    # Some put the whole licence into the field: its first line is the name.
    fields = [str(each).strip().partition("\n")[0] for each in package.get_all("License") or []]
    classifiers = [
        str(each).rpartition(" :: ")[2]
        for each in package.get_all("Classifier") or []
        if str(each).startswith(CLASSIFIER)
    ]
    words = [each for each in (*fields, *classifiers) if each not in SAY_TOO_LITTLE]
    named = [NAMES.get(each, each) for each in words]
    if not named or any(not _is_spdx(each) for each in named):
        raise Unclear(", ".join((*fields, *classifiers)) or "nothing")
    # The field may be an expression whose parts the classifiers repeat one by one.
    first = SPDX.parse(named[0])
    if not set(named[1:]) <= {str(first), *(symbol.key for symbol in first.symbols)}:
        raise Unclear(", ".join(words))
    return str(first)


def _is_spdx(text: str) -> bool:
    try:
        SPDX.parse(text, validate=True)
    except ExpressionError:
        return False
    return True


def objection(package: str, expression: str) -> str:
    """Why a package must not have this licence; empty if it may."""
    if not _is_spdx(expression):
        return f"{expression} is no SPDX expression"
    if _is_permitted(SPDX.parse(expression), package):
        return ""
    if LGPL_PREFIX in expression:
        return f"{expression} needs a reason in LGPL_BECAUSE"
    return f"{expression} is not permitted to what is imported"


def _is_permitted(tree: Any, package: str) -> bool:
    """Of an OR one part must be permitted, of an AND all. With an exception it is another licence."""
    match tree:
        case SPDX.OR():
            return any(_is_permitted(each, package) for each in tree.args)
        case SPDX.AND():
            return all(_is_permitted(each, package) for each in tree.args)
        case _:
            key = str(tree)
            return key in PERMITTED or (key.startswith(LGPL_PREFIX) and package in LGPL_BECAUSE)


def licence(pin: Pin, *, is_shipped: bool, declared: Mapping[str, Declared] = DECLARED) -> Licence:
    """The licence of a pinned package: from its metadata, or the declared one."""
    own = declared.get(pin.name)
    problem = ""
    expression = own.licence if own else "unknown"
    try:
        read = said(metadata(pin.name))
    except PackageNotFoundError:
        problem = "" if own else "is not installed here, and DECLARED has no licence for it"
    except Unclear as unclear:
        problem = "" if own else f"its metadata say {unclear}: read its licence and declare it in DECLARED"
    else:
        if own and read != own.licence:
            problem = f"is declared as {own.licence}, but its metadata say {read} now: correct DECLARED"
        expression = read
    return Licence(
        pin.name, expression, is_shipped, own is not None, problem or objection(pin.name, expression)
    )


def licences(root: Path = ROOT) -> tuple[Licence, ...]:
    """The licence of every pinned package, by name."""
    shipped = shipped_names(root)
    return tuple(licence(pin, is_shipped=pin.name in shipped) for pin in sorted(pins(ALL, root)))


def refused(found: Iterable[Licence]) -> list[str]:
    """A line for each licence that is refused."""
    return [f"{each.package}: {each.refused_because}" for each in found if each.refused_because]


def page() -> str:
    """The text of docs/licences.md."""
    found = licences()
    lines = [HEAD]
    for title, is_shipped in (("Imported in production", True), ("Imported for development only", False)):
        lines += [f"## {title}", "| package | licence |", "|---|---|"]
        rows = [f"| {each.package} | {each.expression} |" for each in found if each.is_shipped == is_shipped]
        lines += [*rows, ""]
    lines += ["## Decided by hand", "| package | licence | because |", "|---|---|---|"]
    lines += [f"| {name} | {each.licence} | {each.because} |" for name, each in DECLARED.items()]
    lines += [f"| {name} | an LGPL, permitted | {because} |" for name, because in LGPL_BECAUSE.items()]
    lines += [
        "",
        "## Separate programs",
        "Each is a process of its own: no module of Ringback is linked with it.",
    ]
    lines += ["", "| program | licence | does | started by |", "|---|---|---|---|"]
    for name, program in PROGRAMS.items():
        lines.append(f"| {name} | {program.licence} | {program.does} | `{program.started_by}` |")
    return "\n".join(lines) + "\n"


GENERATED: Final = GeneratedPage("docs/licences.md", page, "licences")


def main(argv: list[str]) -> int:
    """Fail if a licence is refused; write the page, or compare it."""
    parser = argparse.ArgumentParser(prog="python -m devtools licences", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when the page is stale")
    options = parser.parse_args(argv)
    found = licences()
    problems = refused(found)
    if options.check:
        problems += GENERATED.stale(ROOT)
    else:
        (ROOT / GENERATED.path).write_text(page(), encoding="utf-8")
    for each in problems:
        print(f"licences: {each}", file=sys.stderr)
    shipped = sum(each.is_shipped for each in found)
    end = f"{len(problems)} problems" if problems else "all permitted"
    counted = f"{len(found)} packages, {shipped} in production, {len(PROGRAMS)} separate programs"
    print(f"licences: {counted}: {end}")
    return 1 if problems else 0
