"""Packages without a release for two years: each must be named in docs/decisions, with the way out.

The date is the day on which the newest version that fits ours was uploaded, as the package index says. Exit
codes: 0 every old package is named; 1 one is not; 3 no index told any date.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name

from devtools.requirements import PYTHON_MIN
from ringback.stack.services import ROOT

RELEASE_AGE_MAX: Final = timedelta(days=730)
"""Two years: shorter, and finished libraries would be named beside forsaken ones."""
PAGE: Final = "docs/decisions/*-packages-that-nobody-maintains.md"
NAMED: Final = re.compile(r"^\| `([\w.-]+)`", re.MULTILINE)
UNANSWERED: Final = 3


class NoDates(Exception):
    """The index told no date; the message says why."""


def newest_releases(root: Path = ROOT) -> dict[str, date]:
    """When the newest fitting version of each package was uploaded. Raises NoDates."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "pylock.toml"
        argv = [sys.executable, "-m", "uv", "pip", "compile", "-q", "--universal", "--upgrade"]
        argv += ["--python-version", PYTHON_MIN, "--format", "pylock.toml", "-o", str(out)]
        done = subprocess.run(
            [*argv, "requirements/dev.in"], cwd=root, check=False, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise NoDates((done.stderr.strip().splitlines() or ["uv says nothing"])[-1].strip())
        found = dates(out.read_text(encoding="utf-8"))
    if not found:
        raise NoDates("the index gives files without the time of their upload")
    return found


def dates(lock: str) -> dict[str, date]:
    """The day of the last upload of each package in a pylock.toml, where it has one."""
    found: dict[str, date] = {}
    for package in tomllib.loads(lock).get("packages", []):
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        uploads = [file["upload-time"].date() for file in files if "upload-time" in file]
        if uploads:
            found[canonicalize_name(package["name"])] = max(uploads)
    return found


def old(releases: Mapping[str, date], today: date) -> dict[str, date]:
    """Those older than RELEASE_AGE_MAX, the oldest first."""
    limit = today - RELEASE_AGE_MAX
    return {name: at for name, at in sorted(releases.items(), key=lambda each: each[1]) if at < limit}


def named(pages: Iterable[Path]) -> set[str]:
    """The packages that have a row in the pages."""
    return {
        canonicalize_name(each) for page in pages for each in NAMED.findall(page.read_text(encoding="utf-8"))
    }


def main(argv: list[str]) -> int:
    """List what is old; fail if a package of it is not named."""
    argparse.ArgumentParser(prog="python -m devtools unmaintained", description=__doc__).parse_args(argv)
    try:
        releases = newest_releases()
    except NoDates as none:
        print(f"unmaintained: NOT LOOKED AT: {none}", file=sys.stderr)
        return UNANSWERED
    known = named(ROOT.glob(PAGE))
    found = old(releases, datetime.now(UTC).date())
    for name, at in found.items():
        print(f"  {at:%Y-%m-%d}  {name}{'' if name in known else '   NOT NAMED in docs/decisions'}")
    missing = len(set(found) - known)
    print(
        f"unmaintained: {len(releases)} packages have dates, {len(found)} of them are older than two years, "
        f"{missing} of these not named"
    )
    return 1 if missing else 0
