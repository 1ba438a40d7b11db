"""`python -m ringback operator ceilings`: what holds, what a change changes, and what it clamps (C10)."""

import sqlite3
from pathlib import Path

import pytest
import structlog

from ringback import operator

ORGANIZATION = "vostok"
CREATE = ["create", ORGANIZATION, "--name", "Восток", "--administrator", "Гусев Родион"]
CREATE += ["--email", "gusev@vostok.local", "--pbx", "Москва", "--number", "+74950001000"]


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBACK_DIRECTORY_DATABASE", f"sqlite:///{tmp_path / 'book.db'}")
    monkeypatch.setenv("RINGBACK_DIRECTORY_KEY", "k" * 32)
    assert operator.main(CREATE) == 0


@pytest.mark.rule("C10")
@pytest.mark.usefixtures("installation")
def test_the_operator_sees_and_changes_what_holds(capsys: pytest.CaptureFixture[str]) -> None:
    """Without options it only shows; a change says what differs and what the card wants beyond it."""
    assert operator.main(["ceilings", ORGANIZATION]) == 0
    shown = capsys.readouterr().out
    assert "the home region" in shown
    assert "→" not in shown
    assert operator.main(["ceilings", ORGANIZATION, "--regions", "RU,KZ", "--texts-per-day", "7"]) == 0
    shown = capsys.readouterr().out
    assert "regions: the home region → RU, KZ" in shown
    assert "texts_per_day_max: 100 → 7" in shown
    assert operator.main(["ceilings", ORGANIZATION, "--orders-per-minute", "5", "--types", "mobile"]) == 0
    assert "its card wants dialling.orders_per_minute_max = 60: 5 holds" in capsys.readouterr().out


@pytest.mark.rule("C10")
@pytest.mark.usefixtures("installation")
@pytest.mark.parametrize(
    "options", [["--regions", "XX"], ["--types", "everything"], ["--orders-per-day", "-1"]], ids=" ".join
)
def test_a_typing_error_opens_nothing(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """One line says what is wrong, and nothing has changed."""
    assert operator.main(["ceilings", ORGANIZATION, *options]) == operator.EXIT_NOT_DONE
    assert capsys.readouterr().err.startswith("operator: ")
    assert operator.main(["ceilings", ORGANIZATION]) == 0
    assert "2,000" in capsys.readouterr().out


@pytest.mark.usefixtures("installation")
def test_what_the_operator_did_is_a_security_event_and_what_was_only_looked_at_is_not(tmp_path: Path) -> None:
    """An organization sees in its trail that somebody of the installation suspended it."""
    with structlog.testing.capture_logs() as captured:
        assert operator.main(["list"]) == 0
        assert operator.main(["suspend", ORGANIZATION]) == 0
    acts = [line for line in captured if line["event"] == "operator.acted"]
    assert [(line["act"], line["organization_id"]) for line in acts] == [("suspend", ORGANIZATION)]
    assert acts[0]["actor"].startswith("operator/")
    with sqlite3.connect(tmp_path / "book.db") as database:
        found = database.execute("SELECT details FROM audit WHERE what = 'operator.acted'").fetchall()
    assert [row[0] for row in found] == ['{"act":"create"}', '{"act":"suspend"}']
