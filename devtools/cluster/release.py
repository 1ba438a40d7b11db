"""The last release: its chart and values, which the tree keeps, and the commit that kept them."""

import subprocess
from pathlib import Path
from typing import Final

from ringback.stack.services import ROOT

PACKAGED: Final = Path("tests", "golden", "charts")
MIGRATIONS: Final = "services/{}/activities/migrations/versions"


def chart(root: Path = ROOT) -> Path:
    """The chart of the last release; the values with which it was tried are beside it, as `.yaml`."""
    return max((root / PACKAGED).glob("*.tgz"), key=_version)


def commit(root: Path = ROOT) -> str | None:
    """The commit that kept this chart, whose code is the release's; None if git does not have it here."""
    if _git(root, "rev-parse", "--is-shallow-repository") != "false":
        return None
    return _git(root, "log", "-1", "--diff-filter=A", "--format=%H", "--", str(chart(root))) or None


def commits_since(release: str, root: Path = ROOT) -> int:
    """How many commits came after it."""
    return int(_git(root, "rev-list", "--count", f"{release}..HEAD") or 0)


def migrated_since(release: str, root: Path = ROOT) -> set[str]:
    """The services that have brought migrations since: the release's own do not start on their tables."""
    return {
        name
        for name in ("directory", "history")
        if _git(root, "diff", "--name-only", "--diff-filter=A", release, "--", MIGRATIONS.format(name))
    }


def _git(root: Path, *words: str) -> str:
    argv = ["git", "-C", str(root), *words]
    return subprocess.run(argv, check=False, capture_output=True, text=True).stdout.strip()


def _version(package: Path) -> tuple[int, ...]:
    """`ringback-1.10.0.tgz` is newer than `ringback-1.9.0.tgz`."""
    return tuple(map(int, package.stem.rpartition("-")[2].split(".")))
