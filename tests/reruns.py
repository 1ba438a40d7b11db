"""A test that starts other programs and fails is run once more, and the run names it (decision 0055)."""

from pathlib import Path
from typing import Final

import pytest

PROCESSES: Final = frozenset(Path(__file__).parent / folder for folder in ("adapters", "e2e", "integration"))
"""Folders of tests whose programs share the machine's cores with those of the other worker."""

UNSTABLE_MAX: Final = 3
"""One or two of nine thousand is what a machine busy with two clusters costs; more is something else."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Give such a test its second run. Deciders, simulation and contracts have no such excuse."""
    # A drill's tests share one installation, which a first run has changed.
    is_drill = item.path.name.startswith("drill_")
    if PROCESSES & set(item.path.parents) and not is_drill:
        item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the tests that needed it, whatever became of them."""
    unstable = _unstable(terminalreporter)
    if unstable:
        terminalreporter.section("run a second time")
        terminalreporter.write_line(
            f"{len(unstable)} of at most {UNSTABLE_MAX}; each is a fault of a test or of the product:"
        )
        for nodeid in unstable:
            terminalreporter.write_line(f"  {nodeid}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A run with many of them is no proof."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and len(_unstable(reporter)) > UNSTABLE_MAX:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _unstable(reporter: pytest.TerminalReporter) -> list[str]:
    return sorted({each.nodeid for each in reporter.stats.get("rerun", [])})
