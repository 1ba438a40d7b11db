"""Operators' programs start with only what a production image has: requirements/base.txt."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from ringback.stack.services import ROOT
from ringback.verbs import verbs

EMBEDDED: frozenset[str] = frozenset({"up", "down", "phones", "smtp_sink"})
"""Verbs for a machine with the embedded parts and simulated phones."""
BLOCKING = """
import importlib, sys
missing = set(sys.argv[2:])
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in missing:
            raise ModuleNotFoundError(f"{name} is not in requirements/base.txt")
sys.meta_path.insert(0, Blocked())
importlib.import_module(sys.argv[1])
"""


def pinned(file: Path) -> set[str]:
    """The distributions of a list of requirements, as pip compares their names."""
    names = re.findall(r"^([\w.-]+)==", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names}


def only_for_development() -> list[str]:
    """Modules that only requirements/dev.txt installs."""
    base = pinned(ROOT / "requirements" / "base.txt")
    dev = pinned(ROOT / "requirements" / "dev.txt") - base
    return sorted(
        module
        for module, distributions in packages_distributions().items()
        if all(re.sub(r"[-_.]+", "-", each).lower() in dev for each in distributions)
    )


def started(module: str) -> subprocess.CompletedProcess[str]:
    """Import a module as without development packages."""
    argv = [sys.executable, "-c", BLOCKING, module, *only_for_development()]
    return subprocess.run(argv, cwd=ROOT, check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("verb", sorted(set(verbs("ringback")) - EMBEDDED))
def test_a_verb_of_the_runbook_starts_on_a_production_image(verb: str) -> None:
    """An operator needs `why` and `tail` at night, where no pytest is installed."""
    done = started(f"ringback.{verb}")
    assert done.returncode == 0, done.stderr[-1000:]


def test_what_only_development_has_is_missed() -> None:
    """A check that lets everything pass would prove nothing."""
    done = started("pytest")
    assert "pytest is not in requirements/base.txt" in done.stderr
