"""Fixtures of all tests, and how tests that need Apache Kafka are kept on one worker."""

import contextlib
import os
from collections.abc import Generator

import pytest

from ringback.stack import asterisk

pytest_plugins = ["tests.parts", "tests.reruns"]


def pytest_itemcollected(item: pytest.Item) -> None:
    """One Apache Kafka is enough for a machine: every test that may reach it runs on the same worker.

    A test that gets its broker by name (`request.getfixturevalue("kafka_apache")`) can't be seen here and
    carries `@pytest.mark.xdist_group("apache")` itself, or has "apache" in its parameter's id. Markers are
    put on as each test is collected: xdist may read its groups before we would see the whole list.
    """
    fixtures = set(getattr(item, "fixturenames", ()))
    callspec = getattr(item, "callspec", None)
    is_apache_param = callspec is not None and "apache" in callspec.id
    if is_apache_param or fixtures & {"kafka_apache", "kafka_apache_node", "kafka_closed"}:
        item.add_marker(pytest.mark.xdist_group("apache"))
        item.add_marker(pytest.mark.kafka)
    elif "kafka_embedded" in fixtures:
        item.add_marker(pytest.mark.kafka)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fetch Asterisk before the first test: on a fresh machine that takes longer than a test may."""
    if not session.config.option.collectonly and any(map(_needs_asterisk, session.items)):
        # Why it can't be had is told by the fixture.
        with contextlib.suppress(asterisk.NoAsterisk):
            asterisk.fetched()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which Asterisk the tests ran on: any supported version of any suite counts."""
    ran = (each.nodeid for each in terminalreporter.stats.get("passed", []))
    root = asterisk.known()
    if root is not None and any("asterisk" in nodeid for nodeid in ran):
        terminalreporter.write_line(f"Asterisk {root.version}, of Debian {root.suite}")


def _needs_asterisk(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    is_asterisk_param = callspec is not None and "asterisk" in callspec.id
    return is_asterisk_param or "asterisk_root" in getattr(item, "fixturenames", ())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """A program that a test runs in this process keeps its files to itself; later tests do not."""
    mask = os.umask(0o022)
    os.umask(mask)
    try:
        return (yield)
    finally:
        os.umask(mask)
