"""A few tests may need a second run; their names are told, and many of them are no success."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ringback.stack.services import ROOT
from tests.reruns import UNSTABLE_MAX

UNSTABLE = """
import pytest
from pathlib import Path

@pytest.mark.flaky(reruns=1)
@pytest.mark.parametrize("number", range({number}))
def test_passes_at_its_second_run(number):
    ran = Path(__file__).with_name(f"ran{{number}}")
    was_run = ran.exists()
    ran.touch()
    assert was_run
"""


@pytest.mark.parametrize(
    ("number", "code"), [(UNSTABLE_MAX, pytest.ExitCode.OK), (UNSTABLE_MAX + 1, pytest.ExitCode.TESTS_FAILED)]
)
def test_more_than_a_few_second_runs_fail_the_whole_run(tmp_path: Path, number: int, code: int) -> None:
    file = tmp_path / "test_unstable.py"
    file.write_text(UNSTABLE.format(number=number), encoding="utf-8")
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-p",
        "xdist",
        "-p",
        "pytest_rerunfailures",
    ]
    argv += ["-p", "tests.reruns", "-n", "1", f"--rootdir={tmp_path}", str(file)]
    # Only the plugins that matter: loading all of them takes longer than the test.
    env = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    run = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert run.returncode == code, run.stdout + run.stderr
    assert f"{number} of at most {UNSTABLE_MAX}" in run.stdout
    assert all(f"test_passes_at_its_second_run[{each}]" in run.stdout for each in range(number))


def test_a_test_without_programs_gets_no_second_run(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("flaky") is None
