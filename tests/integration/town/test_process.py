"""The town as a process: controlled as the simulated phones are, with the same answers and what was heard."""

import json
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from devtools.town import Around
from ringback.phones import control
from ringback.stack.process import Process, free_port, is_listening
from services.gateway.simulated.script import Behaviour, Call
from services.gateway.simulated.wire import Control
from tests.integration.town.conftest import PBX, Place

pytestmark = [pytest.mark.xdist_group("asterisk"), pytest.mark.timeout(180)]

UNTIL_S_MAX = 60.0
SCRIPT: dict[str, Any] = {
    "pbxs": {"cloud": {"phones": {"sip:201": {}, "sip:202": {"is_reachable": False}}}},
}
CALL = Call(line="202", caller="201", is_internal=True)


class TownProcess:
    """A running town and its port."""

    def __init__(self, folder: Path, around: Around) -> None:
        self.port = free_port()
        (folder / "script.yaml").write_text(json.dumps(SCRIPT), encoding="utf-8")
        (folder / "around.json").write_bytes(msgspec.json.encode(around))
        words = ["--port", str(self.port), "--script", str(folder / "script.yaml")]
        words += ["--around", str(folder / "around.json"), "--wait"]
        argv = [sys.executable, "-m", "devtools", "town", *words]
        self.process = Process("town", argv, folder, dies_with_parent=True)

    def until(self, name: str, count: int) -> None:
        """Wait until something was counted so often."""
        ends_at = time.monotonic() + UNTIL_S_MAX
        while control(self.port, Control()).get(name, 0) != count:
            assert time.monotonic() < ends_at, f"{name}: {control(self.port, Control())}"
            time.sleep(0.05)


@pytest.fixture
def town(place: Place, tmp_path: Path) -> Iterator[TownProcess]:
    """Its phones are registered; its script has not begun."""
    made = TownProcess(tmp_path, place.around)
    made.process.start_until(lambda: is_listening(made.port), "open port", UNTIL_S_MAX)
    yield made
    made.process.stop()


def test_calls_behaviours_and_registrations_are_controlled(town: TownProcess) -> None:
    """As `ringback phones` does it: a control is answered by the counts."""
    assert control(town.port, Control(begin=True)) == {}
    control(town.port, Control(pbx_id=PBX, address="sip:202", reachable=True))
    control(town.port, Control(pbx_id=PBX, address="sip:202", behave=(Behaviour(decline_after_s=0.1),)))
    ends_at = time.monotonic() + UNTIL_S_MAX
    while not control(town.port, Control(pbx_id=PBX, call=CALL)).get("dialled sip:202"):
        # The registration is on its way.
        assert time.monotonic() < ends_at
        time.sleep(0.5)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (Control(pbx_id=PBX, vanish_s=1.0), "does not vanish by itself"),
        (Control(pbx_id=PBX, address="sip:999", reachable=True), "cloud has no phone sip:999"),
    ],
    ids=["vanish", "unknown_phone"],
)
def test_what_a_town_cannot_do_is_refused_with_the_reason(
    town: TownProcess, message: Control, reason: str
) -> None:
    with pytest.raises(RuntimeError, match=reason):
        control(town.port, message)


def test_a_town_that_is_stopped_leaves_no_asterisk_behind(town: TownProcess, tmp_path: Path) -> None:
    town.process.ask_to_stop()
    assert town.process.stop() in (0, -signal.SIGTERM)
    left = [
        each
        for each in Path("/proc").glob("[0-9]*/cmdline")
        if str(tmp_path).encode() in _command(each) and b"asterisk.conf" in _command(each)
    ]
    assert left == []


def _command(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
