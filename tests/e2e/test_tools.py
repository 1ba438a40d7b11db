"""Operators' programs against the embedded broker: what they print, and the log afterwards."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ringback import apply, unpark
from ringback.apply.directory_client import OWN_KEYS
from ringback.stack.services import Service
from tests.e2e.terminal import heed_signals
from tests.unit.voicemail.sounds import voice, wav

ROOT = Path(__file__).parents[2]
OFFICE = ROOT / "examples" / "office.yaml"


@pytest.fixture
def settings(
    directory_settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """A separate log and directory, named in the environment as after `make up`."""
    found = dict(directory_settings)
    service = Service("directory", found, tmp_path, dies_with_parent=True)
    service.start()
    service.wait_ready(120)
    found["RINGBACK_DIRECTORY_URL"] = service.address
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    yield found
    service.stop(30)


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_office_is_applied_once_and_seen_on_the_timeline(
    settings: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """An operator's first day: a dry run, one save, and the facts on the log."""
    assert apply.main([str(OFFICE), "--dry-run"]) == 0
    looked = capsys.readouterr()
    assert "the directory does not have this organization yet" in looked.out
    assert apply.main([str(OFFICE)]) == 0
    first = capsys.readouterr()
    assert first.err == looked.err  # both warn of the same
    assert "+ department sales" in first.out
    assert "warning: Extension 31 is saved unchecked" in first.err
    assert apply.main([str(OFFICE)]) == 0
    assert "nothing changed" in capsys.readouterr().out
    assert unpark.main(["severny-veter", "callback"]) == 0
    timeline = _tail(settings)
    assert timeline.count("directory.department_saved") == 2
    assert "callback reads on for the organization" in timeline
    assert "+74950001000" not in timeline


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_file_is_applied_with_a_programs_token_and_a_refusal_names_its_line(
    settings: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A token allows only its own organization's file and uploads."""
    token = _admitted(settings, "severny-veter", "Северный ветер")
    for name in OWN_KEYS:
        monkeypatch.delenv(name)
    assert apply.main([str(OFFICE)]) == 1
    assert capsys.readouterr().err.startswith("apply: RINGBACK_API_TOKEN is not set")
    monkeypatch.setenv("RINGBACK_API_TOKEN", token)
    (tmp_path / "hello.wav").write_bytes(wav(voice(1_000)))
    text = OFFICE.read_text(encoding="utf-8").replace(
        "welcome: { spoken", "welcome: { uploaded: hello.wav } #"
    )
    file = tmp_path / "office.yaml"
    file.write_text(text, encoding="utf-8")
    assert apply.main([str(file)]) == 0
    assert "+ notice sales.welcome" in capsys.readouterr().out
    more = text.replace(
        "departments:\n", '  prohodnaya: {name: Проходная, pbx: office, extension: "33"}\ndepartments:\n'
    )
    file.write_text(more, encoding="utf-8")
    assert apply.main([str(file), "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "+ extension prohodnaya" in told
    assert "nothing was saved" in told
    assert apply.main([str(file)]) == 1
    line = more[: more.index("prohodnaya")].count("\n") + 1
    said = f"{file}:{line}: error: Extension 33 can't be checked now"
    assert capsys.readouterr().err.startswith(said)
    file.write_text(text.replace("severny-veter\n", "drugoy-veter\n", 1), encoding="utf-8")
    assert apply.main([str(file)]) == 1
    assert "There is no such thing: drugoy-veter" in capsys.readouterr().err


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_n13_a_first_file_that_is_refused_leaves_no_organization_behind(
    settings: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """All or nothing, including the organization: neither the directory nor the log has it."""
    token = _admitted(settings, "severny-veter", "Северный ветер")
    sheet = {"organization_id": "severny-veter", "organization": {"name": "Северный ветер"}}
    request = urllib.request.Request(  # noqa: S310  # on loopback
        f"{settings['RINGBACK_DIRECTORY_URL']}/office",
        data=json.dumps(sheet).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        method="PUT",
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)  # noqa: S310
    assert json.load(refused.value)["code"] == "administrator_missing"
    assert apply.main([str(OFFICE), "--dry-run"]) == 0
    assert "the directory does not have this organization yet" in capsys.readouterr().out
    assert apply.main([str(OFFICE)]) == 0
    assert "+ organization severny-veter" in capsys.readouterr().out
    assert _tail(settings).count("directory.organization_saved") == 1


def _admitted(settings: dict[str, str], organization: str, name: str) -> str:
    """A token as the operator gets it."""
    argv = [sys.executable, "-m", "ringback", "operator", "admit", organization, "--name", name]
    office = yaml.safe_load(OFFICE.read_text(encoding="utf-8"))
    for pbx_id, pbx in office["pbxs"].items():
        argv += [f"--pbx={pbx_id}", *(f"--number={number}" for number in pbx["numbers"])]
    done = subprocess.run(
        argv, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True, check=True
    )
    return done.stdout.removeprefix("token: ").strip()


def test_a_directory_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An operator who mistypes an address reads which one, without a traceback."""
    monkeypatch.setenv("RINGBACK_DIRECTORY_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("RINGBACK_API_TOKEN", "x")
    assert apply.main([str(OFFICE)]) == 1
    assert capsys.readouterr().err.startswith("apply: http://127.0.0.1:1")


def test_a_file_with_errors_changes_nothing_and_names_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All or nothing, without a request to any server."""
    file = tmp_path / "office.yaml"
    file.write_text(
        OFFICE.read_text(encoding="utf-8").replace("extension: 202", "extension: 112"), encoding="utf-8"
    )
    assert apply.main([str(file)]) == 1
    assert "error: 112 is an emergency number. Take another: 200 is free" in capsys.readouterr().err


def _tail(settings: dict[str, str]) -> str:
    """What `tail --from-start` prints until Ctrl-C."""
    argv = [sys.executable, "-m", "ringback", "tail", "--from-start", "--all"]
    tail = subprocess.Popen(
        argv,
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_signals,
    )
    time.sleep(6)
    tail.send_signal(signal.SIGINT)
    out, error = tail.communicate(timeout=20)
    assert tail.returncode == 0, error
    return out
