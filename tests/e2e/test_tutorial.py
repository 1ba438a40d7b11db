"""The tutorial's commands do what it says, one after the other, in a tree of their own."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ringback.stack.services import ROOT

LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".run", ".hypothesis", "__pycache__", ".*_cache")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the project with the existing environment, since `make up` must be alone in it."""
    made = tmp_path / "ringback"
    shutil.copytree(ROOT, made, ignore=LEFT_OUT, symlinks=True)
    (made / ".venv").symlink_to(ROOT / ".venv")
    return made


def commands(page: str) -> str:
    """All commands in the page's shell blocks."""
    return "\n".join(re.findall(r"```bash\n(.*?)```", page, re.DOTALL))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.rule("C3", "Q11", "E1", "H4")
def test_the_tutorial_leads_from_an_empty_database_to_a_callback(tree: Path) -> None:
    """A newcomer who copies every line sees the customer called back, and the call in history."""
    script = commands((ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8"))
    assert script.count("curl") > 0
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")}
    try:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tree,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=280,
        )
    finally:
        subprocess.run(["make", "down"], cwd=tree, check=False, capture_output=True, timeout=60)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-2000:]}"
    (line,) = [each for each in done.stdout.splitlines() if "+7 900 000-01-01" in each]
    assert "Зимина Вера,answered" in line
