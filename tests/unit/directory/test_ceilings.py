"""What an organization wants, and what the operator grants: a save is refused, a fact is clamped (C10)."""

from datetime import date
from typing import Any

import pytest
from msgspec import structs

from contracts import dialling
from contracts.dialling import DiallingPolicy, Refusal
from contracts.directory import OrganizationSaved
from contracts.number_ranges import ORDINARY, NumberType
from services.directory.rules import card_checks, ceilings, facts
from services.directory.rules.errors import shown
from services.directory.state.cards import Dialling, OrganizationCard
from services.directory.state.ceilings import Ceilings
from services.directory.state.office import Kind, Office
from tests.unit.directory import offices

TODAY = date(2026, 3, 2)


def wanting(granted: Ceilings | None = None, **wanted: Any) -> Office:
    """An office whose card wants this, under these ceilings."""
    found = offices.office()
    card = OrganizationCard(name="О", dialling=Dialling(**wanted))
    grants = structs.replace(found.grants, ceilings=granted or Ceilings())
    return structs.replace(found, organization=card, grants=grants)


def refused(office: Office) -> list[str]:
    """The fields of the card that are above a ceiling."""
    found = card_checks.problems(office, Kind.ORGANIZATION, office.organization_id)
    return [each.field for each in found if each.code == "above_ceiling"]


def said(office: Office) -> DiallingPolicy:
    """The policy on the log."""
    (saved,) = (each for each in facts.facts(office, TODAY) if isinstance(each, OrganizationSaved))
    return saved.dialling_policy


@pytest.mark.rule("C10")
def test_what_nobody_changed_is_within_the_ceilings_and_is_as_much_as_they_grant() -> None:
    """A company of a hundred people never hears of them."""
    office = wanting()
    assert refused(office) == []
    policy = said(office)
    assert structs.replace(policy, own_numbers=()) == DiallingPolicy()
    assert (policy.orders_per_day_max, policy.minutes_per_day_max) == (2_000, 10_000)


@pytest.mark.rule("C10")
@pytest.mark.parametrize(
    ("wanted", "fields"),
    [
        ({"allowed_regions": ("RU", "SO", "CU", "LV")}, [f"dialling.allowed_regions.{n}" for n in (1, 2, 3)]),
        ({"orders_per_minute_max": 100_000}, ["dialling.orders_per_minute_max"]),
        ({"orders_per_day_max": 2_001}, ["dialling.orders_per_day_max"]),
        ({"minutes_per_day_max": 10_001}, ["dialling.minutes_per_day_max"]),
        (
            {"satellite_numbers": tuple(f"+88161234567{n}" for n in range(4))},
            ["dialling.satellite_numbers"],
        ),
        (
            {"allowed_types": (NumberType.MOBILE, NumberType.PREMIUM_RATE)},
            ["dialling.allowed_types.1"],
        ),
    ],
)
def test_a_card_above_a_ceiling_is_refused_and_clamped(wanted: dict[str, Any], fields: list[str]) -> None:
    """Whoever has a stolen password, or is one, pays no more than the operator has agreed to."""
    office = wanting(**wanted)
    assert refused(office) == fields
    policy = said(office)
    clamped = structs.replace(
        policy, own_numbers=(), allowed_types=(), allowed_regions=(), satellite_numbers=()
    )
    assert clamped == DiallingPolicy(allowed_types=())
    assert len(policy.satellite_numbers) <= 3
    assert set(said(office).allowed_types) <= set(ORDINARY)
    assert set(said(office).allowed_regions) <= {"RU"}


@pytest.mark.rule("C10")
def test_the_refusal_says_the_ceiling_and_who_can_raise_it() -> None:
    """Nobody has to guess whom to ask."""
    (problem,) = ceilings.problems(wanting(orders_per_day_max=3_000))
    words = shown(problem)
    assert "2000" in words.cause.en
    assert "2000" in words.cause.ru
    for said_ in (words.remedy.en, words.remedy.ru):
        assert "python -m ringback operator ceilings o" in said_


@pytest.mark.rule("C10")
def test_with_no_regions_granted_the_home_region_can_t_be_changed() -> None:
    """Else whoever saves the card would grant the country that fraud needs."""
    office = wanting(home_region="SO")
    office.home_region_saved = "RU"
    assert refused(office) == ["dialling.home_region"]
    policy = said(office)
    assert policy.allowed_regions == (dialling.NO_REGION,)
    assert dialling.refusal("+25261234567", policy) is Refusal.REGION
    assert dialling.refusal("+79161234567", policy) is Refusal.REGION


@pytest.mark.rule("C10")
def test_the_operator_grants_regions_and_types() -> None:
    """A company that sells to two countries, and one that calls pagers."""
    granted = Ceilings(regions=("RU", "KZ"), number_types=(*ORDINARY, NumberType.PAGER))
    office = wanting(granted, allowed_regions=("KZ", "RU"), allowed_types=(NumberType.PAGER,))
    assert refused(office) == []
    assert said(office).allowed_regions == ("KZ", "RU")
    assert said(office).allowed_types == (NumberType.PAGER,)
    assert refused(wanting(granted, home_region="SO")) == ["dialling.home_region"]


@pytest.mark.rule("C10")
def test_a_wish_below_the_ceiling_holds() -> None:
    """The organization may be stricter than the operator."""
    office = wanting(orders_per_day_max=5, minutes_per_day_max=6, orders_per_minute_max=7)
    policy = said(office)
    assert (policy.orders_per_day_max, policy.minutes_per_day_max, policy.orders_per_minute_max) == (5, 6, 7)


def test_differences_of_ceilings_are_told_line_by_line() -> None:
    """The operator sees what a change changes, and nothing else."""
    before, after = Ceilings(), Ceilings(regions=("RU", "KZ"), texts_per_day_max=1_000)
    assert list(ceilings.differences(before, after)) == [
        "regions: the home region → RU, KZ",
        "texts_per_day_max: 100 → 1,000",
    ]
