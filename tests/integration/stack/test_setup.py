"""`make setup` names in one sentence what a machine lacks."""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from devtools import setup
from ringback.stack.process import free_port
from ringback.stack.services import ROOT


class DeafIndex:
    """A port that closes every connection at once, as without a network, and counts them."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/simple"
        self.asked = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                self._socket.accept()[0].close()
                self.asked += 1

    def close(self) -> None:
        """Accept no more connections."""
        self._socket.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_n11_without_a_package_index_setup_ends_soon_and_with_one_sentence(tmp_path: Path) -> None:
    """A newcomer without a network reads what to do, not pip's retries."""
    if setup.missing_packages():
        pytest.skip("this machine lacks system packages: setup would begin with those")
    for folder in ("devtools", "requirements"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    index = DeafIndex()
    environment = os.environ | {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": index.url,
        "PIP_NO_CACHE_DIR": "1",
    }
    made = subprocess.run([sys.executable, "-m", "venv", str(tmp_path / ".venv")], check=False)
    assert made.returncode == 0
    done = subprocess.run(
        [sys.executable, "-m", "devtools.setup"],
        cwd=tmp_path,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    index.close()
    # pip by itself asks six times for each package, with growing pauses: most of a minute.
    assert index.asked == 1
    assert done.returncode == 1
    assert done.stderr == f"setup: {setup.OFFLINE}\n"
    assert "pip" not in done.stdout.replace("requirements", "")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_n11_what_is_installed_already_needs_no_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A changed comment in a requirement file must not require a network."""
    empty = tmp_path / "empty.txt"
    empty.write_text("# nothing\n", encoding="utf-8")
    monkeypatch.setattr(setup, "REQUIREMENTS", (empty, empty))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{free_port()}/simple")
    assert not setup.index_answers(Path(sys.executable))
    setup.take_what_is_here(Path(sys.executable))


def test_a_program_that_only_tests_need_is_missed_in_words_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever runs the demo on a machine without apt does not need promtool."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(setup, "VENV", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    setup.unpack_programs()
    assert "promtool is missing" in capsys.readouterr().err


def test_a_program_that_is_there_already_is_not_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every `make` looks for it."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "promtool").touch()
    monkeypatch.setattr(setup, "VENV", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    setup.unpack_programs()
    assert capsys.readouterr() == ("", "")


def test_what_setup_installs_is_compiled() -> None:
    """Else every process compiles a hundred packages at its start, which takes it three times as long."""
    where = importlib.util.find_spec("msgspec")
    assert where is not None
    assert where.origin is not None
    assert Path(importlib.util.cache_from_source(where.origin)).exists()
