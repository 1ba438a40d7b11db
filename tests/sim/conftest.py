"""Gathers what the mornings of one session have shown, over all of its workers."""

import gc
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.sim.coverage import Gathered

SHARED = "PYTEST_XDIST_WORKER"
"""Set if several workers run: their temporary folders are then side by side in the session's folder."""
ONE = "SEED"
"""Set when a developer repeats one morning: only then its logs are needed."""


@pytest.fixture(autouse=True)
def _quiet_logs() -> Iterator[None]:
    """Suppress the processes' logs, some 150 lines a morning, which nobody reads."""
    usual = structlog.get_config()
    if ONE not in os.environ:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**usual)


@pytest.fixture(scope="session", autouse=True)
def _imports_stay() -> Iterator[None]:
    """What was imported stays to the end; to look through it again and again is a twentieth of a morning."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="session")
def gathered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gathered]:
    """Where mornings are noted. The last worker judges all of them: an end that none has shown fails."""
    base: Path = tmp_path_factory.getbasetemp()
    found = Gathered((base.parent if SHARED in os.environ else base) / "mornings")
    yield found
    found.judge()
