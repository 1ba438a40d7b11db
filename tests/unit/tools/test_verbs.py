"""Programs are found by their verbs, also under their former name."""

import subprocess
import sys

from ringback.stack.services import ROOT
from ringback.verbs import verbs


def ran(*words: str) -> subprocess.CompletedProcess[str]:
    """One program, as somebody starts it."""
    argv = [sys.executable, "-m", *words]
    return subprocess.run(argv, cwd=ROOT, check=False, capture_output=True, text=True, timeout=60)


def test_no_verb_is_in_both_packages() -> None:
    """`python -m tools` must know which one is meant."""
    assert not set(verbs("ringback")) & set(verbs("devtools"))


def test_an_unknown_verb_is_answered_with_those_there_are() -> None:
    """After a typing error the user sees the verbs."""
    done = ran("ringback", "tale")
    assert done.returncode == 2
    assert "there is no verb 'tale'" in done.stderr
    assert "  tail " in done.stdout


def test_the_former_name_runs_the_verb_and_says_where_it_is_now() -> None:
    """Existing scripts and habits keep working."""
    former, now = ran("tools", "rules", "--help"), ran("devtools", "rules", "--help")
    assert former.stdout == now.stdout
    assert "write `python -m devtools rules` from now on" in former.stderr
    assert "write `python -m ringback tail` from now on" in ran("tools", "tail", "--help").stderr
