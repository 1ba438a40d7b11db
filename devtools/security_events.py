"""Writes docs/security-events.md: the names of the security stream, from runtime/security_events.py.

With --check it only compares.
"""

import ast
from pathlib import Path
from typing import Final, NamedTuple

from devtools.generated_page import GeneratedPage
from runtime import security_events
from runtime.security_events import SecurityEvent

HEAD: Final = f"""\
# Security events

`python -m devtools security-events` writes this page from `runtime/security_events.py`. Each event is one
line of the logger `{security_events.LOGGER}`, at level INFO, and one count in
`ringback_security_events_total{{event, outcome}}`. Names and fields stay as they are; new ones may come.

Every line has `event`, `organization_id` (empty: of no organization), `actor` (`agent/…`, `token/…`,
`operator/…`; empty: nobody known), `subject` (what it was done to) and `outcome` (`ok`, `refused`, `failed`).
Phone numbers are masked to their last two digits, secrets are never there, and `address`, the client's
network address, is whole.

| event | when | further fields |
|---|---|---|
"""
DETAILS: Final = "Details: "


class Described(NamedTuple):
    """When an event happens, and which further fields it has."""

    when: str
    details: tuple[str, ...]


def described() -> dict[SecurityEvent, Described]:
    """Every event with its docstring, in the order of the code."""
    tree = ast.parse(Path(security_events.__file__).read_text(encoding="utf-8"))
    (enum,) = (
        node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == SecurityEvent.__name__
    )
    found = {}
    for name, text in zip(enum.body, enum.body[1:], strict=False):
        match name, text:
            case (
                ast.Assign(targets=[ast.Name(id=member)]),
                ast.Expr(value=ast.Constant(value=str() as docstring)),
            ):
                when, _, details = " ".join(docstring.split()).partition(DETAILS)
                fields = tuple(filter(None, details.rstrip(".").split(", ")))
                found[SecurityEvent[member]] = Described(when.strip(), fields)
            case _:
                pass
    return found


def page() -> str:
    """The page's text."""
    rows = [
        f"| `{event}` | {when} | {', '.join(map(_field, details))} |"
        for event, (when, details) in described().items()
    ]
    return HEAD + "\n".join(rows) + "\n"


def _field(text: str) -> str:
    return f"`{text}`" if text.isidentifier() else text


GENERATED: Final = GeneratedPage("docs/security-events.md", page, "schemas")


def main(argv: list[str]) -> int:
    """Write the page; with --check, only fail if it is stale."""
    return GENERATED.run(argv, verb="security-events", description=__doc__)
