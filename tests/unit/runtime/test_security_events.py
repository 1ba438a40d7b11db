"""The security stream: every event is one line that no setting silences, without numbers and secrets."""

import logging
from collections.abc import Iterator
from urllib.parse import quote

import pytest
import structlog
from prometheus_client import REGISTRY

from runtime.security_events import LOGGER, SecurityEvent, Strangers, emit
from runtime.throttle import EACH_MAX

NUMBER = "+79161234567"


@pytest.fixture
def lines() -> Iterator[list[structlog.typing.EventDict]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


def counted(event: str, outcome: str) -> float:
    labels = {"event": event, "outcome": outcome}
    return REGISTRY.get_sample_value("ringback_security_events_total", labels) or 0.0


def test_an_event_is_one_line_with_a_stable_name_and_is_counted(
    lines: list[structlog.typing.EventDict],
) -> None:
    """Whoever watches an installation writes alarms by name."""
    before = counted("session.login", "refused")
    emit(
        SecurityEvent.LOGIN,
        organization_id="volga",
        actor="",
        outcome="refused",
        address="203.0.113.7",
        login="",
    )
    (line,) = lines
    assert line == {
        "event": "session.login",
        "logger": LOGGER,
        "log_level": "info",
        "organization_id": "volga",
        "actor": "",
        "subject": "",
        "outcome": "refused",
        "address": "203.0.113.7",
        "login": "",
    }
    assert counted("session.login", "refused") == before + 1


@pytest.mark.parametrize(
    "text",
    [NUMBER, NUMBER[1:], f"number/{NUMBER}", f"«{NUMBER}»", "89161234567", f"asked for {NUMBER} again"],
)
def test_a_number_is_masked_wherever_a_caller_of_emit_puts_it(
    text: str, lines: list[structlog.typing.EventDict]
) -> None:
    """The stream leaves the installation; customers' numbers do not."""
    emit(
        SecurityEvent.ACCESS_REFUSED,
        organization_id="volga",
        actor=text,
        subject=text,
        action=[text],
        number=text,
        path=f"/customers/{quote(text, safe='')}",
    )
    assert "9161234" not in repr(lines)
    assert "67" in repr(lines)


def test_a_clients_address_is_kept_whole_and_ids_are_not_touched(
    lines: list[structlog.typing.EventDict],
) -> None:
    """An attack is traced by where it came from and by whom it was about."""
    agent = "agent/0f3a2b-12345678-77aa"
    emit(
        SecurityEvent.ROLE_CHANGED, organization_id="volga", actor=agent, subject=agent, address="2001:db8::1"
    )
    (line,) = lines
    assert (line["actor"], line["subject"], line["address"]) == (agent, agent, "2001:db8::1")


def test_a_strangers_text_is_cut(lines: list[structlog.typing.EventDict]) -> None:
    """A request with a path of a megabyte writes no line of a megabyte."""
    emit(
        SecurityEvent.TOKEN_REFUSED,
        organization_id="",
        actor="",
        path="/" * 1_000_000,
        address="1" * 1_000_000,
    )
    assert len(repr(lines)) < 1_000


def test_a_flood_of_requests_without_a_token_is_counted_and_not_written(
    lines: list[structlog.typing.EventDict],
) -> None:
    """Whoever has no login must not fill a disk with lines; another address still has its own."""
    now_s = 0.0
    strangers = Strangers(lambda: now_s)
    for _ in range(1_000):
        strangers.refused(address="192.0.2.1", method="GET", path="/me")
    assert len(lines) == EACH_MAX
    strangers.refused(address="192.0.2.2", method="GET", path="/me")
    assert lines[-1]["address"] == "192.0.2.2"
    now_s = 61.0
    strangers.refused(address="192.0.2.1", method="GET", path="/me")
    assert (lines[-1]["event"], lines[-1]["times"]) == ("access.token_refused", 1_000 - EACH_MAX + 1)


def test_the_level_of_other_lines_does_not_silence_the_stream() -> None:
    """An operator who asks for warnings only still has the security events."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        assert logging.getLogger(LOGGER).isEnabledFor(logging.INFO)
        with structlog.testing.capture_logs() as captured:
            old = structlog.get_config()["wrapper_class"]
            structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
            try:
                emit(SecurityEvent.LOGGED_OUT, organization_id="volga", actor="agent/gusev")
            finally:
                structlog.configure(wrapper_class=old)
        assert [line["event"] for line in captured] == ["session.logged_out"]
    finally:
        root.setLevel(level)
