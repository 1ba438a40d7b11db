"""An erased customer is nobody here, whoever is still on the line (V6)."""

import pytest

from contracts.history import CustomerErased
from services.queue.state import QueueState
from tests.unit.queue.stories import CUSTOMER, Office, an_office


def erased(number: str) -> CustomerErased:
    return CustomerErased(number=number, erasure_id="e", actor="agent/admin")


@pytest.mark.rule("V6", "C15")
def test_the_line_of_a_caller_who_was_erased_engages_the_number_no_longer() -> None:
    """An index that kept the leg held callbacks to that number back until the next restart, and no longer."""
    office: Office = an_office()
    office.calls("first", caller=CUSTOMER)
    assert office.state.customers.of(CUSTOMER).legs
    office.hears(erased(CUSTOMER))
    assert not office.state.customers.of(CUSTOMER).is_known()
    live: QueueState = office.state
    office.restarts()
    assert dict(office.state.customers.known()).keys() == dict(live.customers.known()).keys()
