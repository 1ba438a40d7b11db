"""The numbers of an arriving call: as the trunk wrote them at the port, in E.164 on the log."""

import pytest

from contracts.dialling import DiallingPolicy
from contracts.gateway import CallArrived
from services.gateway import port
from services.gateway.decider import Gateway
from tests import offices
from tests.contract.gateway.benches import CUSTOMER
from tests.unit.gateway.harness import LINE, ORGANIZATION, PBX, GatewayHarness

WRITTEN = ["+74951230001", "84951230001", "4951230001", "74951230001", "8 (495) 123-00-01"]


@pytest.mark.rule("G1")
@pytest.mark.parametrize("written", WRITTEN, ids=["e164", "national", "local", "bare", "grouped"])
def test_a_line_is_the_same_however_its_trunk_writes_it(written: str) -> None:
    """Routing finds it by one form only."""
    office = GatewayHarness()
    office.calls_in(line=written)
    assert office.facts(CallArrived)[0].line == LINE


@pytest.mark.rule("G1")
@pytest.mark.parametrize("written", ["+79161234567", "89161234567", "9161234567", "79161234567"])
def test_a_caller_is_the_same_however_the_trunk_writes_the_number(written: str) -> None:
    """One customer has one history."""
    office = GatewayHarness()
    office.calls_in(caller=written)
    assert office.facts(CallArrived)[0].caller == CUSTOMER


@pytest.mark.parametrize("written", ["300", "230001", "sales", "+7495", "1-800"])
def test_what_is_no_number_of_a_country_stays_as_it_came(written: str) -> None:
    """An operator may have lines of any form, and sees in history what came."""
    office = GatewayHarness()
    office.calls_in(line=written, caller=written)
    arrived = office.facts(CallArrived)[0]
    assert (arrived.line, arrived.caller) == (written, written)


def test_the_extensions_of_an_internal_call_are_not_read() -> None:
    """An extension of ten digits is not a number outside."""
    office = GatewayHarness()
    office.calls_in(line="4951230001", caller="9161234567", is_internal=True)
    arrived = office.facts(CallArrived)[0]
    assert (arrived.line, arrived.caller) == ("4951230001", "9161234567")


def test_the_region_is_the_organizations() -> None:
    """The same digits are another number in another country."""
    office = GatewayHarness()
    policy = DiallingPolicy(home_region="DE")
    office.machine.learn(offices.organization(ORGANIZATION, version=2, dialling_policy=policy))
    office.calls_in(line="030 901820", caller="0151 12345678")
    arrived = office.facts(CallArrived)[0]
    assert (arrived.line, arrived.caller) == ("+4930901820", "+4915112345678")


def test_nothing_is_guessed_before_the_organizations_card_is_heard() -> None:
    """Its region is not known yet; readers of the log know it."""
    machine = Gateway(PBX, ORGANIZATION)
    machine.claimed(offset=0)
    machine.handle(1, port.PbxThere())
    machine.handle(2, port.Arrived(leg_id="in-1", caller="89161234567", line="84951230001"))  # type: ignore[arg-type]  # a plain id
    said = [getattr(each, "fact", None) for each in machine.take()]
    [arrived] = [each for each in said if isinstance(each, CallArrived)]
    assert (arrived.line, arrived.caller) == ("84951230001", "89161234567")


@pytest.mark.rule("G3")
def test_a_call_that_came_while_the_gateway_was_away_is_read_alike() -> None:
    """It is told by what the PBX has on its return."""
    office = GatewayHarness()
    office.network.pbxs[PBX].vanish(office.now, for_ms=2_000)
    leg_id = office.calls_in(line="84951230001", caller="89161234567")
    office.run(3_000)
    arrived = office.facts(CallArrived, leg_id=leg_id)[0]
    assert (arrived.line, arrived.caller) == (LINE, CUSTOMER)
