"""A page of the documentation that is generated from code: written, or compared line by line."""

import argparse
import sys
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent


class GeneratedPage(NamedTuple):
    """Where the page is in a tree, what makes its text, and which verb of devtools to run for it."""

    path: str
    text: Callable[[], str]
    remedy: str

    def stale(self, root: Path) -> list[str]:
        """The lines in which a tree's page differs from the code."""
        path = root / self.path
        kept = path.read_text(encoding="utf-8") if path.is_file() else ""
        pairs = zip_longest(kept.splitlines(), self.text().splitlines(), fillvalue="")
        return [
            f"{self.path}:{number}: the code says {wanted!r}; run `python -m devtools {self.remedy}`"
            for number, (line, wanted) in enumerate(pairs, start=1)
            if line != wanted
        ]

    def run(self, argv: list[str], *, verb: str, description: str | None) -> int:
        """Write the page; with --check, only fail if it is stale."""
        parser = argparse.ArgumentParser(prog=f"python -m devtools {verb}", description=description)
        parser.add_argument(
            "--check", action="store_true", help="change nothing; fail when the page is stale"
        )
        if not parser.parse_args(argv).check:
            (ROOT / self.path).write_text(self.text(), encoding="utf-8")
        elif found := self.stale(ROOT):
            print("\n".join(found), file=sys.stderr)
            return 1
        return 0
