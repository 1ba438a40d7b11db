"""The fixture that gives each adapter in turn."""

from collections.abc import AsyncIterator

import pytest

from services.gateway import port
from tests.contract.gateway.benches import AnyBench, a_bench


@pytest.fixture(params=["memory", "tcp"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[AnyBench]:
    """Each adapter in turn, connected to a network of phones."""
    async with a_bench(request.param) as made:
        await made.until(port.PbxThere)
        yield made
