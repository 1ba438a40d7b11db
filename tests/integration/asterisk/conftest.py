"""Three Asterisks for each worker, and an office on them for each test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ringback.stack.asterisk import Root
from tests.integration.asterisk.office import Instances, Office, an_office


@pytest.fixture(scope="session")
def asterisks(parts_folder: Path, asterisk_root: Root) -> Iterator[Instances]:
    """Two PBXs and the world outside."""
    instances = Instances(parts_folder / "office", asterisk_root)
    try:
        instances.start()
        yield instances
    finally:
        instances.stop()


@pytest.fixture
async def office(asterisks: Instances) -> AsyncIterator[Office]:
    """Nobody is in a call; every phone is registered."""
    async with an_office(asterisks) as made:
        yield made
