"""Whatever is asked, the API answers as its own document says, and never with a 500."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from contracts.directory import RightsSaved, Role
from services.history.activities.database import connected, migrate
from tests.integration.history.harness import HistoryHarness, an_office, token_of
from tests.unit.history.stories import ANNA

EXAMPLES_MAX = 25
ACCEPTABLE = ["2xx", "401", "403", "404", "409", "410", "422", "5xx"]
"""422 is a request that can be read and still means nothing: a number nobody can have, a reversed period."""


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> object:
    """The API over an office, asked by its administrator."""
    folder: Path = tmp_path_factory.mktemp("history")

    async def made() -> HistoryHarness:
        engine = connected(f"sqlite:///{folder / 'history.db'}")
        await migrate(engine)
        harness = HistoryHarness(engine, quota_factor=1_000)
        await an_office(harness, RightsSaved(agent_id=ANNA, version=2, role=Role.ADMINISTRATOR))
        return harness

    harness = asyncio.run(made())
    config = schemathesis.Config.from_dict(
        {
            "checks": {"positive_data_acceptance": {"expected-statuses": ACCEPTABLE}},
            "generation": {"allow-extra-parameters": False},
        }
    )
    return schemathesis.openapi.from_asgi("/schema/openapi.json", harness.app, config=config)


# A stream of events has no end; test_live.py and test_own_now.py read them.
every_route = schemathesis.pytest.from_fixture("schema").exclude(path=["/live/events", "/me/call/events"])


@every_route.parametrize()
@settings(
    max_examples=EXAMPLES_MAX,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_the_document_says(case: schemathesis.Case[Any]) -> None:
    """All checks of schemathesis: no 500, no undocumented status, no body of another shape."""
    case.call_and_validate(headers={"Authorization": f"Bearer {token_of(ANNA)}"})
