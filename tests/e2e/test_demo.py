"""`make demo FAST=1` as a newcomer runs it: real processes, a kill -9 in the middle, judged by the log."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


# One folder, so one demo at a time: all on one worker, with the other tests that listen to phones.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("phones")]


@pytest.mark.rule("Q12", "C3", "C4")
def test_the_demo_shows_what_it_promises_and_exits_0() -> None:
    """A newcomer runs the demo first; without a terminal it prints plain lines."""
    shown = played("--fast")
    letter = next(line.split()[-1] for line in shown.splitlines() if line.startswith("letter"))
    assert Path(letter).read_bytes().count(b"audio/mpeg") == 1


@pytest.mark.rule("Q12", "C3", "C4", "G1")
@pytest.mark.usefixtures("asterisk_root")
def test_the_demo_on_real_phones_shows_what_each_of_them_heard() -> None:
    """The same morning, the same promises, and those about sound."""
    shown = played("--fast", "--phones", "asterisk")
    assert "heard on the phones, in seconds" in shown
    assert "✓ the customer who is called back hears the agent's own words" in shown


def test_a_second_demo_leaves_the_first_one_alone() -> None:
    """It would clear the folder that the first one's processes work in."""
    folder = ROOT / ".run"
    folder.mkdir(exist_ok=True)
    with (folder / "demo.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = demo("--fast")
    assert second.returncode == 1
    assert "another demo is running in this folder: wait until it ends" in second.stderr
    assert second.stdout == ""


def played(*options: str) -> str:
    """Run the demo to its end; every promise is kept. What it printed."""
    ran = demo(*options)
    shown = f"{ran.stdout[-6000:]}\n{ran.stderr[-2000:]}"
    assert ran.returncode == 0, shown
    assert "✗" not in ran.stdout, shown
    return ran.stdout


def demo(*options: str) -> subprocess.CompletedProcess[str]:
    """Run the demo to its end."""
    return subprocess.run(
        [sys.executable, "-m", "devtools", "demo", *options],
        cwd=ROOT,
        env={**os.environ, "TERM": "dumb"},
        capture_output=True,
        text=True,
        timeout=880,
        check=False,
    )
