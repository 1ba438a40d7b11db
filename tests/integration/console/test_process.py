"""The console as a process: it starts without Kafka and without the directory, and says what is missing."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from ringback.stack.process import StackError, free_port
from ringback.stack.services import Service
from runtime import redis_client
from runtime.system_clock import SystemClock
from runtime.web_process import WebPorts
from services.console.service import build
from services.console.settings import Settings
from tests.integration.console.app import SESSION_KEY, SIGN_IN
from tests.integration.directory.companies import CONSOLE_KEY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
START_S = 90


@pytest.fixture
def given(redis_server: str, fresh_prefix: str) -> dict[str, str]:
    """All that the process needs; nobody listens where the directory should be."""
    return {
        "RINGBACK_REDIS": redis_server,
        "RINGBACK_STORE_PREFIX": fresh_prefix,
        "RINGBACK_CONSOLE_KEY": CONSOLE_KEY,
        "RINGBACK_CONSOLE_SESSION_KEYS": SESSION_KEY,
        "RINGBACK_DIRECTORY_API": f"http://127.0.0.1:{free_port()}",
    }


def test_it_is_ready_without_the_directory_and_its_page_says_what_is_away(
    given: dict[str, str], tmp_path: Path
) -> None:
    service = Service("console", given, tmp_path, dies_with_parent=True)
    service.start()
    service.wait_ready(START_S)
    with httpx.Client(base_url=service.address, headers={"Accept-Language": "en"}) as http:
        form = http.get(SIGN_IN)
        assert form.status_code == 200
        token = form.text.partition('name="csrf" value="')[2][:64]
        page = http.post(SIGN_IN, data={"csrf": token, "login": "gusev.r", "password": "x" * 10})
    assert page.status_code == 503
    assert "No connection to the directory" in page.text
    figures = httpx.get(f"{service.internal_address}/metrics").text
    assert 'ringback_build_info{service="console"' in figures
    assert 'ringback_page_seconds_count{status="200"}' in figures
    assert service.stop(30) == 0, service.process.last_words()


def test_a_setting_that_is_missing_is_named_and_ends_the_start(given: dict[str, str], tmp_path: Path) -> None:
    service = Service("console", given | {"RINGBACK_REDIS": ""}, tmp_path, dies_with_parent=True)
    service.start()
    with pytest.raises(StackError, match="RINGBACK_REDIS"):
        service.wait_ready(START_S)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"console_key": SecretStr("short")}, "RINGBACK_CONSOLE_KEY"),
        ({"console_session_keys": SecretStr("")}, "RINGBACK_CONSOLE_SESSION_KEYS"),
        ({"console_url": "http://phones.example.org"}, "RINGBACK_CONSOLE_URL"),
        ({"console_url": "https://phones.example.org/console"}, "RINGBACK_CONSOLE_URL"),
        ({"http_host": "192.0.2.1"}, "RINGBACK_CONSOLE_URL"),
        ({"directory_api": "http://directory.example.org"}, "RINGBACK_DIRECTORY_API"),
        ({"history_api": "http://history.example.org"}, "RINGBACK_HISTORY_API"),
    ],
    ids=["short key", "no session keys", "clear", "path", "no url", "directory clear", "history clear"],
)
async def test_a_setting_that_can_not_be_used_is_named(
    redis_server: str, changed: dict[str, Any], named: str
) -> None:
    """Before anything is served: passwords, sessions and tokens go over these wires."""
    settings = Settings(
        console_key=SecretStr(CONSOLE_KEY), console_session_keys=SecretStr(SESSION_KEY)
    ).model_copy(update=changed)
    redis = redis_client.connected(redis_server)
    with pytest.raises(ValueError, match=named):
        build(WebPorts(redis=redis, clock=SystemClock()), settings)
    await redis.aclose()
