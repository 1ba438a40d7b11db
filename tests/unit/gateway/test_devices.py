"""What registered phones become is on the log, however often one of them changes its mind."""

import pytest

from contracts.gateway import DeviceChanged, DeviceState
from contracts.ids import Address
from services.gateway.port import DeviceSeen
from tests.unit.gateway.harness import RINGS, GatewayHarness

PHONE, OTHER = Address("sip:201"), Address("sip:202")


def seen(office: GatewayHarness, state: DeviceState, address: Address = PHONE) -> None:
    office.machine.handle(office.now, DeviceSeen(address=address, state=state))
    office.turn()


def said(office: GatewayHarness, address: Address = PHONE) -> list[DeviceState]:
    return [each.state for each in office.facts(DeviceChanged, address=address)]


@pytest.mark.rule("O1", "Q2")
def test_a_phone_that_flaps_fills_no_log_and_its_newest_state_is_said() -> None:
    """Two thousand changes in a hundred seconds; the queue needs to know only how it ends."""
    office = GatewayHarness({PHONE: RINGS, OTHER: RINGS})
    before = len(said(office))
    for number in range(2_000):
        seen(office, DeviceState.UNREACHABLE if number % 2 else DeviceState.REACHABLE)
        office.run(50)
    assert len(said(office)) - before < 20 + 60
    seen(office, DeviceState.IN_USE)
    office.run(3_000)
    assert said(office)[-1] is DeviceState.IN_USE
    seen(office, DeviceState.UNREACHABLE, OTHER)
    assert said(office, OTHER)[-1] is DeviceState.UNREACHABLE, "another phone is said at once"


@pytest.mark.rule("Q2")
def test_a_phone_that_rings_with_many_others_is_said_at_once() -> None:
    """Ring all with thirty calls a minute: each change counts for who is free."""
    office = GatewayHarness({PHONE: RINGS})
    for number in range(10):
        for state in (DeviceState.IN_USE, DeviceState.IDLE):
            seen(office, state)
            assert said(office)[-1] is state, number
            office.run(2_000)


@pytest.mark.rule("Q2")
def test_a_phone_that_is_as_it_was_when_its_turn_comes_says_nothing() -> None:
    """It went away and came back before the next change could be said."""
    office = GatewayHarness({PHONE: RINGS})
    for number in range(60):
        seen(office, DeviceState.UNREACHABLE if number % 2 else DeviceState.REACHABLE)
    last = said(office)[-1]
    count = len(said(office))
    seen(office, last)
    office.run(10_000)
    assert len(said(office)) == count
