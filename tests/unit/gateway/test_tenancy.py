"""A PBX belongs to one organization: nobody else moves its phones, and the operator closes it (O1)."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from contracts.codec import Envelope
from contracts.gateway import CallArrived, CommandRefused, LegEnded, LegRequested, LegRinging, PbxClaimed
from contracts.ids import Instant, OrganizationId, PbxId
from contracts.message import Message, type_name
from contracts.telephony import TelephonyCommand
from runtime.edge import Heard
from services.gateway.activities.pbx_registry import owned
from tests import offices
from tests.unit.gateway.harness import ANSWERS, LINE, ORGANIZATION, PBX, RINGS, GatewayHarness, dial
from tests.unit.gateway.process import gateway_process

pytestmark = pytest.mark.rule("O1")
OTHER = OrganizationId("other")


def heard(message: Message, organization_id: OrganizationId, source: str = "directory") -> Heard:
    envelope = Envelope(
        id="x", type=type_name(message), source=source, organization_id=organization_id, seq=1
    )
    return Heard(message=message, envelope=envelope, partition=0, offset=10_000, at=Instant(0))


async def test_a_pbx_of_the_same_name_in_another_organization_is_another_pbx(tmp_path: Path) -> None:
    """Whose `pbx_saved` was heard first used to have the phones."""
    async with gateway_process(tmp_path) as made:
        await made.until(PbxClaimed)
        await made.registry.hear(heard(offices.pbx(PBX, "+79990000000"), OTHER))
        await made.registry.command(heard(dial("sip:207"), OTHER, "queue"))
        claims = [each for each in made.log if isinstance(each.message, PbxClaimed)]
        assert {each.envelope.organization_id for each in claims} == {ORGANIZATION}
        assert not [each for each in made.log if isinstance(each.message, LegRequested)]


@pytest.mark.parametrize("key", ["cloud", "/cloud", "acme/", "acme/cloud/2", ""])
def test_a_setting_that_does_not_say_whose_the_pbx_is_is_refused(key: str) -> None:
    """The message shows how it is written."""
    with pytest.raises(ValueError, match="organization/pbx"):
        owned(key)
    assert owned("acme/cloud") == ("acme", "cloud")


def test_commands_for_pbxs_of_one_name_have_different_keys() -> None:
    """One organization's stream does not wait behind another's, nor mix with it."""
    command: TelephonyCommand = dial("sip:201")
    keys = {command.key(OrganizationId(each)) for each in ("acme", "other")}
    assert keys == {f"acme/{PBX}", f"other/{PBX}"}
    assert msgspec.structs.replace(command, pbx_id=PbxId("x")).key(OTHER) == "other/x"


def test_a_suspended_organization_is_hung_up_and_nothing_of_it_is_dialled_or_taken() -> None:
    """A stolen account goes on calling until somebody stops it: then at once, talks included."""
    office = GatewayHarness({"sip:201": ANSWERS, "sip:202": RINGS})
    office.tell(dial("sip:201", "talking"))
    office.tell(dial("sip:202", "ringing"))
    customer = office.calls_in()
    office.run(3_000)
    office.machine.learn(offices.organization(ORGANIZATION, version=2, is_suspended=True))
    office.run(3_000)
    ended = {each.leg_id for each in office.facts(LegEnded)}
    assert ended == {"talking", "ringing", customer}
    office.tell(dial("sip:201", "later"))
    assert [each.reason for each in office.facts(CommandRefused, leg_id="later")] == ["suspended"]
    arrived = len(office.facts(CallArrived))
    office.calls_in()
    office.run(3_000)
    assert len(office.facts(CallArrived)) == arrived
    assert "rejected_suspended" in office.counted
    assert all(leg.is_over for leg in office.network.pbxs[PBX].legs.values())
    office.crash()
    office.machine.learn(offices.organization(ORGANIZATION, version=3))
    office.tell(dial("sip:201", "resumed"))
    office.run(2_000)
    assert office.dials("sip:201") == 2


def test_an_older_card_that_comes_again_ends_no_suspension() -> None:
    """The directory says a card at least once, and later versions before earlier repeats."""
    office = GatewayHarness({"sip:201": ANSWERS})
    office.machine.learn(offices.organization(ORGANIZATION, version=2, is_suspended=True))
    office.machine.learn(offices.organization(ORGANIZATION, version=1))
    office.tell(dial("sip:201"))
    assert office.facts(CommandRefused)[0].reason == "suspended"


def test_a_removed_pbx_is_not_dialled_by_a_request_that_was_said_before() -> None:
    """Between the request and its reading back the operator took the PBX away."""
    office = GatewayHarness({"sip:201": ANSWERS})
    office.is_log_slow = True
    office.tell(dial("sip:201"))
    office.machine.learn(offices.pbx(PBX, LINE, version=2, is_removed=True))
    office.is_log_slow = False
    office.run(1_000)
    [ended] = office.facts(LegEnded)
    assert (ended.cause, office.dials("sip:201")) == ("pbx_removed", 0)


def test_without_numbers_of_its_own_a_pbx_shows_none() -> None:
    """Withdrawn numbers are not shown to customers any more (G5)."""
    office = GatewayHarness(public={"+79161234567": ANSWERS})
    office.machine.learn(offices.pbx(PBX, version=2))
    office.tell(dial("tel:+79161234567", caller_id=LINE))
    office.run(1_000)
    [leg] = office.network.pbxs[PBX].legs.values()
    assert leg.caller_id == ""


@pytest.mark.parametrize("phone", [RINGS, ANSWERS], ids=["rings", "answers"])
def test_a_phone_dialled_before_a_restart_is_hung_up_too_when_the_pbx_comes_back(phone: Any) -> None:
    """The organization was suspended while neither gateway nor PBX was there."""
    office = GatewayHarness({"sip:201": phone})
    pbx = office.network.pbxs[PBX]
    office.tell(dial("sip:201"))
    pbx.advance(office.now + 50)
    pbx.vanish(office.now, for_ms=10_000)
    office.crash()
    office.machine.learn(offices.organization(ORGANIZATION, version=2, is_suspended=True))
    office.run(5_000)
    assert pbx.there(office.now).legs, "the call goes on without a gateway"
    assert not office.facts(LegRinging)
    office.run(20_000)
    assert [each.leg_id for each in office.facts(LegEnded)] == ["leg-1"]
    assert not pbx.there(office.now).legs
