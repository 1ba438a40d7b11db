"""An author hears a notice before saving it."""

from pathlib import Path

import pytest

from ringback import say
from tests.integration.tts.sounds import measured


@pytest.mark.rule("T6")
def test_an_author_hears_a_text_with_examples_in_its_gaps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is what a caller would hear: the department's name, an example of a position, the rest."""
    file = tmp_path / "a.wav"
    text = "Это {department}. {position} Мы работаем до 18:00."
    assert say.main([text, "--out", str(file), "--department", "Отдел продаж"]) == 0
    found = measured(file.read_bytes())
    assert (found.rate, found.channels) == (8_000, 1)
    assert found.duration_ms > 4_000
    shown = capsys.readouterr().out
    assert "Это Отдел продаж." in shown
    assert "{position}" in shown
    assert "до восемнадцати часов" in shown


@pytest.mark.rule("T3", "T6")
def test_an_author_reads_why_a_text_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The error names cause and remedy in the notice's language, and no file is written."""
    file = tmp_path / "a.wav"
    assert say.main(["You are {posiition}", "--language", "en", "--out", str(file)]) == 1
    assert "placeholder_unknown" in capsys.readouterr().err
    assert not file.exists()
