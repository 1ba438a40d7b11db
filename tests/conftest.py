"""Fixtures of all tests, and how tests that need Apache Kafka are kept on one worker."""

import pytest

pytest_plugins = ["tests.parts"]


def pytest_itemcollected(item: pytest.Item) -> None:
    """One Apache Kafka is enough for a machine: every test that may reach it runs on the same worker.

    A test that gets its broker by name (`request.getfixturevalue("kafka_apache")`) can't be seen here and
    carries `@pytest.mark.xdist_group("apache")` itself, or has "apache" in its parameter's id. Markers are
    put on as each test is collected: xdist may read its groups before we would see the whole list.
    """
    fixtures = set(getattr(item, "fixturenames", ()))
    callspec = getattr(item, "callspec", None)
    is_apache_param = callspec is not None and "apache" in callspec.id
    if is_apache_param or fixtures & {"kafka_apache", "kafka_apache_node"}:
        item.add_marker(pytest.mark.xdist_group("apache"))
        item.add_marker(pytest.mark.kafka)
    elif "kafka_embedded" in fixtures:
        item.add_marker(pytest.mark.kafka)
