"""`create` asks for the administrator's address: letters about voice messages must reach somebody (V4)."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from ringback.stack.services import ROOT

ARGV = [sys.executable, "-m", "ringback", "operator", "create", "vostok", "--name", "Восток"]
ARGV += ["--administrator", "Гусев Родион", "--pbx", "Москва", "--number", "+74950001000"]


def environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PYTHONIOENCODING": "utf-8",
        "RINGBACK_DIRECTORY_DATABASE": f"sqlite:///{folder / 'book.db'}",
        "RINGBACK_DIRECTORY_KEY": "k" * 32,
    }


@pytest.mark.rule("V4")
def test_n2_create_asks_a_person_for_the_address_and_takes_no_other_answer(tmp_path: Path) -> None:
    """At a terminal it asks; a malformed address is refused in one line."""
    for answer, code, told in (("gusev@vostok.local", 0, "one-time password"), ("nobody", 3, "--email")):
        ours, theirs = pty.openpty()
        os.write(ours, f"{answer}\n".encode())
        run = subprocess.run(
            ARGV,
            env=environment(tmp_path),
            stdin=theirs,
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
            timeout=100,
        )
        os.close(ours)
        os.close(theirs)
        assert run.returncode == code, run.stderr
        assert "E-mail address of Гусев Родион" in run.stdout
        assert told in run.stdout + run.stderr


@pytest.mark.rule("V4")
def test_n2_create_in_a_script_says_that_the_address_is_missing(tmp_path: Path) -> None:
    """Without a terminal there is nobody to ask."""
    run = subprocess.run(
        ARGV,
        env=environment(tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=100,
    )
    assert run.returncode == 2
    assert "--email" in run.stderr
