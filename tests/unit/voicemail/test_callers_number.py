"""The caller's number in letters, whatever the trunk wrote."""

import pytest
from msgspec import structs

from contracts.dialling import DiallingPolicy
from contracts.directory import OrganizationSaved
from contracts.voicemail import SendLetter
from services.voicemail.activities.formats import call_url
from tests.unit.voicemail.stories import (
    Office,
    diverted,
    finished,
    leg_ended,
    play_finished,
    spooled,
    stored,
)


def letter(caller: str | None, region: str = "RU") -> SendLetter:
    """The first letter about a voice message of this caller, to an organization of this region."""
    office = Office()
    organization, _ = Office.directory_facts()
    policy = DiallingPolicy(home_region=region)
    assert isinstance(organization, OrganizationSaved)
    office.hear(structs.replace(organization, version=2, dialling_policy=policy))
    office.hear_all(diverted(caller=caller), play_finished(), spooled(), finished(), leg_ended(), stored())
    return office.all_said(SendLetter)[0]


@pytest.mark.rule("V4")
@pytest.mark.parametrize(
    ("caller", "region", "url"),
    [
        ("84951234567", "RU", "tel:+74951234567"),
        ("4951234567", "RU", "tel:+74951234567"),
        ("74951234567", "RU", "tel:+74951234567"),
        ("030 901820", "DE", "tel:+4930901820"),
        ("+4930901820", "RU", "tel:+4930901820"),
        ("102", "RU", ""),
    ],
)
def test_p7_a_letter_s_number_can_be_dialled_however_the_trunk_wrote_it(
    caller: str, region: str, url: str
) -> None:
    """The reader taps the number; one without a country code is read as of the organization's country."""
    assert call_url(letter(caller, region).caller) == url


@pytest.mark.parametrize("caller", [None, "", "anonymous", "sip:anonymous@anonymous.invalid"])
def test_p11_a_letter_never_names_a_withheld_number(caller: str | None) -> None:
    """Facts of a gateway that did not know these words may still be on the log."""
    assert letter(caller).caller is None
