"""`make demo FAST=1` as a newcomer runs it: real processes, a kill -9 in the middle, judged by the log."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(700)
@pytest.mark.rule("Q12", "C3", "C4")
def test_the_demo_shows_what_it_promises_and_exits_0() -> None:
    """A newcomer runs the demo first; without a terminal it prints plain lines."""
    demo = subprocess.run(
        [sys.executable, "-m", "devtools", "demo", "--fast"],
        cwd=ROOT,
        env={**os.environ, "TERM": "dumb"},
        capture_output=True,
        text=True,
        timeout=680,
        check=False,
    )
    shown = f"{demo.stdout[-6000:]}\n{demo.stderr[-2000:]}"
    assert demo.returncode == 0, shown
    assert "✗" not in demo.stdout, shown
    letter = next(line.split()[-1] for line in demo.stdout.splitlines() if line.startswith("letter"))
    assert Path(letter).read_bytes().count(b"audio/mpeg") == 1
