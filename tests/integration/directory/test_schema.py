"""The API against its own OpenAPI document: whatever is sent, the answer is one that is described.

All of schemathesis' checks: no answer that the document does not have, none of another shape, nothing that is
valid refused without a reason, nothing invalid taken, no 500.
"""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, settings

from contracts.rights import Action
from ringback.stack.process import free_port
from services.directory.api.openapi import document
from tests.integration.directory.companies import Company, sqlite

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

EXAMPLES = 5
"""Per route: some 500 requests in all; `--hypothesis-profile` and more of them found what is mended now."""
# Refusals that a well-formed request may meet: taken, stale, unknown, or not now.
REASONS = ["2xx", "401", "403", "404", "409", "412", "422", "428", "429", "503"]
CONFIG = schemathesis.Config.from_dict(
    {
        "checks": {"positive_data_acceptance": {"expected-statuses": REASONS}},
        # Every boundary of every field of every route takes a quarter of an hour; chance finds them in time.
        "phases": {"coverage": {"enabled": False}},
    }
)


class Served(threading.Thread):
    """The API on a port of loopback, in a thread with a loop of its own."""

    def __init__(self, database: str) -> None:
        super().__init__(daemon=True)
        self._database = database
        self._is_up = threading.Event()
        self.port = free_port()
        self.token = ""

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        company = await Company(self._database, quota_factor=1_000).open()
        actions = [str(action) for action in Action]
        made = await company.made("/tokens", {"name": "fuzz", "actions": actions})
        self.token = made["token"]
        config = uvicorn.Config(
            company.directory.api, port=self.port, log_config=None, lifespan="off", access_log=False
        )
        self._server = uvicorn.Server(config)
        serving = asyncio.create_task(self._server.serve())
        while not self._server.started:
            await asyncio.sleep(0.01)
        self._is_up.set()
        await serving
        await company.close()

    def begin(self) -> None:
        """Start, and wait until it answers."""
        self.start()
        assert self._is_up.wait(60)

    def end(self) -> None:
        """Stop, and wait until it has."""
        self._server.should_exit = True
        self.join(30)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A company whose API is fuzzed by a program with every right."""
    thread = Served(sqlite(tmp_path_factory.mktemp("fuzz")))
    thread.begin()
    yield thread
    thread.end()


@pytest.fixture(scope="module")
def api(served: Served) -> Any:
    """The document as the service gives it."""
    return schemathesis.openapi.from_url(f"http://127.0.0.1:{served.port}/schema/openapi.json", config=CONFIG)


schema = schemathesis.pytest.from_fixture("api")


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    # A failure comes with the curl command that repeats it: shrinking it costs minutes.
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_described(case: "schemathesis.Case[Any]", served: Served) -> None:
    """A client that relies on the document meets nothing else."""
    case.call_and_validate(headers={"Authorization": f"Bearer {served.token}"})


def test_the_document_is_openapi_3_1_and_names_every_route(tmp_path: Path) -> None:
    """Code generators read it."""
    found = document(Company(sqlite(tmp_path)).directory.api)
    assert found["openapi"] == "3.1.0"
    assert "/departments/{department_id}/agents/{agent_id}" in found["paths"]
    assert found["paths"]["/sessions"]["post"]["security"] == []
