"""An organization that reads too much of history is told so, and its neighbour notices nothing."""

import pytest

from runtime import quotas
from tests.integration.history.harness import SOUTH, HistoryHarness, an_office
from tests.unit.history.stories import BORIS

YEAR = {"since_at": "0", "until_at": str(365 * 24 * 3_600_000)}


@pytest.mark.rule("O1")
@pytest.mark.parametrize(
    ("quota", "path", "parameters"),
    [
        (quotas.REQUESTS, "/history/none", {}),
        (quotas.SEARCHES, "/history", {}),
        (quotas.REPORTS, "/statistics", YEAR),
        (quotas.REPORTS, "/history.csv", {}),
        (quotas.CHANGES, "/voice-messages/none/heard", None),
    ],
)
async def test_a_flood_is_refused_and_the_neighbour_is_served(
    harness: HistoryHarness, quota: quotas.Quota, path: str, parameters: dict[str, str] | None
) -> None:
    """What reads more has the smaller quota."""
    await an_office(harness)
    method = "POST" if parameters is None else "GET"
    async with harness.browser(BORIS) as flood, harness.browser(BORIS, SOUTH) as neighbour:
        for _ in range(2 * quota.burst):
            answer = await flood.request(method, path, params=parameters)
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) >= 1
        body = answer.json()
        assert (body["code"], quota.what.en in body["cause"]["en"]) == ("too_many_requests", True)
        assert (await neighbour.request(method, path, params=parameters)).status_code in (200, 404)
