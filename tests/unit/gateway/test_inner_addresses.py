"""What is no public number is an extension and nothing else: a PBX could go on dialling (C10)."""

import pytest

from contracts.addresses import is_public
from contracts.dialling import Refusal
from contracts.gateway import CommandRefused
from contracts.ids import Address
from services.gateway import rules
from tests.unit.gateway.harness import ANSWERS, GatewayHarness, dial

EXTENSIONS = ("sip:201", "sip:00012345", "pbx:volga/201", "pbx:office-2.b_c/7")
OUTSIDE = (
    "sip:201@carrier.example",
    "sip:201@10.0.0.5:5060;transport=tcp",
    "sip:trunk",
    "sip:201;phone-context=+44",
    "sip:201?Replaces=1",
    "sip:201p9810",
    "sip:201w0",
    "sip:201;ext=9",
    "sip:201&PJSIP/9810",
    "sip:201 ",
    "sip:201\r\nTo: 9",
    "sip:",
    "sip:201/9810",
    "sip:٢٠١",
    "sip:981044701",
    "pbx:volga/201@carrier.example",
    "pbx:volga/x/201",
    "pbx:/201",
    "pbx:volga/",
    "pbx:vol ga/201",
    "pbx:201",
    "Local:201",
    "TEL:201",
    "tel",
    "201",
    "",
)


@pytest.mark.rule("C10", "G4")
@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_that_could_leave_the_pbx_is_refused(address: str) -> None:
    """A host, a parameter, a pause or a second extension would make the PBX dial elsewhere."""
    assert not is_public(Address(address))
    assert rules.refusal(Address(address), None) is Refusal.INVALID


@pytest.mark.rule("C10", "G4")
@pytest.mark.parametrize("address", EXTENSIONS)
def test_an_extension_is_dialled_here_and_through_the_link_between_pbxs(address: str) -> None:
    """As the cards allow them: one to eight digits."""
    assert rules.refusal(Address(address), None) is None


@pytest.mark.rule("C10", "G4")
def test_the_gateway_says_why_and_dials_nothing() -> None:
    """The last guard, whatever a decider was told."""
    office = GatewayHarness({"sip:201": ANSWERS})
    office.tell(dial("sip:201@carrier.example"))
    office.run(3_000)
    assert [each.reason for each in office.facts(CommandRefused)] == [Refusal.INVALID]
    assert office.dials("sip:201@carrier.example") == 0
