"""Who got at recordings and downloads, and who was refused, is on the stream and on the log."""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from contracts.directory import RightsSaved, Role
from contracts.history import Accessed, AccessKind
from devtools.security_events import described
from runtime.security_events import LOGGER, SecurityEvent
from runtime.throttle import EACH_MAX
from services.history.activities.access_trail import EVENTS
from tests.integration.history.harness import HistoryHarness
from tests.unit.history.stories import ANNA, BORIS, CUSTOMER

SALES_MESSAGE = "/voice-messages/vm.in.sales"


@pytest.fixture
def stream() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


def events(stream: list[Any], *names: SecurityEvent) -> list[Any]:
    return [line for line in stream if line.get("logger") == LOGGER and (not names or line["event"] in names)]


async def test_a_link_to_audio_is_recorded_each_time(office: HistoryHarness, stream: list[Any]) -> None:
    """«Who listened to this customer» has an answer, also for links that nobody opened."""
    async with office.browser(BORIS) as boris:
        for path in (SALES_MESSAGE, "/recordings/rec.in.sales", SALES_MESSAGE):
            assert (await boris.get(f"{path}/audio")).status_code == 200
    told = [(each.by, each.kind, each.subject) for each in office.said() if isinstance(each, Accessed)]
    message, recording = "voice-message/vm.in.sales", "recording/rec.in.sales"
    assert told == [
        (f"agent/{BORIS}", AccessKind.AUDIO_LINKED, each) for each in (message, recording, message)
    ]
    assert [each["subject"] for each in events(stream, SecurityEvent.AUDIO_LINKED)] == [
        message,
        recording,
        message,
    ]


async def test_a_download_is_recorded_with_its_filters_and_without_the_number_that_was_looked_for(
    office: HistoryHarness, stream: list[Any]
) -> None:
    """Who took the whole history away is known."""
    async with office.browser(BORIS) as boris:
        answer = await boris.get("/history.csv", params={"number": CUSTOMER, "direction": "incoming"})
        assert answer.status_code == 200
    (said,) = (each for each in office.said() if isinstance(each, Accessed))
    assert said.kind is AccessKind.DOWNLOADED
    assert "direction=incoming" in said.details
    assert CUSTOMER.removeprefix("+")[:8] not in repr(said) + repr(stream)
    (line,) = events(stream, SecurityEvent.DOWNLOADED)
    assert line["filters"] == said.details


async def test_a_link_is_handed_out_while_the_log_is_away_and_is_on_the_stream(
    office: HistoryHarness, stream: list[Any]
) -> None:
    """Listening does not depend on Kafka; its trace does not either."""
    office.is_log_away = True
    async with office.browser(BORIS) as boris:
        assert (await boris.get(f"{SALES_MESSAGE}/audio")).status_code == 200
    assert events(stream, SecurityEvent.AUDIO_LINKED)


async def test_refusals_without_end_are_counted_in_one_fact(office: HistoryHarness) -> None:
    """A program in a loop does not fill the log of its organization."""
    await office.tell(RightsSaved(agent_id=ANNA, version=2, role=Role.RESTRICTED_USER), at_s=60)
    async with office.browser(ANNA) as anna:
        for _ in range(90):
            assert (await anna.get("/recordings/rec.in.sales/audio")).status_code == 403
        assert len(office.refusals()) == EACH_MAX
        await office.clock.sleep(61)
        assert (await anna.get("/recordings/rec.in.sales/audio")).status_code == 403
    assert [each.times for each in office.refusals()] == [1] * EACH_MAX + [90 - EACH_MAX + 1]


async def test_history_emits_each_of_its_events_and_what_is_documented(
    office: HistoryHarness, stream: list[Any]
) -> None:
    """Names on docs/security-events.md are no promises that nothing keeps."""
    async with office.browser(BORIS) as boris, office.browser(None) as nobody:
        await boris.get(f"{SALES_MESSAGE}/audio")
        await boris.get("/history.csv")
        await nobody.get("/history")
        await boris.post("/erase", json={"number": CUSTOMER})
    await office.tell(RightsSaved(agent_id=ANNA, version=2, role=Role.RESTRICTED_USER), at_s=60)
    async with office.browser(ANNA) as anna:
        await anna.post("/erase", json={"number": CUSTOMER})
    wanted = {*EVENTS.values(), SecurityEvent.TOKEN_REFUSED, SecurityEvent.ACCESS_REFUSED}
    assert {line["event"] for line in events(stream)} >= {*wanted, SecurityEvent.CUSTOMER_ERASED}
    common = {"event", "log_level", "logger", "organization_id", "actor", "subject", "outcome"}
    for line in events(stream):
        assert set(line) - common <= set(described()[SecurityEvent(line["event"])].details), line
