"""Whatever the mornings of one session have shown is gathered here, over all of its workers."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sim.coverage import Gathered

SHARED = "PYTEST_XDIST_WORKER"
"""Set where several workers play: their temporary folders then lie side by side in the session's."""


@pytest.fixture(scope="session")
def gathered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gathered]:
    """Where mornings are noted. Whoever ends last looks at them all: an end that none has shown fails."""
    base: Path = tmp_path_factory.getbasetemp()
    found = Gathered((base.parent if SHARED in os.environ else base) / "mornings")
    yield found
    found.judge()
