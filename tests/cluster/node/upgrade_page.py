"""The operator's page about upgrades, as somebody follows it who has another release than the page's."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from ringback.stack.services import ROOT, WITHOUT_LOG, service_names

PAGE: Final = ROOT / "docs" / "operating" / "upgrade.md"
CHART: Final = ROOT / "charts" / "ringback"
UP, BACK = "With the chart", "Back in an order"
SHOWN_NEW, SHOWN_OLD, SHOWN_REVISION = "0.2.0", "0.1.0", "7"
READY: Final = "15m"
EVERY: Final = frozenset((*service_names(), *WITHOUT_LOG))
"""All services, also one that this release may do without."""


class Command(NamedTuple):
    """Lines for a shell, and the services that have the older version after them."""

    lines: str
    held: frozenset[str]


class Names(NamedTuple):
    """What is called otherwise than on the page."""

    release: str
    namespace: str
    values: Path
    old: str
    new: str
    revision: int
    """Helm's number of the older version's."""
    kept: frozenset[str] = frozenset()
    """Services that stay on the newer version, since it has migrated their tables."""


def commands(heading: str, names: Names) -> Iterator[Command]:
    """The page's commands below a heading, each of which changes some services."""
    definition = _block(UP)
    definition = definition[: definition.index("}") + 1]
    for line in _block(heading):
        program, *held = line.split() or [""]
        if program == "upgrade":
            held = [each for each in held if each not in names.kept]
            lines = "\n".join([*definition, " ".join([program, *held])])
            yield Command(_in_words_of(names, lines), frozenset(held))
        elif line.startswith("helm rollback"):
            yield Command(_in_words_of(names, _last(line, names)), EVERY - names.kept)


def _block(heading: str) -> list[str]:
    """The lines of the page's first block below a heading."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(f"\n### {heading}\n")
    found = re.search(r"```bash\n(.*?)```", rest, re.DOTALL)
    assert found is not None, f"{PAGE} has no commands below «{heading}»"
    return found[1].splitlines()


def _last(line: str, names: Names) -> str:
    """The rollback, or what the page has in its place where this version has migrated tables."""
    if not names.kept:
        return line
    kept = " ".join(f"--set services.{each}.tag={SHOWN_NEW}" for each in sorted(names.kept))
    shown = "helm upgrade ringback charts/ringback --namespace ringback --values mine.yaml --wait"
    return f"{shown} --timeout {READY} --set image.tag={SHOWN_OLD} {kept}"


def _in_words_of(names: Names, shown: str) -> str:
    """The page's words with these names, for Helm 4 under the name that it has here."""
    for name, ours in (
        ("helm upgrade ringback charts/ringback", f"helm4 upgrade {names.release} {CHART}"),
        (f"helm rollback ringback {SHOWN_REVISION}", f"helm4 rollback {names.release} {names.revision}"),
        ("--namespace ringback", f"--namespace {names.namespace}"),
        ("mine.yaml", str(names.values)),
        (f"tag={SHOWN_NEW}", f"tag={names.new}"),
        (f"tag={SHOWN_OLD}", f"tag={names.old}"),
    ):
        shown = shown.replace(name, ours)
    return shown
