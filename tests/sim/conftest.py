"""Whatever the mornings of one session have shown is gathered here, over all of its workers."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.sim.coverage import Gathered

SHARED = "PYTEST_XDIST_WORKER"
"""Set where several workers play: their temporary folders then lie side by side in the session's."""
ONE = "SEED"
"""Set where one morning is repeated for somebody to look at: only then its logs are wanted."""


@pytest.fixture(autouse=True)
def _quiet_logs() -> Iterator[None]:
    """What processes log in a storm, some 150 lines a morning, is written for nobody."""
    usual = structlog.get_config()
    if ONE not in os.environ:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**usual)


@pytest.fixture(scope="session")
def gathered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gathered]:
    """Where mornings are noted. Whoever ends last looks at them all: an end that none has shown fails."""
    base: Path = tmp_path_factory.getbasetemp()
    found = Gathered((base.parent if SHARED in os.environ else base) / "mornings")
    yield found
    found.judge()
