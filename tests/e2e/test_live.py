"""`make live` as somebody starts it who wants to look around: it works until Ctrl-C, and leaves nothing."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from devtools.live.company import ORGANIZATION
from devtools.live.logins import PASSWORD
from ringback.stack.services import ROOT
from tests.e2e.terminal import heed_signals

PATIENCE_S = 300

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("phones")]


class Live:
    """A running `make live`, and what it has printed."""

    def __init__(self) -> None:
        self.printed = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "devtools", "live"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=heed_signals,
        )

    def told(self, pattern: str) -> str:
        """What it prints for this pattern's group, as soon as it is printed."""
        assert self.process.stdout is not None
        while (found := re.search(pattern, self.printed)) is None:
            line = self.process.stdout.readline()
            assert line, self.printed
            self.printed += line
        return found[1]


@pytest.fixture
def live() -> Iterator[Live]:
    """It ends with the test."""
    running = Live()
    yield running
    running.process.kill()
    running.process.wait()


def test_customers_of_the_living_company_are_answered_until_somebody_ends_it(live: Live) -> None:
    """With the head's login that it prints, history shows the calls."""
    directory = live.told(r"directory answers at (\S+)")
    history = live.told(r"history answers at (\S+)")
    login = live.told(r"head +(\S+)")
    live.told(r"(the morning begins)")
    credentials = {"organization": ORGANIZATION, "login": login, "password": PASSWORD}
    token = httpx.post(f"{directory}/sessions", json=credentials).json()["access"]
    headers = {"Authorization": f"Bearer {token}"}
    deadline = time.monotonic() + PATIENCE_S
    while not httpx.get(f"{history}/history?outcome=answered", headers=headers).json()["rows"]:
        assert time.monotonic() < deadline, live.printed
        time.sleep(0.5)

    live.process.send_signal(signal.SIGINT)
    rest, _ = live.process.communicate(timeout=60)

    assert live.process.returncode == 0, live.printed + rest
    assert "everything was stopped" in rest
