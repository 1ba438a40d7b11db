"""What the product is for, on a cluster of chart, image and parts: a customer is called back."""

import time

from tests.cluster.node.office import Office


def test_a_customers_callback_is_connected_inside_the_cluster(office: Office) -> None:
    """The customer waits, presses 1 and hangs up; the agent's phone rings, then the customer's."""
    office.begin_company()
    office.let_phones_begin()
    begun = time.monotonic()
    found = office.history_until('"reason":"connected"')
    office.connected_s = time.monotonic() - begun
    assert "+79000000101" in found
