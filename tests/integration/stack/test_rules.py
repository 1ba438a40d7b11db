"""`make rules` counts what tests claim, wherever the marker stands."""

import textwrap
from pathlib import Path

import pytest

from devtools import rules


def test_markers_count_on_functions_classes_modules_and_state_machines(tmp_path: Path) -> None:
    """A proof must be found wherever its marker is."""
    file = tmp_path / "tests" / "unit" / "test_one.py"
    file.parent.mkdir(parents=True)
    file.write_text(
        textwrap.dedent("""
            pytestmark = [pytest.mark.slow, pytest.mark.rule("Q1")]
            @pytest.mark.rule("C3", "C5")
            def test_f(): ...
            @pytest.mark.rule("C1")
            class TestG:
                async def test_m(self): ...
            @pytest.mark.rule("Q9")
            class Machine: ...
        """),
        encoding="utf-8",
    )
    found = sorted((rule, test.partition("::")[2]) for rule, test in rules.proofs(tmp_path))
    assert found == [
        ("C1", "test_m"),
        ("C3", "test_f"),
        ("C5", "test_f"),
        ("Q1", "test_f"),
        ("Q1", "test_m"),
        ("Q9", "Machine"),
    ]


def test_a_rule_that_has_no_test_fails_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A promise without a proof must be visible before a merge."""
    page = {"C3": rules.Rule("C3", "first the agent")}
    monkeypatch.setattr(rules, "read_rules", lambda: page)
    monkeypatch.setattr(rules, "proofs", lambda: iter(()))
    assert rules.main([]) == 1
    assert "unproven: C3" in capsys.readouterr().out
