"""Which numbers may be dialled (C10, G4): the same answer for all services."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import dialling
from contracts.dialling import DiallingPolicy, Refusal, refusal

RUSSIA = DiallingPolicy()


@pytest.mark.rule("C10")
@pytest.mark.parametrize(
    "number", ["+79123456789", "89123456789", "9123456789", "8 (912) 345-67-89", "79123456789"]
)
def test_a_mobile_of_the_own_region_is_dialled_however_it_is_written(number: str) -> None:
    """People type numbers as they know them; all of these are one customer."""
    assert refusal(number, RUSSIA) is None
    assert dialling.e164(number, RUSSIA) == "+79123456789"


@pytest.mark.rule("C10")
@pytest.mark.parametrize("number", ["+74951234567", "84951234567", "88002000600"])
def test_ordinary_numbers_that_are_no_mobiles_are_dialled(number: str) -> None:
    """Customers have desk phones, and companies have 8 800."""
    assert refusal(number, RUSSIA) is None


@pytest.mark.rule("C10")
@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("+77011234567", Refusal.REGION),  # Kazakhstan shares +7
        ("+18762345678", Refusal.REGION),  # Jamaica looks like the United States
        ("+12125551234", Refusal.REGION),
        ("+881612345678", Refusal.SATELLITE),
        ("+870773111632", Refusal.SATELLITE),
        ("88091234567", Refusal.PREMIUM),
        ("+442079460000000", Refusal.INVALID),
    ],
)
def test_a_number_that_costs_somebody_money_is_refused_with_its_reason(number: str, reason: Refusal) -> None:
    """Toll fraud lives on numbers that look ordinary: the region decides, not the prefix."""
    assert refusal(number, RUSSIA) is reason


@pytest.mark.rule("C10")
def test_regions_can_be_allowed_and_then_replace_the_own() -> None:
    """A company that sells in two countries lists both."""
    both = DiallingPolicy(allowed_regions=("RU", "KZ"))
    assert refusal("+77011234567", both) is None
    assert refusal("+79123456789", both) is None
    assert refusal("+79123456789", DiallingPolicy(allowed_regions=("KZ",))) is Refusal.REGION


@pytest.mark.rule("C10")
def test_jamaica_stays_refused_where_the_united_states_are_allowed() -> None:
    """+1 is twenty countries, some of them expensive."""
    america = DiallingPolicy(home_region="US")
    assert refusal("+12125551234", america) is None
    assert refusal("+18762345678", america) is Refusal.REGION


@pytest.mark.rule("C10")
@pytest.mark.parametrize(
    ("number", "region"),
    [("+4918012345", "DE"), ("+33884012345", "FR"), ("+39848123456", "IT"), ("+34901123456", "ES")],
)
def test_shared_cost_numbers_are_refused_like_premium_ones(number: str, region: str) -> None:
    """The caller pays for these numbers, not the called party."""
    assert refusal(number, DiallingPolicy(home_region=region)) is Refusal.PREMIUM


@pytest.mark.rule("C10", "G4")
@pytest.mark.parametrize("number", ["112", "911", "101", "102", "03", "01", "+112", "1-1-2", "١١٢", " 112 "])
def test_emergency_numbers_are_never_dialled(number: str) -> None:
    """However they are written, and whatever script their digits are in."""
    assert refusal(number, RUSSIA) is Refusal.EMERGENCY
    assert refusal(number, DiallingPolicy(allowed_regions=("RU", "US"))) is Refusal.EMERGENCY


@pytest.mark.rule("C10")
def test_own_numbers_are_refused() -> None:
    """A callback to our own line would call ourselves."""
    policy = DiallingPolicy(own_numbers=("+74951234567",))
    assert refusal("8 495 123-45-67", policy) is Refusal.OWN_NUMBER
    assert refusal("84951234568", policy) is None


@pytest.mark.rule("C10")
def test_the_deny_list_holds_however_the_number_is_written() -> None:
    """The administrator has denied this number."""
    policy = DiallingPolicy(denied_numbers=("+79123456789",))
    assert refusal("89123456789", policy) is Refusal.DENIED


@pytest.mark.rule("C10")
def test_the_kill_switch_wins_over_everything() -> None:
    """One switch, when the bill explodes at night: also before a caller is asked to type a number."""
    off = DiallingPolicy(is_on=False)
    assert refusal("+79123456789", off) is Refusal.SWITCHED_OFF
    assert refusal(None, off) is Refusal.SWITCHED_OFF
    assert refusal("+881612345678", off, is_employee=True) is Refusal.SWITCHED_OFF


@pytest.mark.rule("C10")
def test_a_satellite_phone_is_for_the_employee_whose_number_was_allowed() -> None:
    """Never for customers, and not for other employees."""
    policy = DiallingPolicy(satellite_numbers=("+881612345678",))
    assert refusal("+881612345678", policy, is_employee=True) is None
    assert refusal("+881612345679", policy, is_employee=True) is Refusal.SATELLITE
    assert refusal("+881612345678", policy) is Refusal.SATELLITE


@pytest.mark.rule("C10")
@pytest.mark.parametrize("number", [None, "", "   "])
def test_a_withheld_number_is_withheld(number: str | None) -> None:
    """There is no number to judge: the caller is asked for one."""
    assert refusal(number, RUSSIA) is Refusal.WITHHELD


@pytest.mark.rule("C10")
@pytest.mark.parametrize(
    "number",
    [
        "12345",
        "205",
        "*",
        "##",
        "0000000000",
        "79",
        "+",
        "anonymous",
        "8912345678912345678",
        "9" * 400,
        "²²²",
    ],
)
def test_typed_junk_is_invalid(number: str) -> None:
    """EC-28: five digits, an internal extension, and random keys."""
    assert refusal(number, RUSSIA) is Refusal.INVALID
    assert dialling.e164(number, RUSSIA) is None


@pytest.mark.rule("C10")
@given(st.text(max_size=40), st.sampled_from(["RU", "US", "GB", "DE", "KZ"]))
def test_whatever_is_typed_only_a_valid_number_of_an_allowed_region_passes(text: str, region: str) -> None:
    """Hostile text never passes through an exception or a parser's leniency."""
    policy = DiallingPolicy(home_region=region)
    if refusal(text, policy) is None:
        number = dialling.e164(text, policy)
        assert number is not None
        assert refusal(number, policy) is None


@pytest.mark.rule("E2")
@pytest.mark.parametrize("region", ["RU", "DE", "GB", "ZA", "ER", "ZZ"])
def test_every_listed_emergency_number_is_one_and_the_listed_regions_have_theirs(region: str) -> None:
    """What a PBX dials as it stands is what nobody else may dial."""
    listed = dialling.emergency_numbers(region)
    assert all(dialling.is_emergency(each, region) for each in listed)
    assert {"112", *{"DE": ["110"], "ZA": ["10111"]}.get(region, [])} <= set(listed)
