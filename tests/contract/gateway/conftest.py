"""The fixture that gives each adapter in turn."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ringback.stack.asterisk import Root
from services.gateway import port
from tests.contract.gateway.asterisks import Asterisks, an_asterisk_bench
from tests.contract.gateway.benches import Bench, a_bench


@pytest.fixture(scope="session")
def asterisks(tmp_path_factory: pytest.TempPathFactory, asterisk_root: Root) -> Iterator[Asterisks]:
    """Real PBXs and phones for all tests of this worker."""
    with Asterisks(tmp_path_factory.mktemp("asterisks"), asterisk_root).running() as running:
        yield running


ASTERISK = pytest.param(
    "asterisk", marks=[pytest.mark.slow, pytest.mark.xdist_group("asterisk"), pytest.mark.timeout(180)]
)


@pytest.fixture(params=["memory", "tcp", ASTERISK])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """Each adapter in turn, connected to a network of phones."""
    made = (
        an_asterisk_bench(request.getfixturevalue("asterisks"), tmp_path)
        if request.param == "asterisk"
        else a_bench(request.param)
    )
    async with made as started:
        await started.until(port.PbxThere)
        yield started
