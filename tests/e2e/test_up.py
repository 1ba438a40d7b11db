"""`make up` and `make down` leave nothing behind, however and whenever `make up` is ended."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ringback.stack.journal import Journal
from ringback.stack.services import ROOT
from ringback.stack.signals import SIGNALS
from ringback.verbs import verbs
from tests.e2e.terminal import heed_signals

PATIENCE_S = 120
# Compiled modules are copied, too: compiling them again takes longer than the test.
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".run", ".*_cache", ".hypothesis", "tests", "docs")


class Tree:
    """A copy of the project, in which `make up` is alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run = folder / ".run"
        self.run.mkdir()

    def tool(self, *words: str) -> subprocess.Popen[str]:
        """Start one of our programs, with the signals as a terminal's programs have them."""
        package = "devtools" if words[0] in verbs("devtools") else "ringback"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")}
        return subprocess.Popen(
            [sys.executable, "-m", package, *words],
            cwd=self.folder,
            # The figures' program has its folder among the temporary ones.
            env={**environment, "TMPDIR": str(self.run)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=heed_signals,
        )

    def left(self) -> dict[int, str]:
        """Every process whose output goes to a log of this tree: those that `up` started."""
        found = {}
        for link in Path("/proc").glob("[0-9]*/fd/1"):
            try:
                log = str(link.readlink())
                state = (link.parents[1] / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if log.startswith(f"{self.run}/") and state != "Z":
                found[int(link.parts[2])] = Path(log).stem
        return found

    def down(self) -> str:
        """Run `make down`; its output."""
        done = self.tool("down")
        said, _ = done.communicate(timeout=PATIENCE_S)
        assert done.returncode == 0, said
        return said


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    """A copy of this project; processes left by a failed test are ended."""
    made = tmp_path / "ringback"
    shutil.copytree(ROOT, made, ignore=LEFT_OUT, symlinks=True)
    tree = Tree(made)
    yield tree
    for pid in tree.left():
        os.kill(pid, signal.SIGKILL)


def _until(is_so: Callable[[], bool], program: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert program.poll() is None, program.communicate()[0]
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.01)


def _interrupted(tree: Tree, program: subprocess.Popen[str], step: str, sign: signal.Signals) -> str:
    """Send a signal twice as soon as a step has begun; returns the program's output."""
    _until(lambda: step in tree.left().values(), program)
    os.kill(program.pid, sign)
    time.sleep(0.05)
    if program.poll() is None:
        os.kill(program.pid, sign)
    said, _ = program.communicate(timeout=PATIENCE_S)
    return said


STEPS = ("broker", "redis", "smtp", "s3", "directory", "history")
"""The parts in order, then the first and the last service."""


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("step", "sign"), [(step, SIGNALS[number % 3]) for number, step in enumerate(STEPS)])
def test_n1_whoever_ends_up_while_it_starts_something_leaves_nothing(
    tree: Tree, step: str, sign: signal.Signals
) -> None:
    """Ctrl-C, a supervisor, a closed terminal: at every step, and twice."""
    said = _interrupted(tree, tree.tool("up"), step, sign)
    assert "up: everything was stopped again" in said
    assert tree.left() == {}
    assert "nothing was running" in tree.down()


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("step", ["broker", "s3", "history"])
def test_n1_down_knows_everything_that_a_killed_up_had_begun(tree: Tree, step: str) -> None:
    """A program can't handle kill -9: a process is on the list before `up` waits for it."""
    _interrupted(tree, tree.tool("up"), step, signal.SIGKILL)
    left = tree.left()
    assert step in left.values()
    second = tree.tool("up")
    assert "already running" in second.communicate(timeout=PATIENCE_S)[0]
    said = tree.down()
    assert tree.left() == {}
    assert all(f"down: {name} ended" in said for name in left.values())


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_n1_a_reader_of_its_output_who_goes_away_leaves_nothing(tree: Tree) -> None:
    """`make up | head -1`: after its reader has gone, no process stays."""
    program = tree.tool("up", "--parts-only")
    assert program.stdout is not None
    program.stdout.readline()
    program.stdout.close()
    assert program.wait(timeout=PATIENCE_S) == 1
    assert tree.left() == {}


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("verb", "step", "sign"),
    [
        (["demo", "--fast"], "s3", signal.SIGHUP),
        (["demo", "--fast"], "s3", signal.SIGKILL),
        (["chaos", "--broker", "embedded"], "s3", signal.SIGHUP),
        (["bench", "--quick", "--only", "host"], "broker", signal.SIGTERM),
    ],
)
def test_n1_the_programs_that_start_everything_for_themselves_take_it_with_them(
    tree: Tree, verb: list[str], step: str, sign: signal.Signals
) -> None:
    """No process of demo, chaos and bench outlives them."""
    _interrupted(tree, tree.tool(*verb), step, sign)
    deadline = time.monotonic() + 10
    while tree.left() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert tree.left() == {}


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_n11_beside_up_any_service_finds_all_its_settings(tree: Tree) -> None:
    """After `set -a; . .run/up/env` each service, started by hand, accepts its settings."""
    program = tree.tool("up", "--parts-only")
    said, _ = program.communicate(timeout=PATIENCE_S)
    assert program.returncode == 0, said
    assert {each.name for each in Journal(tree.run / "up" / "started.jsonl").alive()} == {
        "broker",
        "redis",
        "smtp",
        "s3",
    }
    env = (tree.run / "up" / "env").read_text(encoding="utf-8")
    settings = dict(line.split("=", 1) for line in env.splitlines())
    assert {
        "RINGBACK_DIRECTORY_DATABASE",
        "RINGBACK_DIRECTORY_KEY",
        "RINGBACK_HISTORY_DATABASE",
        "RINGBACK_SPOOL",
        "RINGBACK_PBXS",
    } <= settings.keys()
    tree.down()
    assert tree.left() == {}
