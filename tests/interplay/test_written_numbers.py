"""A trunk that writes numbers in its own way: the gateway reads them, and routing finds whose they are."""

import pytest

from contracts import gateway, routing
from tests.unit.gateway.harness import GatewayHarness
from tests.unit.routing.directory_facts import CUSTOMER, SALES, SALES_LINE
from tests.unit.routing.harness import an_office


@pytest.mark.rule("G1", "D4")
@pytest.mark.parametrize("prefix", ["+7", "8", "7", ""], ids=["e164", "national", "bare", "local"])
def test_a_call_finds_its_department_however_the_trunk_writes_line_and_caller(prefix: str) -> None:
    """The customer hears the department that the number belongs to, which sees the number it can dial."""
    trunk = GatewayHarness()
    trunk.calls_in(line=SALES_LINE.replace("+7", prefix), caller=CUSTOMER.replace("+7", prefix))
    [arrived] = trunk.facts(gateway.CallArrived)
    office = an_office()
    office.hears(arrived)
    [reached] = office.said(routing.DepartmentReached)
    assert (reached.department_id, reached.line, reached.caller) == (SALES, SALES_LINE, CUSTOMER)
