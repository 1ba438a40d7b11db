"""What the tests of the chart need before the first of them."""

import contextlib
from pathlib import Path

import pytest

from devtools.charts import checkov
from devtools.charts.helm import helm
from ringback.stack.process import StackError


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fetch the programs before the first test: on a fresh machine that may take longer than a test may."""
    here = Path(__file__).parent
    if not session.config.option.collectonly and any(here in each.path.parents for each in session.items):
        # Why it can't be had is told by each test that needs it.
        with contextlib.suppress(StackError):
            helm(4)
            checkov.python()
